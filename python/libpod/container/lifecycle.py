"""A container's life: wait, stop, restart, kill, pause.

Each verb looks at what the container is (`model.derive_state`), acts, and waits without the container's lock. How a run ends
is in `ending`, what is taken away afterwards in `removal`, how a container is started in `starting` and `foreground`.
"""

from __future__ import annotations

import time

from libpod import _core, arguments
from libpod.container import ending
from libpod.container.cgroup import Cgroup
from libpod.container.foreground import begin, finish
from libpod.container.locking import Lock, settled_state
from libpod.container.model import Started
from libpod.container.records import Records
from libpod.container.removal import cleanup
from libpod.errors import ContainerNotFoundError, CorruptError, ExistsError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libpod._core import Session
    from libpod.container.model import Container, ContainerState
    from libpod.host import Host

SIGKILL, SIGTERM = 9, 15
#: After how long to look again at a container whose process is gone and that nobody has recorded yet.
_SETTLED_S = 0.005


def listen(container: Container) -> Session | None:
    """Connect with the monitor of a container, to be told its exit code; None if no monitor listens."""
    return ending.listen(container)


def wait(host: Host, container: Container, *, interval_s: float = 0.25, session: Session | None = None) -> int:
    """Wait until a container that runs has ended; return its exit code, 0 for one that was never started.

    session: of an earlier `listen`. A caller that waits for several containers listens to all before: one of `--rm` may be
    gone when it is its turn. A container of `--rm` is gone when this returns. interval_s: how often to look after a
    container whose monitor was killed.
    Raises: ContainerNotFoundError if it is removed before its code could be read.
    """
    code = _hear_end(host, container, session)
    while code is None:
        state = settled_state(container)
        if state.status == "created":
            return 0
        if state.status == "exited":
            _finish_quietly(host, container, None)
            return state.exit_code
        code = _hear_end(host, container, listen(container))
        # Without a word its monitor was killed, or ended with it just now.
        if code is None and _core.wait_process(state.pid, state.start_time, interval_s):
            time.sleep(_SETTLED_S)
    return code


def wait_for_state(host: Host, container: Container, states: Sequence[str], *, interval_s: float = 0.25) -> int:
    """Wait until a container is in one of the states (`stopped` is `exited`); return its exit code, -1 where it has none."""
    names = arguments.strings("states", states)
    wanted = {"exited" if name == "stopped" else "created" if name == "configured" else name for name in names}
    if wanted == {"exited"}:
        return wait(host, container, interval_s=interval_s)
    while True:
        state = container.state
        if state.status in wanted:
            return state.exit_code if state.status == "exited" else -1
        if not Records(host).exists(container.id):
            raise ContainerNotFoundError(f'no container with name or ID "{container.id}" found: no such container')
        time.sleep(interval_s)


def _hear_end(host: Host, container: Container, session: Session | None) -> int | None:
    """Let a monitor tell the exit code: `--rm` takes the record away sooner than one can look for it.

    None if there is no monitor, or it goes without a word.
    """
    if session is None:
        return None
    try:
        record = session.wait_end()
        if record is None:
            return None
        _finish_quietly(host, container, session)
        return int(record["exit_code"])
    except StateError:
        return None
    finally:
        session.close()


def _finish_quietly(host: Host, container: Container, session: Session | None) -> None:
    """Remove a container of `--rm` that has ended, unless others depend on it."""
    try:
        if _removes_itself(container):
            finish(host, container, session)
    except ExistsError:
        return


def _removes_itself(container: Container) -> bool:
    """Whether it is one of `--rm`; False for one that is gone already."""
    try:
        return container.settings.remove
    except ContainerNotFoundError:
        return False
    except CorruptError:
        if _is_gone(container):
            return False
        raise


def _is_gone(container: Container) -> bool:
    """Whether a container was removed; a removal that is under way is waited for."""
    try:
        with Lock(container):
            return False
    except ContainerNotFoundError:
        return True


