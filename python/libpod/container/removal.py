"""Taking away what a container holds on this host, and the container itself.

`remove(force=True)` works from every state, also after a monitor or a command of libpod was killed at any point.
"""

from __future__ import annotations

import os

from libpod.container import ending, networking
from libpod.container.dependents import refuse
from libpod.container.locking import Lock
from libpod.container.model import EXIT_VERSION, ContainerState, remove_tree
from libpod.container.records import Records
from libpod.container.settings import ContainerSettings
from libpod.document import write_document
from libpod.errors import ContainerNotFoundError, CorruptError, ForeignContainerError, StateError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Session
    from libpod.container.model import Container
    from libpod.host import Host


def cleanup(host: Host, container: Container) -> None:
    """Take away what a container that ended still holds on this host: network, cgroup, the monitor's directory.

    Does nothing for one that runs. What a monitor that was killed could not record is recorded here.
    """
    with Lock(container):
        state = container.state
        if not state.is_running:
            _clean(host, container, state)


def halt(host: Host, container: Container) -> None:
    """Kill a container if it runs, and clean up after it."""
    state = container.state
    if state.is_running:
        ending.end(state, None, 0, 0)
    cleanup(host, container)


def clean_before_start(host: Host, container: Container) -> None:
    """Take away what the last run left. Its exit record stays until the new run has begun. The caller holds the lock.

    Raises: StateError if it runs; OSError if the record is still to be written and there is no space for it.
    """
    state = container.state
    if state.is_running:
        raise StateError(f"container {container.id} is {state.status}: container already running")
    if _lacks_record(container, state):
        _record_exit(container, state)
    _clean(host, container, state)


def _clean(host: Host, container: Container, state: ContainerState, *, record: bool = True) -> None:
    """record: keep how it ended; False for a container that is being removed."""
    if os.path.isdir(container.run_directory):
        session = ending.listen(container)
        if session is not None:
            ending.wait_taken_down(session)
            session.close()
    recorded = not record or not _lacks_record(container, state) or _record_if_possible(container, state)
    # Left by a monitor that was killed while it took its directory away.
    remove_tree(container.ended_directory)
    if not os.path.isdir(container.run_directory):
        # The monitor took it away when it had given back the rest; it never made it if it could not start the container.
        return
    networking.release(host, container)
    from libpod.container.cgroup import Cgroup

    cgroup = Cgroup(state.cgroup or f"{_settings(container).cgroup_parent}/libpod-{container.id}")
    if cgroup.directories():
        cgroup.kill()
        cgroup.remove()
    if recorded:
        remove_tree(container.run_directory)


def _settings(container: Container) -> ContainerSettings:
    """The settings of a container, default ones if container.json is lost or damaged: what it left must go all the same."""
    try:
        return container.settings
    except (ContainerNotFoundError, CorruptError):
        return ContainerSettings()


def _lacks_record(container: Container, state: ContainerState) -> bool:
    return state.status == "exited" and not os.path.exists(container.exit_path)


def _record_exit(container: Container, state: ContainerState) -> None:
    """Write the exit record that a monitor could not."""
    from libpod import timestamp

    document = {
        "version": EXIT_VERSION,
        "exit_code": state.exit_code,
        "signal": None,
        "oom_killed": state.oom_killed,
        "started_at": state.started_at,
        "finished_at": state.finished_at or timestamp.rfc3339(timestamp.now()),
        "error": state.error or None,
    }
    write_document(container.exit_path, document)


def _record_if_possible(container: Container, state: ContainerState) -> bool:
    """Write the exit record; False if there is no space for it yet. Then the run directory says it."""
    from errno import EDQUOT, ENOSPC, EROFS

    try:
        _record_exit(container, state)
    except OSError as error:
        if error.errno not in (ENOSPC, EDQUOT, EROFS):
            raise
        return False
    return True


