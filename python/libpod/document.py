"""JSON documents and small texts of libpod's own: read only from regular files, replaced in one step.

A reader sees the old content or the new one, whole; an error leaves the old one and no temporary file. A FIFO or a device under
a name is an error and is never waited for. What stands in a document is checked against a shape, so that a damaged one is an
error that names its file and member. Documents that other programs read are written as Go writes them (`go_json`). Start at
`read_document` and `write_document`. On the way of every command: imports nothing heavy.
"""

from __future__ import annotations

from libpod import _core
from libpod.errors import CorruptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: No document of libpod's own is larger; what is, is damaged.
MAX_DOCUMENT_BYTES = 16 << 20


def read_document(path: str) -> dict[str, Any] | None:
    """Read a JSON object; None where the file does not exist.

    Raises: CorruptError where it is something else.
    """
    document = _core.read_json(path, MAX_DOCUMENT_BYTES)
    if document is not None and document.__class__ is not dict:
        raise CorruptError(f"{path}: not a JSON object", path=path)
    return document


def write_document(path: str, document: object) -> None:
    """Write a JSON document in one step, readable by its owner alone. Not synced: it is on the disk when the kernel sees fit."""
    _core.replace_file(path, _core.dump_json(document).encode())


def write_text(path: str, text: str, *, mode: int = 0o600) -> None:
    """Write a text in one step. Not synced."""
    _core.replace_file(path, text.encode(errors="surrogateescape"), mode=mode)


def go_json(value: object) -> bytes:
    """Write JSON as Go's encoder does: compact, with the characters of `go_escape` escaped."""
    return go_escape(_core.dump_json(value)).encode()


def go_escape(text: str) -> str:
    """Escape in a JSON text what Go's encoder escapes: `<`, `>`, `&` and the two line separators of Unicode."""
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def fits(value: object, shape: object) -> bool:
    """Whether a JSON value has a shape.

    A shape is a class (`str`, `int`, `bool`: exactly this one), None, a tuple of shapes of which one fits, a list of the one
    shape of all members, `{str: shape}` for an object of any names, or an object of shapes: such a member may be missing, and
    others may stand beside it.
    """
    if shape.__class__ is type:
        return value.__class__ is shape
    if shape is None:
        return value is None
    if isinstance(shape, tuple):
        return any(fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(member, shape[0]) for member in value)
    if not isinstance(shape, dict) or not isinstance(value, dict):
        return False
    if str in shape:
        return all(fits(member, shape[str]) for member in value.values())
    return all(fits(member, shape[name]) for name, member in value.items() if name in shape)


def require(document: dict[str, Any], shape: dict[str, Any], path: str, *, needed: Iterable[str] = ()) -> None:
    """Check the members of a document. needed: those that have to be there.

    Raises: CorruptError that names the file and the member.
    """
    for name in needed:
        if name not in document:
            raise CorruptError(f"{path}: `{name}` is missing", path=path)
    for name, value in document.items():
        # Most members have a class for a shape: asked here, that costs no call.
        if name in shape and value.__class__ is not shape[name] and not fits(value, shape[name]):
            raise CorruptError(f"{path}: `{name}` is {_told(value)}, not {_asked(shape[name])}", path=path)


_KINDS = {str: "a string", int: "an integer", float: "a number", bool: "a boolean", list: "a list", dict: "an object"}


def _told(value: object) -> str:
    if isinstance(value, (list, dict)) and value:
        return f"{_KINDS[value.__class__]} of other members"
    return "null" if value is None else _KINDS[value.__class__]


def _asked(shape: object) -> str:
    if isinstance(shape, tuple):
        return " or ".join(map(_asked, shape))
    if isinstance(shape, list):
        return "a list"
    if isinstance(shape, dict):
        return "an object"
    return "null" if shape is None else _KINDS[shape]  # type: ignore[index]  # what is left is a class
