"""Containers that others depend on, as they use a namespace of theirs: removed after those, or not at all."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import libpod
from libpod.container.locking import Lock
from libpod.errors import ContainerNotFoundError, ExistsError
from tests.support import cli


@pytest.fixture
def program(engine: libpod.Engine, store_directory: Path) -> Iterator[cli.Cli]:
    program = cli.ours(store_directory)
    yield program
    program.remove_all()


def run(program: cli.Cli, name: str, *words: str) -> str:
    """Start a container in the background; its id."""
    flags = words if any(word.startswith("--network") for word in words) else ("--network", "none", *words)
    return program("run", "-d", "--name", name, *flags, "rich", "sleep", "1000").stdout.strip()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)


def names(program: cli.Cli) -> list[str]:
    return sorted(program("ps", "-a", "--format", "{{.Names}}").stdout.split())


@pytest.mark.parametrize("kind", ["network", "pid", "ipc", "uts"])
def test_each_namespace_makes_a_dependent(program: cli.Cli, kind: str) -> None:
    container_id = run(program, "a", "--ipc", "shareable")
    dependent_id = run(program, "b", f"--{kind}", "container:a")
    done = program("rm", "-f", "-t", "0", "a", code=125)
    assert done.stderr == (
        f"Error: container {container_id} has dependent containers which must be removed before it: {dependent_id}:"
        " container already exists\n"
    )
    # Nothing was done to it.
    assert program("ps", "--format", "{{.Names}} {{.Status}}").stdout.count(" Up ") == 2
    program("stop", "-t", "0", "a")
    assert program("rm", "a", code=125).stderr == done.stderr
    program("rm", "-f", "-t", "0", "b")
    program("rm", "a")
    assert names(program) == []


def test_depend_removes_all_that_depend_on_it(program: cli.Cli) -> None:
    run(program, "a")
    first = run(program, "b", "--network", "container:a")
    second = run(program, "c", "--pid", "container:b")
    run(program, "other")
    # Without force, those that run are left, and none is removed before.
    assert program("rm", "--depend", "a", code=2).stdout == ""
    assert names(program) == ["a", "b", "c", "other"]
    assert sorted(program("rm", "-f", "-t", "0", "--depend", "a").stdout.split()) == sorted([first, second, "a"])
    assert names(program) == ["other"]


def test_all_that_are_named_go_in_the_right_order(program: cli.Cli) -> None:
    for words in (("c", "a", "b"), ("a", "b", "c"), ("b", "c", "a")):
        run(program, "a")
        run(program, "b", "--network", "container:a")
        run(program, "c", "--network", "container:a", "--pid", "container:b")
        assert program("rm", "-f", "-t", "0", *words).stdout.split() == list(words)
        assert names(program) == []


def test_restart_joins_the_new_namespaces(program: cli.Cli) -> None:
    run(program, "a")
    run(program, "b", "--network", "container:a")
    program("restart", "-t", "0", "b", "a")
    namespace = ("readlink", "/proc/self/ns/net")
    assert program("exec", "a", *namespace).stdout == program("exec", "b", *namespace).stdout


def test_automatic_removal_spares_what_others_depend_on(program: cli.Cli) -> None:
    container_id = run(program, "a", "--rm")
    run(program, "b", "--network", "container:a")
    waiter = program.spawn("wait", "a")
    done = program("stop", "-t", "0", "a", code=125)
    assert f"container {container_id} has dependent containers" in done.stderr
    assert waiter.communicate(timeout=60)[0] == b"137\n"
    client = program.spawn("start", "-a", "a")
    eventually(lambda: program("ps", "-q", "--filter", "name=a").stdout != "")
    program("kill", "a")
    _, err = client.communicate(timeout=60)
    assert client.returncode == 137
    assert f"Removing container {container_id}: container {container_id} has dependent containers".encode() in err
    assert names(program) == ["a", "b"]
    program("rm", "-f", "-t", "0", "b")
    program("rm", "a")
    assert names(program) == []


def test_a_dependent_that_is_gone_counts_no_more(program: cli.Cli) -> None:
    run(program, "a", "--rm")
    program("run", "--rm", "--network", "container:a", "rich", "true")
    program("create", "--name", "b", "--network", "container:a", "rich")
    program("rm", "b")
    program("stop", "-t", "0", "a")
    assert names(program) == []


def test_none_is_removed_while_another_joins_it(engine: libpod.Engine, program: cli.Cli) -> None:
    """A removal waits for a creation that has found the container, and a creation for a removal."""
    run(program, "a")
    program("stop", "-t", "0", "a")
    container = engine.containers.lookup("a")
    made: list[int] = []

    def join() -> None:
        made.append(program("create", "--name", "b", "--network", "container:a", "rich", code=None).returncode)

    with Lock(container):
        thread = threading.Thread(target=join)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        engine.containers.drop(container)
    thread.join(60)
    assert made == [125]
    assert names(program) == []


def test_the_library_refuses_it_with_a_class(engine: libpod.Engine, program: cli.Cli) -> None:
    run(program, "a")
    run(program, "b", "--network", "container:a")
    with pytest.raises(ExistsError, match="has dependent containers"):
        engine.containers.remove("a", force=True)
    engine.containers.remove("b", force=True, timeout_s=0)
    engine.containers.remove("a", force=True, timeout_s=0)
    with pytest.raises(ContainerNotFoundError):
        engine.containers.remove("a")


def test_a_killed_creation_leaves_a_container_that_can_be_removed(engine: libpod.Engine, program: cli.Cli) -> None:
    run(program, "a")
    container = engine.containers.lookup("a")
    # As a command leaves it that was killed between the mark and the record.
    Path(container.joined_path).touch()
    os.kill(container.state.pid, signal.SIGKILL)
    program("wait", "a")
    program("rm", "a")
    assert names(program) == []
