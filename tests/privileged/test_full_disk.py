"""A disk that is full to its last block: everything can be removed, no exit code is lost, nothing half-written is left.

Each test runs in a mount namespace of its own, with both roots of a store on a small filesystem.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import container_images, probe

TREE = Path(__file__).parents[2]

#: What every script begins with: the filesystem, our program on it, and how it is filled.
_PRELUDE = '''
import atexit, errno, json, os, subprocess, sys, time
from pathlib import Path
from libpod.store import open_store
from tests.support import cli
kind, top, root_tar = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
disk, signal = top / "disk", top / "signal"
disk.mkdir()
signal.mkdir()

def mount(*words):
    subprocess.run(["mount", *words], check=True)

if kind == "ext4":
    with open(top / "image", "wb") as image:
        image.truncate(64 << 20)
    # Data and metadata in blocks of 4 KiB, as on a disk of usual size; nothing is kept for root.
    subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-m", "0", top / "image"], check=True)
    mount("-o", "loop", str(top / "image"), str(disk))
elif kind == "inodes":
    mount("-t", "tmpfs", "-o", "size=64M,nr_inodes=2000", "tmpfs", str(disk))
else:
    mount("-t", "tmpfs", "-o", "size=64M", "tmpfs", str(disk))

podman = cli.ours(disk)
podman.is_measured = False
atexit.register(podman.remove_all)

def fill():
    number = len(list(disk.glob("fill*")))
    # Where the number of files is limited, empty ones use up what is left.
    for size in (1 << 20, 4096, *([] if kind == "tmpfs" else [0])):
        try:
            while True:
                path = disk / f"fill{number}"
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
                try:
                    number += 1
                    os.write(descriptor, bytes(size))
                finally:
                    os.close(descriptor)
        except OSError as error:
            assert error.errno == errno.ENOSPC, error

def empty():
    for path in disk.glob("fill*"):
        path.unlink()

def half_written():
    overlay = disk / "root/overlay"
    return [str(path) for path in disk.rglob("*") if "tmp" in path.name and overlay not in path.parents]

def until_told(then):
    """The words of a container that goes on when the file `go` appears in `signal`, which is on another disk."""
    script = "until [ -e /signal/go ]; do sleep 0.05; done; " + then
    return ("--network", "none", "-v", f"{signal}:/signal", "rich", "sh", "-c", script)

def store():
    return open_store(str(podman.root), str(podman.runroot))

podman("import", "-q", root_tar, "rich")
'''


def run(script: str, kind: str, directory: Path) -> None:
    """Run a script after the prelude, in a mount namespace of its own."""
    probe.needs_root()
    if kind == "ext4":
        probe.needs_programs("mkfs.ext4", "mount")
    container_images.write_root(directory / "root.tar")
    words = [sys.executable, "-c", _PRELUDE + script, kind, str(directory), str(directory / "root.tar")]
    command = ["unshare", "-m", "--propagation", "private", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TREE, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


_REMOVE = """
podman("run", "--name", "ended", "--network", "none", "rich", "sh", "-c", "echo said; exit 3", code=3)
podman("run", "-d", "--name", "runs", "--network", "none", "rich", "sleep", "1000")
podman("run", "-d", "--name", "uses", "--network", "none", "rich", "sleep", "1000")
# A name that goes frees nothing: the reserve has bytes for it, and no inode.
other = "rich" if kind == "inodes" else "other"
podman("tag", "rich", other)
fill()
listed = podman("ps", "-a", "--format", "{{.Names}} {{.Status}}").stdout
assert "ended Exited (3)" in listed and "runs Up" in listed, listed
podman("rm", "ended")
fill()
podman("rm", "-f", "-t", "0", "runs")
fill()
if other != "rich":
    podman("rmi", "-f", "rich")
    assert podman("images", "-q").stdout, "it has another name"
    fill()
podman("rm", "-f", "-t", "0", "uses")
fill()
podman("rmi", "-f", other)
assert podman("ps", "-aq").stdout == "" and podman("images", "-q").stdout == ""
assert store().check() == [], store().check()
assert half_written() == [], half_written()
for place in ("staging", "pending"):
    assert os.listdir(disk / "root/libpod" / place) == [], place
