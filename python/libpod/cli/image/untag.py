"""`podman untag`."""

from __future__ import annotations

from libpod.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def untag(context: Context, options: Options, arguments: list[str]) -> int:
    """Remove names; without any, all of them."""
    context.engine.images.untag(*arguments)
    return 0


COMMAND = Command(
    "untag",
    call=untag,
    usage="IMAGE [IMAGE...]",
    short="Remove a name from a local image",
    long="Removes one or more names from a locally-stored image.",
    least=1,
    examples=(
        "podman untag 0e3bbc2",
        "podman untag imageID:latest otherImageName:latest",
        "podman untag httpd myregistryhost:5000/fedora/httpd:v2",
    ),
)
