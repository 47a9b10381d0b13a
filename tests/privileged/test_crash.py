"""Whatever is killed, whenever: the next command works, and after `rm -f` nothing of a container is left.

The monitor is killed, or a command, at random moments of the time that it takes. After each kill the store is read and the
containers are listed; after every ten they are removed by force, and mounts, cgroups, processes, interfaces and files are
counted. Only a kill that hit a living process counts. `LIBPOD_CRASH_SEED` repeats the moments of a run that failed,
`LIBPOD_CRASH_MOMENTS` makes more of them.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libpod import _core
from libpod.errors import NotFoundError
from libpod.store import open_store
from tests.support import cli, container_images, images, leaks, probe
from tests.support.registry import Registry
from tests.support.store import layers_size

#: How many kills each kind of process gets: monitor, run, pull, load.
MOMENTS = int(os.environ.get("LIBPOD_CRASH_MOMENTS", "50"))
#: How many the other commands get.
FEW = 12
#: After so many kills everything is removed and looked for.
STRETCH = 10
ID_LENGTH = 64
SMALL = "localhost/small:1"


@pytest.fixture
def chance() -> random.Random:
    """Moments of this run; the seed is printed where a test fails."""
    seed = os.environ.get("LIBPOD_CRASH_SEED") or str(random.SystemRandom().getrandbits(32))
    print(f"LIBPOD_CRASH_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def crash(store_directory: Path) -> Iterator[Watched]:
    probe.needs_root()
    program = cli.ours(store_directory)
    program.is_measured = False
    (store_directory / "tmp").mkdir()
    program.environment["TMPDIR"] = str(store_directory / "tmp")
    container_images.import_root(program, 'CMD ["sleep","1000"]')
    yield Watched(program)
    program.remove_all()


class Watched:
    """Our program on a store, and every container that was ever in it."""

    def __init__(self, program: cli.Cli) -> None:
        self.program = program
        self.store = open_store(str(program.root), str(program.runroot))
        self.ids: set[str] = set()

    def __call__(self, *words: str) -> str:
        out = self.program(*words).stdout
        self.look()
        return out

    def look(self) -> None:
        """Remember the containers that are there now."""
        directory = self.program.root / "overlay-containers"
        self.ids |= {name for name in os.listdir(directory) if len(name) == ID_LENGTH}

    def wait(self, seconds: float) -> None:
        """Let time pass, and remember every container that is there meanwhile: one of --rm may be gone afterwards."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            self.look()
            time.sleep(min(rest, 0.004))

    def record(self) -> dict[str, int]:
        """The monitor's record of the one container that runs."""
        (path,) = (self.program.runroot / "libpod").glob("*/pid.json")
        record: dict[str, int] = json.loads(path.read_text())
        return record

    def duration(self, *words: str, undo: Callable[[], object] = lambda: None) -> float:
        """How long a command takes that nobody kills, in seconds."""
        taken = []
        for _ in range(3):
            begin = time.monotonic()
            self(*words)
            taken.append(time.monotonic() - begin)
            undo()
        return statistics.median(taken)

    def kill_within(self, words: tuple[str, ...], moment_s: float) -> bool:
        """Start a command and kill it after a while; whether it was still there."""
        process = self.program.spawn(*words)
        self.wait(moment_s)
        process.kill()
        process.communicate()
        self.look()
        return process.returncode == -signal.SIGKILL

    def assert_whole(self) -> None:
        """What readers see of images and containers is whole."""
        for image in self.store.images():
            assert layers_size(self.store, image["layer"]) > 0
            assert self.store.image_data(image["id"], "manifest")
        for record in self.store.containers():
            try:
                self.store.layer(record["layer"])
            except NotFoundError:
                # Its --rm took it away meanwhile.
                assert record["id"] not in [other["id"] for other in self.store.containers()]

    def assert_listed(self) -> None:
        """Containers are listed, each in a state that there is."""
        self.assert_whole()
        for row in json.loads(self("ps", "-a", "--format", "json")):
            assert row["State"] in ("created", "running", "exited", "paused")

    def left(self) -> set[str]:
        """What is on the host, below our two roots, and of our containers."""
        root, runroot = self.program.root, self.program.runroot
        found = {line for line in leaks.snapshot() if str(root) in line or any(name in line for name in self.ids)}
        found |= {str(path) for path in (runroot / "libpod").glob("*") if path.name not in ("seccomp", "networks")}
        # A lease that was given back is taken away by whoever asks for the next one.
        for leases in (runroot / "libpod" / "networks").glob("*"):
            _core.network_sweep(str(leases))
            found |= {str(path) for path in leases.iterdir() if path.name[0].isdigit()}
        for directory in (root / "overlay-containers", runroot / "overlay-containers"):
            found |= {str(path) for path in directory.glob("*") if path.is_dir()}
        for directory in (root / "volumes", root / "libpod/staging", root / "libpod/pending", root.parent / "tmp"):
            found |= {str(path) for path in directory.glob("*")}
        layers = [path for path in (root / "overlay").iterdir() if len(path.name) == ID_LENGTH]
        # The image's own layer stays.
        return found | {f"layer {path.name}" for path in layers[1:]}

    def assert_nothing_left(self) -> None:
        """List, inspect, remove by force; the store still works, and nothing is left of any container."""
        for row in json.loads(self("ps", "-a", "--format", "json")):
            if self.program("inspect", row["Id"], code=None).returncode:
                # A monitor whose client was killed runs `container cleanup --rm` meanwhile; nothing else may remove it.
                assert row["AutoRemove"], f"{row['Id']} is listed and cannot be inspected"
                assert row["Id"] not in self("ps", "-a", "-q", "--no-trunc")
        self("rm", "-f", "-v", "-a", "-t", "0")
        assert self("ps", "-a", "-q") == ""
        assert self("run", "--rm", "--network", "none", "rich", "echo", "well") == "well\n"
        assert wait_for(lambda: not self.left()), f"left behind: {sorted(self.left())}"
        assert self.store.check() == []

    def assert_images_whole(self, *words: str) -> None:
        """The command that was killed works now, what it brings is whole, and nothing else is left of the killed ones."""
        self(*words)
        assert self.store.check(contents=True) == []
        self.remove_small()
        assert self.store.check() == []
        temporary = [path for path in self.program.root.rglob(".tmp-*") if "overlay/" not in str(path)]
        assert temporary == []
        assert wait_for(lambda: not self.left()), f"left behind: {sorted(self.left())}"

    def remove_small(self) -> None:
        """Remove every image but the one that was there from the beginning."""
        for image in self.store.images():
            if image["names"] != ["localhost/rich:latest"]:
                self.store.remove_image(image["id"])


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
    assert crash("ps", "--format", "{{.Names}} {{.Status}}").startswith("orphan Up ")
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