def stop(host: Host, container: Container, *, timeout_s: int | None = None) -> bool:
    """Ask a container to end, and kill it if it has not after `timeout_s`; then clean up after it.

    timeout_s: 0 kills at once, a negative number waits for ever; None is the container's own. Returns whether it had to be
    killed after it was asked. A container that does not run is left as it is; one of `--rm` is gone when this returns.
    Raises: StateError for a paused container, ExistsError for one of `--rm` that others depend on; it is stopped then.
    """
    state = container.state
    try:
        if not state.is_running:
            if state.status == "exited":
                _clean_up(host, container, None)
            return False
        settings = container.settings
        session = ending.listen(container, cleans_up=settings.remove)
        try:
            killed = _end(container, state, session, timeout_s)
            _clean_up(host, container, session)
        finally:
            if session is not None:
                session.close()
    except ContainerNotFoundError:
        # Another command removed it meanwhile.
        return False
    return killed


def _end(container: Container, state: ContainerState, session: Session | None, timeout_s: int | None) -> bool:
    if state.status == "paused":
        raise StateError(
            f"container {container.id} is running or paused, refusing to clean up: container state improper"
        )
    settings = container.settings
    return ending.end(state, session, settings.stop_signal, settings.stop_timeout if timeout_s is None else timeout_s)


def _clean_up(host: Host, container: Container, session: Session | None) -> None:
    if container.settings.remove:
        finish(host, container, session)
    else:
        ending.wait_taken_down(session)
        cleanup(host, container)


def start_detached(host: Host, container: Container) -> Started | None:
    """Start a container and let it run; None if it runs already.

    Raises: StateError for a paused container, and what a start raises.
    """
    if container.state.status == "running":
        return None
    warnings = _start(host, container)
    return None if warnings is None else Started(warnings)


def _start(host: Host, container: Container) -> list[str] | None:
    """Start a container and return what its start warns of.

    None if it runs although this start failed: another command has started it meanwhile, or its new monitor was killed.
    """
    try:
        session = begin(host, container, detach=True)
    except StateError:
        if container.state.status == "running":
            return None
        raise
    try:
        return session.warnings()
    finally:
        session.close()


def restart(host: Host, container: Container, *, timeout_s: int | None = None) -> Started:
    """Stop a container if it runs, and start it; one of `--rm` is not removed in between.

    timeout_s: as for `stop`.
    Raises: StateError for a paused container, and what a start raises.
    """
    state = container.state
    if not state.is_running:
        return Started(_start(host, container) or [])
    session = ending.listen(container, restarts=True)
    try:
        killed = _end(container, state, session, timeout_s)
        ending.wait_taken_down(session)
        warnings = _start(host, container)
        if session is not None:
            session.cleanup_done()
    finally:
        if session is not None:
            session.close()
    return Started(warnings or [], killed=killed)


def kill(container: Container, signal_number: int = SIGKILL) -> None:
    """Send a signal to a container's first process.

    Raises: StateError if it does not run.
    """
    state = container.state
    if not state.is_running:
        raise StateError(
            f"can only kill running containers. {container.id} is in state {state.status}: container state improper"
        )
    if signal_number == SIGKILL:
        ending.kill(state)
    else:
        _core.signal_process(state.pid, state.start_time, signal_number)


def pause(container: Container) -> None:
    """Freeze all processes of a container.

    Raises: StateError if it does not run.
    """
    with Lock(container):
        state = container.state
        if state.status == "paused":
            raise StateError(f'"{container.id}" is already paused: container state improper')
        if state.status != "running":
            raise StateError(f'"{state.status}" is not running, can\'t pause: container state improper')
        Cgroup(state.cgroup).freeze(frozen=True)


def unpause(container: Container) -> None:
    """Let a paused container go on.

    Raises: StateError if it is not paused.
    """
    with Lock(container):
        state = container.state
        if state.status != "paused":
            raise StateError(f'"{container.id}" is not paused, can\'t unpause: container state improper')
        Cgroup(state.cgroup).freeze(frozen=False)
