"""`podman load`: bring in the images of an archive, from a file or standard input."""

from __future__ import annotations

import sys

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.print.escape import printable
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Load and print the names."""
    from libpod.cli.print import progress as reporting

    source: str | int = options.input
    if not source:
        if sys.stdin.isatty():
            raise InvalidError("cannot read from terminal, use command-line redirection or the --input flag")
        source = sys.stdin.fileno()
    progress = reporting.choose(quiet=options.quiet)
    try:
        names = context.engine.images.load(source, progress=progress)
    finally:
        progress.close()
    for name in names:
        context.write(printable(f"Loaded image: {name}"))
    return 0


COMMAND = Command(
    "load",
    call=run,
    short="Load image(s) from a tar archive",
    long="Loads an image from a locally stored archive (tar file) into container storage.",
    options=(
        Option("--input", "-i", help="Read from specified archive file (default: stdin)"),
        flag("--quiet", "-q", help="Suppress the output"),
        unsupported("--signature-policy"),
    ),
    most=0,
)
