"""`--format`: the part of Go's text/template that Podman's users write.

`render` prints one value; `render_rows` prints a list of rows, with Podman's `table ` prefix for headers and columns.
A `dict` stands for a Go struct (an unknown field is an error), a `Map` for a Go map (an unknown key is `<no value>`).
Supported: fields, variables, pipelines, `if else range with end`, comments, trim markers, comparison and logic functions,
`index len slice printf print println json join split upper lower title truncate pad`. Not supported: `define`, `template`, `block`.
Source: Go, package text/template; podman-ps(1), podman-inspect(1), "--format".
"""

from __future__ import annotations

from libpod import _core
from libpod.cli import template
from libpod.cli.table import align

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

Map = template.Map


def is_json(text: str) -> bool:
    """Say whether `--format` asks for JSON: the word, or `{{json .}}`."""
    return text.strip() in ("json", "{{json .}}", "{{ json . }}", "{{json . }}", "{{ json .}}")


def to_json(value: object) -> str:
    """Write a value as Podman prints JSON: indented by four blanks."""
    if value == []:
        return "[]"
    return _core.dump_json(value, indent=4)


def render(text: str, value: Any, *, type_name: str = "struct", name: str = "format") -> str:
    r"""Print `value` with the template `text`; backslash escapes `\t` and `\n` stand for their characters."""
    return template.parse(_unescape(text), name=name).execute(value, type_name=type_name)


def render_rows(
    text: str,
    rows: Iterable[Any],
    *,
    headers: Mapping[str, str],
    type_name: str = "row",
    name: str = "format",
    heading: bool = True,
) -> str:
    """Print a line for each row; with the `table ` prefix, under a line of headers and in aligned columns.

    headers: what a field is called in the header line, where that is not its own name in upper case.
    """
    text = _unescape(text)
    body = text.removeprefix("table").lstrip(" ") if text.startswith("table") else text
    parsed = template.parse(body, name=name)
    lines = [parsed.execute(row, type_name=type_name) for row in rows]
    if text.startswith("table") and heading:
        lines.insert(0, parsed.execute(_Headers(headers), type_name=type_name))
    joined = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    # Podman aligns only tables; in any other format a tab is a tab.
    if not text.startswith("table") or "\t" not in joined:
        return joined
    return align(joined.splitlines())


class _Headers(dict[str, object]):
    """The row behind the header line: every field is its own title."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        super().__init__(titles)

    def __missing__(self, field: str) -> str:
        words = "".join(" " + letter if letter.isupper() and index else letter for index, letter in enumerate(field))
        return words.upper()

    def __contains__(self, field: object) -> bool:
        return True


def _unescape(text: str) -> str:
    return text.replace("\\t", "\t").replace("\\n", "\n")
