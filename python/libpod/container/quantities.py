"""Sizes, durations and signals as a user types them.

Parses text into integers and refuses everything else in Podman's words. It knows nothing of options or containers.
Start reading at `parse_size`.
"""

from __future__ import annotations

from libpod.errors import InvalidError

_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}

#: Signals of Linux on x86_64 and aarch64; the real-time ones are computed.
SIGNALS = {
    name: number
    for number, name in enumerate(
        "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG"
        " XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(),
        start=1,
    )
}
_RTMIN, _RTMAX = 34, 64


def parse_size(text: str, *, base: int = 1024) -> int:
    """Parse a size with units (`64m`, `1.5g`, `10KiB`, `512`) into bytes.

    base: what one unit is of the next smaller one, 1024 or 1000.
    Raises: InvalidError `invalid size: '…'`.
    """
    split = 0
    while split < len(text) and text[split] in "0123456789.":
        split += 1
    number, suffix = text[:split], text[split:].removeprefix(" ").lower().removesuffix("b").removesuffix("i")
    if suffix not in _UNITS or number[:1] in ("", ".") or number[-1] == "." or number.count(".") > 1:
        raise InvalidError(f"invalid size: '{text}'")
    return int(float(number) * base ** _UNITS[suffix])


def parse_duration_ns(text: str) -> int:
    """Parse a Go duration (`250ms`, `1h30m`, `-5s`) into nanoseconds.

    Raises: InvalidError `time: invalid duration "…"`.
    """
    rest = text[1:] if text[:1] in ("-", "+") else text
    total = 0
    if rest == "0":
        return 0
    if not rest:
        raise InvalidError(f'time: invalid duration "{text}"')
    while rest:
        split = 0
        while split < len(rest) and rest[split] in "0123456789.":
            split += 1
        end = split
        while end < len(rest) and rest[end] not in "0123456789.":
            end += 1
        number, unit = rest[:split], rest[split:end]
        if number.strip(".") == "" or number.count(".") > 1:
            raise InvalidError(f'time: invalid duration "{text}"')
        if not unit:
            raise InvalidError(f'time: missing unit in duration "{text}"')
        if unit not in _NANOSECONDS:
            raise InvalidError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += int(float(number) * _NANOSECONDS[unit])
        rest = rest[end:]
    return -total if text.startswith("-") else total


def parse_signal(text: str) -> int:
    """Parse a signal's number or name (`9`, `KILL`, `sigkill`, `SIGRTMIN+3`).

    Raises: InvalidError `invalid signal: …`, or `valid signals are 1 through 64` for a number out of range.
    """
    if text.isascii() and text.isdigit():
        number = int(text)
        if number == 0:
            raise InvalidError(f"invalid signal: {text}")
        if number > _RTMAX:
            raise InvalidError("valid signals are 1 through 64")
        return number
    name = text.upper().removeprefix("SIG")
    if name in SIGNALS:
        return SIGNALS[name]
    for anchor, base, sign in (("RTMIN", _RTMIN, 1), ("RTMAX", _RTMAX, -1)):
        if not name.startswith(anchor):
            continue
        offset = name.removeprefix(anchor)
        if not offset:
            return base
        if offset[0] == ("+" if sign == 1 else "-") and offset[1:].isascii() and offset[1:].isdigit():
            number = base + sign * int(offset[1:])
            if _RTMIN <= number <= _RTMAX:
                return number
    raise InvalidError(f"invalid signal: {text}")


def signal_name(number: int) -> str:
    """Name a signal: `SIGTERM`, `SIGRTMIN+3`."""
    for name, value in SIGNALS.items():
        if value == number:
            return "SIG" + name
    return "SIGRTMIN" if number == _RTMIN else f"SIGRTMIN+{number - _RTMIN}"
