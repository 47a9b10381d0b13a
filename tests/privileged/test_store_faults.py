"""The store when something is in the way: a lock, a signal, a full disk, a disk that cannot be written."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from libpod import _core
from libpod.errors import CorruptError, ImageNotFoundError, InUseError
from libpod.store import StagedLayer, Store, layer_id, open_store
from tests.support import probe
from tests.support.store import add_image, tar_of

TREE = Path(__file__).parents[2]


@pytest.fixture
def store(store_directory: Path) -> Store:
    """An empty store."""
    probe.needs_root()
    return open_store(str(store_directory / "root"), str(store_directory / "run"))


@pytest.fixture
def locked(store: Store) -> Iterator[Store]:
    """A store with an image, whose layers another program keeps locked for writing."""
    add_image(store, "localhost/a:latest", [tar_of({"a": b"a"})])
    with open(Path(store.graphroot, "overlay-layers/layers.lock"), "r+") as lock:
        # A POSIX lock, as the Go tools take it; ours belongs to the open file and is another one.
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield store


def python(script: str, *words: str) -> list[str]:
    return [sys.executable, "-c", script, *words]


def test_readers_wait_for_nobody(locked: Store) -> None:
    other = open_store(locked.graphroot, locked.runroot)
    assert [image["names"] for image in other.images()] == [["localhost/a:latest"]]
    layer = other.layers()[0]
    assert other.layer_tar(layer["id"]).read_all(100_000) == tar_of({"a": b"a"})


def test_staging_waits_for_nobody(locked: Store) -> None:
    staged = locked.stage_layer(_core.bytes_blob(tar_of({"b": b"b"})))
    assert staged.diff_size == len(tar_of({"b": b"b"}))
    staged.discard()


def test_a_wait_for_a_lock_can_be_interrupted(locked: Store) -> None:
    script = """
import sys
from libpod.store import open_store
store = open_store(*sys.argv[1:])
image = store.image("localhost/a:latest")["id"]
try:
    print(flush=True)
    store.remove_image(image)
except KeyboardInterrupt:
    sys.exit(42)
"""
    command = python(script, locked.graphroot, locked.runroot)
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TREE) as waiting:
        assert waiting.stdout is not None
        waiting.stdout.readline()
        time.sleep(0.2)
        assert waiting.poll() is None, "the lock is held"
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(timeout=30) == 42
    assert locked.image("localhost/a:latest")["names"] == ["localhost/a:latest"]


def test_a_signal_that_does_not_raise_does_not_end_the_wait(store: Store) -> None:
    image = add_image(store, "localhost/a:latest", [tar_of({"a": b"a"})])
    script = """
import signal, sys
from libpod.store import open_store
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.siginterrupt(signal.SIGUSR1, True)
store = open_store(*sys.argv[1:3])
print(flush=True)
store.remove_image(sys.argv[3])
"""
    with open(Path(store.graphroot, "overlay-layers/layers.lock"), "r+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        command = python(script, store.graphroot, store.runroot, image["id"])
        waiting = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TREE)
        assert waiting.stdout is not None
        waiting.stdout.readline()
        for _ in range(3):
            time.sleep(0.1)
            waiting.send_signal(signal.SIGUSR1)
        assert waiting.poll() is None
    waiting.communicate(timeout=30)
    assert waiting.returncode == 0
    with pytest.raises(ImageNotFoundError):
        store.image(image["id"])


def test_layers_are_staged_in_parallel_and_published_together(store: Store) -> None:
    blobs = [tar_of({f"{number}": bytes(100_000)}) for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        staged = list(pool.map(lambda blob: store.stage_layer(_core.bytes_blob(blob), inline=True), blobs))
    wanted: list[tuple[StagedLayer, str, str | None]] = []
    parent: str | None = None
    for layer in staged:
        name = layer_id(parent, layer.diff_id)
        wanted.append((layer, name, parent))
        parent = name
    assert parent
    store.create_image("a" * 64, names=[], layer=parent, digest="", created=None, metadata=None, data={}, layers=wanted)
    assert {layer["id"] for layer in store.layers()} == {name for _, name, _ in wanted}
    assert store.check(contents=True) == []


def test_a_corrupt_blob_leaves_nothing(store: Store) -> None:
    for blob in (tar_of({"a": bytes(5000)})[:3000], b"\x1f\x8b\x08garbage", b"no tar at all" * 100):
        with pytest.raises(CorruptError):
            store.stage_layer(_core.bytes_blob(blob))
    assert store.layers() == []
    assert list(Path(store.graphroot, "libpod/staging").iterdir()) == []


def test_an_image_in_use_is_not_removed(store: Store) -> None:
    image = add_image(store, "localhost/a:latest", [tar_of({"a": b"a"})])
    container = store.create_container("", names=["box"], image=image["id"], layer_parent=image["layer"], metadata="{}")
    with pytest.raises(InUseError, match=container["id"]):
        store.remove_image(image["id"])


_ON_A_SMALL_DISK = """
import errno, os, subprocess, sys
from libpod.store import open_store
from tests.support.store import add_image, tar_of
disk = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", disk], check=True)
store = open_store(disk + "/root", disk + "/run")
kept = add_image(store, "localhost/kept:latest", [tar_of({"a": bytes(200_000)})])
full = 0
for number in range(40):
    try:
        add_image(store, f"localhost/{number}:latest", [tar_of({f"{number}": bytes(150_000 + number)})])
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
        full += 1
