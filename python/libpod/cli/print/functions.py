"""The functions of templates: those of Go's text/template, and those that Podman adds, over the values of `values`."""

from __future__ import annotations

from libpod import _core
from libpod.cli.print.values import NO_VALUE, STRINGS, List, Map, Nil, Struct, is_true, plain, show, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_ANY_NUMBER = 1000


def unquote(token: str) -> str:
    """Read a Go string literal."""
    body = token[1:-1]
    if token[0] == "`" or "\\" not in body:
        return body
    out, place = "", 0
    while place < len(body):
        if body[place] != "\\":
            out += body[place]
            place += 1
            continue
        letter = body[place + 1]
        width = {"x": 2, "u": 4, "U": 8}.get(letter, 3 if letter in "01234567" else 0)
        if width == 3:
            out += chr(int(body[place + 1 : place + 4], 8))
            place += 4
        else:
            out += chr(int(body[place + 2 : place + 2 + width], 16)) if width else _ESCAPES.get(letter, letter)
            place += 2 + width
    return out


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def number(text: str) -> int | float:
    """Read a Go number or character literal. Raises: ValueError."""
    if text[0] == "'":
        return ord(unquote(text))
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    if digits.lower().startswith(("0x", "0b", "0o")):
        return sign * int(digits, 0)
    if any(mark in digits for mark in ".eE"):
        return sign * float(digits)
    if len(digits) > 1 and digits[0] == "0" and digits.isdigit():
        return sign * int(digits, 8)
    return sign * int(digits.replace("_", ""))


def reason(error: Exception) -> str:
    """The text of an error that a function raised."""
    return str(error.args[0]) if error.args else str(error)


# Collections -----------------------------------------------------------------------------------------------------------


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if value is None or value is NO_VALUE or isinstance(value, Nil):
            raise ValueError("index of untyped nil" if value in (None, NO_VALUE) else "index of nil pointer")
        if isinstance(value, Map):
            if isinstance(key, (int, float)) and value.type.name.startswith("map[string]"):
                raise TypeError(f"value has type {type_name(key)}; should be string")
            value = value.at(key)
        elif not isinstance(value, (list, tuple, str)):
            raise TypeError(f"can't index item of type {type_name(value)}")
        else:
            value = _item(value, key)
    return value


def _item(value: Any, key: Any) -> Any:
    if isinstance(key, bool) or not isinstance(key, int):
        raise TypeError(f"cannot index slice/array with type {type_name(key)}")
    length = len(value.encode()) if isinstance(value, str) else len(value)
    if not 0 <= key < length:
        raise IndexError(f"index out of range: {key}")
    return value.encode()[key] if isinstance(value, str) else value[key]


def _slice(value: Any, *bounds: Any) -> Any:
    if len(bounds) > 3:
        raise TypeError(f"too many slice indexes: {len(bounds)}")
    if not isinstance(value, (str, list)):
        raise TypeError(f"can't slice item of type {type_name(value)}")
    data = value.encode() if isinstance(value, str) else value
    start, end = (*bounds, *(0, len(data))[len(bounds) :])[:2]
    for bound in (start, end):
        if isinstance(bound, bool) or not isinstance(bound, int):
            raise TypeError(f"cannot index slice/array with type {type_name(bound)}")
        if not 0 <= bound <= len(data):
            raise IndexError(f"index out of range: {bound}")
    if start > end:
        raise IndexError(f"invalid slice index: {start} > {end}")
    if isinstance(value, str):
        return value.encode()[start:end].decode(errors="replace")
    return List(value.type, plain(value)[start:end]) if isinstance(value, List) else value[start:end]


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if not isinstance(value, (list, dict, tuple)):
        raise TypeError(f"len of type {type_name(value)}" if value is not None else "len of nil pointer")
    return len(value)


def _join(items: Any, separator: Any = "") -> str:
    if not isinstance(items, (list, tuple)) or any(not isinstance(item, str) for item in items):
        raise TypeError(f"wrong type for value; expected []string; got {type_name(items)}")
    return _text(separator).join(items)


# Comparison ------------------------------------------------------------------------------------------------------------


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise TypeError("missing argument for comparison")
    return any(_same(first, other) for other in others)


def _same(first: Any, second: Any) -> bool:
    first, second = (None if value is NO_VALUE or isinstance(value, Nil) else value for value in (first, second))
    if first is None or second is None:
        return first is second
    for value in (first, second):
        if isinstance(value, (list, dict, Struct)):
            raise TypeError(f"non-comparable type {show(value)}: {type_name(value)}")
    if _basic(first) != _basic(second):
        raise TypeError("incompatible types for comparison")
    return bool(first == second)


