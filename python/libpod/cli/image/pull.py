"""`podman pull`: bring images in from registries and other transports."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.image import remote
from libpod.cli.print import progress
from libpod.errors import LibpodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libpod.cli.context import Context, Options
    from libpod.image.lookup import Image
    from libpod.image.manifest import Platform
    from libpod.image.reference import Reference
    from libpod.image.transport import Options as TransportOptions

#: Names that uname(2) and users give to architectures.
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i686": "386",
    "armhf": "arm",
}


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Pull each image and print its id; go on after a failure."""
    platform = wanted_platform(options)
    transport = remote.transport_options(options)
    remote.end_on_interrupt()
    errors: list[LibpodError | OSError] = []
    names: Sequence[str | Reference] = (
        list(_all_tags(context, arguments, transport, errors)) if options.all_tags else arguments
    )
    for name in names:
        reporter = progress.choose(quiet=options.quiet)
        try:
            image_id = context.engine.images.pull(name, platform=platform, options=transport, progress=reporter)
            reporter.close()
            if platform is not None:
                warn_of_platform(context, context.engine.images.lookup(image_id), platform)
            context.write(image_id)
        except (LibpodError, OSError) as error:
            errors.append(error)
        finally:
            reporter.close()
    for failure in errors[:-1]:
        context.report(failure)
    if errors:
        raise errors[-1]
    return 0


def _all_tags(
    context: Context, arguments: list[str], transport: TransportOptions, errors: list[LibpodError | OSError]
) -> Iterator[Reference]:
    """Every tag of each repository, in the registry's order."""
    for name in arguments:
        try:
            yield from context.engine.images.tags(name, options=transport)
        except (LibpodError, OSError) as error:
            errors.append(error)


def wanted_platform(options: Options) -> Platform | None:
    """Read --platform, or --os, --arch and --variant; None where nothing was asked for.

    Raises: UsageError for both at once, or for a platform that is none.
    """
    from libpod.image.manifest import Platform

    os_name, architecture, variant = options.os, options.arch, options.variant
    if options.platform:
        if options.os or options.arch:
            raise UsageError("--platform option can not be specified with --arch or --os")
        parts = options.platform.split("/")
        if len(parts) > 3:
            raise UsageError(f'"{options.platform}": cannot parse platform specifier: invalid argument')
        for part in parts:
            if not part or not part.isascii() or not part.replace("-", "").replace("_", "").isalnum():
                raise UsageError(f'"{part}" is an invalid component of "{options.platform}": invalid argument')
        os_name, architecture, variant = (*parts, "", "")[:3]
    if not (os_name or architecture or variant):
        return None
    return Platform(os_name, _ARCHITECTURES.get(architecture, architecture), variant)


def warn_of_platform(context: Context, image: Image, platform: Platform) -> None:
    """Say when the one image that there was is for another platform than the wanted one."""
    config = image.config
    got = (config.get("architecture", ""), config.get("os", ""), config.get("variant", ""))
    wanted = (platform.architecture, platform.os, platform.variant)
    if got[:2] != wanted[:2] or (wanted[2] and got[2] != wanted[2]):
        shown = [f"({{{arch} {os_name}  [] {variant}}})" for arch, os_name, variant in (got, wanted)]
        context.warn(f"WARNING: image platform {shown[0]} does not match the expected platform {shown[1]}")


COMMAND = Command(
    "pull",
    call=run,
    usage="[options] IMAGE [IMAGE...]",
    short="Pull an image from a registry",
    long="Pulls an image from a registry and stores it locally.\n"
    "\n"
    "  An image can be pulled by tag or digest. If a tag is not specified, the image with the 'latest' "
    "tag is pulled.",
    examples=("podman pull imageName", "podman pull fedora:latest"),
    least=1,
    options=(
        flag("--all-tags", "-a", help="All tagged images in the repository will be pulled"),
        Option(
            "--arch", help="Use ARCH instead of the architecture of the machine for choosing images", metavar="ARCH"
        ),
        remote.AUTHFILE,
        remote.CERT_DIR,
        remote.CREDS,
        remote.CONTENT_TRUST,
        Option("--os", help="Use OS instead of the running OS for choosing images", metavar="OS"),
        Option("--platform", help="Specify the platform for selecting the image.  (Conflicts with arch and os)"),
        flag("--quiet", "-q", help="Suppress output information when pulling images"),
        remote.TLS_VERIFY,
        Option("--variant", help="Use VARIANT instead of the running architecture variant for choosing images"),
        unsupported("--decryption-key", kind="array"),
        unsupported("--retry", kind="uint"),
        unsupported("--retry-delay"),
        unsupported("--signature-policy"),
    ),
)
