"""`podman container cleanup`."""

from __future__ import annotations

from libpod.cli.command import Command, flag, unsupported
from libpod.cli.container import targets
from libpod.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def cleanup(context: Context, options: Options, arguments: list[str]) -> int:
    """Take away what containers that ended hold; with --rm the containers, too."""
    if not arguments and not options.all and not options.latest:
        raise UsageError("you must provide at least one name or id")
    manager = context.engine.containers
    found = targets.select(context, options, arguments)
    return targets.for_each(context, found, manager.remove if options.rm else manager.cleanup)


COMMAND = Command(
    "cleanup",
    examples=(
        "podman container cleanup ctrID1 ctrID2 ctrID3",
        "podman container cleanup --all",
    ),
    long="\n"
    "   podman container cleanup\n"
    "\n"
    "   Cleans up mount points and network stacks on one or more containers from the host. The container "
    "name or ID can be used. This command is used internally when running containers, but can also be "
    "used if container cleanup has failed when a container exits.\n"
    "",
    call=cleanup,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Clean up network and mountpoints of one or more containers",
    options=(
        targets.all_of("Cleans up all containers"),
        targets.LATEST,
        flag("--rm", help="After cleanup, remove the container entirely"),
        unsupported("--exec"),
        unsupported("--rmi", kind="bool"),
    ),
)
