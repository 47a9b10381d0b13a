"""What `libpod-runtime` remembers of a container between two commands, and where."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtime import Runtime, minimal_spec

NAME = "c1"


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    """Our runtime, and a bundle whose container sleeps."""
    write(runtime, "sleep", "1000")
    return runtime


def write(runtime: Runtime, *argv: str, **process: object) -> dict[str, Any]:
    """Write config.json with this command and these members of `process`; return it."""
    spec = minimal_spec(f"/libpod-state-{os.getpid()}", *argv)
    spec["process"].update(process)
    (runtime.bundle / "config.json").write_text(json.dumps(spec))
    return spec


def status(runtime: Runtime, name: str = NAME) -> str:
    return str(json.loads(runtime("state", name).stdout)["status"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["create", "--keep", NAME], "flag provided but not defined: -keep"),
        (["create", "-d", NAME], "flag provided but not defined: -d"),
        (["create", "--no-pivot", NAME], "--no-pivot is not supported"),
        (["run", "--no-new-keyring", NAME], "--no-new-keyring is not supported"),
        (["--rootless", "true", "create", NAME], "--rootless is not supported"),
        (["--systemd-cgroup", "create", NAME], "systemd cgroups are not supported"),
    ],
)
def test_a_flag_that_would_do_nothing_is_an_error(runtime: Runtime, words: list[str], message: str) -> None:
    assert message in runtime(*words, code=1).stderr
    assert runtime("list", "-q").stdout == ""


@pytest.mark.parametrize("length", [1, 33, 90, 200])
def test_the_path_of_the_state_root_may_be_long(runtime: Runtime, length: int) -> None:
    """The address of a Unix socket has 107 bytes; Docker's state root has 33, and its ids 64."""
    runtime.root = runtime.root.parent / ("r" * length)
    name = "i" * 64
    runtime.detached("create", name)
    assert status(runtime, name) == "created"
    runtime.detached("start", name)
    assert status(runtime, name) == "running"
    runtime("delete", "--force", name)


@pytest.mark.parametrize("length", [1, 200])
def test_the_path_of_a_console_socket_may_be_long(runtime: Runtime, store_directory: Path, length: int) -> None:
    directory = store_directory / ("d" * length)
    directory.mkdir()
    write(runtime, "sleep", "1000", terminal=True)
    with socket.socket(socket.AF_UNIX) as listener:
        opened = os.open(directory, os.O_PATH)
        listener.bind(f"/proc/self/fd/{opened}/console")
        os.close(opened)
        listener.listen()
        runtime.detached("create", "--console-socket", str(directory / "console"), NAME)
        with listener.accept()[0] as connection:
            _, descriptors, _, _ = socket.recv_fds(connection, 100, 1)
    assert os.isatty(descriptors[0])
    os.close(descriptors[0])


