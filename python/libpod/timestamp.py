"""Points in time as containers' documents write them (RFC 3339 with nanoseconds), without the weight of `datetime`.

A time is an `int`: nanoseconds since the epoch, UTC. `parse` reads what documents hold, `parse_moment` what users type;
`rfc3339` and `go_text` write.
"""

from __future__ import annotations

from libpod import quantity
from libpod.errors import InvalidError

SECOND = 1_000_000_000

#: What Go writes for "no time": the first day of year 1.
ZERO_TEXT = "0001-01-01T00:00:00Z"
ZERO_NS = -62135596800 * SECOND


def parse(text: str) -> int:
    """Read an RFC 3339 time such as `2026-11-24T14:02:16.090054893Z` or `…+02:00`.

    Raises: InvalidError for everything that Go's parser refuses: one-digit fields, days that a month does
    not have, leap seconds, lower-case letters, a missing offset.
    """
    moment = _parse(text, clock=True, offset=True)
    if moment is None:
        raise InvalidError(f'parsing time "{text}": not a time of RFC 3339')
    return moment


def parse_moment(text: str, now_ns: int, *, ahead: bool = False) -> int:
    """Parse a moment that a user names, in the ways that Podman knows, into nanoseconds since the epoch.

    text: RFC 3339, also without its offset or without its time of day; seconds since the epoch, perhaps
    with a fraction; or a duration before now (`10m`). ahead: a duration is one from now on.
    Raises: InvalidError.
    """
    for clock in (True, False):
        for offset in (True, False):
            moment = _parse(text, clock=clock, offset=offset)
            if moment is not None:
                return moment
    seconds, dot, fraction = text.partition(".")
    if quantity.is_decimal(seconds) and (not dot or quantity.is_decimal(fraction)) and len(seconds) <= 19:
        return int(seconds) * SECOND + int(fraction[:9].ljust(9, "0"))
    try:
        number = quantity.parse_float(text) * SECOND
        if number - number == 0:  # neither an infinity nor no number at all
            return int(number)
    except InvalidError:
        pass
    try:
        return now_ns + quantity.parse_duration_ns(text) * (1 if ahead else -1)
    except InvalidError:
        raise InvalidError(f'"{text}": unable to interpret time value') from None


def parse_filter_moment(text: str) -> int:
    """Parse the moment of a filter `until=`.

    Raises: InvalidError `failed to parse value as time or duration: …`.
    """
    try:
        return parse_moment(text, now())
    except InvalidError:
        raise InvalidError(f'failed to parse value as time or duration: "{text}"') from None


def _parse(text: str, *, clock: bool, offset: bool) -> int | None:
    """Read a date, a time of day when `clock`, an offset from UTC when `offset`; None for a text of another form."""
    day, rest, zone = text[:10], text[10:], 0
    if offset:
        found = _split_offset(rest)
        if found is None:
            return None
        rest, zone = found
    of_day = _parse_clock(rest) if clock else None if rest else 0
    if of_day is None or day[4:5] + day[7:8] != "--" or not quantity.is_decimal(day[:4] + day[5:7] + day[8:]):
        return None
    date = int(day[:4]), int(day[5:7]), int(day[8:])
    count = days(*date)
    if not 1 <= date[1] <= 12 or civil(count) != date:
        return None
    return (count * 86400 - zone) * SECOND + of_day


def _parse_clock(text: str) -> int | None:
    """Read `T14:02:16.09` into nanoseconds of the day."""
    fields, fraction = (text[1:3], text[4:6], text[7:9]), text[10:]
    if len(text) < 9 or text[0] + text[3] + text[6] != "T::" or not quantity.is_decimal("".join(fields) + fraction):
        return None
    hour, minute, second = (int(field) for field in fields)
    if hour > 23 or minute > 59 or second > 59 or text[9:10] not in ("", ".", ",") or (len(text) > 9 and not fraction):
        return None
    return (hour * 3600 + minute * 60 + second) * SECOND + int(fraction[:9].ljust(9, "0"))


def _split_offset(text: str) -> tuple[str, int] | None:
    """Split the clock from the offset from UTC in seconds; None where there is none."""
    if text[-1:] == "Z":
        return text[:-1], 0
    sign, hours, colon, minutes = text[-6:-5], text[-5:-3], text[-3:-2], text[-2:]
    if sign not in ("+", "-") or colon != ":" or not quantity.is_decimal(hours + minutes):
        return None
    if int(hours) > 23 or int(minutes) > 59:
        return None
    seconds = int(hours) * 3600 + int(minutes) * 60
    return text[:-6], -seconds if sign == "-" else seconds


def days(year: int, month: int, day: int) -> int:
    """Count the days from the epoch to a civil date (years are shifted to start in March, where leap days end)."""
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil(days: int) -> tuple[int, int, int]:
    """Turn days since the epoch into year, month and day."""
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
    year, month, day = civil(days)
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