def moments(crash: Watched, chance: random.Random, longest_s: float) -> Callable[[], float]:
    """Random moments within a command's time, from when Python has started."""
    begin = min(crash.duration("version"), longest_s / 2)
    return lambda: chance.uniform(begin, longest_s)


def hits(count: int, attempt: Callable[[int], bool], check: Callable[[], object]) -> None:
    """Attempt until so many kills have hit; check after each stretch of them."""
    done = misses = 0
    while done < count:
        if not attempt(done):
            misses += 1
            assert misses < 3 * count, f"{misses} kills came too late, {done} did not"
            continue
        done += 1
        if done % STRETCH == 0 or done == count:
            check()


#: What `run` is killed at: alone, on the bridge, with a volume that the image fills and a port, with a limit.
RUNS = (
    ("run", "--rm", "--network", "none", "rich", "sh", "-c", "sleep 0.02"),
    ("run", "-d", "rich"),
    ("run", "--rm", "-v", "/data", "-p", "8437:80", "rich", "true"),
    ("run", "-m", "64m", "-v", "/anonymous", "rich", "true"),
)


@pytest.mark.timeout(600)
def test_run_killed_at_any_moment(crash: Watched, chance: random.Random) -> None:
    kinds = [(words, moments(crash, chance, crash.duration(*words))) for words in RUNS]

    def attempt(number: int) -> bool:
        words, moment = kinds[number % len(kinds)]
        hit = crash.kill_within(words, moment())
        crash.assert_listed()
        return hit

    hits(MOMENTS, attempt, crash.assert_nothing_left)


