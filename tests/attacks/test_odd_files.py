"""A FIFO, a device or a socket in the place of a file that libpod reads or writes: an error that names it, and nobody waits."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from libpod.store import open_store
from tests.support import cli
from tests.support.store import add_image, busybox_layers


def _socket(path: Path) -> None:
    # The path of a socket is short.
    directory = os.open(path.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{directory}/{path.name}")
    os.close(directory)


ODD: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "device": lambda path: os.mknod(path, 0o20666, os.makedev(1, 5)),
    "directory": os.mkdir,
    "socket": _socket,
}
#: How long a command may take that must not wait for anybody.
LIMIT_S = 20


@pytest.fixture
def box(podman: cli.Cli) -> cli.Cli:
    """A store with an image and the container `box`, which has run once."""
    add_image(open_store(str(podman.root), str(podman.runroot)), "localhost/a:latest", busybox_layers())
    podman("run", "--name", "box", "--network", "none", "localhost/a:latest", "/bin/busybox", "echo", "said")
    return podman


def exchanged(path: Path, make: Callable[[Path], object]) -> Callable[[], object]:
    """Put something else in the place of a file; returns what puts the file back."""
    kept = path.with_name("kept")
    if path.exists():
        path.rename(kept)
    make(path)

    def undo() -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if kept.exists():
            kept.rename(path)

    return undo


READ = ("ps", "-a")
WRITE = ("create", "--network", "none", "localhost/a:latest", "/bin/busybox", "true")
#: A file below the root or the run root, and a command that reads it.
STORE_FILES = (
    ("root/overlay-layers/layers.json", ("inspect", "localhost/a:latest")),
    ("root/overlay-layers/layers.json", WRITE),
    ("root/overlay-images/images.json", ("images",)),
    ("root/overlay-containers/containers.json", READ),
    ("root/overlay-containers/volatile-containers.json", READ),
    ("root/overlay-layers/layers.lock", ("save", "localhost/a:latest")),
    ("root/overlay-layers/layers.lock", WRITE),
    ("root/overlay-containers/containers.lock", WRITE),
    ("root/overlay-images/IMAGE/manifest", ("inspect", "localhost/a:latest")),
    ("root/overlay-layers/LAYER.tar-split.gz", ("save", "localhost/a:latest")),
    ("root/overlay/LAYER/link", WRITE),
    ("root/overlay/LAYER/lower", WRITE),
    ("root/overlay/.has-mount-program", READ),
)


@pytest.mark.parametrize(("file", "words"), STORE_FILES, ids=[f"{file}-{words[0]}" for file, words in STORE_FILES])
def test_a_file_of_the_store_is_a_regular_file(box: cli.Cli, file: str, words: tuple[str, ...]) -> None:
    image = open_store(str(box.root), str(box.runroot)).image("localhost/a:latest")
    path = box.root.parent / file.replace("IMAGE", image["id"]).replace("LAYER", image["layer"])
    for kind, make in ODD.items():
        undo = exchanged(path, make)
        done = box(*words, code=125, timeout_s=LIMIT_S)
        undo()
        assert "Traceback" not in done.stderr, done
        assert path.name in done.stderr, (kind, done)
        assert "not a regular file" in done.stderr or "is a directory" in done.stderr.lower(), (kind, done)
    assert box("ps", "-aq").stdout != ""
    box("run", "--rm", "--network", "none", "localhost/a:latest", "/bin/busybox", "true")


#: A file of the container, and whether each start writes it anew.
CONTAINER_FILES = (
    ("root/overlay-containers/ID/userdata/container.json", False),
    ("root/overlay-containers/ID/userdata/exit.json", False),
    ("root/overlay-containers/ID/userdata/config.json", True),
    ("root/overlay-containers/ID/userdata/ctr.log", False),
    ("run/overlay-containers/ID/userdata/hosts", True),
    ("run/overlay-containers/ID/userdata/.containerenv", True),
)


@pytest.mark.parametrize(("file", "replaced"), CONTAINER_FILES, ids=[file for file, _ in CONTAINER_FILES])
def test_a_file_of_a_container_is_a_regular_file(box: cli.Cli, file: str, replaced: bool) -> None:
    (record,) = open_store(str(box.root), str(box.runroot)).containers()
    path = box.root.parent / file.replace("ID", record["id"])
    for kind, make in ODD.items():
        undo = exchanged(path, make)
        # A start replaces what is there, but for a directory.
        refused = not replaced or kind == "directory"
        done = box("start", "-a", "box", code=125 if refused else 0, timeout_s=LIMIT_S)
        assert "Traceback" not in done.stderr, (kind, done)
        if refused:
            assert path.name in done.stderr, (kind, done)
        for words in (("ps", "-a"), ("logs", "box"), ("container", "inspect", "box")):
            done = box(*words, code=None, timeout_s=LIMIT_S)
            assert "Traceback" not in done.stderr, (kind, done)
        if refused:
            undo()
    box("rm", "-f", "box", timeout_s=LIMIT_S)


def test_an_entry_of_the_filter_cache_is_a_regular_file(box: cli.Cli) -> None:
    entries = [path for path in (box.runroot / "libpod/seccomp").iterdir() if path.is_file()]
    assert entries
    for make in ODD.values():
        undone = [exchanged(path, make) for path in entries]
        box("start", "-a", "box", timeout_s=LIMIT_S)
        for undo in undone:
            undo()


def test_an_entry_of_the_journal_is_a_regular_file(box: cli.Cli) -> None:
    entry = box.root / "libpod/pending" / f"image-{'e' * 64}"
    for kind, make in ODD.items():
        make(entry)
        done = box(*WRITE, code=125 if kind == "directory" else 0, timeout_s=LIMIT_S)
        if kind == "directory":
            assert entry.name in done.stderr, done
            entry.rmdir()
        assert not entry.exists(), kind


def test_the_reserve_is_a_regular_file(box: cli.Cli) -> None:
    for make in ODD.values():
        undo = exchanged(box.root / "libpod/reserve", make)
        box(*WRITE, timeout_s=LIMIT_S)
        undo()


def test_a_running_container_whose_record_is_odd_is_left_alone(box: cli.Cli) -> None:
    box("run", "-d", "--name", "runs", "--network", "none", "localhost/a:latest", "/bin/busybox", "sleep", "1000")
    (path,) = (box.runroot / "libpod").glob("*/pid.json")
    pid = json.loads(path.read_text())["pid"]
    for kind, make in ODD.items():
        undo = exchanged(path, make)
        for words in (("ps", "-a"), ("stop", "-t", "0", "runs"), ("container", "inspect", "runs")):
            done = box(*words, code=0 if words[0] == "ps" else 125, timeout_s=LIMIT_S)
            assert "Traceback" not in done.stderr, (kind, done)
            assert "pid.json" in done.stderr, (kind, done)
        undo()
    assert Path(f"/proc/{pid}").exists()
    box("rm", "-f", "-t", "0", "runs", timeout_s=LIMIT_S)
    assert not Path(f"/proc/{pid}").exists()
