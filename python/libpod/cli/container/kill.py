"""`podman kill`."""

from __future__ import annotations

from libpod.cli.command import Command, Option
from libpod.cli.container import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def kill(context: Context, options: Options, arguments: list[str]) -> int:
    """Send a signal to containers."""
    from libpod.signals import parse_signal

    number = parse_signal(options.signal)
    found = targets.select(context, options, arguments, all_in=lambda state: state.is_running)
    return targets.for_each(context, found, context.engine.containers.kill, signal=number)


COMMAND = Command(
    "kill",
    call=kill,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Kill one or more running containers with a specific signal",
    long="The main process inside each container specified will be sent SIGKILL, or any signal specified with "
    "option --signal.",
    options=(
        targets.all_of("Signal all running containers"),
        targets.CIDFILE,
        targets.LATEST,
        Option("--signal", "-s", default="KILL", help="Signal to send to the container"),
    ),
    examples=(
        "podman kill mywebserver",
        "podman kill 860a4b23",
        "podman kill --signal TERM ctrID",
    ),
)
