"""`podman container inspect`."""

from __future__ import annotations

from libpod.cli.command import Command, flag
from libpod.cli.container.targets import LATEST
from libpod.cli.inspect import FORMAT, inspect, latest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Inspect containers."""
    names = latest(context, arguments) if options.latest else arguments
    return inspect(context, names, "container", options.format, size=options.size)


COMMAND = Command(
    "inspect",
    call=run,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Display the configuration of a container",
    long="Displays the low-level information on a container identified by name or ID.",
    options=(
        FORMAT,
        LATEST,
        flag("--size", "-s", help="Display total file size"),
    ),
    examples=(
        "podman container inspect myCtr",
        "podman container inspect -l --format '{{.Id}} {{.Config.Labels}}'",
    ),
)
