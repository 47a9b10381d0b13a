"""Containers of `--rm`: a command that returns at their end returns when they are gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import libpod
from libpod import _core
from libpod.container import ending, lifecycle
from libpod.container.model import Container
from libpod.container.options.words import Words, parse_options
from libpod.document import read_document
from libpod.host import Host
from tests.support import cli, leaks


@pytest.fixture(autouse=True)
def no_exit_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The monitors of this process know no command that removes a container; those of other programs do."""
    monkeypatch.setattr(Host, "exit_command", lambda host, container_id: ["/bin/true"])


@pytest.fixture
def program(engine: libpod.Engine, store_directory: Path) -> cli.Cli:
    return cli.ours(store_directory)


def detached(engine: libpod.Engine, *argv: str) -> Container:
    """Start a container of `--rm` that no client stays with, and that its monitor does not remove.

    It goes only if the command under test removes it, however fast or slow the others are.
    """
    request = parse_options(Words(network=["none"], name="r", rm=True, interactive=True))
    container = engine.containers.create(request, "rich", argv or ("sleep", "1000"))
    engine.containers.start(container, detach=True, fresh=True).close()
    return container


def cgroups(container: Container) -> list[str]:
    return [line for line in leaks.snapshot() if line.startswith("cgroup") and container.id in line]


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)


@pytest.mark.parametrize("words", [("stop", "-t", "0"), ("stop", "-t", "5"), ("rm", "-f", "-t", "0")])
def test_a_command_that_ends_it_returns_when_it_is_gone(
    engine: libpod.Engine, program: cli.Cli, words: tuple[str, ...]
) -> None:
    container = detached(engine, "sh", "-c", "trap exit TERM; while :; do sleep 0.05; done")
    assert program(*words, "r").stdout == "r\n"
    assert not engine.containers.exists("r")
    assert not cgroups(container)


def test_wait_returns_when_it_is_gone(engine: libpod.Engine, program: cli.Cli) -> None:
    detached(engine)
    waiter = program.spawn("wait", "r")
    time.sleep(0.3)
    program("kill", "r")
    assert waiter.communicate(timeout=60)[0] == b"137\n"
    assert not engine.containers.exists("r")


def test_wait_after_the_end_returns_when_it_is_gone(engine: libpod.Engine, program: cli.Cli) -> None:
    container = detached(engine)
    program("kill", "r")
    eventually(lambda: container.state.status == "exited")
    assert program("wait", "r").stdout == "137\n"
    assert not engine.containers.exists("r")


def test_who_follows_its_log_returns_when_it_is_gone(engine: libpod.Engine, program: cli.Cli) -> None:
    detached(engine, "sh", "-c", "echo one; read line; echo two")
    reader = program.spawn("logs", "-f", "r")
    assert reader.stdout is not None
    assert reader.stdout.readline() == b"one\n"
    program("kill", "r")
    assert reader.communicate(timeout=60) == (b"", b"")
    assert not engine.containers.exists("r")


@pytest.mark.parametrize("words", [("attach", "r"), ("start", "-a", "r")])
def test_who_joined_it_returns_when_it_is_gone(engine: libpod.Engine, program: cli.Cli, words: tuple[str, ...]) -> None:
    detached(engine, "sh", "-c", "read line; exit 3")
    assert program(*words, stdin=b"go\n", code=3)
    assert not engine.containers.exists("r")


def test_the_command_that_started_it_returns_when_it_is_gone(engine: libpod.Engine, program: cli.Cli) -> None:
    program("run", "--rm", "--network", "none", "--name", "r", "rich", "true")
    assert not engine.containers.exists("r")
    program("create", "--rm", "--network", "none", "--name", "r", "rich", "sh", "-c", "exit 4")
    program("start", "-a", "r", code=4)
    assert not engine.containers.exists("r")


def test_one_that_cannot_be_started_is_gone(engine: libpod.Engine, program: cli.Cli) -> None:
    for words in (("start", "r"), ("start", "-a", "r"), ("restart", "r")):
        program("create", "--rm", "--network", "none", "--name", "r", "rich", "/no/such/program")
        program(*words, code=125)
        assert not engine.containers.exists("r"), words


