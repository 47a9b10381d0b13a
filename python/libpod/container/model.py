"""One container, and what it is at this moment.

A container's state is derived, never stored: from the monitor's pid.json (process id and start time), from exit.json, and
from its cgroup's freezer. Start reading at `derive_state`. Nothing here changes what a container is; see `lifecycle`.
"""

from __future__ import annotations

import os

from libpod import _core, timestamp
from libpod.container.settings import ContainerSettings
from libpod.document import read_document
from libpod.errors import ContainerNotFoundError, CorruptError, ForeignContainerError, InvalidError
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeGuard

    from libpod.places import Places

#: Version of exit.json, which the monitor writes as well.
EXIT_VERSION = 1
#: The exit code of a container whose monitor died before it could see the end. Podman's code for "unknown".
LOST_EXIT_CODE = 255


class ContainerState(Record):
    """What a container is: `created`, `running`, `paused` or `exited`.

    pid, start_time: of its first process while it runs, else 0. monitor: (pid, start time) of its monitor, or None.
    started_at, finished_at: RFC 3339 texts, "" where it never was. networks: what it got of each of its networks.
    """

    status: str
    pid: int = 0
    start_time: int = 0
    monitor: tuple[int, int] | None = None
    started_at: str = ""
    finished_at: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    networks: list[dict[str, Any]] = []
    cgroup: str = ""

    @property
    def is_running(self) -> bool:
        """Whether its first process lives, paused or not."""
        return self.status in ("running", "paused")


class Started(Record):
    """How a container was started that runs on by itself.

    warnings: what is not as its settings say. killed: whether its last run had to be killed after it was asked to end.
    """

    warnings: list[str]
    killed: bool = False


class Container:
    """A container of the store: its record and its places on disk.

    user_directory: `G/overlay-containers/<id>/userdata`, for good. boot_directory: the same below the run root, for this
    boot. run_directory: the monitor's.
    """

    __slots__ = (
        "_settings",
        "boot_directory",
        "id",
        "image_id",
        "layer_id",
        "metadata",
        "name",
        "names",
        "run_directory",
        "user_directory",
        "warnings",
    )

    def __init__(self, record: dict[str, Any], places: Places) -> None:
        self.id: str = record["id"]
        self.names: list[str] = record.get("names") or []
        self.name = self.names[0] if self.names else ""
        self.image_id: str = record.get("image") or ""
        self.layer_id: str = record.get("layer") or ""
        self.metadata: str = record.get("metadata") or ""
        self.user_directory = places.container(self.id)
        self.boot_directory = places.boot(self.id)
        self.run_directory = places.run(self.id)
        self._settings: ContainerSettings | None = None
        #: What is not as the request for this container said; empty for one that was looked up.
        self.warnings: list[str] = []

    @property
    def ended_directory(self) -> str:
        """What the monitor's directory is called while it is taken away."""
        return self.run_directory + ".ended"

    @property
    def pidfile(self) -> str:
        """Path of the file with its process number: the user's, or one for this boot."""
        return self.settings.pidfile or self.boot_directory + "/pidfile"

    @property
    def conmon_pidfile(self) -> str:
        """Path of the file with its monitor's process number, likewise."""
        return self.settings.conmon_pidfile or self.boot_directory + "/conmon.pid"

    @property
    def is_joined(self) -> bool:
        """Whether another container ever was to use a namespace of this one; `dependents` knows whether one does."""
        return os.path.exists(self.joined_path)

    @property
    def joined_path(self) -> str:
        """Path of the mark that says so."""
        return self.user_directory + "/joined"

    @property
    def settings_path(self) -> str:
        """Path of container.json."""
        return self.user_directory + "/container.json"

    @property
    def exit_path(self) -> str:
        """Path of the exit record."""
        return self.user_directory + "/exit.json"

    @property
    def exit_path_aside(self) -> str:
        """Path of the exit record where its disk was full or read-only; it goes with the run directory."""
        return self.run_directory + "/exit.json"

    @property
    def log_path(self) -> str:
        """Path of the log: the user's, or ctr.log."""
        return self.settings.log_path or self.user_directory + "/ctr.log"

    @property
    def is_ours(self) -> bool:
        """Whether libpod created it; the store may hold Podman's and Buildah's as well.

        One whose container.json is lost does not count as libpod's, one whose container.json is damaged does.
        """
        return self._settings is not None or os.path.lexists(self.settings_path)

    @property
    def exists(self) -> bool:
        """Whether its directory is there: the first thing of a container to be made, and the last to go."""
        return os.path.isdir(self.user_directory)

    @property
    def settings(self) -> ContainerSettings:
        """What it was created with, read once.

        Raises: ContainerNotFoundError if the container was removed, ForeignContainerError if container.json is missing,
        CorruptError if it is malformed, UnsupportedError if a newer release wrote it.
        """
        if self._settings is None:
            document = read_document(self.settings_path)
            if document is None:
                if not self.exists:
                    raise ContainerNotFoundError(
                        f'no container with name or ID "{self.name or self.id}" found: no such container'
                    )
                raise self.foreign()
            self._settings = ContainerSettings.from_document(document, self.settings_path)
        return self._settings

    @settings.setter
    def settings(self, settings: ContainerSettings) -> None:
        self._settings = settings

    def foreign(self) -> ForeignContainerError:
        """The error for what cannot be done to a container of another tool."""
        return ForeignContainerError(
            f"container {self.id} was made by another tool, such as Podman or Buildah, or has lost its settings; libpod does"
            " not know its state: use that tool, or remove the container by force: container state improper",
            path=self.settings_path,
        )

    @property
    def state(self) -> ContainerState:
        """What it is now; every access looks again."""
        return derive_state(self)


