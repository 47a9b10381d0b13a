"""Points in time as containers' documents write them (RFC 3339 with nanoseconds), without the weight of `datetime`.

A time is an `int`: nanoseconds since the epoch, UTC. `parse` reads, `rfc3339` and `go_text` write.
"""

from __future__ import annotations

from libpod.errors import InvalidError

SECOND = 1_000_000_000

#: What Go writes for "no time": the first day of year 1.
ZERO_TEXT = "0001-01-01T00:00:00Z"


def parse(text: str) -> int:
    """Read an RFC 3339 time such as `2026-11-24T14:02:16.090054893Z` or `…+02:00`.

    Raises: InvalidError.
    """
    day, _, rest = text.replace("t", "T").partition("T")
    clock, offset = _split_offset(rest)
    whole, _, fraction = clock.partition(".")
    try:
        year, month, day_of_month = (int(part) for part in day.split("-"))
        hour, minute, second = (int(part) for part in whole.split(":"))
        nanoseconds = int(fraction[:9].ljust(9, "0")) if fraction else 0
    except ValueError:
        raise InvalidError(f'parsing time "{text}": not a time of RFC 3339') from None
    if not (1 <= month <= 12 and 1 <= day_of_month <= 31 and hour < 24 and minute < 60 and second < 61):
        raise InvalidError(f'parsing time "{text}": out of range')
    seconds = _days(year, month, day_of_month) * 86400 + hour * 3600 + minute * 60 + second - offset
    return seconds * SECOND + nanoseconds


def _split_offset(text: str) -> tuple[str, int]:
    """Split the clock from the offset from UTC in seconds."""
    if text[-1:] in ("Z", "z"):
        return text[:-1], 0
    for sign in "+-":
        clock, found, offset = text.rpartition(sign)
        hours, _, minutes = offset.partition(":")
        if found and hours.isdigit() and (minutes or "0").isdigit():
            seconds = int(hours) * 3600 + int(minutes or 0) * 60
            return clock, -seconds if sign == "-" else seconds
    return text, 0


def _days(year: int, month: int, day: int) -> int:
    """Count the days from the epoch to a civil date (years are shifted to start in March, where leap days end)."""
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def _civil(days: int) -> tuple[int, int, int]:
    days += 719468
    era = days // 146097
    of_era = days - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year + era * 400 + (month <= 2), month, day


def _parts(time_ns: int) -> tuple[str, str, str]:
    seconds, nanoseconds = divmod(time_ns, SECOND)
    days, clock = divmod(seconds, 86400)
    year, month, day = _civil(days)
    fraction = f"{nanoseconds:09d}".rstrip("0")
    return (
        f"{year:04d}-{month:02d}-{day:02d}",
        f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}",
        f".{fraction}" if fraction else "",
    )


def rfc3339(time_ns: int) -> str:
    """Write a time as Go's RFC3339Nano in UTC: no trailing zeros in the fraction."""
    day, clock, fraction = _parts(time_ns)
    return f"{day}T{clock}{fraction}Z"


def go_text(time_ns: int) -> str:
    """Write a time as Go prints one in UTC: `2026-11-24 14:02:16.09 +0000 UTC`."""
    day, clock, fraction = _parts(time_ns)
    return f"{day} {clock}{fraction} +0000 UTC"


def now() -> int:
    """Return the present time."""
    from time import time_ns

    return time_ns()
