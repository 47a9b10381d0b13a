"""The cgroup of a container, seen from outside: freeze, list, kill, remove. Cgroup v1, hybrid and v2.

The runtime makes a container's cgroup; this is for the other verbs, and for what a killed monitor left. Slow side.
"""

from __future__ import annotations

import os
import signal
import time

from libpod.errors import UnsupportedError

_WAIT_S = 5.0
_POLL_S = 0.005


class Cgroup:
    """A cgroup by its path below every hierarchy's mount point, as `linux.cgroupsPath` has it."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = "/" + path.strip("/")

    def directories(self) -> list[str]:
        """All directories of this cgroup that exist, one for each hierarchy."""
        return [directory for mount in mount_points() if os.path.isdir(directory := mount + self.path)]

    def pids(self) -> list[int]:
        """Process ids in this cgroup and below."""
        found: set[int] = set()
        for directory in self.directories():
            for below, _, _ in os.walk(directory):
                try:
                    with open(below + "/cgroup.procs", encoding="ascii") as file:
                        found.update(int(line) for line in file)
                except OSError:
                    continue
        found.discard(0)
        return sorted(found)

    def _freezer(self) -> tuple[str, str, str] | None:
        """Path of the freezer file, what to write to freeze, what to write to thaw."""
        for name, freeze, thaw in (("freezer.state", "FROZEN", "THAWED"), ("cgroup.freeze", "1", "0")):
            for path in (f"/sys/fs/cgroup/freezer{self.path}/{name}", f"/sys/fs/cgroup{self.path}/{name}"):
                if os.path.exists(path):
                    return path, freeze, thaw
        return None

    def is_frozen(self) -> bool:
        """Whether the cgroup is frozen, or about to be."""
        freezer = self._freezer()
        if freezer is None:
            return False
        try:
            with open(freezer[0], encoding="ascii") as file:
                return file.read().strip() in ("FROZEN", "FREEZING", "1")
        except OSError:
            return False

    def freeze(self, *, frozen: bool) -> None:
        """Freeze or thaw all processes, and wait until it is done.

        Raises: UnsupportedError where the host has no freezer.
        """
        freezer = self._freezer()
        if freezer is None:
            raise UnsupportedError("this host has no cgroup freezer, containers cannot be paused")
        path, freeze, thaw = freezer
        with open(path, "w", encoding="ascii") as file:
            file.write(freeze if frozen else thaw)
        deadline = time.monotonic() + _WAIT_S
        while frozen and path.endswith("freezer.state") and time.monotonic() < deadline:
            with open(path, encoding="ascii") as file:
                if file.read().strip() == "FROZEN":
                    return
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """Kill every process of the cgroup, whatever their parents are, and wait until none is left or five seconds passed."""
        if self.is_frozen():
            self.freeze(frozen=False)
        deadline = time.monotonic() + _WAIT_S
        while pids := self.pids():
            for pid in pids:
                # The ids come from the kernel's own list of this cgroup, read a moment ago.
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if time.monotonic() > deadline:
                return
            time.sleep(_POLL_S)

    def remove(self) -> None:
        """Remove the empty cgroup from every hierarchy; one that is gone is no error."""
        deadline = time.monotonic() + _WAIT_S
        for directory in self.directories():
            while not _remove_tree(directory) and time.monotonic() < deadline:
                time.sleep(_POLL_S)


def mount_points() -> list[str]:
    """Mount points of all cgroup hierarchies."""
    points = []
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ", 3)
            if fields[2] in ("cgroup", "cgroup2"):
                points.append(fields[1])
    return points


def _remove_tree(directory: str) -> bool:
    try:
        for below, _, _ in os.walk(directory, topdown=False):
            os.rmdir(below)
    except FileNotFoundError:
        return True
    except OSError:
        return not os.path.isdir(directory)
    return True
