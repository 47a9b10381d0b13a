"""Root file systems that try to lead a start out of the container: a link, a fifo or a device at every path that is touched.

Each image has one odd node at one path. It is run in several ways: read-only, with another user or working directory, with a directory
of the host, a volume or a tmpfs at the path or elsewhere. A run works, or ends with one clear error; files of the host stay as they are.
Every path meets every kind of node and every way; `LIBPOD_ATTACK_WAYS=all` runs each pair of path and node in all ways (half an hour).
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import libpod
from libpod.errors import LibpodError
from tests.support import cli, container_images, probe
from tests.support.images import config, docker_archive
from tests.support.tree import Tree

#: Every path of an image's root that the runtime or the engine resolves, makes, mounts on, reads or executes at a start.
PATHS = (
    "dev dev/console dev/fd dev/full dev/mqueue dev/null dev/ptmx dev/pts dev/pts/ptmx dev/random dev/shm dev/stdin dev/tty"
    " dev/zero etc etc/group etc/hostname etc/hosts etc/localtime etc/passwd etc/resolv.conf proc proc/acpi proc/self proc/sys"
    " proc/sys/net/ipv4/ip_unprivileged_port_start run run/.containerenv run/podman-init sys sys/firmware sys/fs"
    " sys/fs/cgroup tmp usr/share/zoneinfo usr/share/zoneinfo/UTC var var/tmp work work/dir data data/volume bin bin/sh home/app"
).split()

#: Where a start that went astray would leave something.
MADE_BY_LIBPOD = (
    "/run/.containerenv", "/run/podman-init", "/dev/podman-init", "/dev/mqueue", "/dev/attacked", "/work", "/data", "/null", "/zero",
)  # fmt: skip

#: How many ways each pair of path and node is run in.
WAYS_EACH = 2

#: How long one run may take before it counts as hanging, in seconds.
PATIENCE_S = 20


class Outside:
    """Files of the host that must stay as they are: a canary, and the directory that is mounted at /data."""

    def __init__(self, directory: Path) -> None:
        self.canary = directory / "canary"
        self.mounted = directory / "mounted"
        for top in (self.canary, self.mounted):
            for name in ("dir/deep", "null", "etc", "new", "volume"):
                (top / name).mkdir(parents=True)
            for name in ("file", "hosts", "zero", "etc/passwd", "dir/console"):
                (top / name).write_text("canary\n")
            os.mkfifo(top / "pipe")
        self._before = self._look()

    def _look(self) -> tuple[Tree, Tree, list[object]]:
        host = [
            *(os.path.lexists(path) for path in MADE_BY_LIBPOD),
            *(os.stat(path).st_mtime_ns for path in ("/etc/passwd", "/etc/group", "/etc/hosts", "/bin")),
            Path("/proc/sys/kernel/core_pattern").read_text(),
        ]
        return Tree(self.canary), Tree(self.mounted), host

    def check(self, label: str) -> None:
        """Fail if anything was made, removed or changed."""
        now = self._look()
        for before, after in zip(self._before[:2], now[:2], strict=True):
            assert before.differences(after) == [], label
        assert self._before[2] == now[2], label


def link(target: str) -> Callable[[tarfile.TarInfo], None]:
    def make(entry: tarfile.TarInfo) -> None:
        entry.type, entry.linkname = tarfile.SYMTYPE, target

    return make


def node(kind: bytes, major: int = 0, minor: int = 0) -> Callable[[tarfile.TarInfo], None]:
    def make(entry: tarfile.TarInfo) -> None:
        entry.type, entry.devmajor, entry.devminor = kind, major, minor

    return make


#: What stands at the path. `@` is the canary directory.
KINDS: dict[str, Callable[[tarfile.TarInfo], None]] = {
    "link to a directory of the host": link("@/dir"),
    "link to a file of the host": link("@/file"),
    "climbing link": link("../../../../../../../../../../../../@/dir"),
    "link to nothing on the host": link("@/absent/file"),
    "link into the mounted directory": link("/data/dir"),
    "link to nothing in the mounted directory": link("/data/absent/file"),
    "link to the mounted directory": link("/data"),
    "link to the root": link("/"),
    "link to the device directory": link("/dev"),
    "link through another root": link("/proc/1/root@/dir"),
    "link to a descriptor": link("/proc/self/fd/3"),
    "link to a kernel parameter": link("/proc/sys/kernel/core_pattern"),
    "link to itself": link("self"),
    "fifo": node(tarfile.FIFOTYPE),
    "character device": node(tarfile.CHRTYPE, 1, 5),
    "block device": node(tarfile.BLKTYPE, 7, 200),
    "directory": node(tarfile.DIRTYPE),
    "file": node(tarfile.REGTYPE),
}

#: Ways to run. `@` is the path, `%` the directory that is mounted.
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "read-only": {"read_only": True},
    "read-only in memory": {"read_only": True, "read_only_tmpfs": False},
    "working directory of the user": {"workdir": "/home/app"},
    "working directory at the path": {"workdir": "@"},
    "user by name": {"user": "app:adm"},
    "unknown user": {"user": "4321:8765", "group_add": ["audio"]},
    "host directory": {"volumes": ["%:/data"]},
    "host directory, read-only": {"volumes": ["%:/data"], "read_only": True, "user": "4321"},
    "host directory at the path": {"volumes": ["%:@"]},
    "host file at the path": {"volumes": ["%/file:@"]},
    "tmpfs at the path": {"tmpfs": ["@"], "volumes": ["%:/data"]},
    "volume at the path": {"volumes": ["attacked:@"]},
    "time zone": {"tz": "UTC", "volumes": ["%:/data"]},
    "terminal": {"tty": True, "volumes": ["%:/data"]},
    "kernel parameter": {"sysctl": ["net.ipv4.ip_unprivileged_port_start=99"], "volumes": ["%:/data"]},
    "device": {"device": ["/dev/null:/dev/attacked"], "volumes": ["%:/data"]},
    "privileged": {"privileged": True, "volumes": ["%:/data"]},
    "masked": {"security_opt": ["mask=@"]},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The layer below each attack: a root that works."""
    path = tmp_path_factory.mktemp("base") / "root.tar"
    container_images.write_root(path)
    return path.read_bytes()


