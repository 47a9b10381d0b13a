r"""`--format`: a Go template, `json`, or a table by a template.

`render` prints one value, `render_list` a list of rows; both take the text as the user gave it, in which `\t` and `\n` stand for the
characters, and end every row with a line break. The values are those of `values`. Not a template: `is_json` tells.
Source: podman-ps(1), podman-inspect(1), "--format"; Podman's own output where these are silent.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.cli.print import template
from libpod.cli.print.table import align
from libpod.cli.print.types import type_of
from libpod.cli.print.values import wrap, wrap_any
from libpod.document import go_escape
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from libpod.cli.print.nodes import Template
    from libpod.cli.print.types import Type

_TABLE = "table "


def is_json(text: str) -> bool:
    """Say whether `--format` asks for JSON: the word, or `{{json .}}`."""
    words = text.replace("{{", "{{ ").replace("}}", " }}").split()
    return words in (["json"], ["{{", "json", ".", "}}"], ["{{", "json", "}}"])


def to_json(value: object, *, indent: int | None = 4, html: bool = True) -> str:
    """Write a value as Podman prints JSON.

    indent: blanks for each level, None for one line. html: escape what would be markup in a web page, as Go does unless told otherwise.
    """
    text = _core.dump_json(value) if indent is None else _core.dump_json(value, indent=indent)
    return go_escape(text) if html else text


def for_people() -> bool:
    """Whether stdout leads to a person; a pipe and a file lead to a program, which is given every byte as it is."""
    try:
        return os.isatty(1)
    except OSError:
        return False


def render(text: str, value: Any, *, name: str = "format") -> str:
    """Print one value by a template; a value of no declared type is read as JSON, its objects as maps.

    Raises: InvalidError in Go's words, where the template is malformed or names what the value does not have.
    """
    return template.parse(_ended(_unescaped(text)), name=name).execute(wrap_any(value), human=for_people())


def render_list(
    text: str,
    rows: Iterable[Any],
    *,
    titles: Mapping[str, str] | None = None,
    name: str = "format",
    heading: bool = True,
) -> str:
    """Print each row by a template; with the prefix `table `, under a line of titles and in aligned columns.

    A template that begins with `{{range .}}` is given all rows at once. titles: what the fields are called in the title line; what
    is not among them is `<no value>`, as with Podman.
    Raises: InvalidError as `render` does.
    """
    is_table = text.startswith(_TABLE)
    text = _unescaped(text)
    parsed = template.parse(_ended(text), name=name) if _walks_itself(text) else _parse_row(text, name)
    human = is_table or for_people()
    out = ""
    if is_table and heading and titles is not None:
        out = parsed.execute([wrap(type_of("map[string]string"), dict(titles))], human=human)
    out += parsed.execute(list(rows), human=human)
    # Podman aligns only tables; in any other format a tab is a tab.
    return align(out.splitlines()) if is_table and "\t" in out else out


def _parse_row(text: str, name: str) -> Template:
    """Parse the template of a row: a line of its own for each, unless the user trims its end.

    The words around the user's count in the columns of messages; the end of the line does not, as with Podman.
    """
    try:
        return template.parse("{{range .}}" + _ended(text) + "{{end -}}", name=name, rows=True)
    except InvalidError:
        return template.parse("{{range .}}" + text + "{{end -}}", name=name, rows=True)


def _walks_itself(text: str) -> bool:
    """Whether a template begins with `{{range .}}`, at whatever blanks."""
    words = text.partition("}}")[0].split() if text.startswith("{{") else []
    return words in (["{{range", "."], ["{{", "range", "."])


def _unescaped(text: str) -> str:
    if text.startswith(_TABLE):
        # Every blank of a table's format separates columns, also those inside an action.
        text = text.removeprefix(_TABLE).replace(" ", "\t")
    return text.replace("\\t", "\t").replace("\\n", "\n")


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def titles_of(row: Type, **others: str) -> dict[str, str]:
    """What the fields of a declared type are called in a title line: `ImageID` is `IMAGE ID`. others: exceptions."""
    titles: dict[str, str] = {}
    for field in row.fields.values():
        if field.embedded:
            titles.update(titles_of(field.type))
        else:
            titles[field.name] = " ".join(_words(field.name)).upper()
    return titles | others


def _words(name: str) -> list[str]:
    """Split a name at its capitals and digits: `IPv6Enabled` is `I`, `Pv`, `6`, `Enabled`."""
    runs: list[str] = []
    for character in name:
        if runs and _class(runs[-1][-1]) == _class(character):
            runs[-1] += character
        else:
            runs.append(character)
    for index in range(len(runs) - 1):
        if runs[index][-1].isupper() and runs[index + 1][0].islower():
            # The last capital begins the next word.
            runs[index + 1] = runs[index][-1] + runs[index + 1]
            runs[index] = runs[index][:-1]
    return [run for run in runs if run]


def _class(character: str) -> int:
    return 0 if character.islower() else 1 if character.isupper() else 2
