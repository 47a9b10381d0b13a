"""Moments that a user names: `--since`, `--until`, filters."""

from __future__ import annotations

from libpod import timestamp
from libpod.container.quantities import parse_duration_ns
from libpod.errors import InvalidError

#: Nanoseconds of Go's "no time", the first day of year 1.
ZERO_NS = -62135596800 * timestamp.SECOND


def parse_moment(text: str, now_ns: int, *, ahead: bool = False) -> int:
    """Parse RFC 3339, a date, seconds since the epoch, or a duration before now (`10m`) into nanoseconds since the epoch.

    ahead: a duration is one from now on.
    Raises: InvalidError.
    """
    if text.replace(".", "", 1).lstrip("-").isdigit():
        whole, _, fraction = text.partition(".")
        return int(whole) * timestamp.SECOND + int(fraction.ljust(9, "0")[:9] or 0)
    if text[4:5] == "-":
        # Go's date and time formats without seconds or without an offset, which then is UTC.
        completed = {10: "T00:00:00Z", 16: ":00Z", 19: "Z"}.get(len(text), "")
        return timestamp.parse(text + completed)
    try:
        return now_ns + parse_duration_ns(text) * (1 if ahead else -1)
    except InvalidError:
        raise InvalidError(f'"{text}": unable to interpret time value') from None
