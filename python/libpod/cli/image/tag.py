"""`podman tag`."""

from __future__ import annotations

from libpod.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def tag(context: Context, options: Options, arguments: list[str]) -> int:
    """Add names."""
    context.engine.images.tag(*arguments)
    return 0


COMMAND = Command(
    "tag",
    call=tag,
    usage="IMAGE TARGET_NAME [TARGET_NAME...]",
    short="Add an additional name to a local image",
    long="Adds one or more additional names to locally-stored image.",
    least=2,
    examples=(
        "podman tag 0e3bbc2 fedora:latest",
        "podman tag imageID:latest myNewImage:newTag",
        "podman tag httpd myregistryhost:5000/fedora/httpd:v2",
    ),
)
