"""What a container wrote, printed from its log.

The monitor writes the log (`rust/monitor`, k8s-file format) and its crate reads it; here it is found out whether there is one
and whether there will be more.
"""

from __future__ import annotations

import os
import time

from libpod import _core
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.container.model import Container

_POLL_S = 0.05
#: The log's reader counts in 64 bits, until the year 2262.
_FOREVER_NS = 2**63 - 1


def print_logs(
    container: Container,
    stdout: int,
    stderr: int,
    *,
    tail: int = -1,
    since_ns: int | None = None,
    until_ns: int | None = None,
    timestamps: bool = False,
    follow: bool = False,
    prefix: bytes = b"",
) -> None:
    """Print what a container wrote to two descriptors.

    tail: only so many lines at the end; negative: all. since_ns, until_ns: nanoseconds since the epoch. follow: go on until
    the container ends; one that was not started is waited for. prefix: printed before every line.
    Raises: InvalidError for a container without a log.
    """
    if container.settings.log_driver == "none":
        raise InvalidError(
            "this container is using the 'none' log driver, cannot read logs: this container is not logging output"
        )
    state = container.state
    while follow and state.status == "created" and os.path.exists(container.settings_path):
        if until_ns is not None and time.time_ns() >= until_ns:
            return
        time.sleep(_POLL_S)
        state = container.state
    if not os.path.exists(container.log_path):
        return
    _core.read_log(
        container.log_path,
        stdout,
        stderr,
        tail=None if tail < 0 else tail,
        since_ns=None if since_ns is None else max(-_FOREVER_NS, min(since_ns, _FOREVER_NS)),
        until_ns=None if until_ns is None else max(-_FOREVER_NS, min(until_ns, _FOREVER_NS)),
        timestamps=timestamps,
        follow=(state.pid, state.start_time) if follow and state.is_running else None,
        prefix=prefix,
    )
