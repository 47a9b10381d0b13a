"""Containers that the release before versions has started, in the hands of this one: an upgrade under way.

Their monitors live on and speak the frames of then, and their settings and records have no version. The release is built from
this repository's history. Where a clone has no history, a player of its recorded frames and records stands in for its monitor.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libpod import _core
from tests.network import host as network
from tests.network.host import needs_hosts
from tests.support import cli, container_images, probe, release_before

pytestmark = pytest.mark.timeout(900)

PLAYER = Path(__file__).resolve().parents[1] / "support" / "recorded_monitor.py"
#: As long as a wait may take that ends by itself.
PATIENCE_S = 60.0


class Host:
    """One store, this release's program on it, and a way to have a container started by the release before."""

    def __init__(self, directory: Path, start: Callable[[Host, tuple[str, ...], tuple[str, ...]], None]) -> None:
        self.directory = directory
        self.new = cli.ours(directory)
        self.old = release_before.program(directory)
        self._start = start
        #: Monitors that are played.
        self.players: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        *flags: str,
        network: str = "none",
        command: tuple[str, ...] = ("sh", "-c", "trap '' TERM; exec sleep 1000"),
    ) -> str:
        """Have the container `c` started; return its id."""
        self._start(self, (*flags, "--network", network), command)
        eventually(lambda: self.status() == "running")
        return self.inspect("{{.Id}}")

    def inspect(self, template: str) -> str:
        return self.new("inspect", "--format", template, "c").stdout.strip()

    def status(self) -> str:
        return self.inspect("{{.State.Status}}")

    def exists(self) -> bool:
        return self.new("container", "exists", "c", code=None).returncode == 0

    def record(self) -> dict[str, Any]:
        """What pid.json says."""
        (path,) = (self.new.runroot / "libpod").glob("*/pid.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found


def start_built(host: Host, flags: tuple[str, ...], command: tuple[str, ...]) -> None:
    """Have the built release start the container."""
    host.old("run", "-d", "--name", "c", *flags, "rich", *command)


def start_recorded(host: Host, flags: tuple[str, ...], command: tuple[str, ...]) -> None:
    """Make the container's record, put settings of then into it, and play its monitor's part."""
    host.new("create", "--name", "c", *flags, "rich", *command)
    (path,) = (host.new.root / "overlay-containers").glob("*/userdata/container.json")
    settings = json.loads((release_before.VECTORS / "container.json").read_text())
    (container_id,) = host.new("ps", "-aq", "--no-trunc").stdout.split()
    settings |= {"name": "c", "argv": list(command), "command": list(command), "remove": "--rm" in flags}
    settings["image_id"] = host.new("inspect", "--format", "{{.Image}}", "c").stdout.strip()
    path.write_text(json.dumps(settings))
    run_directory = host.new.runroot / "libpod" / container_id
    arguments = [str(run_directory), str(path.with_name("exit.json")), *command]
    words = [sys.executable, str(PLAYER), *arguments]
    host.players.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True))
    eventually((run_directory / "pid.json").exists)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(params=["built", "recorded"])
def host(request: pytest.FixtureRequest, store_directory: Path) -> Iterator[Host]:
    """A host whose containers are started by the release before, or by the player of its monitor."""
    yield from make_host(store_directory, built=request.param == "built")


@pytest.fixture
def built(store_directory: Path) -> Iterator[Host]:
    """A host whose containers are started by the release before itself."""
    yield from make_host(store_directory, built=True)


def make_host(directory: Path, *, built: bool) -> Iterator[Host]:
    probe.needs_root()
    if built:
        release_before.needs_release_before()
    made = Host(directory, start_built if built else start_recorded)
    root = directory / "root.tar"
    container_images.write_root(root)
    (made.old if built else made.new)("import", "-q", str(root), "rich")
    yield made
    made.new.remove_all()
    for player in made.players:
        assert player.wait(PATIENCE_S) == 0


def ended(record: dict[str, Any]) -> bool:
    """Whether a container's process and its monitor are gone."""
    return not _core.process_alive(record["pid"], record["start_time"]) and not _core.process_alive(
        record["monitor_pid"], record["monitor_start_time"]
    )


