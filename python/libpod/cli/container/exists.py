"""`podman container exists`."""

from __future__ import annotations

from libpod.cli.command import Command, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def exists(context: Context, options: Options, arguments: list[str]) -> int:
    """Answer by the exit code: 0 the container is there, 1 it is not. As for Podman, those of other tools are not."""
    return 0 if context.engine.containers.exists(arguments[0], foreign=False) else 1


COMMAND = Command(
    "exists",
    examples=(
        "podman container exists --external containerID",
        "podman container exists myctr || podman run --name myctr [etc...]",
    ),
    call=exists,
    usage="[options] CONTAINER",
    options=(unsupported("--external", kind="bool"),),
    short="Check if a container exists in local storage",
    long="If the named container exists in local storage, podman container exists exits with 0, otherwise the exit code will "
    "be 1.",
    least=1,
    most=1,
)
