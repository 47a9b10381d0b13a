"""The user's terminal: a hang-up detaches, signals reach the container, lines end as they should."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli

HUNG_UP = 128 + signal.SIGHUP
#: Says when it is ready, and ends by each of these signals in a way of its own.
TRAPS = "trap 'echo hup; exit 8' HUP; trap 'echo int; exit 9' INT; trap 'echo term; exit 7' TERM; echo ready;"
LOOP = f"{TRAPS} while :; do sleep 0.05; done"


@pytest.fixture(autouse=True)
def nothing_left(store: Cli) -> Iterator[None]:
    yield
    store.remove_all()


class Terminal:
    """A program in the foreground of a terminal of its own, as its session's leader."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, environment)
        self.seen = b""

    def read_until(self, wanted: bytes, timeout_s: float = 30) -> bytes:
        """Read until the program, or what it runs, has written this."""
        deadline = time.monotonic() + timeout_s
        while wanted not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, self.seen
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.seen += os.read(self.master, 4096)
                except OSError:
                    raise AssertionError(self.seen) from None
        return self.seen

    def read_all(self) -> bytes:
        """Read until the program has closed its terminal."""
        try:
            while data := os.read(self.master, 4096):
                self.seen += data
        except OSError:
            return self.seen
        return self.seen

    def hang_up(self) -> None:
        os.close(self.master)

    def code(self, timeout_s: float = 30) -> int:
        """The program's exit code, or the negative number of the signal that ended it."""
        deadline = time.monotonic() + timeout_s
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError("it does not end")
            time.sleep(0.01)


def terminal(store: Cli, *words: str) -> Terminal:
    return Terminal(store.command(*words), store.environment)


def status(store: Cli, name: str = "c") -> str:
    return store("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name).stdout.strip()


RUN = ("run", "--network", "none", "--name", "c")


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        (("-it",), LOOP),
        (("-i",), LOOP),
        (("-t",), LOOP),
        ((), LOOP),
        (("-it", "--sig-proxy=false"), LOOP),
        # It ends with its input.
        (("-it",), "echo ready; cat"),
        (("-i",), "echo ready; cat"),
        # What it writes meets the terminal that is gone.
        (("-it",), "echo ready; while :; do echo more; done"),
        (("-i",), "echo ready; while :; do echo more; done"),
    ],
)
@pytest.mark.parametrize("remove", [(), ("--rm",)])
def test_a_hang_up_detaches_run(store: Cli, flags: tuple[str, ...], command: str, remove: tuple[str, ...]) -> None:
    user = terminal(store, *RUN, *flags, *remove, "rich", "sh", "-c", command)
    user.read_until(b"ready")
    user.hang_up()
    assert user.code() in (HUNG_UP, -signal.SIGHUP)
    time.sleep(0.2)
    assert status(store) == "running 0"


@pytest.mark.parametrize("words", [("attach", "c"), ("start", "-ai", "d"), ("exec", "-it", "c", "sh", "-c", LOOP)])
def test_a_hang_up_detaches_others(store: Cli, words: tuple[str, ...]) -> None:
    store(
        "run", "-d", "-it", "--network", "none", "--name", "c", "rich", "sh", "-c", "while echo ready; do sleep 1; done"
    )
    store("create", "-it", "--network", "none", "--name", "d", "rich", "sh", "-c", LOOP)
    user = terminal(store, *words)
    user.read_until(b"ready")
    user.hang_up()
    assert user.code() == HUNG_UP
    time.sleep(0.2)
    assert status(store, "d" if "d" in words else "c") == "running 0"
    if words[0] == "exec":
        assert "while :" in store("top", "c", "args").stdout


#: Leads the session, as a shell does: runs the command in the foreground, and passes a hang-up on to it.
_SHELL = """
import os, signal, subprocess, sys
command = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGUSR1, lambda *_: command.send_signal(signal.SIGHUP))
sys.exit(command.wait())
"""


def test_a_hang_up_that_the_shell_passes_on_detaches(store: Cli) -> None:
    words = store.command(*RUN, "-i", "rich", "sh", "-c", LOOP)
    user = Terminal([sys.executable, "-c", _SHELL, *words], store.environment)
    user.read_until(b"ready")
    # The terminal still stands, as where the terminal's program tells the shell first.
    os.kill(user.pid, signal.SIGUSR1)
    assert user.code() == HUNG_UP
    assert status(store) == "running 0"


