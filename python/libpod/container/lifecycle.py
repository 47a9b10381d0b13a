"""A container's life: start, wait, stop, kill, pause, clean up, remove.

Start reading at `start`. Each verb looks at what the container is (`model.derive_state`), acts under the container's lock, and
waits without it. `remove(force=True)` works from every state, also after a monitor or a command of ours was killed anywhere.
"""

from __future__ import annotations

import os
import time

from libpod import _core, arguments
from libpod.container.cgroup import Cgroup
from libpod.container.locking import Lock
from libpod.container.model import remove_tree, write_document
from libpod.container.settings import ContainerSettings
from libpod.errors import ContainerNotFoundError, LibpodError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libpod.container.model import Container, ContainerState
    from libpod.engine import Engine

SIGKILL, SIGTERM = 9, 15
#: How long a killed process may take to be gone.
_KILLED_S = 10.0
#: How long a monitor may take to end after its container.
_MONITOR_S = 5.0
#: After how long to look again at a container whose process is gone and that nobody has recorded yet.
_SETTLED_S = 0.005


def listen(container: Container) -> _core.Session | None:
    """Connect with the monitor of a container, to be told its exit code; None where no monitor listens."""
    try:
        return _core.attach(container.run_directory, output=False)
    except StateError:
        return None


def wait(
    engine: Engine, container: Container, *, interval_s: float = 0.25, session: _core.Session | None = None
) -> int:
    """Wait until a container that runs has ended; return its exit code. One that never ran is waited for until it did.

    session: of an earlier `listen`. Who waits for several containers listens to all before: one of `--rm` may be gone when it is
    its turn.
    Raises: ContainerNotFoundError where it is removed before its code could be read.
    """
    code = _hear_end(session)
    while code is None:
        state = container.state
        if state.status == "exited":
            return state.exit_code
        if state.is_running:
            code = _hear_end(listen(container))
            # Without a word its monitor was killed, or ended with it just now.
            if code is None and _core.wait_process(state.pid, state.start_time, interval_s):
                time.sleep(_SETTLED_S)
            continue
        if not engine.containers.exists(container.id):
            raise ContainerNotFoundError(f'no container with name or ID "{container.id}" found: no such container')
        time.sleep(interval_s)
    return code


def wait_for_state(engine: Engine, container: Container, states: Sequence[str], *, interval_s: float = 0.25) -> int:
    """Wait until a container is in one of the states (`stopped` is `exited`); return its exit code, -1 where it has none."""
    names = arguments.strings("states", states)
    wanted = {"exited" if name == "stopped" else "created" if name == "configured" else name for name in names}
    if wanted == {"exited"}:
        return wait(engine, container, interval_s=interval_s)
    while True:
        state = container.state
        if state.status in wanted:
            return state.exit_code if state.status == "exited" else -1
        if not engine.containers.exists(container.id):
            raise ContainerNotFoundError(f'no container with name or ID "{container.id}" found: no such container')
        time.sleep(interval_s)


def _hear_end(session: _core.Session | None) -> int | None:
    """Let a monitor tell the exit code: `--rm` takes the record away sooner than one can look for it.

    None where there is no monitor, or it goes without a word.
    """
    if session is None:
        return None
    try:
        return int(session.wait_end()["exit_code"])
    except LibpodError:
        return None
    finally:
        session.close()


def stop(engine: Engine, container: Container, *, timeout_s: int | None = None) -> None:
    """Ask a container to end, and kill it when it has not after `timeout_s`; then clean up after it.

    A container that does not run is left as it is.
    Raises: StateError for a paused container.
    """
    state = container.state
    if not state.is_running:
        if state.status == "exited":
            try:
                cleanup(engine, container)
            except ContainerNotFoundError:
                # Its own --rm was faster.
                return
        return
    if state.status == "paused":
        raise StateError(
            f"container {container.id} is running or paused, refusing to clean up: container state improper"
        )
    limit = container.settings.stop_timeout if timeout_s is None else timeout_s
    if limit > 0:
        _core.signal_process(state.pid, state.start_time, container.settings.stop_signal)
        if not _core.wait_process(state.pid, state.start_time, float(limit)):
            _kill_now(state)
    else:
        _kill_now(state)
    _settle(state)
    if not container.settings.remove:
        cleanup(engine, container)


def kill(container: Container, signal_number: int = SIGKILL) -> None:
    """Send a signal to a container's first process.

    Raises: StateError where it does not run.
    """
    state = container.state
    if not state.is_running:
        raise StateError(
            f"can only kill running containers. {container.id} is in state {state.status}: container state improper"
        )
    if state.status == "paused" and signal_number == SIGKILL:
        # A frozen process of cgroup v1 dies only when it is thawed.
        _core.signal_process(state.pid, state.start_time, SIGKILL)
        Cgroup(state.cgroup).freeze(frozen=False)
        return
    _core.signal_process(state.pid, state.start_time, signal_number)


