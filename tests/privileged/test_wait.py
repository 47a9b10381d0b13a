"""`podman wait`: whoever waits is told how the container ended, however many wait, whatever becomes of record and monitor."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod import _core
from libpod.container import lifecycle, model, removal
from libpod.container.locking import Lock
from libpod.container.model import Container
from libpod.document import read_document, write_document
from tests.support import cli

KILLED = 137
LOST = 255
MANY = 20


@pytest.fixture
def program(engine: libpod.Engine, store_directory: Path) -> cli.Cli:
    return cli.ours(store_directory)


def run(program: cli.Cli, engine: libpod.Engine, *words: str) -> tuple[Container, dict[str, Any]]:
    """Start a container in the background; the container, and its monitor's record."""
    program("run", "-d", "--network", "none", "--name", "waited", *words, "rich")
    container = engine.containers.lookup("waited")
    record = read_document(container.run_directory + "/pid.json")
    assert record is not None
    return container, record


def clients(record: dict[str, Any]) -> int:
    """How many sockets the monitor has open: the one it listens at, and one for each client."""
    directory = f"/proc/{record['monitor_pid']}/fd"
    return sum(os.readlink(f"{directory}/{name}").startswith("socket:") for name in os.listdir(directory))


def eventually(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)


def waiters(program: cli.Cli, record: dict[str, Any], count: int) -> list[subprocess.Popen[bytes]]:
    """Commands that wait for the container, all of them connected with its monitor."""
    eventually(lambda: clients(record) == 1)
    started = [program.spawn("wait", "waited") for _ in range(count)]
    eventually(lambda: clients(record) == 1 + count)
    return started


def answers(started: list[subprocess.Popen[bytes]]) -> list[str]:
    """What each command printed, errors included."""
    return [b"".join(process.communicate(timeout=60)).decode().strip() for process in started]


def stall(record: dict[str, Any]) -> None:
    """Stop a monitor, as a disk does that does not answer."""
    os.kill(record["monitor_pid"], signal.SIGSTOP)
    eventually(lambda: status(record["monitor_pid"])[0] == "T")