empty()
podman("import", "-q", root_tar, "rich")
assert podman("run", "--rm", "--network", "none", "rich", "echo", "well").stdout == "well\\n"
"""


@pytest.mark.parametrize("kind", ["tmpfs", "inodes", "ext4"])
def test_everything_can_be_removed_from_a_full_disk(kind: str, store_directory: Path) -> None:
    run(_REMOVE, kind, store_directory)


_FREE = """
podman("run", "--name", "ended", "--network", "none", "rich", "true")
podman("run", "-d", "--name", "runs", "--network", "none", "rich", "sleep", "1000")

def fill_all():
    (disk / "root/libpod/reserve").unlink(missing_ok=True)
    fill()

fill_all()
podman("rm", "ended")
fill_all()
podman("rm", "-f", "-t", "0", "runs")
fill_all()
podman("rmi", "-f", "rich")
assert podman("ps", "-aq").stdout == "" and podman("images", "-q").stdout == ""
assert store().check() == [], store().check()
assert half_written() == [], half_written()
"""


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_store_without_a_reserve_frees_what_is_removed_before_it_writes(kind: str, store_directory: Path) -> None:
    run(_FREE, kind, store_directory)


_MANY = """
containers = store()
image = containers.image("localhost/rich:latest")
for number in range(300):
    containers.create_container(
        "", names=[f"c{number}"], image=image["id"], layer_parent=image["layer"], metadata="{}" + " " * 300
    )
fill()
victim = next(one for one in containers.containers() if "c7" in one["names"])
assert (disk / "root/overlay-containers/containers.json").stat().st_size > 150_000, "more than one container frees"
podman("rm", "-f", victim["id"])
assert len(store().containers()) == 299
assert store().check() == [], store().check()
"""


def test_a_table_that_is_larger_than_what_is_freed_is_written_into_the_reserve(store_directory: Path) -> None:
    run(_MANY, "tmpfs", store_directory)


_END = """
for name in ("waited", "late", "auto"):
    flags = ["--rm"] if name == "auto" else []
    podman("run", "-d", "--name", name, *flags, *until_told("exit 7"))
waiting = [podman.spawn("wait", name) for name in ("waited", "auto")]
fill()
(signal / "go").touch()
for process in waiting:
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, b"7\\n"), (process.returncode, out)
assert podman("wait", "late", timeout_s=30).stdout == "7\\n"
for name in ("waited", "late"):
    assert podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name).stdout == "exited 7\\n"
deadline = time.monotonic() + 10
while podman("container", "exists", "auto", code=None).returncode == 0 and time.monotonic() < deadline:
    time.sleep(0.05)
podman("container", "exists", "auto", code=1)
assert half_written() == [], half_written()
fill()
refused = podman("create", "--network", "none", "rich", "true", code=125).stderr
assert "no space left on device" in refused, refused
assert half_written() == [], half_written()
started = podman("start", "late", code=None)
assert started.returncode == 0 or "no space left on device" in started.stderr, started
assert half_written() == [], half_written()
empty()
assert podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "waited").stdout == "exited 7\\n"
podman("start", "waited")
assert podman("wait", "waited", timeout_s=30).stdout == "7\\n"
podman("rm", "waited", "late")
"""


@pytest.mark.parametrize("kind", ["tmpfs", "inodes", "ext4"])
def test_a_container_that_ends_on_a_full_disk_keeps_its_exit_code(kind: str, store_directory: Path) -> None:
    run(_END, kind, store_directory)


_READ_ONLY = """
podman.runroot = top / "run"
podman("run", "-d", "--name", "late", "--log-driver", "none", *until_told("exit 7"))
directory = next((podman.runroot / "libpod").glob("*/pid.json")).parent
mount("-o", "remount,bind,ro", str(disk))
(signal / "go").touch()
assert podman("wait", "late", timeout_s=30).stdout == "7\\n"
assert podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "late").stdout == "exited 7\\n"
assert (directory / "exit.json").exists()
mount("-o", "remount,bind,rw", str(disk))
assert podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "late").stdout == "exited 7\\n"
podman("stop", "late")
assert not directory.exists(), "what the monitor could not do is done by the next command"
assert podman("wait", "late", timeout_s=30).stdout == "7\\n"
podman("rm", "late")
"""


def test_a_container_that_ends_on_a_disk_gone_read_only_keeps_its_exit_code(store_directory: Path) -> None:
    run(_READ_ONLY, "tmpfs", store_directory)
