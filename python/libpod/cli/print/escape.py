r"""Text of images, containers and registries on its way to a person: what would steer a terminal is written as an escape.

`printable` is the only function that decides this. Everything that a person reads goes through it: errors, warnings, progress,
the cells of tables, the values of templates on a terminal. What a program reads does not: JSON, templates into a pipe or a file,
and the container's own output.
"""

from __future__ import annotations

#: Marks that change the direction or the order of what follows them: a name could be read as another one.
_DIRECTION = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))

_NAMED = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}


def printable(text: str, *, keep: str = "") -> str:
    r"""Return `text` with control characters written out: `\n`, `\t`, `\x1b`, `\u202e`. A text without any is returned as it is.

    These are the C0 and C1 controls, DEL, the line and paragraph separators, the marks of writing direction, and bytes that were
    no UTF-8. keep: characters that stay as they are, for texts whose lines are libpod's own.
    """
    if text.isprintable():
        return text
    return "".join(character if character in keep else _written(character) for character in text)


def _written(character: str) -> str:
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return _NAMED.get(code, f"\\x{code:02x}")
    if 0xDC80 <= code <= 0xDCFF:
        # A byte that was no UTF-8, as Python carries it.
        return f"\\x{code - 0xDC00:02x}"
    if code in _DIRECTION or code in (0x2028, 0x2029) or 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    return character
