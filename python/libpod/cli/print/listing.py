"""Listing: the one way in which rows become a table, JSON, ids, or what a template says.

A command declares a `Listing` for its kind of row and calls `print_list`. Which rows there are, in which order, is the engine's
business; what a row shows is a method for each column or template field.
"""

from __future__ import annotations

from libpod.cli.print.table import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from libpod.cli.context import Context

    Fields = Mapping[str, Callable[[Any], Any]]


class Listing:
    """How one kind of row is listed.

    name: the command, in messages. type: the declared type of a row. fields: what is computed, by field name; the other fields of the
    type are read from the row's document. document: makes it. titles: names of columns that are not the field's own.
    """

    __slots__ = ("document", "fields", "name", "titles", "type")

    def __init__(
        self,
        name: str,
        *,
        type: str,
        fields: Fields,
        document: Callable[[Any], Mapping[str, Any]],
        titles: Mapping[str, str],
    ) -> None:
        self.name = name
        self.type = type
        self.fields = fields
        self.document = document
        self.titles = titles

    def column(self, field: str) -> tuple[str, Callable[[Any], Any]]:
        """Title and cell of a column of the command's own table."""
        return self.titles.get(field, field.upper()), self.fields[field]


def print_list(
    context: Context,
    listing: Listing,
    rows: Sequence[Any],
    *,
    format: str | None,
    columns: Sequence[str | tuple[str, Callable[[Any], Any]]],
    heading: bool = True,
    quiet: Callable[[Any], str] | None = None,
    json: Callable[[], str] | None = None,
) -> None:
    """Print rows: as JSON when `format` says so, by `quiet` a line each, by the template `format`, else as a table of `columns`.

    columns: names of fields, or a title with what makes the cell. json: writes all rows as JSON; None for a list of their documents, indented by four.
    Raises: InvalidError for a malformed template; OSError when stdout takes nothing more.
    """
    if format is not None:
        from libpod.cli.print import format as formats

        # `{{json .}}` is a template like any other: a row a line, and nothing for no rows.
        if format.strip() == "json":
            context.write(json() if json else formats.to_json([listing.document(row) for row in rows]))
            return
    if quiet is not None:
        context.put("".join(f"{line}\n" for line in dict.fromkeys(map(quiet, rows))))
    elif format is not None:
        context.put(_by_template(listing, rows, format, heading=heading))
    else:
        cells = [column if isinstance(column, tuple) else listing.column(column) for column in columns]
        header = [title for title, _ in cells] if heading else None
        context.put(table(header, [[str(cell(row)) for _, cell in cells] for row in rows]))


def _by_template(listing: Listing, rows: Iterable[Any], format: str, *, heading: bool) -> str:
    from libpod.cli.print import format as formats
    from libpod.cli.print.types import type_of
    from libpod.cli.print.values import Row

    row_type = type_of(listing.type)
    titles = formats.titles_of(row_type, **listing.titles)
    values = [Row(row_type, row, listing.fields, listing.document) for row in rows]
    return formats.render_list(format, values, titles=titles, name=listing.name, heading=heading)