def status(pid: int) -> list[str]:
    """The fields of a process's stat, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@pytest.mark.parametrize("remove", [(), ("--rm",)])
def test_everybody_who_waits_is_told(program: cli.Cli, engine: libpod.Engine, remove: tuple[str, ...]) -> None:
    _, record = run(program, engine, *remove)
    started = waiters(program, record, MANY)
    program("kill", "waited")
    assert answers(started) == [str(KILLED)] * MANY


def test_who_connects_after_the_end_is_told(
    program: cli.Cli, engine: libpod.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, record = run(program, engine, "--rm")
    stall(record)
    os.kill(record["pid"], signal.SIGKILL)
    attach, connected, told = _core.attach_monitor, threading.Semaphore(0), []

    def counted(run_dir: str, **options: bool) -> _core.Session:
        session = attach(run_dir, **options)
        connected.release()
        return session

    monkeypatch.setattr(_core, "attach_monitor", counted)
    threads = [
        threading.Thread(target=lambda: told.append(lifecycle.wait(engine.host, container)), daemon=True)
        for _ in range(MANY)
    ]
    for thread in threads:
        thread.start()
    try:
        assert all(connected.acquire(timeout=60) for _ in threads)
        # As where the command that runs it takes the record away at once.
        read = model.read_document
        monkeypatch.setattr(model, "read_document", lambda path: None if path == container.exit_path else read(path))
    finally:
        os.kill(record["monitor_pid"], signal.SIGCONT)
    for thread in threads:
        thread.join(60)
    assert told == [KILLED] * MANY


def test_who_waits_for_several_is_told_of_each(program: cli.Cli, engine: libpod.Engine) -> None:
    # It writes more than sockets and pipes hold while nobody who waits reads.
    noisy = "while [ ! -e /go ]; do sleep 0.05; done; seq 300000; exit 3"
    program("run", "-d", "--rm", "--network", "none", "--name", "second", "rich", "sh", "-c", noisy)
    _, record = run(program, engine, "--rm")
    eventually(lambda: clients(record) == 1)
    waiter = program.spawn("wait", "waited", "second")
    eventually(lambda: clients(record) == 2 and status(waiter.pid)[0] == "S")
    program("exec", "second", "touch", "/go")
    eventually(lambda: program("ps", "-aq", "--filter", "name=second").stdout == "")
    program("kill", "waited")
    assert answers([waiter]) == [f"{KILLED}\n3"]


def test_the_end_is_waited_for_as_long_as_the_monitor_is_stalled(program: cli.Cli, engine: libpod.Engine) -> None:
    container, record = run(program, engine)
    (waiter,) = waiters(program, record, 1)
    stall(record)
    try:
        program("kill", "waited")
        assert container.state.status == "running"
        with pytest.raises(subprocess.TimeoutExpired):
            waiter.wait(0.5)
    finally:
        os.kill(record["monitor_pid"], signal.SIGCONT)
    assert answers([waiter]) == [str(KILLED)]
    assert (container.state.status, container.state.exit_code) == ("exited", KILLED)


def test_the_code_is_lost_with_the_monitor_alone(program: cli.Cli, engine: libpod.Engine) -> None:
    _, record = run(program, engine)
    (waiter,) = waiters(program, record, 1)
    os.kill(record["monitor_pid"], signal.SIGKILL)
    with pytest.raises(subprocess.TimeoutExpired):
        waiter.wait(0.5)
    os.kill(record["pid"], signal.SIGKILL)
    assert answers([waiter]) == [str(LOST)]


def test_a_waiter_that_is_stopped_stops_no_output(program: cli.Cli, engine: libpod.Engine) -> None:
    script = "while [ ! -e /go ]; do sleep 0.05; done; seq 300000"
    program("run", "-d", "--network", "none", "--name", "waited", "rich", "sh", "-c", script)
    container = engine.containers.lookup("waited")
    record = read_document(container.run_directory + "/pid.json")
    assert record is not None
    (waiter,) = waiters(program, record, 1)
    # Connected is not enough: it is asleep when it has told the monitor that it wants no output.
    eventually(lambda: status(waiter.pid)[0] == "S")
    waiter.send_signal(signal.SIGSTOP)
    try:
        program("exec", "waited", "touch", "/go")
        eventually(lambda: container.state.status == "exited")
    finally:
        waiter.send_signal(signal.SIGCONT)
    assert answers([waiter]) == ["0"]
    assert len(program("logs", "waited").stdout.splitlines()) == 300000


class Unrecorded:
    """A container as it is found where its process is gone, its monitor lives, and no exit record could be written."""

    def __init__(self, program: cli.Cli, engine: libpod.Engine) -> None:
        program("create", "--network", "none", "--name", "unrecorded", "rich")
        self.container = engine.containers.lookup("unrecorded")
        self.monitor = subprocess.Popen(["sleep", "1000"])
        gone = subprocess.Popen(["true"])
        gone.wait()
        os.makedirs(self.container.run_directory)
        record = {
            "version": 2,
            "frames": 1,
            "started_at": "2026-11-28T06:00:00.000000001+00:00",
            "networks": [],
            "cgroup": "",
            "pid": gone.pid,
            "start_time": 1,
            "monitor_pid": self.monitor.pid,
            "monitor_start_time": int(status(self.monitor.pid)[19]),
        }
        write_document(self.container.run_directory + "/pid.json", record)


@pytest.fixture
def unrecorded(program: cli.Cli, engine: libpod.Engine) -> Iterator[Unrecorded]:
    made = Unrecorded(program, engine)
    yield made
    made.monitor.kill()
    made.monitor.wait()


def test_an_end_is_not_lost_while_its_monitor_lives(unrecorded: Unrecorded) -> None:
    assert unrecorded.container.state.status == "running"
    unrecorded.monitor.kill()
    unrecorded.monitor.wait()
    assert (unrecorded.container.state.status, unrecorded.container.state.exit_code) == ("exited", LOST)


def test_stop_and_rm_end_though_the_monitor_does_not(unrecorded: Unrecorded, engine: libpod.Engine) -> None:
    lifecycle.stop(engine.host, unrecorded.container)
    removal.remove(engine.host, unrecorded.container, force=True)
    assert not engine.containers.exists(unrecorded.container.id)
    assert not os.path.exists(unrecorded.container.run_directory)


def test_a_container_removed_between_two_looks_has_no_code(
    program: cli.Cli, engine: libpod.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, record = run(program, engine, "--rm")
    alive = _core.process_alive

    def removed_meanwhile(pid: int, start: int) -> bool:
        if pid == record["pid"]:
            program("rm", "-f", "-t", "0", "waited")
        return alive(pid, start)

    monkeypatch.setattr(_core, "process_alive", removed_meanwhile)
    # It is no more, and that is not an exit with the code of a lost one.
    assert container.state.status == "created"
    assert not engine.containers.exists(container.id)


def test_a_container_that_was_never_started_is_not_waited_for(program: cli.Cli) -> None:
    program("create", "--network", "none", "--name", "never", "rich")
    assert program("wait", "never", timeout_s=20).stdout == "0\n"
    assert program("logs", "-f", "never", timeout_s=20).stdout == ""
    program("wait", "nosuch", code=125, timeout_s=20)


def test_a_first_start_is_waited_for(program: cli.Cli, engine: libpod.Engine) -> None:
    program("create", "--network", "none", "--name", "waited", "rich", "true")
    # As by a command that starts it and is not done yet.
    with Lock(engine.containers.lookup("waited")):
        started = [program.spawn("wait", "waited"), program.spawn("logs", "-f", "waited")]
        for process in started:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
    assert answers(started) == ["0", ""]


def test_logs_go_on_over_a_restart_and_end_with_a_stop(program: cli.Cli) -> None:
    script = "trap 'echo last; exit' TERM; echo first; while :; do sleep 0.05; done"
    program("run", "-d", "--network", "none", "--name", "waited", "rich", "sh", "-c", script)
    reader = program.spawn("logs", "-f", "waited")
    assert reader.stdout is not None
    for _ in range(3):
        assert reader.stdout.readline() == b"first\n"
        program("restart", "waited")
        assert reader.stdout.readline() == b"last\n"
    assert reader.stdout.readline() == b"first\n"
    program("stop", "waited")
    assert reader.communicate(timeout=60) == (b"last\n", b"")
    assert reader.returncode == 0