@pytest.mark.parametrize("flags", [("-it",), ("-t",), ("-i",), ()])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGINT, 9), (signal.SIGHUP, 8)])
def test_signals_from_others_reach_the_container(
    store: Cli, flags: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    user = terminal(store, *RUN, *flags, "rich", "sh", "-c", LOOP)
    user.read_until(b"ready")
    os.kill(user.pid, number)
    user.read_all()
    assert user.code() == code
    assert status(store) == f"exited {code}"


@pytest.mark.parametrize("words", [("attach", "c"), ("start", "-a", "d")])
def test_signals_reach_a_container_with_a_terminal_that_was_joined(store: Cli, words: tuple[str, ...]) -> None:
    script = f"{TRAPS} while echo ready; do sleep 0.1; done"
    store("run", "-d", "-t", "--network", "none", "--name", "c", "rich", "sh", "-c", script)
    store("create", "-t", "--network", "none", "--name", "d", "rich", "sh", "-c", script)
    client = store.spawn(*words)
    assert client.stdout is not None
    assert b"ready" in client.stdout.readline()
    client.send_signal(signal.SIGTERM)
    client.communicate(timeout=30)
    assert client.returncode == 7


def test_start_attach_gives_input_and_interactive_alone_does_not_attach(store: Cli) -> None:
    store("create", "-i", "--network", "none", "--name", "c", "rich", "sh", "-c", "read line; echo got $line; exit 3")
    assert store("start", "-a", "c", stdin=b"this\n", code=3).stdout == "got this\n"
    assert store("start", "-ai", "c", stdin=b"that\n", code=3).stdout == "got that\n"
    assert store("start", "-i", "c", stdin=b"none\n").stdout == "c\n"
    assert status(store) == "running 0"
    # Also where it runs already.
    assert store("start", "-a", "c", stdin=b"this\n", code=3).stdout == "got this\n"


def test_sig_proxy_goes_with_a_terminal(store: Cli) -> None:
    assert store("run", "--rm", "--network", "none", "--sig-proxy", "-it", "rich", "echo", "well").stdout == "well\r\n"
    client = store.spawn(*RUN, "--sig-proxy=false", "-t", "rich", "sh", "-c", LOOP)
    assert client.stdout is not None
    assert b"ready" in client.stdout.readline()
    client.send_signal(signal.SIGTERM)
    client.communicate(timeout=30)
    assert client.returncode == -signal.SIGTERM
    assert status(store) == "running 0"


def test_nohup_means_the_container_too(store: Cli) -> None:
    words = store.command(*RUN, "rich", "sh", "-c", LOOP)
    client = subprocess.Popen(
        ["nohup", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=store.environment
    )
    assert client.stdout is not None
    assert client.stdout.readline() == b"ready\n"
    client.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert status(store) == "running 0"
    client.send_signal(signal.SIGTERM)
    client.communicate(timeout=30)
    assert client.returncode == 7


@pytest.mark.parametrize("flags", [("-t",), ("-it",)])
def test_lines_end_once(store: Cli, flags: tuple[str, ...]) -> None:
    user = terminal(store, *RUN, *flags, "rich", "sh", "-c", "echo one; echo two")
    assert user.read_all() == b"one\r\ntwo\r\n"
    assert user.code() == 0


def test_ctrl_c_reaches_a_container_with_a_terminal_and_no_input(store: Cli) -> None:
    user = terminal(store, *RUN, "-t", "rich", "sh", "-c", LOOP)
    user.read_until(b"ready")
    os.write(user.master, b"\x03")
    user.read_until(b"int")
    user.read_all()
    assert user.code() == 9


def test_the_end_of_input_on_a_terminal_without_one_inside_is_the_end(store: Cli) -> None:
    user = terminal(store, *RUN, "-i", "rich", "sh", "-c", "echo ready; cat; exit 6")
    user.read_until(b"ready")
    os.write(user.master, b"line\n\x04")
    user.read_all()
    assert user.code() == 6


def test_the_terminal_is_restored(store: Cli, tmp_path: Path) -> None:
    words = store.command("run", "--rm", "--network", "none", "-t", "rich", "true")
    script = f"stty -g >{tmp_path}/before; {' '.join(words)}; stty -g >{tmp_path}/after"
    user = Terminal(["sh", "-c", script], store.environment)
    user.read_all()
    assert user.code() == 0
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text() != ""
