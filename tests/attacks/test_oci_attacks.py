"""The OCI runtime's command line given hostile ids, state directories and bundles: it touches nothing but its containers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import probe
from tests.support.runtime import OURS, Runtime

VERBS = (
    ("state",),
    ("start",),
    ("kill",),
    ("kill", "--all"),
    ("delete",),
    ("delete", "--force"),
    ("pause",),
    ("resume",),
    ("exec",),
    ("create",),
    ("run",),
)

#: A specification that asks for nothing.
SPEC = {
    "root": {"path": "rootfs"},
    "process": {"args": ["true"], "cwd": "/"},
    "linux": {"namespaces": [{"type": "mount"}], "cgroupsPath": "/libpod-attack"},
}


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """Our runtime on an empty state root, in a bundle that asks for nothing."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(SPEC))
    root = tmp_path / "state"
    root.mkdir()
    return Runtime(str(OURS), root, bundle)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that a hostile record may name."""
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def start_time(pid: int) -> int:
    """Field 22 of a process's `stat`."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def record(name: str, pid: int = 0, **changed: object) -> dict[str, Any]:
    """What `state.json` says of a container with this first process."""
    return {
        "oci_version": "1.0.2",
        "id": name,
        "pid": pid,
        "start_time": start_time(pid) if pid else 0,
        "bundle": "/nonexistent",
        "rootfs": "/nonexistent/rootfs",
        "created": "2026-11-28T00:00:00Z",
        "cgroup": f"/libpod-attack-{name}",
        "annotations": {},
        **changed,
    }


