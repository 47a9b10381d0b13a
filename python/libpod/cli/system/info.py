"""`podman info`: the host, the store, the registries, the version."""

from __future__ import annotations

from libpod.cli.command import Command, Option
from libpod.cli.print.escape import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options
    from libpod.container.records import Damaged


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the document as YAML, as JSON or by a template."""
    from libpod.cli.print import format as formats
    from libpod.cli.system.version import document as version_document

    damaged: Damaged = []
    value = {**context.engine.info(damaged=damaged), "version": version_document()}
    if "format" not in options.given:
        context.put(yaml(value) + "\n")
    elif formats.is_json(options.format):
        context.write(formats.to_json(value, indent=2))
    else:
        from libpod.cli.print.types import type_of
        from libpod.cli.print.values import Struct

        report = Struct(type_of("define.Info"), value, pointer=True)
        context.put(formats.render(options.format, report, name="info"))
    context.warn_damaged(damaged)
    return 0


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
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    """A text as Podman's writer quotes it: in double quotes what would be read as another type or holds control characters."""
    if not text.isprintable() or _reads_as_another_type(text):
        # In double quotes YAML reads the same escapes that `printable` writes.
        return '"' + printable(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    if text[0] in "!&*-?[]{},#|>@`\"'% " or ": " in text or " #" in text or text[-1] in ": ":
        return "'" + text.replace("'", "''") + "'"
    return text


def _reads_as_another_type(text: str) -> bool:
    if text.lower() in ("", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"):
        return True
    try:
        float(text.replace("_", ""))
    except ValueError:
        return text[:2] in ("0x", "0o", "0b")
    return True


COMMAND = Command(
    "info",
    examples=("podman info",),
    call=run,
    short="Display podman system information",
    long="Display information pertaining to the host, current storage stats, and build of podman.\n"
    "\n"
    "  Useful for the user and when reporting issues.\n"
    "",
    options=(Option("--format", "-f", help="Change the output format to JSON or a Go template"),),
    most=0,
)
