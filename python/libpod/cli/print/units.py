"""Sizes and durations in the words of Go's go-units package, which Podman prints."""

from __future__ import annotations

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

MINUTE, HOUR, DAY = 60, 3600, 86400


def human_size(size_bytes: float, *, digits: int = 4, space: str = "") -> str:
    """Format bytes with decimal units and at most `digits` significant digits: `1.44GB`."""
    return _scaled(size_bytes, 1000.0, _DECIMAL, digits, space)


def human_size_binary(size_bytes: float, *, digits: int = 4, space: str = "") -> str:
    """Format bytes with binary units: `1.5GiB`."""
    return _scaled(size_bytes, 1024.0, _BINARY, digits, space)


def _scaled(size: float, base: float, units: tuple[str, ...], digits: int, space: str) -> str:
    index = 0
    while size >= base and index < len(units) - 1:
        size /= base
        index += 1
    return f"{size:.{digits}g}{space}{units[index]}"


#: The longest duration of Go: its nanoseconds are a number of 64 bits.
LONGEST_S = (2**63 - 1) / 1e9


def human_duration(seconds: float) -> str:
    """Say roughly how long `seconds` are: `About a minute`, `3 hours`, `2 weeks`; `292 years` at most, as Go can count."""
    seconds = min(seconds, LONGEST_S)
    whole = int(seconds)
    minutes, hours = whole // MINUTE, int(seconds / HOUR + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < MINUTE:
        return f"{whole} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    return _long_duration(hours)


def _long_duration(hours: int) -> str:
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{hours // 24 // 365} years"
