"""`podman import`: an image from the tar of a root filesystem."""

from __future__ import annotations

import sys

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.digest import Digest
from libpod.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Import and print the id."""
    from libpod.cli.print import progress as reporting
    from libpod.image.manifest import Platform

    path = arguments[0]
    if path.startswith(("http://", "https://")):
        raise UnsupportedError("importing from a web address is not supported; fetch the file and import it")
    source: str | int = sys.stdin.fileno() if path == "-" else path
    progress = reporting.choose(quiet=options.quiet)
    try:
        image = context.engine.images.import_(
            source,
            arguments[1] if len(arguments) > 1 else None,
            changes=options.change,
            message=options.message,
            platform=Platform(options.os, options.arch, options.variant),
            progress=progress,
        )
    finally:
        progress.close()
    context.write(Digest.of_id(image))
    return 0


COMMAND = Command(
    "import",
    examples=(
        'cat ctr.tar | podman -q import --message "importing the ctr.tar tarball" - image-imported',
        "cat ctr.tar | podman import -",
    ),
    call=run,
    usage="[options] PATH [REFERENCE]",
    short="Import a tarball to create a filesystem image",
    long="Create a container image from the contents of the specified tarball (.tar, .tar.gz, .tgz, .bzip, "
    ".tar.xz, .txz).\n"
    "\n"
    "  Optionally tag the image. You can specify the instructions using the --change option.",
    options=(
        Option("--arch", help="Set the architecture of the imported image"),
        Option(
            "--change",
            "-c",
            kind="array",
            help="Apply the following possible instructions to the created image: CMD | ENTRYPOINT | ENV | EXPOSE | "
            "LABEL | ONBUILD | STOPSIGNAL | USER | VOLUME | WORKDIR",
        ),
        Option("--message", "-m", help="Set commit message for imported image"),
        Option("--os", help="Set the OS of the imported image"),
        flag("--quiet", "-q", help="Suppress output"),
        Option("--variant", help="Set the variant of the imported image"),
        unsupported("--signature-policy"),
    ),
    least=1,
    most=2,
)
