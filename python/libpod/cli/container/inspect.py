"""`podman container inspect`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def inspect(context: Context, options: Options, arguments: list[str]) -> int:
    """Inspect containers."""
    from libpod.cli.inspect import inspect as inspect_all

    names = [context.engine.containers.latest().id] if options.latest else arguments
    return inspect_all(context, names, "container", options.format, size=options.size)


COMMAND = Command(
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