def remove_tree(path: str) -> None:
    """Remove a directory of plain files that may be gone already."""
    try:
        entries = list(os.scandir(path))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            try:
                os.unlink(entry.path)
            except FileNotFoundError:
                continue
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return


def derive_state(container: Container) -> ContainerState:
    """Find out what a container is. Waits for nothing.

    Raises: CorruptError for a damaged record, UnsupportedError for one of a newer release; both name the file.
    """
    ended = _read_exit(container.exit_path)
    running = _read_pid(container)
    if ended is None and running is None:
        # A monitor that ends takes pid.json away after it wrote the exit record: between two reads both may be missed.
        ended = _read_exit(container.exit_path)
    if running is None:
        return ContainerState("created") if ended is None else _exited(ended, running)
    if _is_of_run(ended, running):
        # The process is over, be it not yet reaped.
        return _exited(ended, running)
    if _core.process_alive(running["pid"], running["start_time"]):
        return _running(running)
    return _ended(container, running)


def _is_of_run(ended: dict[str, Any] | None, running: dict[str, Any]) -> TypeGuard[dict[str, Any]]:
    """Whether an exit record is of the run that pid.json names: the record of the last run stays until the new one has begun."""
    return ended is not None and ended["started_at"] == running["started_at"]


def _read_exit(path: str) -> dict[str, Any] | None:
    document = _core.read_exit_record(path)
    if document is not None:
        _require_times(document, ("started_at", "finished_at"), path)
    return document


def _read_pid(container: Container) -> dict[str, Any] | None:
    path = container.run_directory + "/pid.json"
    document = _core.read_run_record(path)
    if document is None:
        return None
    _require_times(document, ("started_at",), path)
    if document["pid"] <= 0:
        raise CorruptError(f"{path}: `pid` is {document['pid']}", path=path)
    # All that is in this cgroup is killed when the container is cleaned up after.
    cgroup = document["cgroup"]
    if cgroup and (not cgroup.strip("/") or ".." in cgroup.split("/")):
        raise CorruptError(f"{path}: `{cgroup}` is no cgroup of a container", path=path)
    return document


def _require_times(document: dict[str, Any], names: Sequence[str], path: str) -> None:
    for name in names:
        if document.get(name):
            try:
                timestamp.parse(document[name])
            except InvalidError as error:
                raise CorruptError(f"{path}: `{name}`: {error}", path=path) from None


def _running(document: dict[str, Any]) -> ContainerState:
    state = ContainerState("running")
    _describe(state, document)
    state.pid, state.start_time = document["pid"], document["start_time"]
    if state.cgroup:
        from libpod.container.cgroup import Cgroup

        if Cgroup(state.cgroup).is_frozen():
            state.status = "paused"
    return state


def _describe(state: ContainerState, document: dict[str, Any]) -> None:
    state.started_at = document["started_at"]
    state.networks = document["networks"]
    state.cgroup = document["cgroup"]
    state.monitor = (document["monitor_pid"], document["monitor_start_time"])


def _ended(container: Container, running: dict[str, Any]) -> ContainerState:
    """The process is gone: the record is there, or was taken away already, or its monitor has yet to give up or is gone too."""
    state = ContainerState("exited")
    _describe(state, running)
    alive = state.monitor is not None and _core.process_alive(*state.monitor)
    ended = _read_exit(container.exit_path)
    if _is_of_run(ended, running):
        return _exited(ended, running)
    if _read_pid(container) != running:
        # Cleaned up between these looks, and removed (`--rm`) or started anew: what we know is of the past.
        return derive_state(container)
    aside = _read_exit(container.exit_path_aside)
    if aside is not None:
        return _exited(aside, running)
    if ended is not None:
        # The start fails, or its monitor was killed before the program ran: the last run's end stands.
        return _exited(ended, running)
    if alive:
        # It could not write the record anywhere, and still tells its clients how the container ended.
        return _running(running)
    state.exit_code = LOST_EXIT_CODE
    state.error = "the monitor of the container ended before the container"
    return state


def _exited(ended: dict[str, Any], running: dict[str, Any] | None) -> ContainerState:
    state = ContainerState("exited")
    if running is not None:
        _describe(state, running)
    state.exit_code = ended["exit_code"]
    state.oom_killed = ended["oom_killed"]
    state.started_at = ended["started_at"]
    state.finished_at = ended["finished_at"]
    state.error = ended["error"] or ""
    return state