assert full > 5, full
with open(disk + "/filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
assert store.image("localhost/kept:latest") == kept
try:
    store.create_container("", names=["x"], image=kept["id"], layer_parent=kept["layer"], metadata="{}")
    raise SystemExit("a container on a full disk")
except OSError as error:
    assert error.errno == errno.ENOSPC, error
os.unlink(disk + "/filler")
assert store.containers() == []
for image in store.images():
    if image["id"] != kept["id"]:
        store.remove_image(image["id"])
assert store.check(contents=True) == [], store.check(contents=True)
assert [layer["id"] for layer in store.layers()] == [kept["layer"]]
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
other = open_store(disk + "/root", disk + "/run")
assert other.image("localhost/kept:latest") == kept
assert other.check(contents=True) == []
try:
    other.remove_image(kept["id"])
    raise SystemExit("a change on a read-only disk")
except OSError as error:
    assert error.errno == errno.EROFS, error
assert other.image("localhost/kept:latest") == kept
"""


def test_a_full_and_a_read_only_disk_lose_nothing(store_directory: Path) -> None:
    probe.needs_root()
    command = ["unshare", "-m", "--propagation", "private", *python(_ON_A_SMALL_DISK, str(store_directory))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TREE, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


_A_TREE_OF_ITS_OWN = """
import os, subprocess, sys
from libpod import _core
from libpod.store import open_store
from tests.support.store import add_image, tar_of
disk = sys.argv[1]
tree = disk + "/root/overlay"
os.makedirs(tree)
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tree], check=True)
store = open_store(disk + "/root", disk + "/run")
staged = store.stage_layer(_core.bytes_blob(tar_of({"x": b"x"})))
inside = os.listdir(tree + "/tempdirs")
assert sorted(name.rsplit("-", 1)[0] for name in inside) == ["lock", "temp-dir"], inside
staged.discard()
image = add_image(store, "localhost/a:latest", [tar_of({"a": b"a"}), tar_of({"b": b"b"})])
container = store.create_container("", names=["x"], image=image["id"], layer_parent=image["layer"], metadata="{}")
assert store.check(contents=True) == [], store.check(contents=True)
store.remove_container(container["id"])
store.remove_image(image["id"])
assert sorted(os.listdir(tree)) == [".has-mount-program", "l", "tempdirs"], os.listdir(tree)
assert os.listdir(tree + "/tempdirs") == []
"""


def test_a_tree_on_a_filesystem_of_its_own_stages_inside(store_directory: Path) -> None:
    probe.needs_root()
    command = ["unshare", "-m", "--propagation", "private", *python(_A_TREE_OF_ITS_OWN, str(store_directory))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TREE, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
