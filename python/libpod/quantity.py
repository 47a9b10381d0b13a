"""Numbers, sizes and durations as users and files write them, with the rules and messages of Go's parsers.

Every text from outside that stands for a number comes through here: Python's own `int` and `float` take
blanks, underscores and the digits of all scripts, and fail in other ways for a number of many digits.
Start reading at `parse_integer`.
Source: Go, packages strconv and time; docker/go-units.
"""

from __future__ import annotations

from libpod.errors import InvalidError

#: Longer texts are out of every range, and Python refuses to convert some thousand digits.
_MOST_DIGITS = 100
_TOO_LARGE: int = 10**_MOST_DIGITS
_MAX_INT64 = 2**63 - 1
_SIZE_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def is_decimal(text: str) -> bool:
    """Say whether `text` consists of the digits 0 to 9 and is not empty."""
    return text.isascii() and text.isdecimal()


def parse_integer(text: str, *, signed: bool = True, bits: int = 64, prefixed: bool = False, function: str = "") -> int:
    """Parse a whole number.

    signed: a sign may stand in front, and the number is in the signed range of `bits`. prefixed: `0x1f`,
    `0o17`, `017`, `0b1` and `1_000` are numbers, too, as in an option of the command line. function: the
    one of Go that messages name, by default `ParseInt` or `ParseUint`.
    Raises: InvalidError `strconv.ParseInt: parsing "…": invalid syntax`, or `… value out of range`.
    """
    function = function or ("ParseInt" if signed else "ParseUint")
    negative = signed and text[:1] == "-"
    digits = text[1:] if signed and text[:1] in ("+", "-") else text
    try:
        number = _prefixed(digits) if prefixed else _decimal(digits)
    except ValueError:
        raise InvalidError(f'strconv.{function}: parsing "{text}": invalid syntax') from None
    if negative:
        number = -number
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not least <= number <= most:
        raise InvalidError(f'strconv.{function}: parsing "{text}": value out of range')
    return number


def _decimal(digits: str) -> int:
    if not is_decimal(digits):
        raise ValueError
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _MOST_DIGITS else _TOO_LARGE


def _prefixed(digits: str) -> int:
    if is_decimal(digits) and digits[0] != "0":
        return _decimal(digits)
    if not digits.isascii() or not digits.replace("_", "0").isalnum():
        raise ValueError
    if len(digits) > _MOST_DIGITS:
        return _TOO_LARGE
    if digits[0] == "0" and digits[1:2] in "01234567_" and digits != "0":
        digits = "0o" + digits[1:]
    # But for such octal numbers, Python's rules for prefixes and underscores are Go's.
    return int(digits, 0)


def parse_float(text: str) -> float:
    """Parse a number with a fraction or an exponent; `inf` and `nan` are such numbers.

    Raises: InvalidError `strconv.ParseFloat: parsing "…": …`.
    """
    try:
        if not text.isascii() or text != text.strip() or not text:
            raise ValueError
        number = float.fromhex(text) if "0x" in text.lower() else float(text)
    except ValueError:
        raise InvalidError(f'strconv.ParseFloat: parsing "{text}": invalid syntax') from None
    except OverflowError:
        number = float("inf")
    if number in (float("inf"), float("-inf")) and "n" not in text.lower():
        raise InvalidError(f'strconv.ParseFloat: parsing "{text}": value out of range')
    return number


def parse_size(text: str, *, base: int = 1024) -> int:
    """Parse a size with units (`64m`, `1.5g`, `10KiB`, `512`) into bytes.

    base: what one unit is of the next smaller one, 1024 or 1000.
    Raises: InvalidError `invalid size: '…'`, also for what does not fit into 63 bits.
    """
    split = 0
    while split < len(text) and text[split] in "0123456789.":
        split += 1
    number, suffix = text[:split], text[split:].removeprefix(" ").lower().removesuffix("b").removesuffix("i")
    whole, dot, fraction = number.partition(".")
    if suffix not in _SIZE_UNITS or not is_decimal(whole) or (dot and not is_decimal(fraction)):
        raise InvalidError(f"invalid size: '{text}'")
    size = _scaled(whole, fraction, base ** _SIZE_UNITS[suffix])
    if size > _MAX_INT64:
        raise InvalidError(f"invalid size: '{text}': value out of range")
    return size


def _scaled(whole: str, fraction: str, unit: int) -> int:
    """Multiply a decimal number with a unit; what is less than one is cut off."""
    fraction = fraction[:_MOST_DIGITS]
    scale: int = 10 ** len(fraction)
    return _decimal(whole or "0") * unit + _decimal(fraction or "0") * unit // scale


def parse_duration_ns(text: str) -> int:
    """Parse a duration of Go (`250ms`, `1h30m`, `-5s`, `0`) into nanoseconds.

    Raises: InvalidError `time: invalid duration "…"`, also for more than 63 bits (292 years).
    """
    rest = text[1:] if text[:1] in ("-", "+") else text
    total = 0
    if rest == "0":
        return 0
    if not rest:
        raise InvalidError(f'time: invalid duration "{text}"')
    while rest:
        split = _end_of(rest, digits=True)
        end = split + _end_of(rest[split:], digits=False)
        number, unit = rest[:split], rest[split:end]
        whole, _, fraction = number.partition(".")
        if not is_decimal(whole + fraction):
            raise InvalidError(f'time: invalid duration "{text}"')
        if not unit:
            raise InvalidError(f'time: missing unit in duration "{text}"')
        if unit not in _NANOSECONDS:
            raise InvalidError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += _scaled(whole, fraction, _NANOSECONDS[unit])
        rest = rest[end:]
    if total > _MAX_INT64:
        raise InvalidError(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total


def _end_of(text: str, *, digits: bool) -> int:
    """Count the characters in front that are of a number, or that are not."""
    end = 0
    while end < len(text) and (text[end] in "0123456789.") == digits:
        end += 1
    return end
