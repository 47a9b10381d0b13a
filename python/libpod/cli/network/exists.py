"""`podman network exists`."""

from __future__ import annotations

from libpod.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def exists(context: Context, options: Options, arguments: list[str]) -> int:
    """Exit with 0 where the network exists, else with 1."""
    from libpod.errors import NetworkNotFoundError

    try:
        context.engine.networks.lookup(arguments[0])
    except NetworkNotFoundError:
        return 1
    return 0


COMMAND = Command(
    "exists",
    call=exists,
    usage="NETWORK",
    short="Check if network exists",
    long="If the named network exists, podman network exists exits with 0, otherwise the exit code will be 1.",
    least=1,
    most=1,
    examples=("podman network exists net1",),
)
