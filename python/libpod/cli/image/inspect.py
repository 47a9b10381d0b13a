"""`podman image inspect`."""

from __future__ import annotations

from libpod.cli.command import Command
from libpod.cli.inspect import FORMAT, inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Inspect images."""
    return inspect(context, arguments, "image", options.format)


COMMAND = Command(
    "inspect",
    call=run,
    usage="[options] IMAGE [IMAGE...]",
    short="Display the configuration of an image",
    long="Displays the low-level information of an image identified by name or ID.",
    options=(FORMAT,),
    examples=(
        "podman image inspect alpine",
        'podman image inspect --format "imageId: {{.Id}} size: {{.Size}}" alpine',
        'podman image inspect --format "image: {{.ImageName}} driver: {{.Driver}}" myctr',
    ),
)
