"""The user's terminal and streams, as a session with a container needs them."""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import Session


def size() -> tuple[int, int] | None:
    """Rows and columns of the terminal on stdin, or None where there is none."""
    try:
        found = os.get_terminal_size(0)
    except OSError:
        return None
    return found.lines, found.columns


def warn_without_terminal() -> None:
    """Warn, as Podman does, that `-t` and `-i` will not behave as they do on a terminal."""
    if not os.isatty(0):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stderr.write(
            f'time="{stamp}" level=warning msg="The input device is not a TTY. The --tty and --interactive flags might not'
            ' work properly"\n'
        )


def relay(
    session: Session,
    *,
    stdin: bool,
    stdout: bool = True,
    stderr: bool = True,
    terminal: bool,
    detach_keys: str,
    sig_proxy: bool,
) -> dict[str, Any]:
    """Connect the standard streams with a session until the container ends or the user detaches."""
    sys.stdout.flush()
    sys.stderr.flush()
    record: dict[str, Any] = session.relay(
        0 if stdin else None,
        1 if stdout else None,
        2 if stderr else None,
        tty=terminal,
        detach_keys=detach_keys,
        sig_proxy=sig_proxy,
    )
    return record
