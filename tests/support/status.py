"""/proc/self/status of a container, made comparable."""

from __future__ import annotations

import re

#: Signals 32 and 33 are the C library's own. posix_spawn leaves them ignored in its child (make's, for one), and no program
#: can set them right through the library: Podman and runc hand that on to the container, libpod does not.
_LIBRARY_SIGNALS = 0b11 << 31


def without_library_signals(text: str) -> str:
    """Clear the bits of the C library's signals in the line `SigIgn`."""

    def clear(match: re.Match[str]) -> str:
        return f"{match[1]}{int(match[2], 16) & ~_LIBRARY_SIGNALS:016x}"

    return re.sub(r"^(SigIgn:\s*)([0-9a-f]{16})", clear, text, flags=re.MULTILINE)
