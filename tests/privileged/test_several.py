"""One command for several containers: at once, in bounded number, reported in order; and what it takes for a timeout."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli

NAMES = ("a", "b", "c", "d")
STUBBORN = "trap '' TERM; while :; do sleep 0.1; done"
#: Ends a second after it is asked to.
SLOW = "trap 'sleep 1; exit 3' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.fixture(autouse=True)
def nothing_left(store: Cli) -> Iterator[None]:
    yield
    store.remove_all()


def run(store: Cli, *names: str, script: str = STUBBORN) -> None:
    for name in names:
        store("run", "-d", "--network", "none", "--name", name, "rich", "sh", "-c", script)


def warning(name: str, seconds: int = 2) -> str:
    return f'level=warning msg="StopSignal SIGTERM failed to stop container {name} in {seconds} seconds, resorting to SIGKILL"'


@pytest.mark.parametrize("words", [("stop",), ("restart",), ("rm", "-f")])
def test_containers_are_ended_at_once_and_told_in_order(store: Cli, words: tuple[str, ...]) -> None:
    run(store, *NAMES)
    begin = time.monotonic()
    done = store(*words, "-t", "2", *NAMES)
    # One after the other, it takes two seconds for each.
    assert time.monotonic() - begin < 2 * (len(NAMES) - 1)
    assert done.stdout == "".join(f"{name}\n" for name in NAMES)
    # It says when it had to kill, one line for each.
    told = [line.partition(" ")[2] for line in done.stderr.splitlines()]
    assert sorted(told) == [warning(name) for name in NAMES]


def test_nothing_is_told_of_a_kill_that_was_asked_for(store: Cli) -> None:
    run(store, *NAMES)
    assert store("stop", "-t", "0", "a").stderr == ""
    assert store("kill", "b").stderr == ""
    assert store("rm", "-f", "-t", "0", "c").stderr == ""
    run(store, "e", script=SLOW)
    assert store("stop", "e").stderr == ""


def test_replace_tells_of_a_kill_and_prints_one_line(store: Cli) -> None:
    store("run", "-d", "--network", "none", "--name", "a", "--stop-timeout", "2", "rich", "sh", "-c", STUBBORN)
    done = store("run", "-d", "--replace", "--network", "none", "--name", "a", "rich", "sleep", "1000")
    assert done.stdout == store("inspect", "--format", "{{.Id}}", "a").stdout
    assert done.stderr.partition(" ")[2] == warning("a") + "\n"


def test_successes_are_told_in_order_and_errors_after_them(store: Cli) -> None:
    run(store, "a", "c")
    store("create", "--network", "none", "--name", "b", "rich", "true")
    for verb, words in (("pause", "is not running"), ("unpause", "is not paused"), ("kill", "can only kill running")):
        done = store(verb, "c", "b", "a", code=125)
        assert done.stdout == "c\na\n"
        assert done.stderr.startswith("Error: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    done = store("pause", "b", "b", code=125)
    assert [line.startswith("Error: ") for line in done.stderr.splitlines()] == [True, True]


def test_an_unknown_one_keeps_all_as_they_are(store: Cli) -> None:
    run(store, "a", "b")
    for words in (("stop", "-t", "0"), ("kill",), ("pause",), ("restart", "-t", "0")):
        assert store(*words, "a", "nosuch", "b", code=125).stdout == ""
    assert store("ps", "--format", "{{.Names}} {{.Status}}").stdout.count(" Up ") == 2


def test_the_exit_code_of_rm_tells_the_kind_of_error(store: Cli) -> None:
    run(store, "a")
    store("create", "--network", "none", "--name", "b", "rich", "true")
    assert store("rm", "a", "b", code=2).stdout == "b\n"
    assert store("rm", "nosuch", "a", code=1).stdout == ""


@pytest.mark.parametrize("words", [("stop", "-t", "-1"), ("rm", "-f", "-t", "-1"), ("stop", "--time=-5")])
def test_a_negative_timeout_waits_for_ever(store: Cli, words: tuple[str, ...]) -> None:
    run(store, "a", script=SLOW)
    store("run", "-d", "--network", "none", "--name", "other", "rich", "sh", "-c", STUBBORN)
    waiting = store.spawn(*words, "other")
    done = store(*words, "a")
    assert (done.stdout, done.stderr) == ("a\n", "")
    assert waiting.poll() is None
    store("kill", "other")
    assert waiting.communicate(timeout=30) == (b"other\n", b"")


def test_restart_and_stop_timeout_take_a_negative_one(store: Cli) -> None:
    run(store, "a", script=SLOW)
    assert store("restart", "-t", "-1", "a").stderr == ""
    store("run", "-d", "--network", "none", "--name", "b", "--stop-timeout", "-1", "rich", "sh", "-c", STUBBORN)
    waiting = store.spawn("stop", "b")
    time.sleep(0.5)
    assert waiting.poll() is None
    store("kill", "b")
    assert waiting.communicate(timeout=30) == (b"b\n", b"")


@pytest.mark.parametrize("number", [2**31, 2**63 - 1])
def test_a_timeout_that_no_clock_holds_is_none(store: Cli, number: int) -> None:
    store("run", "--rm", "--network", "none", "--timeout", str(number), "rich", "true")
    run(store, "a", script=SLOW)
    assert store("stop", "-t", str(number), "a").stdout == "a\n"


@pytest.mark.parametrize("verb", ["stop", "rm"])
def test_a_missing_cidfile_is_no_error_with_ignore(store: Cli, verb: str, tmp_path: Path) -> None:
    done = store(verb, "--ignore", "--cidfile", str(tmp_path / "missing"))
    assert (done.stdout, done.stderr) == ("", "")
    missing = store(verb, "--cidfile", str(tmp_path / "missing"), code=125).stderr
    assert missing == f"Error: reading CIDFile: open {tmp_path}/missing: no such file or directory\n"


@pytest.mark.parametrize("verb", ["stop", "rm", "kill", "pause", "unpause", "restart"])
def test_an_empty_cidfile_is_an_error(store: Cli, verb: str, tmp_path: Path) -> None:
    run(store, "a")
    for content in ("", "\n", "  \n"):
        (tmp_path / "cid").write_text(content)
        flags = ("--ignore",) if verb in ("stop", "rm") else ()
        done = store(verb, *flags, "--cidfile", str(tmp_path / "cid"), code=125)
        assert done.stderr == f"Error: reading CIDFile {tmp_path}/cid: name or ID cannot be empty\n"


@pytest.mark.parametrize("verb", ["stop", "rm", "kill", "start", "wait", "logs", "attach", "top", "port"])
def test_an_empty_name_is_an_error(store: Cli, verb: str) -> None:
    run(store, "a")
    assert store(verb, "", code=125).stderr == "Error: name or ID cannot be empty\n"
