"""Go's `time.Time` and `time.Duration` for templates: how they print, and the methods that a template calls on them."""

from __future__ import annotations

from libpod import timestamp
from libpod.cli.print import layout as layouts
from libpod.cli.print.types import Method

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

_ZERO = timestamp.parse(timestamp.ZERO_TEXT)
_SECOND, _MINUTE, _HOUR = 10**9, 60 * 10**9, 3600 * 10**9


class Duration(int):
    """A `time.Duration` in nanoseconds."""

    go_name = "time.Duration"

    def __str__(self) -> str:
        """Print as Go does: `1h2m3.5s`, `1.5ms`, `0s`."""
        size, sign = abs(int(self)), "-" if self < 0 else ""
        if size < _SECOND:
            for unit, one in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
                if size >= one:
                    return f"{sign}{_fraction(size, one)}{unit}"
            return "0s"
        hours, rest = divmod(size, _HOUR)
        minutes, rest = divmod(rest, _MINUTE)
        text = f"{_fraction(rest, _SECOND)}s"
        if hours or minutes:
            text = f"{minutes}m{text}"
        return sign + (f"{hours}h{text}" if hours else text)

    def get(self, name: str) -> Any:
        """Return a method. Raises: KeyError."""
        return {
            "String": Method(self.__str__),
            "Hours": Method(lambda: self / _HOUR),
            "Minutes": Method(lambda: self / _MINUTE),
            "Seconds": Method(lambda: self / _SECOND),
            "Milliseconds": Method(lambda: int(self) // 10**6),
            "Microseconds": Method(lambda: int(self) // 10**3),
            "Nanoseconds": Method(lambda: int(self)),
        }[name]

    def as_json(self) -> int:
        """The number of nanoseconds."""
        return int(self)


def _fraction(value: int, one: int) -> str:
    whole, rest = divmod(value, one)
    digits = f"{rest:0{len(str(one)) - 1}d}".rstrip("0") if one > 1 else ""
    return f"{whole}.{digits}" if digits else str(whole)


class _Named(int):
    """A month or a day of the week: a number that prints as its name."""

    go_name = ""
    names: tuple[str, ...] = ()
    first = 0

    def __str__(self) -> str:
        return self.names[int(self) - self.first]

    def get(self, name: str) -> Any:
        """Return a method. Raises: KeyError."""
        return {"String": Method(self.__str__)}[name]


class Month(_Named):
    """A `time.Month`."""

    go_name, names, first = "time.Month", tuple(layouts.MONTHS), 1


class Weekday(_Named):
    """A `time.Weekday`: Sunday is 0."""

    go_name, names, first = "time.Weekday", tuple(layouts.DAYS), 0


class Moment:
    """A `time.Time` in UTC or, after `.Local`, in the zone of this process. ns: nanoseconds since the epoch."""

    __slots__ = ("ns", "offset", "zone")

    go_name = "time.Time"

    def __init__(self, ns: int, offset: int = 0, zone: str = "UTC") -> None:
        self.ns = ns
        self.offset = offset
        self.zone = zone

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a time of RFC 3339; None is Go's zero time."""
        return cls(timestamp.parse(text) if text else _ZERO)

    def __str__(self) -> str:
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and other.ns == self.ns

    def __lt__(self, other: Moment) -> bool:
        return self.ns < other.ns

    __hash__ = object.__hash__

    def as_json(self) -> str:
        """The time as JSON writes it."""
        return timestamp.rfc3339(self.ns) if not self.offset else self.format("2006-01-02T15:04:05.999999999Z07:00")

    def get(self, name: str) -> Any:
        """Return a method. Raises: KeyError."""
        call, count = METHODS[name]
        return Method(lambda *arguments: call(self, *arguments), count)

    def format(self, layout: str) -> str:
        """Write the time in a layout of Go, such as `2006-01-02 15:04`."""
        return layouts.write(layout, self.ns, self.offset, self.zone)

    @property
    def clock(self) -> tuple[int, int, int, int, int, int, int]:
        """Year, month, day, hour, minute, second and nanosecond."""
        return layouts.clock(self.ns, self.offset)

    def local(self) -> Moment:
        """The same time in the zone of this process."""
        import time

        try:
            local = time.localtime(self.ns // _SECOND)
        except (OverflowError, OSError, ValueError):
            return Moment(self.ns)
        return Moment(self.ns, local.tm_gmtoff, local.tm_zone)

    def moved(self, ns: int) -> Moment:
        """Another time in the same zone."""
        return Moment(ns, self.offset, self.zone)


def _moment(value: object) -> Moment:
    if not isinstance(value, Moment):
        raise TypeError("wrong type for value; expected time.Time")
    return value


def _truncated(moment: Moment, unit: int) -> Moment:
    return moment.moved(moment.ns - (moment.ns - _ZERO) % unit) if unit > 0 else moment


#: The methods of Go's type: what each does with a time and its arguments, and how many of these it takes.
METHODS: dict[str, tuple[Callable[..., Any], int]] = {
    "Add": (lambda moment, duration: moment.moved(moment.ns + int(duration)), 1),
    "After": (lambda moment, other: moment.ns > _moment(other).ns, 1),
    "Before": (lambda moment, other: moment.ns < _moment(other).ns, 1),
    "Compare": (lambda moment, other: (moment.ns > _moment(other).ns) - (moment.ns < _moment(other).ns), 1),
    "Day": (lambda moment: moment.clock[2], 0),
    "Equal": (lambda moment, other: moment.ns == _moment(other).ns, 1),
    "Format": (Moment.format, 1),
    "Hour": (lambda moment: moment.clock[3], 0),
    "IsZero": (lambda moment: moment.ns == _ZERO, 0),
    "Local": (Moment.local, 0),
    "Minute": (lambda moment: moment.clock[4], 0),
    "Month": (lambda moment: Month(moment.clock[1]), 0),
    "Nanosecond": (lambda moment: moment.clock[6], 0),
    "Second": (lambda moment: moment.clock[5], 0),
    "String": (str, 0),
    "Sub": (lambda moment, other: Duration(moment.ns - _moment(other).ns), 1),
    "Truncate": (lambda moment, unit: _truncated(moment, int(unit)), 1),
    "UTC": (lambda moment: Moment(moment.ns), 0),
    "Unix": (lambda moment: moment.ns // _SECOND, 0),
    "UnixMicro": (lambda moment: moment.ns // 10**3, 0),
    "UnixMilli": (lambda moment: moment.ns // 10**6, 0),
    "UnixNano": (lambda moment: moment.ns, 0),
    # The epoch was a Thursday.
    "Weekday": (lambda moment: Weekday(((moment.ns // _SECOND + moment.offset) // 86400 + 4) % 7), 0),
    "Year": (lambda moment: moment.clock[0], 0),
    "YearDay": (lambda moment: layouts.year_day(moment.ns, moment.offset), 0),
}
