"""`podman push`: carry an image out to a registry or another transport."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.image import remote
from libpod.cli.print import progress
from libpod.errors import UnsupportedError, UsageError
from libpod.file import OutputFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

_FORMATS = ("oci", "v2s2")
_COMPRESSIONS = ("gzip", "zstd")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Push one image; print nothing on stdout."""
    if options.format == "v2s1":
        raise UnsupportedError("manifests of the format v2s1 are read, and not written any more")
    if options.format and options.format not in _FORMATS:
        raise UsageError(
            f"unknown format \"{options.format}\". Choose on of the supported formats: 'oci', 'v2s1', or 'v2s2'"
        )
    if options.compression_format and options.compression_format not in _COMPRESSIONS:
        raise UsageError(f'cannot find compressor for "{options.compression_format}"')
    transport = remote.transport_options(options)
    transport.compress = options.compress
    if remote.is_registry(arguments[-1]):
        remote.end_on_interrupt()
    # Opened first: what cannot be written is found out before anything is sent.
    digest_file = OutputFile(options.digestfile) if options.digestfile else None
    reporter = progress.choose(quiet=options.quiet)
    try:
        digest = context.engine.images.push(
            arguments[0],
            arguments[1] if len(arguments) > 1 else None,
            format=options.format or None,
            compression=options.compression_format or "gzip",
            level=options.compression_level if "compression_level" in options.given else None,
            options=transport,
            progress=reporter,
        )
        if digest_file is not None:
            digest_file.write(digest.encode())
            digest_file.finish()
    finally:
        reporter.close()
        if digest_file is not None:
            digest_file.close()
    return 0


COMMAND = Command(
    "push",
    call=run,
    usage="[options] IMAGE [DESTINATION]",
    short="Push an image to a specified destination",
    long="Pushes a source image to a specified destination.\n"
    "\n"
    '\tThe Image "DESTINATION" uses a "transport":"details" format. See podman-push(1) section '
    '"DESTINATION" for the expected format.',
    examples="podman push imageID docker://registry.example.com/repository:tag\n"
    "\t\tpodman push imageID oci-archive:/path/to/layout:image:tag",
    least=1,
    most=2,
    options=(
        remote.AUTHFILE,
        remote.CERT_DIR,
        flag(
            "--compress",
            help="Compress tarball image layers when pushing to a directory using the 'dir' transport."
            " (default is same compression type as source)",
        ),
        Option("--compression-format", help="compression format to use"),
        Option("--compression-level", kind="int", help="compression level to use"),
        remote.CREDS,
        Option("--digestfile", help="Write the digest of the pushed image to the specified file"),
        remote.CONTENT_TRUST,
        Option(
            "--format",
            "-f",
            help="Manifest type (oci, v2s2, or v2s1) to use in the destination (default is manifest type of source, with fallbacks)",
        ),
        flag("--quiet", "-q", help="Suppress output information when pushing images"),
        flag(
            "--remove-signatures",
            help="Discard any pre-existing signatures in the image",
            idle="images of the store have no signatures that could be pushed",
        ),
        remote.TLS_VERIFY,
        unsupported("--sign-by"),
        unsupported("--sign-by-sigstore-private-key"),
        unsupported("--sign-passphrase-file"),
        unsupported("--encryption-key", kind="strings"),
        unsupported("--encrypt-layer", kind="strings"),
        unsupported("--force-compression", kind="bool"),
        unsupported("--retry", kind="uint"),
        unsupported("--retry-delay"),
        unsupported("--sign-by-sigstore"),
        unsupported("--signature-policy"),
    ),
)
