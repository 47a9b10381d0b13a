"""`podman image prune`."""

from __future__ import annotations

import sys

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.image.rm import report
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def prune(context: Context, options: Options, arguments: list[str]) -> int:
    """Remove images that nothing needs."""
    for text in options.filter:
        if "=" not in text:
            raise InvalidError(f"filter input must be in the form of filter=value: {text} is invalid")
    if not options.force and not _confirmed(all=options.all):
        return 0
    removal = context.engine.images.prune(options.filter, all=options.all)
    for image_id in [text for verb, text in removal.reports if verb == "Deleted"]:
        context.write(image_id)
    return report(context, removal)


def _confirmed(*, all: bool) -> bool:
    which = "all images without at least one container associated to them" if all else "all dangling images"
    sys.stdout.write(f"WARNING! This command removes {which}.\nAre you sure you want to continue? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower().startswith("y")


COMMAND = Command(
    "prune",
    call=prune,
    short="Remove unused images",
    long="Removes dangling or unused images from local storage.",
    options=(
        flag("--all", "-a", help="Remove all images not in use by containers, not just dangling ones"),
        Option("--filter", kind="array", help="Provide filter values (e.g. 'label=<key>=<value>')"),
        flag("--force", "-f", help="Do not prompt for confirmation"),
        unsupported("--external", kind="bool"),
        unsupported("--build-cache", kind="bool"),
    ),
    most=0,
    examples=("podman image prune",),
)