def test_it_is_seen_and_stopped(host: Host) -> None:
    container_id = host.start()
    record = host.record()
    assert "version" not in record, "the release before wrote none"
    assert "frames" not in record
    assert host.new("ps", "-q", "--no-trunc").stdout.split() == [container_id]
    assert host.inspect("{{.State.Pid}}") == str(record["pid"])
    host.new("stop", "-t", "1", "c")
    assert host.status() == "exited"
    assert host.inspect("{{.State.ExitCode}}") == "137"
    eventually(lambda: ended(record))
    assert host.new("ps", "-q").stdout == ""
    host.new("rm", "c")
    assert not host.exists()


def test_it_is_waited_for_and_killed(host: Host) -> None:
    host.start()
    record = host.record()
    waiting = host.new.spawn("wait", "c")
    time.sleep(0.3)
    assert waiting.poll() is None
    host.new("kill", "c")
    assert waiting.communicate(timeout=PATIENCE_S) == (b"137\n", b"")
    eventually(lambda: ended(record))
    assert host.inspect("{{.State.ExitCode}}") == "137"
    host.new("rm", "c")


def test_it_is_removed_by_force(host: Host) -> None:
    host.start()
    record = host.record()
    host.new("rm", "-f", "-t", "0", "c")
    assert not host.exists()
    assert not list((host.new.runroot / "libpod").glob("*/pid.json"))
    eventually(lambda: ended(record))


@pytest.mark.parametrize("verb", ["stop", "wait"])
def test_one_of_rm_is_gone_when_a_command_returns(host: Host, verb: str) -> None:
    host.start("--rm", command=("sleep", "1" if verb == "wait" else "1000"))
    record = host.record()
    host.new(*(("stop", "-t", "0") if verb == "stop" else ("wait",)), "c")
    assert not host.exists()
    eventually(lambda: ended(record))


def test_it_is_entered_paused_and_restarted(built: Host) -> None:
    built.start(command=("sh", "-c", "echo line; exec sleep 1000"))
    record = built.record()
    assert built.new("exec", "c", "sh", "-c", "echo inside; exit 3", code=3).stdout == "inside\n"
    assert built.new("logs", "c").stdout == "line\n"
    built.new("pause", "c")
    assert built.status() == "paused"
    built.new("unpause", "c")
    (path,) = (built.new.root / "overlay-containers").glob("*/userdata/container.json")
    written = path.read_text()
    built.new("restart", "-t", "0", "c")
    assert built.status() == "running"
    assert path.read_text() == written, "its settings stay as they are"
    assert "version" not in json.loads(written)
    eventually(lambda: ended(record))
    assert "version" in built.record(), "its monitor is of this release now"
    built.new("rm", "-f", "-t", "0", "c")


def test_its_streams_are_joined(built: Host) -> None:
    built.start("-i", command=("cat",))
    done = built.new("attach", "c", stdin=b"through and back\n")
    assert done.stdout == "through and back\n"
    assert built.inspect("{{.State.ExitCode}}") == "0"


def test_its_network_is_given_back(built: Host, store_directory: Path) -> None:
    needs_hosts()
    with network.Host(store_directory) as outside:
        for program in (built.old, built.new):
            program.program = outside.enter(*program.program)
        built.start("-p", "127.0.0.1::80", network="bridge")
        leases = built.new.runroot / "libpod" / "networks" / "podman"
        address = built.inspect("{{.NetworkSettings.IPAddress}}")
        assert (leases / address).is_symlink()
        built.new("rm", "-f", "-t", "0", "c")
        # The address itself is free when the kernel has removed the pair of links.
        assert not (leases / address).is_symlink() or os.readlink(leases / address).split()[1] == "0"
        built.new.program = built.new.program[-1:]


def test_a_client_of_then_that_waits_is_told_the_end(built: Host) -> None:
    """`run` of the release before, still connected to its monitor, while this release stops the container."""
    running = built.old.spawn("run", "--rm", "--network", "none", "--name", "c", "rich", "sleep", "1000")
    eventually(lambda: built.exists() and built.status() == "running")
    built.new("stop", "-t", "0", "c")
    said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 137, said
    assert not built.exists()