def hooks_of(log: Path, *moments: str) -> dict[str, Any]:
    """Hooks that write their moment into a file."""
    return {name: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {name} >> {log}"]}] for name in moments}


@pytest.mark.parametrize("change", ["changed", "malformed", "gone", "fifo"])
def test_what_was_created_is_what_counts(runtime: Runtime, store_directory: Path, change: str) -> None:
    """A bundle that changes between `create` and `delete` changes nothing of the container."""
    log, other = store_directory / "log", store_directory / "other"
    path = runtime.bundle / "config.json"
    spec = write(runtime, "sleep", "1000", env=["PATH=/bin", "WHO=created"])
    spec["hooks"] = hooks_of(log, "poststart", "poststop")
    path.write_text(json.dumps(spec))
    runtime.detached("create", NAME)
    path.unlink()
    if change == "changed":
        write(runtime, "sleep", "1", env=["PATH=/bin", "WHO=changed"], user={"uid": 77, "gid": 77})
        spec = json.loads(path.read_text())
        spec["hooks"] = hooks_of(other, "poststart", "poststop")
        path.write_text(json.dumps(spec))
    elif change == "malformed":
        path.write_text("{")
    elif change == "fifo":
        os.mkfifo(path)
    runtime.detached("start", NAME)
    assert runtime("exec", NAME, "sh", "-c", "echo $WHO; id -u").stdout == "created\n0\n"
    assert log.read_text() == "poststart\n"
    runtime("delete", "--force", NAME)
    assert log.read_text() == "poststart\npoststop\n"
    assert not other.exists()
    assert not (runtime.root / NAME).exists()


def test_a_container_of_the_release_before_versions_is_served(runtime: Runtime, store_directory: Path) -> None:
    """Its record has no version, and its specification stands in its bundle alone."""
    log = store_directory / "log"
    spec = write(runtime, "sleep", "1000", env=["PATH=/bin", "WHO=old"])
    spec["hooks"] = hooks_of(log, "poststop")
    (runtime.bundle / "config.json").write_text(json.dumps(spec))
    runtime.detached("create", NAME)
    runtime.detached("start", NAME)
    (runtime.root / NAME / "config.json").unlink()
    record = json.loads((runtime.root / NAME / "state.json").read_text())
    del record["version"]
    (runtime.root / NAME / "state.json").write_text(json.dumps(record))
    assert status(runtime) == "running"
    assert runtime("list", "-q").stdout == f"{NAME}\n"
    assert runtime("exec", NAME, "sh", "-c", "echo $WHO").stdout == "old\n"
    runtime("kill", NAME, "KILL")
    runtime("delete", "--force", NAME)
    assert log.read_text() == "poststop\n"


def test_a_record_of_a_newer_release_is_refused_and_kept(runtime: Runtime) -> None:
    runtime.detached("run", "--detach", NAME)
    path = runtime.root / NAME / "state.json"
    good = path.read_text()
    newer = json.dumps({"version": 2, "shape": ["new"]})
    path.write_text(newer)
    words = (("state", NAME), ("start", NAME), ("kill", NAME, "KILL"), ("pause", NAME), ("delete", "--force", NAME))
    for command in words:
        done = runtime(*command, code=1)
        assert (
            f"{path}: record of a container of version 2: this release of libpod reads versions up to 1" in done.stderr
        )
    assert "of version 2" in runtime("list").stderr
    assert path.read_text() == newer
    path.write_text(json.dumps({**json.loads(good), "more": 1}))
    assert "unknown field `more`" in runtime("delete", "--force", NAME, code=1).stderr
    path.write_text(good)
    assert status(runtime) == "running"


@pytest.mark.parametrize("command", [("create",), ("run", "--detach")], ids=" ".join)
def test_a_pid_file_that_cannot_be_written_leaves_no_container(runtime: Runtime, command: tuple[str, ...]) -> None:
    path = runtime.root.parent / "nosuch" / "pid"
    assert f"write {path}: no such file or directory" in runtime.detached(
        *command, "--pid-file", str(path), NAME, code=1
    )
    assert runtime("list", "-q").stdout == ""
    assert not (runtime.root / NAME).exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/libpod-state-{os.getpid()}"))
    path = runtime.root.parent / "pid"
    runtime.detached(*command, "--pid-file", str(path), NAME)
    assert int(path.read_text()) == json.loads(runtime("state", NAME).stdout)["pid"]
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith((".tmp-pid", "pid."))] == []


@pytest.mark.parametrize("flags", [("--pid-file",), ("--tty", "--console-socket")], ids=" ".join)
def test_an_exec_whose_caller_cannot_be_told_leaves_no_process(runtime: Runtime, flags: tuple[str, ...]) -> None:
    runtime.detached("run", "--detach", NAME)
    missing = str(runtime.root.parent / "nosuch" / "file")
    log = runtime.detached("exec", "--detach", *flags, missing, NAME, "sleep", "1001", code=255)
    assert missing in log
    first = json.loads(runtime("state", NAME).stdout)["pid"]
    cgroup = next(Path("/sys/fs/cgroup").glob(f"**/libpod-state-{os.getpid()}"))
    assert (cgroup / "cgroup.procs").read_text().split() == [str(first)]
