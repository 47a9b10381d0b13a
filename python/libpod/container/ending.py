"""How one run of a container ends: asked, killed, waited for.

Its monitor tells the end (`listen`). If the monitor was killed, the process itself is waited for. Nothing here changes a
record, and no lock is held. Start reading at `end`.
"""

from __future__ import annotations

from libpod import _core
from libpod.errors import StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import Session
    from libpod.container.model import Container, ContainerState

_SIGKILL = 9
#: How long a killed process may take to be gone.
_KILLED_S = 10.0
#: How long a monitor may take to give network and cgroup back after its container has ended.
_TAKE_DOWN_S = 5.0


def listen(container: Container, *, cleans_up: bool = False, restarts: bool = False) -> Session | None:
    """Connect with the monitor of a container, to be told of its end; None if no monitor listens.

    cleans_up: this process also removes the container (`--rm`), and the monitor starts no command that does. restarts: and
    it starts the container again, so other clients leave the container alone.
    """
    try:
        session = _core.attach_monitor(container.run_directory, output=False)
        if cleans_up or restarts:
            session.take_cleanup(restart=restarts)
    except StateError:
        return None
    return session


def wait_end(state: ContainerState, session: Session | None, timeout_s: float | None = None) -> bool:
    """Wait until the container has ended and its end is recorded; False after `timeout_s`."""
    if session is not None:
        try:
            return session.wait_end(timeout_s) is not None
        except StateError:
            # The monitor was killed; the container runs on. The session says so whatever it is asked from now on.
            pass
    return _core.wait_process(state.pid, state.start_time, timeout_s)


def wait_taken_down(session: Session | None) -> dict[str, Any] | None:
    """Wait until the monitor has given network and cgroup back; what it says of that, None if it cannot be heard."""
    if session is None:
        return None
    try:
        return session.wait_taken_down(_TAKE_DOWN_S)
    except StateError:
        return None


def end(state: ContainerState, session: Session | None, stop_signal: int, timeout_s: int) -> bool:
    """Ask the first process to end, and kill it if it has not after `timeout_s`; return whether it was asked in vain.

    timeout_s: 0 kills at once, a negative number waits for ever. A paused container cannot be asked.
    Raises: StateError if a killed process does not end.
    """
    asked = timeout_s != 0 and state.status == "running"
    if asked:
        _core.signal_process(state.pid, state.start_time, stop_signal)
        if wait_end(state, session, None if timeout_s < 0 else float(timeout_s)):
            return False
    kill(state)
    if not wait_end(state, session, _KILLED_S):
        raise StateError(f"process {state.pid} does not end, it was killed {_KILLED_S:g} seconds ago")
    return asked


def kill(state: ContainerState) -> None:
    """Kill the first process of a container, frozen or not."""
    _core.signal_process(state.pid, state.start_time, _SIGKILL)
    if state.cgroup:
        from libpod.container.cgroup import Cgroup

        cgroup = Cgroup(state.cgroup)
        if cgroup.is_frozen():
            # A frozen process of cgroup v1 dies only when it is thawed.
            cgroup.freeze(frozen=False)


def end_monitor(state: ContainerState) -> bool:
    """Kill the monitor of a container whose process was killed; whether the process is gone with it."""
    if state.monitor is None:
        return False
    _core.signal_process(*state.monitor, _SIGKILL)
    return _core.wait_process(state.pid, state.start_time, _KILLED_S)
