"""Whatever is killed, whenever: the next command works, and after `rm -f` nothing of a container is left.

The monitor is killed, or the command that starts, runs or removes a container, after a random time. Then the store is read,
the containers are listed, removed by force, and mounts, cgroups, processes, interfaces and files are counted.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libpod import _core
from tests.support import cli, container_images, leaks, probe

ROUNDS = int(os.environ.get("LIBPOD_CRASH_ROUNDS", "12"))


@pytest.fixture
def crash(store_directory: Path) -> Iterator[Watched]:
    probe.needs_root()
    program = cli.ours(store_directory)
    root = store_directory / "root.tar"
    container_images.write_root(root)
    program("import", "-q", "--change", 'CMD ["sleep","1000"]', str(root), "rich")
    yield Watched(program)
    program.remove_all()


class Watched:
    """Our program on a store, and every container that was ever in it."""

    def __init__(self, program: cli.Cli) -> None:
        self.program = program
        self.ids: set[str] = set()

    def __call__(self, *words: str) -> str:
        out = self.program(*words).stdout
        self.look()
        return out

    def look(self) -> None:
        """Remember the containers that are there now."""
        self.ids |= {path.name for path in (self.program.root / "overlay-containers").iterdir() if path.is_dir()}

    def record(self) -> dict[str, int]:
        """The monitor's record of the one container that runs."""
        (path,) = (self.program.runroot / "libpod").glob("*/pid.json")
        record: dict[str, int] = json.loads(path.read_text())
        return record

    def left(self) -> set[str]:
        """What is on the host, below our two roots, and of our containers."""
        root, runroot = str(self.program.root), self.program.runroot
        found = {line for line in leaks.snapshot() if root in line or any(name in line for name in self.ids)}
        found |= {str(path) for path in (runroot / "libpod").iterdir() if path.name not in ("seccomp", "networks")}
        # A lease that was given back is taken away by whoever asks for the next one.
        for leases in (runroot / "libpod" / "networks").glob("*"):
            _core.network_sweep(str(leases))
            found |= {str(path) for path in leases.iterdir() if path.name[0].isdigit()}
        found |= {str(path) for path in (self.program.root / "overlay-containers").iterdir() if path.is_dir()}
        found |= {str(path) for path in (runroot / "overlay-containers").glob("*") if path.is_dir()}
        layers = [path for path in (self.program.root / "overlay").iterdir() if len(path.name) == 64]
        # The image's own layer stays.
        return found | {f"layer {path.name}" for path in layers[1:]}

    def assert_nothing_left(self) -> None:
        """List, inspect, remove by force; the store still works, and nothing is left of any container."""
        for row in json.loads(self("ps", "-a", "--format", "json")):
            assert row["State"] in ("created", "running", "exited", "paused")
            if self.program("inspect", row["Id"], code=None).returncode:
                # A monitor may have removed its container of --rm since the listing; then it is listed no more.
                assert row["Id"] not in self("ps", "-a", "-q", "--no-trunc")
        self("rm", "-f", "-a", "-t", "0")
        assert self("ps", "-a", "-q") == ""
        assert self("run", "--rm", "--network", "none", "rich", "echo", "well") == "well\n"
        assert wait_for(lambda: not self.left()), f"left behind: {sorted(self.left())}"


def wait_for(condition: Callable[[], bool], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_killed_monitor_leaves_a_container_that_can_be_stopped_and_removed(crash: Watched) -> None:
    crash("run", "-d", "--name", "orphan", "rich")
    monitor = crash.record()["monitor_pid"]
    os.kill(monitor, signal.SIGKILL)
    assert crash("ps", "--format", "{{.Names}} {{.State}}") == "orphan running\n"
    crash("stop", "-t", "0", "orphan")
    assert crash("inspect", "-f", "{{.State.Status}}", "orphan") == "exited\n"
    crash("start", "orphan")
    assert crash("exec", "orphan", "echo", "again") == "again\n"
    crash.assert_nothing_left()


def test_monitor_and_container_killed_together(crash: Watched) -> None:
    crash("run", "-d", "--name", "both", "rich")
    record = crash.record()
    for pid in (record["monitor_pid"], record["pid"]):
        os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: crash("inspect", "-f", "{{.State.Status}}", "both") == "exited\n")
    assert crash("wait", "both") == "255\n"
    crash("start", "both")
    crash.assert_nothing_left()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "words",
    [
        ("run", "--rm", "--network", "none", "rich", "sh", "-c", "sleep 0.1"),
        ("run", "-d", "rich"),
        ("run", "--rm", "-v", "/anonymous", "-p", "8437:80", "rich", "true"),
        ("rm", "-f", "-a", "-t", "0"),
        ("stop", "-a", "-t", "0"),
        ("start", "--all"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_command_killed_at_any_moment(crash: Watched, words: tuple[str, ...]) -> None:
    chance = random.Random(" ".join(words))
    crash("run", "--rm", "--network", "none", "rich", "true")
    for _ in range(ROUNDS):
        if words[0] in ("rm", "stop"):
            crash("run", "-d", "rich")
        elif words[0] == "start":
            crash("create", "--network", "none", "rich")
        process = crash.program.spawn(*words)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.communicate()
        crash.look()
    crash.assert_nothing_left()


@pytest.mark.timeout(600)
def test_a_monitor_killed_at_any_moment(crash: Watched) -> None:
    chance = random.Random(7)
    for _ in range(ROUNDS):
        process = crash.program.spawn("run", "-d", "rich", "sleep", "0.2")
        time.sleep(chance.uniform(0.05, 0.4))
        crash.look()
        for name in leaks.snapshot():
            if name.startswith("process ") and any(container_id in name for container_id in crash.ids):
                try:
                    os.kill(int(name.split()[1]), signal.SIGKILL)
                except ProcessLookupError:
                    continue
        process.communicate()
    crash.assert_nothing_left()
