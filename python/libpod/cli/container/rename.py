"""`podman rename`."""

from __future__ import annotations

from libpod.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def rename(context: Context, options: Options, arguments: list[str]) -> int:
    """Give a container another name."""
    manager = context.engine.containers
    manager.rename(manager.lookup(arguments[0]), arguments[1])
    return 0


COMMAND = Command(
    "rename",
    call=rename,
    usage="CONTAINER NAME",
    short="Rename an existing container",
    long="The podman rename command allows you to rename an existing container",
    least=2,
    most=2,
    examples=("podman rename containerA newName",),
)
