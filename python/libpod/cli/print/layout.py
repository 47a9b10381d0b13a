"""Layouts of Go's package time: `2006-01-02T15:04:05Z07:00` says by example how a time is written."""

from __future__ import annotations

from libpod import timestamp

MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()

#: The elements of a layout, longer ones before their own beginnings.
_ELEMENTS = (
    "January Monday -07:00:00 Z07:00:00 -070000 Z070000 -07:00 Z07:00 -0700 Z0700 -07 Z07 2006 Jan Mon MST __2 002 01 02 03 04 05"
    " 06 15 _2 PM pm 1 2 3 4 5"
).split()


def clock(ns: int, offset: int) -> tuple[int, int, int, int, int, int, int]:
    """Return year, month, day, hour, minute, second and nanosecond of a time, `offset` seconds east of UTC."""
    seconds, nanosecond = divmod(ns, 10**9)
    days, rest = divmod(seconds + offset, 86400)
    year, month, day = timestamp.civil(days)
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60, nanosecond


def year_day(ns: int, offset: int) -> int:
    """Return the day of the year; the first is 1."""
    days = (ns // 10**9 + offset) // 86400
    return days - timestamp.days(timestamp.civil(days)[0], 1, 1) + 1


def write(layout: str, ns: int, offset: int, zone: str) -> str:
    """Write a time in a layout."""
    out, place = "", 0
    while place < len(layout):
        element = _element(layout, place)
        if element:
            out += _written(element, ns, offset, zone)
            place += len(element)
            continue
        fraction = _fraction(layout, place)
        if fraction:
            out += _written_fraction(fraction, ns)
            place += len(fraction)
            continue
        out += layout[place]
        place += 1
    return out


def _element(layout: str, place: int) -> str:
    for element in _ELEMENTS:
        if layout.startswith(element, place):
            after = layout[place + len(element) : place + len(element) + 1]
            # "Jan" of "January" stood before; "Month" does not begin with a Monday.
            if element in ("Jan", "Mon") and after.islower():
                continue
            return element
    return ""


def _fraction(layout: str, place: int) -> str:
    """The `.000` or `,999` that begins here, behind which no digit follows."""
    if layout[place] not in ".," or layout[place + 1 : place + 2] not in ("0", "9"):
        return ""
    digit, end = layout[place + 1], place + 1
    while layout[end : end + 1] == digit:
        end += 1
    return "" if layout[end : end + 1].isdigit() else layout[place:end]


def _written_fraction(fraction: str, ns: int) -> str:
    digits = f"{ns % 10**9:09d}"[: len(fraction) - 1]
    if fraction[1] == "9":
        digits = digits.rstrip("0")
    return fraction[0] + digits if digits else ""


def _written(element: str, ns: int, offset: int, zone: str) -> str:
    if element == "MST":
        return zone
    if element[0] in "Z-" and element != "-":
        return _offset(element, offset)
    year, month, day, hour, minute, second, _ = clock(ns, offset)
    half = hour % 12 or 12
    weekday = DAYS[((ns // 10**9 + offset) // 86400 + 4) % 7]
    return {
        "2006": f"{year:04d}",
        "06": f"{year % 100:02d}",
        "January": MONTHS[month - 1],
        "Jan": MONTHS[month - 1][:3],
        "Monday": weekday,
        "Mon": weekday[:3],
        "01": f"{month:02d}",
        "1": str(month),
        "02": f"{day:02d}",
        "_2": f"{day:2d}",
        "2": str(day),
        "002": f"{year_day(ns, offset):03d}",
        "__2": f"{year_day(ns, offset):3d}",
        "15": f"{hour:02d}",
        "03": f"{half:02d}",
        "3": str(half),
        "04": f"{minute:02d}",
        "4": str(minute),
        "05": f"{second:02d}",
        "5": str(second),
        "PM": "PM" if hour >= 12 else "AM",
        "pm": "pm" if hour >= 12 else "am",
    }[element]


def _offset(element: str, offset: int) -> str:
    if element[0] == "Z" and offset == 0:
        return "Z"
    sign, size = ("-", -offset) if offset < 0 else ("+", offset)
    parts = [f"{size // 3600:02d}", f"{size // 60 % 60:02d}", f"{size % 60:02d}"]
    count = sum(character.isdigit() for character in element) // 2
    return sign + (":" if ":" in element else "").join(parts[:count])
