"""`--format`: the part of Go's text/template that Podman's users write.

`render` prints one value; `render_rows` prints a list of rows, with Podman's `table ` prefix for headers and columns.
A `dict` stands for a Go struct (an unknown field is an error), a `Map` for a Go map (an unknown key is `<no value>`).
Supported: fields, variables, pipelines, `if else range with end`, comments, trim markers, comparison and logic functions,
`index len slice printf print println json join split upper lower title truncate pad`. Not supported: `define`, `template`, `block`.
Source: Go, package text/template; podman-ps(1), podman-inspect(1), "--format".
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.cli.print import template
from libpod.cli.print.table import align

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

Map = template.Map


def is_json(text: str) -> bool:
    """Say whether `--format` asks for JSON: the word, or `{{json .}}`."""
    words = text.replace("{{", "{{ ").replace("}}", " }}").split()
    return words in (["json"], ["{{", "json", ".", "}}"], ["{{", "json", "}}"])


def to_json(value: object) -> str:
    """Write a value as Podman prints JSON: indented by four blanks."""
    if value == []:
        return "[]"
    return _core.dump_json(value, indent=4)


def for_people() -> bool:
    """Whether stdout leads to a person; a pipe and a file lead to a program, which is given every byte as it is."""
    try:
        return os.isatty(1)
    except OSError:
        return False


def render(text: str, value: Any, *, type_name: str = "struct", name: str = "format") -> str:
    r"""Print `value` with the template `text`; backslash escapes `\t` and `\n` stand for their characters."""
    return parse(text, name=name).execute(value, type_name=type_name, human=for_people())


def parse(text: str, *, name: str = "format") -> template.Template:
    """Parse a template, to be executed for several values.

    Raises: InvalidError where it is malformed.
    """
    return template.parse(_unescape(text), name=name)


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

    A template that begins with `{{range` is given all rows at once.
    headers: what a field is called in the header line, where that is not its own words in upper case.
    """
    text = _unescape(text)
    is_table = text.startswith("table ")
    if is_table:
        # Every blank of a table's format separates columns, also those inside an action.
        text = text.removeprefix("table ").replace(" ", "\t")
    parsed = template.parse(text, name=name)
    human = is_table or for_people()
    titles = [_Headers(headers)] if is_table and heading else []
    if text.startswith("{{range"):
        # The user walks over the rows.
        parts = [parsed.execute(some, type_name=type_name, human=human) for some in (titles, list(rows)) if some]
    else:
        parts = [parsed.execute(row, type_name=type_name, human=human) for row in (*titles, *rows)]
    joined = "".join(part if part.endswith("\n") else part + "\n" for part in parts)
    # Podman aligns only tables; in any other format a tab is a tab.
    if not is_table or "\t" not in joined:
        return joined
    return align(joined.splitlines())


class _Headers(dict[str, object]):
    """The row behind the header line: every field is its own title."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        super().__init__(titles)

    def __missing__(self, field: str) -> str:
        title = field[:1]
        for before, letter, after in zip(field[:-1], field[1:], field[2:] + " ", strict=True):
            starts_word = letter.isupper() and (before.islower() or (before.isupper() and after.islower()))
            title += " " + letter if starts_word else letter
        return title.upper()

    def __contains__(self, field: object) -> bool:
        return True


def _unescape(text: str) -> str:
    return text.replace("\\t", "\t").replace("\\n", "\n")
