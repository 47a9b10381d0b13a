"""`podman pause`."""

from __future__ import annotations

from libpod.cli.command import Command
from libpod.cli.container import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def pause(context: Context, options: Options, arguments: list[str]) -> int:
    """Freeze containers."""
    found = targets.select(context, options, arguments, all_in=lambda state: state.status == "running")
    return targets.for_each(context, found, context.engine.containers.pause)


COMMAND = Command(
    "pause",
    call=pause,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Pause all the processes in one or more containers",
    long="Pauses one or more running containers.  The container name or ID can be used.",
    options=(targets.all_of("Pause all running containers"), targets.CIDFILE, targets.FILTER, targets.LATEST),
    examples=(
        "podman pause mywebserver",
        "podman pause 860a4b23",
        "podman pause --all",
    ),
)
