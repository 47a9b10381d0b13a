"""`podman info`: the host, the store, the registries, the version."""

from __future__ import annotations

from libpod.cli.command import Command, Option
from libpod.cli.print.escape import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the document as YAML, as JSON or by a template."""
    from libpod.cli.print import format as formats
    from libpod.cli.system.version import document as version_document
    from libpod.info import collect

    value = {**collect(context.engine.host), "version": version_document()}
    if not options.format:
        context.write(yaml(value).rstrip("\n"))
    elif formats.is_json(options.format):
        context.write(formats.to_json(value))
    else:
        context.write(formats.render(options.format, _titled(value), type_name="define.Info", name="info").rstrip("\n"))
    return 0


def _titled(value: Any) -> Any:
    """The document with the names of Go's fields, which templates use: `{{.Host.Arch}}`, `{{.Store.GraphRoot}}`."""
    if isinstance(value, dict):
        return {_GO_NAMES.get(key, key[:1].upper() + key[1:]): _titled(member) for key, member in value.items()}
    return [_titled(item) for item in value] if isinstance(value, list) else value


_GO_NAMES = {
    "cpus": "CPUs",
    "cgroupManager": "CgroupManager",
    "idMappings": "IDMappings",
    "ociRuntime": "OCIRuntime",
    "os": "OS",
    "apparmorEnabled": "AppArmorEnabled",
    "capabilities": "DefaultCapabilities",
    "seccompEnabled": "SECCOMPEnabled",
    "seccompProfilePath": "SECCOMPProfilePath",
    "selinuxEnabled": "SELinuxEnabled",
    "uidmap": "UIDMap",
    "gidmap": "GIDMap",
}


def yaml(value: Any, depth: int = 0) -> str:
    """Write plain values in YAML's block style, keys sorted as Podman's are."""
    pad = "  " * depth
    if isinstance(value, dict):
        return "".join(_member(key, value[key], depth) for key in sorted(value))
    return "".join(f"{pad}- {_scalar(item)}\n" for item in value)


def _member(key: str, value: Any, depth: int) -> str:
    pad = "  " * depth
    if isinstance(value, dict) and value:
        return f"{pad}{key}:\n{yaml(value, depth + 1)}"
    if isinstance(value, list) and value:
        return f"{pad}{key}:\n{yaml(value, depth)}"
    if isinstance(value, str) and "\n" in value and value.replace("\n", "").isprintable():
        lines = "".join(f"{pad}  {line}\n" for line in value.rstrip("\n").split("\n"))
        return f"{pad}{key}: |{'' if value.endswith(chr(10)) else '-'}\n{lines}"
    return f"{pad}{key}: {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if value in ({}, []):
        return "{}" if value == {} else "[]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and (
        not value.isprintable() or not value or value[0].isdigit() or ": " in value or value[0] in "!&*-?[]{},#|>@`\"'%"
    ):
        # In double quotes YAML reads the same escapes that `printable` writes.
        return '"' + printable(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    return str(value)


COMMAND = Command(
    "info",
    call=run,
    short="Display podman system information",
    long="Display information pertaining to the host, current storage stats, and configured container registries",
    options=(Option("--format", "-f", help="Change the output format to JSON or a Go template"),),
    most=0,
)
