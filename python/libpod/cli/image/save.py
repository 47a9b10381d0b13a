"""`podman save`: carry images out to an archive or a directory."""

from __future__ import annotations

import sys

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.errors import InvalidError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

FORMATS = ("docker-archive", "oci-archive", "oci-dir", "docker-dir")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Save one image, or several in one archive."""
    from libpod.cli.print import progress as reporting

    if options.format not in FORMATS:
        raise InvalidError("format value must be one of oci-dir oci-archive docker-dir docker-archive")
    if options.compress and options.format != "docker-dir":
        raise InvalidError("--compress can only be set when --format is 'docker-dir'")
    path: str = options.output
    target: str | int = path
    if not path:
        if options.format.endswith("-dir"):
            raise InvalidError("--output flag is required for directories")
        if sys.stdout.isatty():
            raise InvalidError("refusing to save to terminal. Use -o flag or redirect")
        target = sys.stdout.fileno()
    elif ":" in path:
        raise UsageError(f'invalid filename (should not contain ":") "{path}"')
    progress = reporting.choose(quiet=options.quiet)
    try:
        context.engine.images.save(
            arguments,
            target,
            format=options.format,
            multi=options.multi_image_archive,
            compress=options.compress,
            progress=progress,
        )
    finally:
        progress.close()
    return 0


COMMAND = Command(
    "save",
    call=run,
    usage="[options] IMAGE [IMAGE...]",
    short="Save image(s) to an archive",
    long="Save an image to docker-archive or oci-archive on the local machine. Default is docker-archive.",
    options=(
        flag(
            "--compress",
            help="Compress tarball image layers when saving to a directory using the 'dir' transport. (default is same compression type as source)",
        ),
        Option(
            "--format",
            help="Save image to oci-archive, oci-dir (directory with oci manifest type), docker-archive, docker-dir "
            "(directory with v2s2 manifest type)",
            default="docker-archive",
        ),
        flag(
            "--multi-image-archive",
            "-m",
            help="Interpret additional arguments as images not tags and create a multi-image-archive (only for "
            "docker-archive)",
        ),
        Option("--output", "-o", help="Write to a specified file (default: stdout, which must be redirected)"),
        flag("--quiet", "-q", help="Suppress the output"),
        unsupported("--uncompressed", kind="bool"),
        unsupported("--signature-policy"),
    ),
    least=1,
    arity_error="need at least 1 argument",
    examples=(
        "podman save --quiet -o myimage.tar imageID",
        "podman save --format docker-dir -o ubuntu-dir ubuntu",
        "podman save > alpine-all.tar alpine:latest",
    ),
)
