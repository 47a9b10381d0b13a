"""Signals as a user types them: a number, or a name with or without `SIG`. Start reading at `parse_signal`."""

from __future__ import annotations

from libpod import quantity
from libpod.errors import InvalidError

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


def parse_signal(text: str) -> int:
    """Parse a signal's number or name (`9`, `KILL`, `sigkill`, `SIGRTMIN+3`).

    Raises: InvalidError `invalid signal: …`, or `valid signals are 1 through 64` for a number out of range.
    """
    if quantity.is_decimal(text):
        try:
            number = quantity.parse_integer(text)
        except InvalidError:
            number = 0
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
        if offset[0] == ("+" if sign == 1 else "-") and quantity.is_decimal(offset[1:]) and len(offset) < 4:
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