def write_record(directory: Path, document: object) -> None:
    """Make a container's directory with this record."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "state.json").write_text(json.dumps(document))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_an_id_that_is_none_reaches_no_directory(
    runtime: Runtime, sleeper: subprocess.Popen[bytes], tmp_path: Path, verb: tuple[str, ...]
) -> None:
    """A record of a live process, in the way of every path that an id could be: refused, and nothing is touched."""
    victim = tmp_path / "victim"
    write_record(victim, record("victim", sleeper.pid))
    write_record(runtime.root / "c1", record("c1", sleeper.pid))
    (runtime.root / "plain").mkdir()
    before = sorted(tmp_path.rglob("*"))
    words = ("true",) if verb == ("exec",) else ()
    for name in ("../victim", str(victim), "c1/.", "c1/", "./c1", ".", "..", "/", "c1/../c1", "a b", "é", "x" * 256):
        done = runtime(*verb, name, *words, code=None)
        assert done.returncode == (255 if verb == ("exec",) else 1), (name, done)
        assert "invalid container ID format" in done.stderr, (name, done)
    done = runtime(*verb, "", *words, code=None)
    assert done.returncode != 0
    assert "container id cannot be empty" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert sleeper.poll() is None


def test_a_record_that_cannot_be_read_is_never_removed(runtime: Runtime, sleeper: subprocess.Popen[bytes]) -> None:
    """The container of a damaged record may live: without the record nobody would find it."""
    good = json.dumps(record("c1", sleeper.pid))
    damaged: dict[str, object] = {
        "cut": good[: len(good) // 2],
        "empty": "",
        "of-another": json.dumps(record("other", sleeper.pid)),
        "wrong-type": json.dumps({**record("c1"), "pid": "1"}),
        "no-cgroup": json.dumps({name: value for name, value in record("c1").items() if name != "cgroup"}),
        "an-array": json.dumps(list(record("c1", sleeper.pid).values())),
        "another-id": json.dumps(record("../victim", sleeper.pid)),
    }
    path = runtime.root / "c1" / "state.json"
    path.parent.mkdir()
    for case, text in damaged.items():
        path.write_text(str(text))
        for force in ((), ("--force",)):
            done = runtime("delete", *force, "c1", code=1)
            assert str(path) in done.stderr, (case, done)
        assert path.read_text() == text
    assert sleeper.poll() is None


@pytest.mark.parametrize("kind", ["fifo", "device", "directory", "link", "endless"])
def test_a_record_that_is_no_file_is_refused_and_never_waited_for(runtime: Runtime, kind: str) -> None:
    directory = runtime.root / "c1"
    directory.mkdir()
    path = directory / "state.json"
    if kind == "fifo":
        subprocess.run(["mkfifo", str(path)], check=True)
    elif kind == "device":
        probe.needs_root()
        subprocess.run(["mknod", str(path), "c", "1", "5"], check=True)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        with path.open("w") as file:
            file.truncate(8 << 30)
    for words in (("state", "c1"), ("delete", "--force", "c1")):
        assert str(path) in runtime(*words, code=1).stderr
    assert path.exists()


def test_a_directory_that_is_no_containers_is_not_removed(runtime: Runtime) -> None:
    """A state root named by mistake: `--root /home/user delete --force Documents`."""
    documents = runtime.root / "Documents"
    (documents / "deep").mkdir(parents=True)
    (documents / "letter").write_text("dear")
    (runtime.root / "link").symlink_to(documents)
    (runtime.root / "file").write_text("x")
    assert "which is no file of a container" in runtime("delete", "--force", "Documents", code=1).stderr
    for name in ("link", "file"):
        assert str(runtime.root / name) in runtime("delete", "--force", name, code=1).stderr
    assert (documents / "letter").read_text() == "dear"
    assert (documents / "deep").is_dir()
    assert (runtime.root / "link").is_symlink()


def test_what_a_killed_create_left_is_removed_by_force_only(runtime: Runtime) -> None:
    left = runtime.root / "c1"
    left.mkdir()
    (left / ".tmp-state.json77").write_text("{")
    (left / "state.json.tmp").write_text("{")
    assert "container does not exist" in runtime("delete", "c1", code=1).stderr
    assert left.is_dir()
    runtime("delete", "--force", "c1")
    assert not left.exists()
    runtime("delete", "--force", "c1")


def test_list_names_a_damaged_record_and_shows_the_others(runtime: Runtime, sleeper: subprocess.Popen[bytes]) -> None:
    write_record(runtime.root / "good", record("good", sleeper.pid))
    write_record(runtime.root / "bad", list(record("bad", sleeper.pid).values()))
    (runtime.root / "halfway").mkdir()
    (runtime.root / "a b").mkdir()
    for words in (("list",), ("list", "-q"), ("list", "--format", "json")):
        done = runtime(*words)
        assert "good" in done.stdout
        assert "bad" not in done.stdout
        for name in ("bad", "halfway", "a b"):
            assert f"load container {name}: " in done.stderr, done


@pytest.mark.parametrize("words", [("create",), ("run",), ("exec", "--process")], ids=" ".join)
@pytest.mark.parametrize("kind", ["fifo", "device", "directory", "endless"])
def test_a_document_that_is_no_file_is_refused_and_never_waited_for(
    runtime: Runtime, sleeper: subprocess.Popen[bytes], words: tuple[str, ...], kind: str
) -> None:
    path = runtime.bundle / "config.json"
    path.unlink()
    if kind == "fifo":
        subprocess.run(["mkfifo", str(path)], check=True)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "directory":
        path.mkdir()
    else:
        with path.open("w") as file:
            file.truncate(8 << 30)
    if words[0] == "exec":
        (runtime.root.parent / "config.json").write_text(json.dumps(SPEC))
        write_record(runtime.root / "c1", record("c1", sleeper.pid, bundle=str(runtime.root.parent)))
        done = runtime(*words, str(path), "c1", code=255)
    else:
        done = runtime(*words, "c1", code=1)
    reason = "the file has more than" if kind == "endless" else "not a regular file"
    assert f"read {path}: {reason}" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"process": [False, None, {}, ["true"]]},
        {"linux": [[]]},
        {"root": ["rootfs", False]},
        {"mounts": [["/proc", "proc"]]},
        {"linux": {"resources": {"devices": [[False, "a", None, None, "rwm"]]}}},
        {"linux": {"seccomp": ["SCMP_ACT_ALLOW"]}},
        {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [[["mkdir"], "SCMP_ACT_ERRNO"]]}}},
    ],
    ids=json.dumps,
)
def test_an_array_is_not_taken_for_an_object(runtime: Runtime, change: dict[str, object]) -> None:
    path = runtime.bundle / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    done = runtime("run", "c1", code=1)
    assert f"{path}: invalid type: sequence, expected struct" in done.stderr


@pytest.mark.parametrize("count", ["4294967295", "4294967293", "2147483648", "1000"])
def test_descriptors_to_preserve_must_be_there(runtime: Runtime, count: str) -> None:
    (runtime.bundle / "rootfs").mkdir()
    done = runtime("run", "--preserve-fds", count, "c1", code=1)
    assert "descriptor 3 is to be preserved, and is not open" in done.stderr
    assert runtime("list", "-q").stdout == ""


@pytest.mark.parametrize("length", [4000, 9000, 300_000])
def test_an_error_about_a_path_of_any_length_is_readable(runtime: Runtime, length: int) -> None:
    probe.needs_root()
    (runtime.bundle / "rootfs").mkdir()
    source = "/nonexistent" + "/part" * (length // 5)
    mount = {"destination": "/x", "type": "bind", "source": source, "options": ["bind"]}
    (runtime.bundle / "config.json").write_text(json.dumps({**SPEC, "mounts": [mount]}))
    done = runtime("run", "c1", code=1)
    assert "unreadable" not in done.stderr
    assert "/nonexistent/part" in done.stderr
    assert "file name too long" in done.stderr or "no such file or directory" in done.stderr
