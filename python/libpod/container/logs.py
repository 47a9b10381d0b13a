"""What a container wrote, printed from its log.

The monitor writes the log (`rust/monitor`, k8s-file format) and its crate reads it; here it is found out whether there is one
and whether there will be more.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.container import ending
from libpod.container.foreground import finish
from libpod.container.locking import settled_state
from libpod.errors import ExistsError, InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Session
    from libpod.container.model import Container, ContainerState
    from libpod.host import Host

#: The log's reader counts in 64 bits, until the year 2262.
_FOREVER_NS = 2**63 - 1


def print_logs(
    host: Host,
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
) -> Damage | None:
    """Print what a container wrote to two descriptors; return what of its log is no log, None if all is.

    tail: only so many lines at the end; negative: all. since_ns, until_ns: nanoseconds since the epoch. follow: go on until
    the container ends, and over a restart; one of `--rm` is gone when this returns. One that was never started is not waited
    for. prefix: printed before every line.
    Raises: InvalidError for a container without a log.
    """
    if container.settings.log_driver == "none":
        raise InvalidError(
            "this container is using the 'none' log driver, cannot read logs: this container is not logging output"
        )
    runs = Runs(host, container) if follow else None
    first = None if runs is None else runs.first()
    if not os.path.exists(container.log_path):
        return None
    lines, offset, text = _core.read_log(
        container.log_path,
        stdout,
        stderr,
        tail=None if tail < 0 else tail,
        since_ns=None if since_ns is None else max(-_FOREVER_NS, min(since_ns, _FOREVER_NS)),
        until_ns=None if until_ns is None else max(-_FOREVER_NS, min(until_ns, _FOREVER_NS)),
        timestamps=timestamps,
        follow=first,
        next_run=None if runs is None else runs.next,
        prefix=prefix,
        is_complete=not container.state.is_running,
    )
    return Damage(container.log_path, lines, offset, text.decode(errors="replace")) if lines else None


class Damage:
    """Lines of a log that are no entries and were left out: how many, and of the first where it begins, and its beginning."""

    __slots__ = ("lines", "offset", "path", "text")

    def __init__(self, path: str, lines: int, offset: int, text: str) -> None:
        self.path = path
        self.lines = lines
        self.offset = offset
        self.text = text

    def __str__(self) -> str:
        count = "" if self.lines == 1 else f"; {self.lines} such lines"
        return f"'{self.text}' is not a valid container log line ({self.path}, byte {self.offset}{count})"


class Runs:
    """The runs of a container that is followed, one after the other."""

    def __init__(self, host: Host, container: Container) -> None:
        self._host = host
        self._container = container
        self._session: Session | None = None

    def first(self) -> tuple[int, int] | None:
        """The process (pid, start time) of the run that goes on now; None if there is none."""
        return self._process(settled_state(self._container))

    def next(self) -> tuple[int, int] | None:
        """The process of the run that a restart has begun after the last one; None if there is none.

        Waits until the restart is done. A container of `--rm` that is not started again is gone when this returns.
        """
        session, self._session = self._session, None
        try:
            taken = ending.wait_taken_down(session)
            if session is not None and taken is not None and taken["restarts"]:
                session.wait_gone()
                return self._process(self._container.state)
            if self._container.settings.remove:
                finish(self._host, self._container, session)
        except ExistsError:
            # Others depend on it.
            return None
        finally:
            if session is not None:
                session.close()
        return None

    def _process(self, state: ContainerState) -> tuple[int, int] | None:
        if not state.is_running:
            return None
        self._session = ending.listen(self._container)
        return state.pid, state.start_time
