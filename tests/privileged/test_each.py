"""The library's verbs for several containers: what each answered, in which order, whatever became of the others."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import libpod
from libpod.container import lifecycle
from libpod.container.model import Container, Started
from libpod.errors import ContainerNotFoundError, StateError
from tests.support import cli


@pytest.fixture
def program(engine: libpod.Engine, store_directory: Path) -> Iterator[cli.Cli]:
    program = cli.ours(store_directory)
    yield program
    program.remove_all()


def make(program: cli.Cli, *names: str, verb: str = "create") -> None:
    detached = ["-d"] if verb == "run" else []
    for name in names:
        program(verb, *detached, "--network", "none", "--name", name, "rich", "sleep", "1000")


def spoil(engine: libpod.Engine, name: str) -> None:
    """Give a container a setting that its start warns of."""
    path = Path(engine.containers.lookup(name).settings_path)
    document = json.loads(path.read_text())
    document["capabilities"].append("CAP_NOSUCH")
    path.write_text(json.dumps(document))


def test_each_answers_for_all_in_their_order(program: cli.Cli, engine: libpod.Engine) -> None:
    make(program, "a", "c", verb="run")
    make(program, "b")
    containers = engine.containers
    told = list(containers.each(containers.pause, ["c", "b", "a", "b"]))
    assert [container.name for container, _ in told] == ["c", "b", "a", "b"]
    assert [type(outcome) for _, outcome in told] == [type(None), StateError, type(None), StateError]
    assert [outcome for _, outcome in containers.each(containers.remove, ["a", "b"], force=True, timeout_s=0)] == [
        False,
        False,
    ]
    assert [container.name for container in containers.list(all=True)] == ["c"]


def test_an_unknown_name_is_told_before_anything_is_done(program: cli.Cli, engine: libpod.Engine) -> None:
    make(program, "a")
    with pytest.raises(ContainerNotFoundError):
        engine.containers.each(engine.containers.start_detached, ["a", "nosuch"])
    assert engine.containers.lookup("a").state.status == "created"


def test_a_verb_is_done_to_all_at_once(program: cli.Cli, engine: libpod.Engine) -> None:
    make(program, *"abc")
    together = threading.Barrier(3)

    def meet(container: Container) -> str:
        together.wait(timeout=60)
        return container.name

    assert [name for _, name in engine.containers.each(meet, [*"abc"])] == ["a", "b", "c"]


def test_each_verb_knows_its_order(program: cli.Cli, engine: libpod.Engine) -> None:
    make(program, "a")
    for name in "bc":
        program("create", "--network", f"container:{chr(ord(name) - 1)}", "--name", name, "rich", "sleep", "1000")
    containers, names = engine.containers, ["c", "a", "b"]
    # One that joins another needs it to run.
    started = [(one.name, outcome) for one, outcome in containers.each(containers.start_detached, ["a", "b", "c"])]
    assert [name for name, _ in started] == ["a", "b", "c"]
    assert all(isinstance(outcome, Started) for _, outcome in started)
    restarted = [one.name for one, outcome in containers.each(containers.restart, names, timeout_s=0)]
    assert restarted == ["a", "b", "c"]
    removed = list(containers.each(containers.remove, names, force=True, timeout_s=0))
    assert [one.name for one, _ in removed] == ["c", "b", "a"]
    assert [outcome for _, outcome in removed] == [False] * 3


def test_several_are_waited_for_from_the_start(program: cli.Cli, engine: libpod.Engine) -> None:
    for name, code in (("slow", 3), ("quick", 4)):
        script = f"while [ ! -e /go ]; do sleep 0.05; done; exit {code}"
        program("run", "-d", "--rm", "--network", "none", "--name", name, "rich", "sh", "-c", script)
    containers = engine.containers
    told = containers.each(containers.wait, ["slow", "quick"])
    for name in ("quick", "slow"):
        program("exec", name, "touch", "/go")
    # The second one is gone before it is its turn.
    assert [(container.name, code) for container, code in told] == [("slow", 3), ("quick", 4)]
    make(program, "a")
    assert containers.wait("a") == 0
    ((_, outcome),) = containers.each(containers.wait, ["a"], conditions=["created"])
    assert outcome == -1


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_a_start_tells_what_it_warns_of(program: cli.Cli, engine: libpod.Engine, verb: str) -> None:
    make(program, "a")
    spoil(engine, "a")
    warning = 'level=warning msg="unknown capability `CAP_NOSUCH` is ignored"\n'
    done = program(verb, "a")
    assert (done.stdout, done.stderr.partition(" ")[2]) == ("a\n", warning)
    if verb == "restart":
        done = program(verb, "-t", "0", "a")
        assert (done.stdout, done.stderr.partition(" ")[2]) == ("a\n", warning)
    assert engine.containers.restart("a", timeout_s=0).warnings == ["unknown capability `CAP_NOSUCH` is ignored"]
    assert engine.containers.start_detached("a") is None


def test_a_container_that_another_command_starts_meanwhile_is_started(
    program: cli.Cli, engine: libpod.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(program, "a")
    begin = lifecycle.begin

    def late(*words: object, **options: bool) -> object:
        program("start", "a")
        return begin(*words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(lifecycle, "begin", late)
    assert engine.containers.start_detached("a") is None
    engine.containers.kill("a")
    assert engine.containers.wait("a") == 137
    assert engine.containers.restart("a").warnings == []
    # A paused one is not running: that start is an error.
    monkeypatch.undo()
    program("pause", "a")
    with pytest.raises(StateError, match="is paused: container already running"):
        engine.containers.start_detached("a")


def test_several_commands_restart_one_container_at_a_time(program: cli.Cli) -> None:
    make(program, "a", verb="run")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        started = [program.spawn("restart", "-t", "0", "a") for _ in range(3)]
        assert [process.communicate(timeout=60) for process in started] == [(b"a\n", b"")] * 3
