"""`podman network inspect`."""

from __future__ import annotations

from libpod.cli.command import Command, Option
from libpod.cli.inspect import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the configuration of networks; one that does not exist fails the command after the others are printed."""
    return inspect(context, arguments, "network", options.format)


COMMAND = Command(
    "inspect",
    call=run,
    usage="[options] NETWORK [NETWORK...]",
    short="Inspect network",
    long="Displays the network configuration for one or more networks.",
    options=(Option("--format", "-f", help="Pretty-print network to JSON or using a Go template"),),
    least=1,
    examples=("podman network inspect podman",),
)
