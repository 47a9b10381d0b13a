"""Go's fmt.Sprintf for the values of templates."""

from __future__ import annotations

from libpod import _core
from libpod.cli.print.values import Struct, show, show_float, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_FLAGS = "+-# 0"


def printf(layout: str, values: Sequence[Any]) -> str:
    """Write `values` as the verbs of `layout` say; a verb that does not fit says so in the text, as Go does."""
    out, used, place = "", 0, 0
    while place < len(layout):
        if layout[place] != "%":
            out += layout[place]
            place += 1
            continue
        directive, place, used = _directive(layout, place + 1, values, used)
        if directive.verb == "%":
            out += "%"
        elif not directive.verb:
            out += "%!(NOVERB)"
        elif used >= len(values):
            out += f"%!{directive.verb}(MISSING)" if "[" not in directive.verb else "%!(BADINDEX)"
        else:
            out += directive.write(values[used])
            used += 1
    if used < len(values):
        out += "%!(EXTRA " + ", ".join(f"{type_name(value)}={show(value)}" for value in values[used:]) + ")"
    return out


def _directive(layout: str, place: int, values: Sequence[Any], used: int) -> tuple[_Directive, int, int]:
    flags = ""
    while layout[place : place + 1] and layout[place] in _FLAGS:
        flags += layout[place]
        place += 1
    width, place, used = _number(layout, place, values, used)
    precision = None
    if layout[place : place + 1] == ".":
        precision, place, used = _number(layout, place + 1, values, used)
        precision = precision or 0
    return _Directive(layout[place : place + 1], flags, width, precision), place + 1, used


def _number(layout: str, place: int, values: Sequence[Any], used: int) -> tuple[int | None, int, int]:
    if layout[place : place + 1] == "*":
        value = values[used] if used < len(values) else 0
        return (value if isinstance(value, int) else 0), place + 1, used + 1
    end = place
    while layout[end : end + 1].isdigit():
        end += 1
    return (int(layout[place:end]) if end > place else None), end, used


class _Directive:
    """One verb with its flags, width and precision."""

    def __init__(self, verb: str, flags: str, width: int | None, precision: int | None) -> None:
        self.verb = verb
        self.flags = flags
        self.width = width or 0
        self.precision = precision
        if self.width < 0:
            self.width, self.flags = -self.width, self.flags + "-"

    def write(self, value: Any) -> str:
        """The value as this directive writes it."""
        return self._padded(self._body(value), numeric=isinstance(value, (int, float)) and not isinstance(value, bool))

    def _padded(self, text: str, *, numeric: bool) -> str:
        if "-" in self.flags:
            return text.ljust(self.width)
        if "0" in self.flags and numeric:
            sign = text[:1] if text[:1] in ("+", "-") else ""
            return sign + text[len(sign) :].rjust(self.width - len(sign), "0")
        return text.rjust(self.width)

    def _body(self, value: Any) -> str:
        verb = self.verb
        if verb == "v":
            return ("&" if isinstance(value, Struct) and value.pointer else "") + self._general(value)
        if verb == "T":
            return type_name(value)
        if verb == "t" and isinstance(value, bool):
            return show(value)
        if (
            verb in "sq"
            and not isinstance(value, (bool, float))
            and (not isinstance(value, int) or hasattr(value, "get"))
        ):
            return self._text(value)
        if verb in "dbocxXU" and isinstance(value, int) and not isinstance(value, bool):
            return self._integer(int(value))
        if verb in "eEfFgG" and isinstance(value, float):
            return self._float(value)
        if verb in "xX" and isinstance(value, str):
            return value.encode().hex() if verb == "x" else value.encode().hex().upper()
        return f"%!{verb}({type_name(value)}={show(value)})"

    def _general(self, value: Any) -> str:
        if isinstance(value, float):
            return show_float(value)
        text = show(value)
        return "+" + text if "+" in self.flags and isinstance(value, int) and value >= 0 else text

    def _text(self, value: Any) -> str:
        if isinstance(value, list):
            return "[" + " ".join(self._text(item) for item in value) + "]"
        text = show(value)
        if self.precision is not None:
            text = text[: self.precision]
        return _core.dump_json(text) if self.verb == "q" else text

    def _integer(self, value: int) -> str:
        if self.verb == "c":
            return chr(value)
        if self.verb == "U":
            return f"U+{value:04X}"
        text = format(abs(value), self.verb)
        prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(self.verb, "") if "#" in self.flags else ""
        sign = "-" if value < 0 else "+" if "+" in self.flags else " " if " " in self.flags else ""
        return sign + prefix + text

    def _float(self, value: float) -> str:
        if self.verb in "gG" and self.precision is None:
            return show_float(value)
        sign = "+" if "+" in self.flags and value >= 0 else ""
        return sign + format(value, f".{6 if self.precision is None else self.precision}{self.verb}")
