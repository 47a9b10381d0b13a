"""Text tables as Go's tabwriter draws them with Podman's settings: cells at least 12 wide, padded by two blanks."""

from __future__ import annotations

from libpod.cli.print.escape import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MIN_WIDTH = 12
PADDING = 2


def align(lines: Iterable[str], *, min_width: int = MIN_WIDTH, padding: int = PADDING) -> str:
    """Align the tab-separated cells of `lines`; every returned line ends in a newline.

    A column is a block of consecutive lines that all have a tab-terminated cell there, and is as wide as its widest cell;
    the text behind the last tab of a line belongs to no column. Source: Go, package text/tabwriter.
    """
    rows = [line.split("\t") for line in lines]
    widths = [[0] * (len(row) - 1) for row in rows]
    _measure(rows, widths, 0, 0, len(rows), min_width, padding)
    out = []
    for row, row_widths in zip(rows, widths, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, row_widths, strict=False)]
        out.append("".join(cells) + row[-1] + "\n")
    return "".join(out)


def _measure(
    rows: list[list[str]], widths: list[list[int]], column: int, start: int, end: int, min_width: int, padding: int
) -> None:
    line = start
    while line < end:
        if len(rows[line]) - 1 <= column:
            line += 1
            continue
        stop = line
        width = min_width
        while stop < end and len(rows[stop]) - 1 > column:
            width = max(width, len(rows[stop][column]) + padding)
            stop += 1
        for index in range(line, stop):
            widths[index][column] = width
        _measure(rows, widths, column + 1, line, stop, min_width, padding)
        line = stop


def table(header: Sequence[str] | None, rows: Iterable[Sequence[str]]) -> str:
    """Draw a table: a header line, unless None, and a line for each row. Control characters in cells are written out."""
    lines = ["\t".join(map(printable, row)) for row in rows]
    if header is not None:
        lines.insert(0, "\t".join(header))
    return align(lines)
