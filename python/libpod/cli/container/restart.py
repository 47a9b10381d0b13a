"""`podman restart`."""

from __future__ import annotations

from libpod.cli.command import Command, flag
from libpod.cli.container import targets, terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.container.model import Container, Started
    from libpod.container.records import Damaged


def restart(context: Context, options: Options, arguments: list[str]) -> int:
    """Stop containers that run, and start them all."""
    if options.running:
        damaged: Damaged = []
        found = [(container.id, container) for container in context.engine.containers.list(damaged=damaged)]
        context.warn_damaged(damaged)
    else:
        found = targets.select(context, options, arguments)
    timeout = options.time if "time" in options.given else None

    def tell(container: Container, started: Started) -> None:
        if started.killed:
            terminal.warn_killed(context, container, timeout)
        terminal.show_warnings(context, started.warnings)

    return targets.for_each(context, found, context.engine.containers.restart, tell=tell, timeout_s=timeout)


COMMAND = Command(
    "restart",
    call=restart,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Restart one or more containers",
    long="Restarts one or more running containers. The container ID or name can be used.\n"
    "\n"
    "  A timeout before forcibly stopping can be set, but defaults to 10 seconds.",
    options=(
        targets.all_of("Restart all non-running containers"),
        targets.CIDFILE,
        targets.FILTER,
        targets.LATEST,
        flag("--running", help="Restart only running containers"),
        targets.TIME,
    ),
    examples=("podman restart ctrID", "podman restart ctrID1 ctrID2"),
)
