"""`podman restart`."""

from __future__ import annotations

from libpod.cli.command import Command, flag
from libpod.cli.container import targets, terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.container.model import Container
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

    def act(container: Container) -> None:
        if context.engine.containers.restart(container, timeout_s=timeout):
            terminal.warn_killed(context, container, timeout)

    # A container comes after those whose namespaces it shares: it joins their new ones.
    after = context.engine.containers.ordered([container for _, container in found])
    ids = [{container.id for container in group} for group in reversed(after)]
    groups = [[index for index, (_, container) in enumerate(found) if container.id in group] for group in ids]
    return targets.for_each(context, found, act, groups=groups)


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
