"""Sessions with monitors, as Python holds them: start, collect, relay, attach, exec, interrupt."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libpod import _core
from libpod.engine import Engine
from libpod.errors import (
    CommandNotExecutableError,
    CommandNotFoundError,
    InUseError,
    InvalidError,
    LibpodError,
    StateError,
)
from tests.support import probe
from tests.support.cli import Cli
from tests.support.container_images import write_root


class Container:
    """A directory with a root file system, a specification and a launch document."""

    def __init__(self, directory: Path, helper: str) -> None:
        self.directory = directory
        self.helper = helper
        self.id = f"session{os.getpid():x}{directory.name[-8:]}"
        self.cgroup = f"/libpod-tests/{self.id}"
        self.run_dir = directory / "run" / self.id
        self.log = directory / "ctr.log"
        root = directory / "root"
        write_root(directory / "root.tar")
        with tarfile.open(directory / "root.tar") as archive:
            archive.extractall(root, filter="fully_trusted")
        self.root = root

    def document(self, *args: str, **changes: Any) -> dict[str, Any]:
        namespaces = [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")]
        spec = {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": changes.get("terminal", False),
                "args": list(args),
                "env": ["PATH=/bin"],
                "cwd": changes.pop("cwd", "/"),
                "user": {"uid": 0, "gid": 0},
            },
            "root": {"path": str(self.root)},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]},
                *changes.pop("mounts", []),
            ],
            "linux": {"cgroupsPath": self.cgroup, "namespaces": namespaces},
        }
        (self.directory / "config.json").write_text(_core.dump_json(spec))
        nothing = ("hosts", "exit_command", "seccomp_cache", "conmon_pidfile", "pidfile", "timeout")
        return {
            **dict.fromkeys((*nothing, "initial_size")),
            **dict.fromkeys(("stdin_open", "terminal", "client_cleans_up"), False),
            "version": 2,
            "id": self.id,
            "run_dir": str(self.run_dir),
            "exit_file": str(self.directory / "exit.json"),
            "bundle": str(self.directory),
            "root_changes": [],
            "networks": [],
            "rootfs": None,
            "log": {"driver": "k8s-file", "path": str(self.log), "max_size": None},
            "seccomp": "unconfined",
            **changes,
        }

    def launch(self, *args: str, **changes: Any) -> _core.Session:
        return _core.launch_monitor(self.helper, self.document(*args, **changes))

    def exec(self, running: dict[str, Any], *args: str, **changes: Any) -> _core.Session:
        process = {
            "terminal": False,
            "user": {"uid": 0, "gid": 0, "umask": 0o022, "additionalGids": []},
            "args": list(args),
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {name: [] for name in ("bounding", "effective", "inheritable", "permitted", "ambient")},
            "rlimits": [],
            "noNewPrivileges": True,
        }
        document = {
            **dict.fromkeys(("seccomp_cache", "initial_size")),
            **dict.fromkeys(("stdin_open", "detach"), False),
            "version": 1,
            "id": self.id,
            "run_dir": str(self.run_dir),
            "exec_id": "e" * 64,
            "pid": running["pid"],
            "start_time": running["start_time"],
            "process": process,
            "cgroup": self.cgroup,
            "seccomp": "unconfined",
        }
        return _core.launch_exec(self.helper, {**document, **changes})


@pytest.fixture
def container(store_directory: Path) -> Iterator[Container]:
    """A container that is not started; what it still runs when the test ends is killed."""
    probe.needs_root()
    engine = Engine(root=str(store_directory / "store"), runroot=str(store_directory / "runroot"))
    made = Container(store_directory, engine.host.helper_path)
    yield made
    record = made.run_dir / "pid.json"
    if record.exists():
        running = _core.parse_json(record.read_bytes())
        _core.signal_process(running["pid"], running["start_time"], signal.SIGKILL)
        _core.wait_process(running["monitor_pid"], running["monitor_start_time"], 10)


def test_collects_output_and_exit_code(container: Container) -> None:
    session = container.launch("sh", "-c", "cat; echo err >&2; exit 3", stdin_open=True)
    running = session.wait_running()
    assert _core.process_alive(running["pid"], running["start_time"])
    assert session.collect(b"in") == (3, b"in", b"err\n")
    assert session.cleanup_done()
    assert not _core.process_alive(running["pid"], running["start_time"])
    assert not container.run_dir.exists()
    session.close()
    with pytest.raises(StateError, match="closed"):
        session.collect()


@pytest.mark.parametrize(
    ("args", "changes", "error", "code"),
    [
        (("/bin/none",), {}, CommandNotFoundError, 127),
        (("/bin/noexec",), {}, CommandNotExecutableError, 126),
        (("true",), {"log": {"driver": "smoke-signals", "path": None, "max_size": None}}, LibpodError, 125),
        (
            ("true",),
            {"log": {"driver": "k8s-file", "path": "/nonexistent/x/ctr.log", "max_size": None}},
            LibpodError,
            125,
        ),
    ],
)
def test_a_failed_start_raises_and_leaves_nothing(
    container: Container, args: tuple[str, ...], changes: dict[str, Any], error: type[LibpodError], code: int
) -> None:
    with pytest.raises(error) as raised:
        container.launch(*args, **changes).wait_running()
    assert raised.value.exit_code == code
    assert not container.run_dir.exists()


def test_a_failed_step_names_itself(container: Container) -> None:
    bad = {"destination": "/x", "type": "tmpfs", "source": "tmpfs", "options": ["size=nonsense"]}
    with pytest.raises(LibpodError) as raised:
        container.launch("true", mounts=[bad]).wait_running()
    assert (raised.value.op, raised.value.path, raised.value.errno) == ("mount tmpfs", "/x", 22)


def test_a_limit_on_output_and_on_time(container: Container) -> None:
    session = container.launch("sh", "-c", "yes | head -c 100000; sleep 100")
    with pytest.raises(InvalidError, match="larger than 50000 bytes"):
        session.collect(b"", 50_000)
    with pytest.raises(TimeoutError):
        session.collect(b"", 1 << 20, 0.2)


def test_one_thread_at_a_time(container: Container) -> None:
    session = container.launch("sh", "-c", "cat; sleep 100", stdin_open=True)
    running = session.wait_running()
    codes: list[int] = []
    waiting = threading.Thread(target=lambda: codes.append(session.collect(b"taken\n")[0]))
    waiting.start()
    wait_for_log(container, b"taken")
    with pytest.raises(InUseError):
        session.take_cleanup()
    _core.signal_process(running["pid"], running["start_time"], signal.SIGKILL)
    waiting.join(60)
    assert codes == [137]


def wait_for_log(container: Container, text: bytes) -> None:
    """Wait until the container has written this: whoever gave it as input is in the middle of its wait."""
    deadline = time.monotonic() + 60
    while text not in container.log.read_bytes():
        assert time.monotonic() < deadline, "it never wrote it"
        time.sleep(0.01)


def test_a_wait_ends_with_ctrl_c(container: Container) -> None:
    session = container.launch("sh", "-c", "cat; sleep 100", stdin_open=True)
    session.wait_running()
    sent: list[float] = []

    def interrupt() -> None:
        wait_for_log(container, b"taken")
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        session.collect(b"taken\n")
    assert time.monotonic() - sent[0] < 10
    interrupter.join()


def test_waits_for_a_process_with_a_limit(container: Container) -> None:
    running = container.launch("sleep", "100").wait_running()
    process = running["pid"], running["start_time"]
    assert not _core.wait_process(*process, 0.05)
    assert not _core.signal_process(process[0], process[1] + 1, signal.SIGKILL)
    assert _core.signal_process(*process, signal.SIGKILL)
    assert _core.wait_process(*process, 10)
    assert _core.parse_json((container.directory / "exit.json").read_bytes())["exit_code"] == 137


def test_signals_are_handed_on(container: Container) -> None:
    session = container.launch("sh", "-c", "trap 'echo got; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    session.wait_running()
    reader, writer = os.pipe()

    def send_when_ready() -> None:
        assert os.read(reader, 100) == b"ready\n"
        os.kill(os.getpid(), signal.SIGTERM)

    sender = threading.Thread(target=send_when_ready)
    sender.start()
    record = session.relay(None, writer, None, sig_proxy=True)
    sender.join()
    assert record["exit_code"] == 7
    assert os.read(reader, 100) == b"got\n"


_RELAY = """
import sys
from libpod import _core
session = _core.attach_monitor(sys.argv[1])
print(session.relay(0, 1, 2, tty=True, detach_keys="ctrl-a,d"), flush=True)
"""


def test_attaches_a_terminal_and_detaches(container: Container) -> None:
    session = container.launch("sh", terminal=True, stdin_open=True)
    session.wait_running()
    session.close()
    child, user = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", _RELAY, str(container.run_dir)])
    seen = b""
    os.write(user, b"echo $((6*7))\n")
    while b"\n42" not in seen:
        seen += os.read(user, 4096)
    os.write(user, b"\x01d")
    while b"detached" not in seen:
        seen += os.read(user, 4096)
    assert os.waitpid(child, 0)[1] == 0
    os.close(user)
    again = _core.attach_monitor(str(container.run_dir))
    assert again.collect(b"exit 9\n")[0] == 9


def test_executes_in_a_running_container(container: Container) -> None:
    session = container.launch("sleep", "100")
    running = session.wait_running()
    assert container.exec(running, "sh", "-c", "cat; exit 4", stdin_open=True).collect(b"x") == (4, b"x", b"")
    with pytest.raises(CommandNotFoundError):
        container.exec(running, "none").wait_running()
    with pytest.raises(StateError, match="not running"):
        container.exec({**running, "start_time": 1}, "true").wait_running()


def test_a_container_without_a_monitor_is_not_attached_to(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no running container"):
        _core.attach_monitor(str(tmp_path))


def test_follows_a_log_to_the_end(container: Container) -> None:
    running = container.launch("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done; echo e >&2").wait_running()
    reader, writer = os.pipe()
    errors, error_writer = os.pipe()
    _core.read_log(str(container.log), writer, error_writer, follow=(running["pid"], running["start_time"]))
    assert os.read(reader, 100) == b"1\n2\n3\n"
    assert os.read(errors, 100) == b"e\n"


_SCRIPT = r"printf 'a\n\nlast'; printf 'e1\ne2' >&2; head -c 100000 /dev/zero | tr '\0' z; echo; printf '\377\n'"


def test_the_log_reads_as_conmons(container: Container, peer: Cli, tmp_path: Path) -> None:
    peer("import", str(container.directory / "root.tar"), "plain")
    peer("run", "--network", "none", "--log-driver", "k8s-file", "--name", "theirs", "plain", "sh", "-c", _SCRIPT)
    path = peer("inspect", "theirs", "--format", "{{.HostConfig.LogConfig.Path}}").stdout.strip()
    container.launch("sh", "-c", _SCRIPT).collect()

    def normalized(log: bytes) -> dict[bytes, bytes]:
        """Text of each stream, parts joined as they are tagged; the shape of each line is checked."""
        texts: dict[bytes, bytes] = {}
        for line in log.splitlines():
            stamp, stream, tag, text = line.split(b" ", 3)
            assert len(stamp) == len("2026-11-24T13:41:16.123456789+00:00"), line
            texts[stream] = texts.get(stream, b"") + text + (b"\n" if tag == b"F" else b"")
        return texts

    assert normalized(container.log.read_bytes()) == normalized(Path(path).read_bytes())
    # Podman prints our log, too.
    Path(path).write_bytes(container.log.read_bytes())
    shown = subprocess.run(peer.command("logs", "theirs"), capture_output=True, check=True)
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        _core.read_log(str(container.log), out.fileno(), err.fileno())
    assert (tmp_path / "out").read_bytes() == shown.stdout
    assert (tmp_path / "err").read_bytes() == shown.stderr
