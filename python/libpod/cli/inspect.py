"""`podman inspect`, also for its `container`, `image` and `network` forms: all about objects, as JSON or by a template."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag
from libpod.cli.container.targets import LATEST
from libpod.errors import (
    ContainerNotFoundError,
    ImageNotFoundError,
    LibpodError,
    NetworkNotFoundError,
    NotFoundError,
    UnsupportedError,
    UsageError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options

#: What `--type` knows, and the declared types of the documents that libpod has.
_DECLARED = {
    "container": "define.InspectContainerData",
    "image": "inspect.ImageData",
    "network": "types.NetworkInspectReport",
}
_MISSING = ("pod", "volume")

#: Podman's own width for these documents.
_INDENT = 5


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Inspect what --type says; otherwise containers first, images then, networks last."""
    kind = options.type
    if kind not in (*_DECLARED, *_MISSING, "all"):
        raise UsageError(f'invalid type "{kind}": must be "image", "container", "pod", "network", "volume", or "all"')
    if kind in _MISSING:
        raise UnsupportedError(f"inspecting objects of type {kind} is not supported by this version of libpod")
    if options.latest:
        arguments = latest(context, arguments)
        kind = "container" if kind == "all" else kind
    return inspect(context, arguments, kind, options.format, size=options.size)


def latest(context: Context, arguments: list[str]) -> list[str]:
    """The container that --latest means. Raises: UsageError when others are named, too."""
    if arguments:
        raise UsageError("--latest and arguments cannot be used together")
    return [context.engine.containers.latest().id]


def inspect(context: Context, names: list[str], kind: str, format: str, *, size: bool = False) -> int:
    """Print the documents of what was found, then the errors; the code is 125 if there was one."""
    from libpod.cli.print import format as formats

    if size and kind not in ("container", "all"):
        raise UsageError(f'size is not supported for type "{kind}"')
    if not names:
        raise UsageError("no names or ids specified")
    found: list[tuple[str, dict[str, Any]]] = []
    errors: list[Exception] = []
    for name in names:
        try:
            found.append(_find(context, name, kind, size=size))
        except (LibpodError, OSError) as error:
            errors.append(error)
    if formats.is_json(format) or not format:
        context.write(formats.to_json([document for _, document in found], indent=_INDENT, html=False))
    elif found:
        context.put(_by_template(format, found))
    if not errors:
        return 0
    # As with Podman the first error is the last line; Podman leaves `Error: ` away before the others.
    for failure in (*errors[1:], errors[0]):
        context.report(failure)
    return LibpodError.exit_code


def _by_template(format: str, found: list[tuple[str, dict[str, Any]]]) -> str:
    from libpod.cli.print import format as formats
    from libpod.cli.print.types import type_of
    from libpod.cli.print.values import Struct

    # Docker's name for a field that Podman has elsewhere.
    text = format.replace(".Config.Healthcheck", ".HealthCheck") if found[0][0] == "image" else format
    values = [Struct(type_of(_DECLARED[kind]), document, title="interface {}") for kind, document in found]
    return formats.render_list(text, values, name="inspect")


def _find(context: Context, name: str, kind: str, *, size: bool) -> tuple[str, dict[str, Any]]:
    """Find an object; return its kind and document."""
    if kind == "container":
        try:
            return kind, context.engine.containers.inspect(name, size=size)
        except ContainerNotFoundError:
            raise ContainerNotFoundError(f"no such container {name}") from None
    if kind == "image":
        return kind, context.engine.images.inspect(name)
    if kind == "network":
        try:
            return kind, {**context.engine.networks.lookup(name).document, "containers": {}}
        except NetworkNotFoundError as error:
            raise NetworkNotFoundError(f"network {name}: {error}") from None
    for candidate, absent in (
        ("container", ContainerNotFoundError),
        ("image", ImageNotFoundError),
        ("network", NetworkNotFoundError),
    ):
        try:
            return _find(context, name, candidate, size=size)
        except absent:
            continue
    raise NotFoundError(f'no such object: "{name}"')


FORMAT = Option("--format", "-f", help="Format the output to a Go template or json", default="json")

COMMAND = Command(
    "inspect",
    call=run,
    usage="[options] {CONTAINER|IMAGE|POD|NETWORK|VOLUME} [...]",
    short="Display the configuration of object denoted by ID",
    long="Displays the low-level information on an object identified by name or ID.\n"
    "  For more inspection options, see:\n\n"
    "      podman container inspect\n"
    "      podman image inspect\n"
    "      podman network inspect\n"
    "      podman pod inspect\n"
    "      podman volume inspect",
    options=(
        FORMAT,
        LATEST,
        flag("--size", "-s", help="Display total file size"),
        Option("--type", "-t", help="Specify inspect-object type", default="all"),
    ),
    examples=(
        "podman inspect fedora",
        "podman inspect --type image fedora",
        "podman inspect CtrID ImgID",
        'podman inspect --format "imageId: {{.Id}} size: {{.Size}}" fedora',
    ),
)
