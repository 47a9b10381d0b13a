"""`podman rename`, `podman container exists` and `podman container inspect`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def rename(context: Context, options: Options, arguments: list[str]) -> int:
    """Give a container another name."""
    manager = context.engine.containers
    manager.rename(manager.lookup(arguments[0]), arguments[1])
    return 0


def exists(context: Context, options: Options, arguments: list[str]) -> int:
    """Answer by the exit code: 0 the container is there, 1 it is not."""
    return 0 if context.engine.containers.exists(arguments[0]) else 1


def inspect(context: Context, options: Options, arguments: list[str]) -> int:
    """Inspect containers."""
    from libpod.cli.inspect import inspect as inspect_all

    names = [context.engine.containers.latest().id] if options.latest else arguments
    return inspect_all(context, names, "container", options.format, size=options.size)


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

EXISTS = Command(
    "exists",
    call=exists,
    usage="CONTAINER",
    short="Check if a container exists in local storage",
    long="If the named container exists in local storage, podman container exists exits with 0, otherwise the exit code will "
    "be 1.",
    least=1,
    most=1,
)

INSPECT = Command(
    "inspect",
    call=inspect,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Display the configuration of a container",
    long="Displays the low-level information on a container identified by name or ID.",
    options=(
        Option("--format", "-f", default="json", help="Format the output to a Go template or json"),
        flag("--latest", "-l", help="Act on the latest container podman is aware of"),
        flag("--size", "-s", help="Display total file size"),
    ),
    examples=("podman container inspect myCtr",),
)
