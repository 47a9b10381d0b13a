"""`podman image exists`."""

from __future__ import annotations

from libpod.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def exists(context: Context, options: Options, arguments: list[str]) -> int:
    """Answer by the exit code: 0 the image is there, 1 it is not."""
    return 0 if context.engine.images.exists(arguments[0]) else 1


COMMAND = Command(
    "exists",
    examples=(
        "podman image exists ID",
        "podman image exists IMAGE && podman pull IMAGE",
    ),
    call=exists,
    usage="IMAGE",
    short="Check if an image exists in local storage",
    long="If the named image exists in local storage, podman image exists exits with 0, otherwise the exit code will be "
    "1.",
    least=1,
    most=1,
)