@pytest.mark.timeout(600)
def test_a_monitor_killed_at_any_moment(crash: Watched, chance: random.Random) -> None:
    commands = (
        ("run", "-d", "-p", "8438:80", "rich", "sleep", "0.03"),
        ("run", "--rm", "--network", "none", "rich", "sleep", "0.03"),
        ("run", "-d", "--rm", "-v", "/data", "rich", "sleep", "0.03"),
    )
    crash("run", "--rm", "rich", "true")

    def attempt(number: int) -> bool:
        process = crash.program.spawn(*commands[number % len(commands)])
        hit = kill_monitor(crash, process, chance.uniform(0, 0.08))
        # The client of a monitor that is gone does not wait for it.
        process.communicate(timeout=20)
        crash.assert_listed()
        return hit

    hits(MOMENTS, attempt, crash.assert_nothing_left)


def kill_monitor(crash: Watched, command: subprocess.Popen[bytes], after_s: float) -> bool:
    """Wait for the monitor that a command starts, and kill it after a while; whether it was still there."""
    known = set(crash.ids)
    while True:
        crash.look()
        # Others may run containers on this host as well.
        own = crash.ids - known
        fresh = [line for line in leaks.processes() if any(line.endswith(f" monitor {name}") for name in own)]
        if fresh:
            break
        if command.poll() is not None:
            return False
    monitor = os.pidfd_open(min(int(line.split()[1]) for line in fresh))
    try:
        crash.wait(after_s)
        signal.pidfd_send_signal(monitor, signal.SIGKILL)
    except ProcessLookupError:
        return False
    finally:
        os.close(monitor)
    return True


def small_image(directory: Path) -> Path:
    """A docker-archive of three layers of many files."""
    layers = [images.tar(*((f"{part}/{number}", bytes(3000)) for number in range(40))) for part in "abc"]
    path = directory / "small.tar"
    path.write_bytes(images.docker_archive(*layers, names=(SMALL,)))
    return path


def kill_bringing(crash: Watched, chance: random.Random, words: tuple[str, ...]) -> None:
    moment = moments(crash, chance, crash.duration(*words, undo=crash.remove_small))

    def attempt(_: int) -> bool:
        hit = crash.kill_within(words, moment())
        crash.assert_whole()
        crash("images")
        crash.remove_small()
        return hit

    hits(MOMENTS, attempt, lambda: crash.assert_images_whole(*words))


@pytest.mark.timeout(600)
def test_load_killed_at_any_moment(crash: Watched, chance: random.Random, tmp_path: Path) -> None:
    kill_bringing(crash, chance, ("load", "-q", "-i", str(small_image(tmp_path))))


@pytest.mark.timeout(600)
def test_pull_killed_at_any_moment(
    crash: Watched, chance: random.Random, plain_registry: Registry, tmp_path: Path
) -> None:
    name = f"{plain_registry.address}/crash/small:1"
    crash("load", "-q", "-i", str(small_image(tmp_path)))
    crash("push", "-q", *plain_registry.flags, SMALL, name)
    crash.remove_small()
    kill_bringing(crash, chance, ("pull", "-q", *plain_registry.flags, name))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("words", [("rm", "-f", "-v", "-a", "-t", "0"), ("stop", "-a", "-t", "0"), ("start", "--all")])
def test_another_command_killed_at_any_moment(crash: Watched, chance: random.Random, words: tuple[str, ...]) -> None:
    victim = (
        ("create", "--network", "none", "rich") if words[0] == "start" else ("run", "-d", "-v", "/anonymous", "rich")
    )
    crash(*victim)
    moment = moments(crash, chance, crash.duration(*words, undo=lambda: crash(*victim)))

    def attempt(_: int) -> bool:
        crash(*victim)
        hit = crash.kill_within(words, moment())
        crash.assert_listed()
        return hit

    hits(FEW, attempt, crash.assert_nothing_left)
