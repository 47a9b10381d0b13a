"""`podman stop`."""

from __future__ import annotations

from libpod.cli.command import Command
from libpod.cli.container import targets, terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.container.model import Container


def stop(context: Context, options: Options, arguments: list[str]) -> int:
    """Stop containers, those that do not run included."""
    timeout = options.time if "time" in options.given else None
    found = targets.select(context, options, arguments, all_in=lambda state: state.is_running)

    def tell(container: Container, killed: bool) -> None:
        if killed:
            terminal.warn_killed(context, container, timeout)

    return targets.for_each(context, found, context.engine.containers.stop, tell=tell, timeout_s=timeout)


COMMAND = Command(
    "stop",
    call=stop,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Stop one or more containers",
    long="Stops one or more running containers.  The container name or ID can be used.\n"
    "\n"
    "  A timeout to forcibly stop the container can also be set but defaults to 10 seconds otherwise.",
    options=(
        targets.all_of("Stop all running containers"),
        targets.CIDFILE,
        targets.FILTER,
        targets.IGNORE,
        targets.LATEST,
        targets.TIME,
    ),
    examples=("podman stop ctrID", "podman stop --time 2 mywebserver 6e534f14da9d"),
)