def test_a_restart_removes_nothing(engine: libpod.Engine, program: cli.Cli) -> None:
    first = program.spawn("run", "--rm", "--network", "none", "--name", "r", "rich", "sleep", "1000")
    eventually(lambda: engine.containers.exists("r") and engine.containers.lookup("r").state.status == "running")
    container = engine.containers.lookup("r")
    waiter = program.spawn("wait", "r")
    time.sleep(0.3)
    for _ in range(3):
        assert program("restart", "-t", "0", "r").stdout == "r\n"
        assert container.state.status == "running"
    assert (first.communicate(timeout=60), first.returncode) == ((b"", b""), 137)
    assert waiter.communicate(timeout=60)[0] == b"137\n"
    program("stop", "-t", "0", "r")
    assert not engine.containers.exists("r")


def test_a_restart_that_is_killed_leaves_the_removal_to_the_monitor(
    engine: libpod.Engine, program: cli.Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("run", "-d", "--rm", "--network", "none", "--name", "r", "rich", "sleep", "1000")
    container = engine.containers.lookup("r")
    session = _core.attach_monitor(container.run_directory, output=False)
    session.take_cleanup(restart=True)
    program("kill", "r")
    taken = session.wait_taken_down()
    assert taken == {"complaints": [], "restarts": True}
    assert engine.containers.exists("r")
    session.close()
    eventually(lambda: not engine.containers.exists("r"))


def test_a_killed_monitor_leaves_the_removal_to_the_command(engine: libpod.Engine, program: cli.Cli) -> None:
    container = detached(engine)
    record = read_document(container.run_directory + "/pid.json")
    assert record is not None
    waiter = program.spawn("wait", "r")
    time.sleep(0.3)
    os.kill(record["monitor_pid"], signal.SIGKILL)
    os.kill(record["pid"], signal.SIGKILL)
    assert waiter.communicate(timeout=60)[0] == b"255\n"
    assert not engine.containers.exists("r")
    assert not cgroups(container)


@pytest.mark.parametrize("ends_too", [True, False])
@pytest.mark.parametrize("words", [("stop", "-t", "1"), ("restart", "-t", "1"), ("rm", "-f", "-t", "1")])
def test_a_monitor_that_dies_while_its_container_is_ended_stops_no_command(
    engine: libpod.Engine, program: cli.Cli, words: tuple[str, ...], ends_too: bool
) -> None:
    # Among the host's processes, the container's first one sees its parent: the monitor.
    script = f"trap 'kill -9 $PPID; {'exit' if ends_too else ':'}' TERM; echo ready; while :; do sleep 0.05; done"
    request = parse_options(Words(network=["none"], name="r", rm=True, pid="host"))
    container = engine.containers.create(request, "rich", ("sh", "-c", script))
    engine.containers.start(container, detach=True, fresh=True).close()
    eventually(lambda: "ready" in Path(container.log_path).read_text())
    monitor = container.state.monitor
    assert monitor is not None
    assert program(*words, "r").stdout == "r\n"
    assert not _core.process_alive(*monitor)
    assert engine.containers.exists("r") == (words[0] == "restart")


def test_the_monitor_tells_when_all_is_given_back(engine: libpod.Engine) -> None:
    request = parse_options(Words(network=["none"], name="kept"))
    container = engine.containers.create(request, "rich", ("sleep", "1000"))
    session = engine.containers.start(container, fresh=True)
    early, silent = (_core.attach_monitor(container.run_directory, output=output) for output in (True, False))
    lifecycle.kill(container)
    for heard in (session, early, silent):
        assert heard.wait_taken_down(30) == {"complaints": [], "restarts": False}
        assert not os.path.exists(container.run_directory)
        assert not os.path.exists(container.ended_directory)
        assert not cgroups(container)


def test_a_wait_for_what_is_given_back_has_a_limit(engine: libpod.Engine) -> None:
    container = engine.containers.create(parse_options(Words(network=["none"], name="kept")), "rich", ("sleep", "1000"))
    session = engine.containers.start(container, fresh=True)
    assert session.wait_end(0.05) is None
    assert session.wait_taken_down(0.05) is None
    assert not session.wait_gone(0.05)
    lifecycle.kill(container)
    record = session.wait_end()
    assert record is not None
    assert record["exit_code"] == 137
    assert session.wait_gone(30)


def test_rm_by_force_ends_a_monitor_that_does_not_answer(
    engine: libpod.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = detached(engine)
    record = read_document(container.run_directory + "/pid.json")
    assert record is not None
    os.kill(record["monitor_pid"], signal.SIGSTOP)
    monkeypatch.setattr(ending, "_KILLED_S", 0.3)
    engine.containers.remove("r", force=True, timeout_s=0)
    assert not engine.containers.exists("r")
    assert not _core.process_alive(record["monitor_pid"], record["monitor_start_time"])
    assert not cgroups(container)