def _kill_now(state: ContainerState) -> None:
    _core.signal_process(state.pid, state.start_time, SIGKILL)
    if state.cgroup:
        cgroup = Cgroup(state.cgroup)
        if cgroup.is_frozen():
            cgroup.freeze(frozen=False)
    if not _core.wait_process(state.pid, state.start_time, _KILLED_S):
        raise StateError(f"process {state.pid} does not end, it was killed {_KILLED_S:g} seconds ago")


def _settle(state: ContainerState) -> None:
    """Wait until the monitor of a container that ended has ended, too."""
    if state.monitor is not None:
        _core.wait_process(*state.monitor, _MONITOR_S)


def pause(container: Container) -> None:
    """Freeze all processes of a container.

    Raises: StateError where it does not run.
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

    Raises: StateError where it is not paused.
    """
    with Lock(container):
        state = container.state
        if state.status != "paused":
            raise StateError(f'"{container.id}" is not paused, can\'t unpause: container state improper')
        Cgroup(state.cgroup).freeze(frozen=False)


def cleanup(engine: Engine, container: Container) -> None:
    """Take away what a container that ended still holds on this host: network, cgroup, the monitor's directory.

    Does nothing for one that runs. What a monitor that was killed could not record is recorded here.
    """
    with Lock(container):
        state = container.state
        if not state.is_running:
            _clean(engine, container, state)


def clean_before_start(engine: Engine, container: Container, state: ContainerState) -> None:
    """Take away what the last run left, its exit record too. The caller holds the lock."""
    _clean(engine, container, state)
    try:
        os.unlink(container.exit_path)
    except FileNotFoundError:
        return


def _clean(engine: Engine, container: Container, state: ContainerState) -> None:
    if state.monitor is not None and _core.process_alive(*state.monitor):
        _settle(state)
    if state.status == "exited" and not os.path.exists(container.exit_path):
        _record_lost_exit(container, state)
    if not os.path.isdir(container.run_directory):
        # The monitor took it away as the last thing it did; it never made it where it could not start the container.
        return
    engine.release_network(container)
    cgroup = Cgroup(state.cgroup or f"{_settings(container).cgroup_parent}/libpod-{container.id}")
    if cgroup.directories():
        cgroup.kill()
        cgroup.remove()
    remove_tree(container.run_directory)


def _settings(container: Container) -> ContainerSettings:
    """The settings of a container, default ones where its container.json is lost: what it left must go all the same."""
    return container.settings if container.is_ours else ContainerSettings()


def _record_lost_exit(container: Container, state: ContainerState) -> None:
    from libpod import timestamp

    write_document(
        container.exit_path,
        {
            "exit_code": state.exit_code,
            "signal": None,
            "oom_killed": False,
            "started_at": state.started_at,
            "finished_at": timestamp.rfc3339(timestamp.now()),
            "error": state.error or None,
        },
    )


def remove(
    engine: Engine, container: Container, *, force: bool = False, timeout_s: int | None = None, volumes: bool = False
) -> None:
    """Remove a container. With `force` from every state: a running one is stopped, what a crash left is taken away.

    volumes: anonymous volumes go, too; they always do for a container of `--rm`.
    Raises: StateError for a running container without `force`.
    """
    try:
        while not _remove_ended(engine, container, force=force, timeout_s=timeout_s, volumes=volumes):
            continue
    except ContainerNotFoundError:
        # Its own --rm was faster; or the directory is gone and only the record is left.
        if engine.containers.exists(container.id):
            engine.containers.drop(container)
    # Left by a command that was killed while it copied an image's content into a volume.
    engine.store.release_home()


def _remove_ended(engine: Engine, container: Container, *, force: bool, timeout_s: int | None, volumes: bool) -> bool:
    """Remove a container, stopped first by force; False where it was started in between, by whoever held its lock."""
    state = container.state
    if state.is_running:
        if not force:
            raise StateError(
                f"cannot remove container {container.id} as it is {state.status} - running or paused containers cannot be"
                " removed without force: container state improper"
            )
        _stop_by_force(container, state, timeout_s)
    with Lock(container):
        again = container.state
        if again.is_running and (again.pid, again.start_time) != (state.pid, state.start_time):
            return False
        _clean(engine, container, again)
        settings = _settings(container)
        if settings.mounts and (volumes or settings.remove):
            from libpod.container.volumes import Volumes

            # Before the record: only the record knows their names, should this be the last that we do.
            Volumes(engine).remove_anonymous(settings)
        engine.containers.drop(container)
    return True


def _stop_by_force(container: Container, state: ContainerState, timeout_s: int | None) -> None:
    settings = _settings(container)
    limit = settings.stop_timeout if timeout_s is None else timeout_s
    if state.status == "running" and limit > 0:
        _core.signal_process(state.pid, state.start_time, settings.stop_signal)
        if _core.wait_process(state.pid, state.start_time, float(limit)):
            _settle(state)
            return
    _kill_now(state)
    _settle(state)
