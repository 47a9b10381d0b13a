"""Go's fmt.Sprintf for the values of templates.

Source: the package documentation of Go's fmt, "Printing", "Explicit argument indexes" and "Format errors".
"""

from __future__ import annotations

from libpod.cli.print.values import List, Map, Nil, Struct, show, show_float, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_FLAGS = "+-# 0"

#: Widths and precisions beyond this are refused.
_NUMBER_LIMIT = 1_000_000


def printf(layout: str, values: Sequence[Any]) -> str:
    """Write `values` as the verbs of `layout` say; a verb that does not fit says so in the text, as Go does."""
    return _Printer(layout, values).run()


class _Printer:
    """One run over a layout. used: values consumed so far; reordered: an index said which is next."""

    def __init__(self, layout: str, values: Sequence[Any]) -> None:
        self.layout = layout
        self.values = values
        self.place = 0
        self.used = 0
        self.reordered = False

    def run(self) -> str:
        out = ""
        while self.place < len(self.layout):
            letter = self.layout[self.place]
            self.place += 1
            out += self._directive() if letter == "%" else letter
        if self.used < len(self.values) and not self.reordered:
            rest = (f"{type_name(value)}={show(value)}" for value in self.values[self.used :])
            out += f"%!(EXTRA {', '.join(rest)})"
        return out

    def _peek(self) -> str:
        return self.layout[self.place : self.place + 1]

    def _directive(self) -> str:
        flags, out = "", ""
        while self._peek() and self._peek() in _FLAGS:
            flags += self._peek()
            self.place += 1
        self.reordered = False
        good = self._index()
        width, complaint = self._number("%!(BADWIDTH)")
        out += complaint
        precision = None
        if self._peek() == ".":
            self.place += 1
            good = self._index() and good
            precision, complaint = self._number("%!(BADPREC)")
            out += complaint
            precision = precision if precision is not None or complaint else 0
            if precision is not None and precision < 0:
                precision, out = None, out + "%!(BADPREC)"
        good = self._index() and good
        verb = self._peek()
        self.place += 1
        if not verb:
            return out + "%!(NOVERB)"
        if verb == "%":
            return out + "%"
        if not good:
            return out + f"%!{verb}(BADINDEX)"
        if self.used >= len(self.values):
            return out + f"%!{verb}(MISSING)"
        value = self.values[self.used]
        self.used += 1
        return out + _Directive(verb, flags, width, precision).write(value)

    def _index(self) -> bool:
        """Read `[n]`, if one stands here; False for one that names no value."""
        if self._peek() != "[":
            return True
        self.reordered = True
        text, bracket, _ = self.layout[self.place + 1 :].partition("]")
        if not bracket:
            self.place += 1
            return False
        self.place += len(text) + 2
        if not text.isdecimal() or not 1 <= int(text) <= len(self.values):
            return False
        self.used = int(text) - 1
        return True

    def _number(self, complaint: str) -> tuple[int | None, str]:
        """Read a width or a precision, which `*` takes from the values, with what is to be said of a bad one."""
        if self._peek() == "*":
            self.place += 1
            value = self.values[self.used] if self.used < len(self.values) else None
            self.used += self.used < len(self.values)
            if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _NUMBER_LIMIT:
                return None, complaint
            return int(value), ""
        start = self.place
        while self._peek() and self._peek() in "0123456789":
            self.place += 1
        digits = self.layout[start : self.place]
        return (int(digits) if digits and int(digits) <= _NUMBER_LIMIT else None), ""


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
        """The value as this directive writes it. Width and precision are those of each member of a list or a map."""
        if self.verb == "T":
            return self._padded(type_name(value))
        if isinstance(value, Struct):
            shown = ("&" if value.pointer else "") + show(value)
            return shown if self.verb in "vs" else self._bad(value)
        if self.verb == "v" and "#" in self.flags and isinstance(value, (str, List)):
            return self._padded(_literal(value))
        if isinstance(value, List) or type(value) is list:
            return "[" + " ".join(map(self.write, value)) + "]"
        if isinstance(value, Map):
            return "map[" + " ".join(f"{self.write(key)}:{self.write(value[key])}" for key in sorted(value)) + "]"
        body = self._body(value)
        return self._bad(value) if body is None else body

    def _bad(self, value: Any) -> str:
        if value is None or isinstance(value, Nil):
            return f"%!{self.verb}(<nil>)"
        # Go writes the value of a bad verb with its flags.
        general = _Directive("v", self.flags, self.width, self.precision)
        return f"%!{self.verb}({type_name(value)}={general.write(value)})"

    def _padded(self, text: str) -> str:
        if "-" in self.flags:
            return text.ljust(self.width)
        return text.rjust(self.width, "0" if "0" in self.flags else " ")

    def _number_padded(self, sign: str, digits: str) -> str:
        """A number: zeros stand between its sign and its digits."""
        if "0" in self.flags and "-" not in self.flags:
            return sign + digits.rjust(self.width - len(sign), "0")
        text = sign + digits
        return text.ljust(self.width) if "-" in self.flags else text.rjust(self.width)

    def _body(self, value: Any) -> str | None:
        """A plain value as the verb writes it; None where the verb is not for it."""
        verb = self.verb
        if isinstance(value, bool):
            return self._padded(show(value)) if verb in "vt" else None
        if isinstance(value, int) and not hasattr(value, "get"):
            return self._integer(int(value)) if verb in "vdbocqxXU" else None
        if isinstance(value, float):
            return self._float(value) if verb in "veEfFgGxX" else None
        if value is None or isinstance(value, Nil):
            return self._padded(show(value)) if verb == "v" else None
        if verb in "vs":
            return self._padded(show(value)[: self.precision])
        if verb == "q":
            return self._padded(self._quoted(show(value)[: self.precision]))
        if verb in "xX" and isinstance(value, str):
            digits = value.encode()[: self.precision].hex()
            return self._padded(digits if verb == "x" else digits.upper())
        return self._integer(int(value)) if isinstance(value, int) and verb in "dboxX" else None

    def _quoted(self, text: str) -> str:
        if "#" in self.flags and "`" not in text and text.replace("\t", "").isprintable():
            return f"`{text}`"
        return _quoted(text, '"', ascii="+" in self.flags)

    def _integer(self, value: int) -> str:
        verb = self.verb
        if verb == "c":
            return self._padded(chr(value))
        if verb == "q":
            return self._padded(_quoted(chr(value), "'", ascii="+" in self.flags))
        if verb == "U":
            return self._padded(f"U+{value:04X}")
        digits = format(abs(value), "d" if verb == "v" else verb)
        if self.precision is not None:
            digits = digits.rjust(self.precision, "0") if value or self.precision else ""
        if "#" in self.flags:
            digits = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") + digits
        sign = "-" if value < 0 else self._sign()
        if self.precision is not None:
            # How many digits there are is said: zeros do not fill the width too.
            return _Directive(verb, self.flags.replace("0", ""), self.width, None)._number_padded(sign, digits)
        return self._number_padded(sign, digits)

    def _sign(self) -> str:
        # With `%+v` the flag asks for the names of fields.
        return "+" if "+" in self.flags and self.verb != "v" else " " if " " in self.flags else ""

    def _float(self, value: float) -> str:
        verb = "g" if self.verb == "v" else self.verb
        sign = "-" if value < 0 else self._sign()
        if verb in "xX":
            mantissa, _, exponent = abs(value).hex().partition("p")
            text = f"{mantissa.rstrip('0').rstrip('.')}p{exponent[0]}{exponent[1:].zfill(2)}"
            return self._number_padded(sign, text if verb == "x" else text.upper())
        if verb in "gG" and self.precision is None:
            text = show_float(abs(value))
            return self._number_padded(sign, text.upper() if verb == "G" else text)
        return self._number_padded(
            sign, format(abs(value), f".{6 if self.precision is None else self.precision}{verb}")
        )


def _literal(value: Any) -> str:
    """A value as Go's source would write it."""
    if isinstance(value, List):
        members = ", ".join(map(_literal, value))
        return f"{type_name(value)}{{{members}}}" if value.raw is not None else f"{type_name(value)}(nil)"
    return _quoted(value, '"', ascii=False) if isinstance(value, str) else show(value)


_ESCAPES = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\"}


def _quoted(text: str, quote: str, *, ascii: bool) -> str:
    """Quote a text as Go writes its literals. ascii: whether other letters are escaped too."""
    out = ""
    for letter in text:
        if letter in _ESCAPES or letter == quote:
            out += "\\" + _ESCAPES.get(letter, letter)
        elif letter.isprintable() and (letter < "\x80" or not ascii):
            out += letter
        elif ord(letter) < 0x80:
            out += f"\\x{ord(letter):02x}"
        else:
            out += f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
    return quote + out + quote