@pytest.fixture
def engine(store_directory: Path) -> Iterator[libpod.Engine]:
    probe.needs_root()
    with libpod.Engine(root=str(store_directory / "root"), runroot=str(store_directory / "run")) as engine:
        yield engine


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path)


def attack(path: str, make: Callable[[tarfile.TarInfo], None], canary: Path) -> bytes:
    """A layer with directories that lead to the path, and the odd node there."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for parent in list(Path(path).parents)[-2::-1]:
            entry = tarfile.TarInfo(str(parent))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        entry = tarfile.TarInfo(path)
        entry.mode = 0o755
        make(entry)
        entry.linkname = "/" + path if entry.linkname == "self" else entry.linkname.replace("@", str(canary))
        archive.addfile(entry)
    return out.getvalue()


def load(engine: libpod.Engine, base: bytes, layer: bytes, directory: Path) -> None:
    """Put an image `attacked` of the two layers into the store, in the place of the one before."""
    archive = directory / "image.tar"
    settings = {"Cmd": ["/bin/busybox", "true"], "WorkingDir": "/work/dir", "Volumes": {"/data/volume": {}}}
    text = json.loads(config(base, layer)) | {"config": settings}
    archive.write_bytes(
        docker_archive(base, layer, names=("localhost/attacked:1",), image_config=json.dumps(text).encode())
    )
    engine.images.load(str(archive))


def options_of(way: dict[str, Any], path: str, outside: Outside) -> dict[str, Any]:
    def fill(value: object) -> object:
        if isinstance(value, str):
            return value.replace("%", str(outside.mounted)).replace("@", "/" + path)
        return [fill(item) for item in value] if isinstance(value, list) else value

    return {name: fill(value) for name, value in way.items()}


def run(engine: libpod.Engine, label: str, options: dict[str, Any]) -> None:
    """Run the image once. If that fails, the error must be one of libpod's or of the host, and say one thing."""

    def hangs(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{label}: hangs")

    previous = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(PATIENCE_S)
    try:
        engine.run("attacked:1", network="none", pull="never", **options)
    except (LibpodError, OSError) as error:
        text = str(error)
        assert text, label
        assert "\n" not in text, f"{label}: {text}"
        assert not re.search(r"panicked|unwrap|Traceback", text), f"{label}: {text}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def ways_of(place: int) -> list[str]:
    """Some of the ways, others for the next place: all come round."""
    names = list(WAYS)
    if os.environ.get("LIBPOD_ATTACK_WAYS") == "all":
        return names
    return [names[(place * WAYS_EACH + offset) % len(names)] for offset in range(WAYS_EACH)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_node_at_any_path_leads_nowhere(
    engine: libpod.Engine, base: bytes, outside: Outside, tmp_path: Path, kind: str
) -> None:
    first = list(KINDS).index(kind)
    for place, path in enumerate(PATHS):
        load(engine, base, attack(path, KINDS[kind], outside.canary), tmp_path)
        for name in ways_of(first + place):
            label = f"{kind} at /{path}, {name}"
            run(engine, label, options_of(WAYS[name], path, outside))
            outside.check(label)
    assert engine.store.containers() == []


def test_each_path_is_run_in_every_way() -> None:
    for place in range(len(PATHS)):
        assert {name for first in range(len(KINDS)) for name in ways_of(first + place)} == set(WAYS)


#: What a running container puts in the place of its passwd file.
SWAPS = {
    "fifo": "mkfifo /etc/passwd",
    "link to a file of the host": "ln -s @/file /etc/passwd",
    "link through its own root": "ln -s /proc/1/root/@/file /etc/passwd",
    "link to itself": "ln -s passwd /etc/passwd",
    "directory": "mkdir /etc/passwd",
    "device": "mknod /etc/passwd c 1 5",
    "file without end": "ln -s /dev/zero /etc/passwd",
    "large file": "dd if=/dev/zero of=/etc/passwd bs=1M count=8",
    "nothing": "true",
}


@pytest.mark.parametrize("swap", SWAPS)
def test_a_running_container_cannot_mislead_exec_and_top(
    podman: cli.Cli, base: bytes, outside: Outside, tmp_path: Path, swap: str
) -> None:
    archive = tmp_path / "root.tar"
    archive.write_bytes(base)
    podman("import", "-q", str(archive), "attacked")
    podman("run", "-d", "--name", "a", "--network", "none", "--cap-add", "mknod", "attacked", "sleep", "1000")
    podman("exec", "a", "sh", "-c", "rm /etc/passwd; busybox " + SWAPS[swap].replace("@", str(outside.canary)))
    for words in (
        ("exec", "-u", "app", "a", "id"),
        ("exec", "-u", "4321", "a", "id"),
        ("exec", "a", "id"),
        ("top", "a", "user", "args"),
    ):
        done = podman(*words, code=None, timeout_s=PATIENCE_S)
        lines = done.stderr.splitlines()
        assert len(lines) <= 1, words
        assert done.returncode == 0 or lines[0].startswith("Error: "), words
        assert "canary" not in done.stdout + done.stderr, words
    outside.check(swap)
