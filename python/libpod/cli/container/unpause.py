"""`podman unpause`."""

from __future__ import annotations

from libpod.cli.command import Command
from libpod.cli.container import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def unpause(context: Context, options: Options, arguments: list[str]) -> int:
    """Let paused containers go on."""
    found = targets.select(context, options, arguments, all_in=lambda state: state.status == "paused")
    return targets.for_each(context, found, context.engine.containers.unpause)


COMMAND = Command(
    "unpause",
    call=unpause,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Unpause the processes in one or more containers",
    long="Unpauses one or more previously paused containers.  The container name or ID can be used.",
    options=(targets.all_of("Unpause all paused containers"), targets.CIDFILE, targets.FILTER, targets.LATEST),
    examples=("podman unpause ctrID", "podman unpause --all"),
)
