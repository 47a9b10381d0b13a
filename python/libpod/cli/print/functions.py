"""The functions and the printing rules of Go templates, over plain Python values."""

from __future__ import annotations

from libpod import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Fields that are maps in Go wherever Podman's documents have them: an unknown key is no error there.
MAP_FIELDS = frozenset(
    ("Labels", "Annotations", "Options", "Sysctls", "Networks", "Ports", "Volumes", "PortBindings", "LogOpts")
)


class Map(dict[str, "Any"]):
    """A dict that is a map in Go: an unknown key is `<no value>`."""


class _NoValue:
    def __bool__(self) -> bool:
        return False


NO_VALUE = _NoValue()


def show(value: Any) -> str:
    """Print a value as fmt.Print does."""
    if value is NO_VALUE:
        return "<no value>"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Map):
        return "map[" + " ".join(f"{key}:{show(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, dict):
        pairs = (
            (key, Map(item) if isinstance(item, dict) and key in MAP_FIELDS else item) for key, item in value.items()
        )
        return "{" + " ".join(show([] if item is None else item) for _, item in pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(show(item) for item in value) + "]"
    return str(value)


def is_true(value: Any) -> bool:
    """Go's truth: false, 0, nil and anything empty are false."""
    return bool(value)


def unquote(token: str) -> str:
    """Read a Go string literal."""
    body = token[1:-1]
    if token[0] == "`" or "\\" not in body:
        return body
    return str(_core.parse_json(token))


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key, NO_VALUE if isinstance(value, Map) else "")
        elif isinstance(key, bool) or not isinstance(key, int):
            raise ValueError(f"cannot index slice/array with type {type(key).__name__}")
        elif not 0 <= key < len(value):
            raise LookupError(f"index out of range: {key}")
        else:
            value = value[key]
    return value


def _slice(value: Any, start: int = 0, end: int | None = None) -> Any:
    end = len(value) if end is None else end
    if not 0 <= start <= end <= len(value):
        raise LookupError(f"index out of range: {end}")
    return value[start:end]


def _printf(layout: str, *values: Any) -> str:
    out, queue, position = "", list(values), 0
    while position < len(layout):
        if layout[position] != "%":
            out += layout[position]
            position += 1
            continue
        end = position + 1
        while end < len(layout) and layout[end] in "+-# 0123456789.":
            end += 1
        verb = layout[end : end + 1]
        if verb == "%":
            out += "%"
        elif not queue:
            out += f"%!{verb}(MISSING)"
        else:
            out += _one_verb(layout[position + 1 : end], verb, queue.pop(0))
        position = end + 1
    return out


def _one_verb(modifiers: str, verb: str, value: Any) -> str:
    if verb in ("s", "v"):
        return ("%" + modifiers + "s") % show(value)
    if verb == "q":
        return ("%" + modifiers + "s") % _core.dump_json(str(value))
    if verb == "t":
        return show(bool(value))
    if verb in ("d", "x", "X", "o", "f", "g", "e"):
        return str(("%" + modifiers + verb) % value)
    return f"%!{verb}({show(value)})"


def _equal(first: Any, *others: Any) -> bool:
    return any(first == other for other in others)


def _and(*values: Any) -> Any:
    for value in values:
        if not is_true(value):
            return value
    return values[-1]


def _or(*values: Any) -> Any:
    for value in values:
        if is_true(value):
            return value
    return values[-1]


def _truncate(text: str, length: int) -> str:
    return text if len(text) < length else text[:length]


def _pad(text: str, before: int, after: int) -> str:
    return " " * before + text + " " * after if text else text


TABLE: dict[str, Callable[..., Any]] = {
    "and": _and,
    "eq": _equal,
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "index": _index,
    "join": lambda items, separator: separator.join(items),
    "json": lambda value: _core.dump_json(value),
    "le": lambda a, b: a <= b,
    "len": len,
    "lower": lambda text: text.lower(),
    "lt": lambda a, b: a < b,
    "ne": lambda a, b: a != b,
    "not": lambda value: not is_true(value),
    "or": _or,
    "pad": _pad,
    "print": lambda *values: "".join(show(value) for value in values),
    "printf": _printf,
    "println": lambda *values: " ".join(show(value) for value in values) + "\n",
    "slice": _slice,
    "split": lambda text, separator: text.split(separator),
    "title": lambda text: text.title(),
    "truncate": _truncate,
    "upper": lambda text: text.upper(),
}
