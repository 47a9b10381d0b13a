"""`podman rmi` and `podman image prune`: remove images."""

from __future__ import annotations

import sys

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.context import message_of
from libpod.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.cli.context import Context, Options
    from libpod.image.removal import Removal


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Remove the named images, or all."""
    if options.all and arguments:
        raise UsageError("when using the --all switch, you may not pass any images names or IDs")
    if not options.all and not arguments:
        raise UsageError("image name or ID must be specified")
    images = context.engine.images
    if options.all:
        removal = images.remove_all(force=options.force, remove_container=_remover(context))
    else:
        removal = images.remove(
            arguments, force=options.force, ignore=options.ignore, remove_container=_remover(context)
        )
    for verb, text in removal.reports:
        context.write(f"{verb}: {text}")
    return _report(context, removal)


def prune(context: Context, options: Options, arguments: list[str]) -> int:
    """Remove images that nothing needs."""
    if not options.force and not _confirmed(all=options.all):
        return 0
    images = context.engine.images
    filters = list(options.filter)
    if not options.all:
        filters.append("dangling=true")
    used = {container["image"] for container in context.engine.store.containers()}
    doomed = [image.id for image in images.list(filters) if image.id not in used]
    # By id, an image goes with all its names only when forced; containers are not touched, none uses these.
    removal = images.remove(doomed, force=True, ignore=True)
    for image_id in [text for verb, text in removal.reports if verb == "Deleted"]:
        context.write(image_id)
    return _report(context, removal)


def _remover(context: Context) -> Callable[[str], None]:
    def remove(container: str) -> None:
        context.engine.containers.remove(container, force=True)

    return remove


def _report(context: Context, removal: Removal) -> int:
    errors = [message_of(error) for error in removal.errors]
    if len(errors) == 1:
        context.warn(f"Error: {errors[0]}")
    elif errors:
        context.warn(f"Error: {len(errors)} errors occurred:" + "".join(f"\n\t* {text}" for text in errors))
    return removal.exit_code


def _confirmed(*, all: bool) -> bool:
    which = "all images without at least one container associated to them" if all else "all dangling images"
    sys.stdout.write(f"WARNING! This command removes {which}.\nAre you sure you want to continue? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower().startswith("y")


COMMAND = Command(
    "rmi",
    call=run,
    usage="[options] IMAGE [IMAGE...]",
    short="Removes one or more images from local storage",
    long="Removes one or more previously pulled or locally created images.",
    options=(
        flag("--all", "-a", help="Remove all images"),
        flag("--force", "-f", help="Force Removal of the image"),
        flag("--ignore", "-i", help="Ignore errors if a specified image does not exist"),
        unsupported("--no-prune", kind="bool"),
    ),
    examples=("podman rmi imageID", "podman rmi --force alpine"),
)

PRUNE = Command(
    "prune",
    call=prune,
    short="Remove unused images",
    long="Removes dangling or unused images from local storage.",
    options=(
        flag("--all", "-a", help="Remove all images not in use by containers, not just dangling ones"),
        Option("--filter", kind="array", help="Provide filter values (e.g. 'label=<key>=<value>')"),
        flag("--force", "-f", help="Do not prompt for confirmation"),
        unsupported("--external", kind="bool"),
    ),
    most=0,
    examples=("podman image prune",),
)