def _basic(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else type(value).__name__


def _less(first: Any, second: Any) -> bool:
    for value in (first, second):
        if isinstance(value, bool) or not (isinstance(value, (int, float, str))):
            raise TypeError("invalid type for comparison")
    if _basic(first) != _basic(second):
        raise TypeError("incompatible types for comparison")
    return bool(first < second)


# Text ------------------------------------------------------------------------------------------------------------------


def _print(*values: Any) -> str:
    return _spaced(values, _printed)


def _spaced(values: Sequence[Any], show: Callable[[Any], str]) -> str:
    """Blanks stand between two values neither of which is a text."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += show(value)
    return out


def _printed(value: Any) -> str:
    """A value as fmt prints it: of a pointer to a struct, that it is one."""
    return ("&" if isinstance(value, Struct) and value.pointer else "") + show(value)


def _title(text: str) -> str:
    """The first letter of every word in upper case; the others stay."""
    return "".join(
        character.upper() if index == 0 or not (text[index - 1].isalnum() or text[index - 1] in "_'") else character
        for index, character in enumerate(text)
    )


def _truncate(text: str, length: int) -> str:
    if _whole(length) < 0:
        raise ValueError(f"runtime error: slice bounds out of range [:{length}]")
    data = text.encode()
    return text if len(data) < length else data[:length].decode(errors="replace")


def _pad(text: str, before: int, after: int) -> str:
    return " " * _whole(before) + text + " " * _whole(after) if text else text


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"wrong type for value; expected int; got {type_name(value)}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"wrong type for value; expected string; got {type_name(value)}")
    return value


def _split(text: str, separator: str) -> List:
    return List(STRINGS, _text(text).split(_text(separator)) if separator else list(text))


def _printf(layout: Any, *values: Any) -> str:
    from libpod.cli.print.printf import printf

    return printf(_text(layout), values)


_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\ufffd"}


def _html(*values: Any) -> str:
    return "".join(_HTML.get(character, character) for character in _spaced(values, show))


def _urlquery(*values: Any) -> str:
    safe = "-_.~"
    return "".join(
        chr(byte)
        if (byte < 128 and chr(byte).isalnum()) or chr(byte) in safe
        else "+"
        if byte == 32
        else f"%{byte:02X}"
        for byte in _spaced(values, show).encode()
    )


def _js(*values: Any) -> str:
    out = ""
    for character in _spaced(values, show):
        if character in "\\'\"":
            out += "\\" + character
        elif character in "<>&=" or character < " ":
            out += f"\\u{ord(character):04X}"
        else:
            out += character
    return out


def _call(function: Any, *arguments: Any) -> Any:
    raise TypeError(f"non-function of type {type_name(function)}" if function is not None else "call of nil")


def _json(value: Any) -> str:
    return _core.dump_json(plain(value))


#: Name → function, with the least and the greatest number of arguments. `and` and `or` are the executor's own.
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "and": (is_true, 1, _ANY_NUMBER),
    "call": (_call, 1, _ANY_NUMBER),
    "eq": (_equal, 1, _ANY_NUMBER),
    "ge": (lambda a, b: not _less(a, b), 2, 2),
    "gt": (lambda a, b: not _less(a, b) and not _same(a, b), 2, 2),
    "html": (_html, 0, _ANY_NUMBER),
    "index": (_index, 1, _ANY_NUMBER),
    "join": (_join, 2, 2),
    "js": (_js, 0, _ANY_NUMBER),
    "json": (_json, 1, 1),
    "le": (lambda a, b: _less(a, b) or _same(a, b), 2, 2),
    "len": (_len, 1, 1),
    "lower": (lambda text: _text(text).lower(), 1, 1),
    "lt": (_less, 2, 2),
    "ne": (lambda a, b: not _same(a, b), 2, 2),
    "not": (lambda value: not is_true(value), 1, 1),
    "or": (is_true, 1, _ANY_NUMBER),
    "pad": (_pad, 3, 3),
    "print": (_print, 0, _ANY_NUMBER),
    "printf": (_printf, 1, _ANY_NUMBER),
    "println": (lambda *values: " ".join(map(_printed, values)) + "\n", 0, _ANY_NUMBER),
    "slice": (_slice, 1, _ANY_NUMBER),
    "split": (_split, 2, 2),
    "title": (lambda text: _title(_text(text)), 1, 1),
    "truncate": (lambda text, length: _truncate(_text(text), length), 2, 2),
    "upper": (lambda text: _text(text).upper(), 1, 1),
    "urlquery": (_urlquery, 0, _ANY_NUMBER),
}

TABLE: dict[str, Callable[..., Any]] = {name: entry[0] for name, entry in _FUNCTIONS.items()}


def exists(name: str) -> bool:
    """Whether there is a function of that name."""
    return name in _FUNCTIONS


def count_of(name: str) -> tuple[int, int]:
    """The least and the greatest number of arguments of a function."""
    _, least, most = _FUNCTIONS[name]
    return least, most
