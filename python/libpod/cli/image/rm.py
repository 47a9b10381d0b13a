"""`podman rmi`."""

from __future__ import annotations

from libpod.cli.command import Command, flag, unsupported
from libpod.cli.print.escape import printable
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
            *arguments, force=options.force, ignore=options.ignore, remove_container=_remover(context)
        )
    for verb, text in removal.reports:
        context.write(printable(f"{verb}: {text}"))
    return report(context, removal)


def _remover(context: Context) -> Callable[[str], None]:
    def remove(container: str) -> None:
        context.engine.containers.remove(container, force=True)

    return remove


def report(context: Context, removal: Removal) -> int:
    if removal.errors:
        context.report_all(removal.errors)
    return removal.exit_code


COMMAND = Command(
    "rmi",
    call=run,
    usage="[options] IMAGE [IMAGE...]",
    short="Remove one or more images from local storage",
    long="Removes one or more previously pulled or locally created images.",
    options=(
        flag("--all", "-a", help="Remove all images"),
        flag("--force", "-f", help="Force Removal of the image"),
        flag("--ignore", "-i", help="Ignore errors if a specified image does not exist"),
        unsupported("--no-prune", kind="bool"),
    ),
    examples=(
        "podman rmi imageID",
        "podman rmi --force alpine",
        "podman rmi c4dfb1609ee2 93fd78260bd1 c0ed59d05ff7",
    ),
)
