"""`podman inspect`, also for its `container` and `image` forms: all about an object, as JSON or by a template."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.print.functions import Map
from libpod.errors import ContainerNotFoundError, ImageNotFoundError, LibpodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options

_TYPES = ("container", "image", "all")
_KNOWN_TYPES = (*_TYPES, "network", "pod", "volume")

#: Podman's own width for this document.
_INDENT = 5

#: Members of the document whose names differ in templates.
_TIMES = ("Created", "StartedAt", "FinishedAt")


class _Struct(dict[str, "Any"]):
    """A Go struct for templates: its fields, of which `json` writes what the document holds of it."""

    def __init__(self, document: dict[str, Any], fields: dict[str, Any]) -> None:
        super().__init__(document)
        self._fields = fields

    def __contains__(self, field: object) -> bool:
        return field in self._fields

    def __getitem__(self, field: str) -> Any:
        return self._fields[field]

    def items(self) -> Any:
        """All fields in the order of the struct."""
        return self._fields.items()


#: The members of an image's `Config` in templates, with what stands for an absent one.
_IMAGE_CONFIG: dict[str, Any] = {
    "User": "",
    "ExposedPorts": Map(),
    "Env": [],
    "Entrypoint": [],
    "Cmd": [],
    "Volumes": Map(),
    "WorkingDir": "",
    "Labels": Map(),
    "StopSignal": "",
    "ArgsEscaped": False,
}


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Inspect containers first, images then, or what --type says."""
    if options.type not in _KNOWN_TYPES:
        raise UsageError(
            f'invalid type "{options.type}": must be "image", "container", "pod", "network", "volume", or "all"'
        )
    if options.type not in _TYPES:
        raise UsageError(f"inspecting objects of type {options.type} is not supported by this version of libpod")
    return inspect(context, arguments, options.type, options.format, size=options.size)


def inspect(context: Context, names: list[str], kind: str, format: str, *, size: bool) -> int:
    """Print the documents of what was found, then the errors; the code is 125 if there was one."""
    from libpod import _core
    from libpod.cli.print import format as formats

    if not names:
        raise UsageError("no names or ids specified")
    found: list[dict[str, Any]] = []
    errors: list[Exception] = []
    for name in names:
        try:
            found.append(_find(context, name, kind, size=size))
        except (LibpodError, OSError) as error:
            errors.append(error)
    if formats.is_json(format) or not format:
        context.write(_core.dump_json(found, indent=_INDENT) if found else "[]")
    else:
        for document in found:
            text = _render(format, document)
            context.write(text)
    if not errors:
        return 0
    context.report_all(errors, prefix="inspecting object: ")
    return LibpodError.exit_code


def _render(format: str, document: dict[str, Any]) -> str:
    from libpod.cli.print import format as formats

    parsed = formats.parse(format, name="inspect")
    try:
        text = parsed.execute(_for_template(document), type_name="interface {}", human=formats.for_people())
    except LibpodError as error:
        raise error.prefixed("inspecting object: printing inspect output: ") from error
    return text.removesuffix("\n")


def _for_template(document: dict[str, Any]) -> dict[str, Any]:
    """The document as a template sees it: an id under both spellings, times as Go prints them."""
    from libpod import timestamp

    value = dict(document)
    value["ID"] = value.get("Id", "")
    for member in _TIMES:
        text = value.get(member)
        if isinstance(text, str) and text.endswith("Z"):
            value[member] = timestamp.go_text(timestamp.parse(text))
    if "RootFS" in document:
        # An image: what JSON leaves out is an empty member of a Go struct.
        config = document["Config"]
        fields = {name: config.get(name) or empty for name, empty in _IMAGE_CONFIG.items()}
        value["Config"] = _Struct(config, fields)
        value["History"] = [_Struct(entry, _history_fields(entry)) for entry in document["History"]]
        value["NamesHistory"] = document["NamesHistory"] or []
        value["Labels"] = document["Labels"] or {}
        value.setdefault("HealthCheck", None)
    return value


def _history_fields(entry: dict[str, Any]) -> dict[str, Any]:
    from libpod import timestamp

    return {
        "Created": timestamp.go_text(timestamp.parse(entry["created"])) if entry.get("created") else None,
        "CreatedBy": entry.get("created_by", ""),
        "Author": entry.get("author", ""),
        "Comment": entry.get("comment", ""),
        "EmptyLayer": entry.get("empty_layer", False),
    }


def _find(context: Context, name: str, kind: str, *, size: bool) -> dict[str, Any]:
    document: dict[str, Any]
    if kind in ("container", "all"):
        try:
            document = context.engine.containers.inspect(name, size=size)
        except ContainerNotFoundError:
            if kind == "container":
                raise ContainerNotFoundError(f"no such container {name}") from None
        else:
            return document
    try:
        document = context.engine.images.inspect(name)
    except ImageNotFoundError:
        if kind == "image":
            raise
        raise ImageNotFoundError(f'no such object: "{name}"') from None
    return document


FORMAT = Option("--format", "-f", help="Format the output to a Go template or json", default="json")

COMMAND = Command(
    "inspect",
    call=run,
    usage="[options] {CONTAINER|IMAGE} [...]",
    short="Display the configuration of object denoted by ID",
    long="Displays the low-level information on an object identified by name or ID.",
    options=(
        FORMAT,
        flag("--size", "-s", help="Display total file size"),
        Option("--type", "-t", help="Specify inspect-object type", default="all"),
        unsupported("--latest", "-l", kind="bool"),
    ),
    examples=(
        "podman inspect fedora",
        "podman inspect --type image fedora",
        'podman inspect --format "imageId: {{.Id}} size: {{.Size}}" fedora',
    ),
)