def remove(
    host: Host, container: Container, *, force: bool = False, timeout_s: int | None = None, volumes: bool = False
) -> bool:
    """Remove a container; return whether it had to be killed after it was asked to end.

    force: from every state; a running one is stopped, what a crash left is taken away. timeout_s: as for `ending.end`.
    volumes: anonymous volumes go, too; they always do for a container of `--rm`.
    Raises: StateError for a running container without `force`, ExistsError for one that others depend on.
    """
    if not container.is_ours and container.exists:
        _check_foreign(container, force=force)
    session: Session | None = None
    killed, ended = False, (0, 0)
    try:
        # A container may be started while it is removed, until the lock is held.
        while (state := _remove_ended(host, container, ended, force=force, volumes=volumes)) is not None:
            if not force:
                raise StateError(
                    f"cannot remove container {container.id} as it is {state.status} - running or paused containers"
                    " cannot be removed without force: container state improper"
                )
            refuse(host, container)
            settings = _settings(container)
            session = ending.listen(container, cleans_up=settings.remove)
            limit = settings.stop_timeout if timeout_s is None else timeout_s
            try:
                killed = ending.end(state, session, settings.stop_signal, limit) or killed
            except StateError:
                # Its monitor takes no note of the end. What the monitor had to do, the next round does.
                if not ending.end_monitor(state):
                    raise
            ending.wait_taken_down(session)
            ended = (state.pid, state.start_time)
        if session is not None:
            session.cleanup_done()
    except ContainerNotFoundError:
        # Its own --rm was faster; or the directory is gone and only the record is left.
        if Records(host).exists(container.id):
            Records(host).drop(container)
    finally:
        if session is not None:
            session.close()
    # Left by a command that was killed while it copied an image's content into a volume.
    host.store.release_home()
    return killed


def _check_foreign(container: Container, *, force: bool) -> None:
    """Refuse to remove a container of another tool without force, as libpod does not see whether it runs; or if it surely does.

    Raises: ForeignContainerError.
    """
    if not force:
        raise ForeignContainerError(
            f"container {container.id} was made by another tool and cannot be removed without using force:"
            " container state improper"
        )
    # A running container of Podman's has its /dev/shm there. Its directory could not be removed, but its files would be.
    directory = os.path.dirname(container.user_directory) + "/"
    with open("/proc/self/mounts", "rb") as file:
        mounted = [os.fsdecode(line.split(b" ")[1]) for line in file]
    busy = next((path for path in mounted if path.startswith(directory)), None)
    if busy is not None:
        raise ForeignContainerError(
            f"container {container.id} was made by another tool and is in use, {busy} is mounted; stop it with that tool:"
            " container state improper",
            path=busy,
        )


def _remove_ended(
    host: Host, container: Container, ended: tuple[int, int], *, force: bool, volumes: bool
) -> ContainerState | None:
    """Remove a container that does not run; the state of one that does, and None when it is removed.

    ended: (pid, start time) of a process that is over, whatever the records say. force: also if the records are damaged.
    """
    with Lock(container):
        try:
            state = container.state
        except (CorruptError, UnsupportedError):
            if not force:
                raise
            refuse(host, container)
            _end_unseen(container)
            state = ContainerState("unknown")
        if state.is_running and (state.pid, state.start_time) != ended:
            return state
        refuse(host, container)
        _clean(host, container, state, record=False)
        drop(host, container, volumes=volumes)
    return None


def _end_unseen(container: Container) -> None:
    """Kill all that runs of a container whose records do not say what does: its cgroup is found by its name."""
    from libpod.container.cgroup import Cgroup

    session = ending.listen(container)
    cgroup = Cgroup(f"{_settings(container).cgroup_parent}/libpod-{container.id}")
    if cgroup.directories():
        cgroup.kill()
    if session is not None:
        ending.wait_taken_down(session)
        session.close()


def drop(host: Host, container: Container, *, volumes: bool = False) -> None:
    """Remove record, layer and directories of a container that holds nothing any more. The caller holds the lock."""
    settings = _settings(container)
    if settings.mounts and (volumes or settings.remove):
        from libpod.container.volumes import remove_anonymous

        # Before the record: only the record knows their names, should this be the last that we do.
        remove_anonymous(host, settings)
    Records(host).drop(container)


def discard(host: Host, container: Container) -> None:
    """Remove a container of `--rm` with what a start, or a monitor, that did not come to its end has left of it."""
    remove(host, container, force=True, timeout_s=0)
