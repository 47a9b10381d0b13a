"""What stands where an image is written to: it is replaced by a finished one, or it stays, byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, probe
from tests.support.images import docker_archive, tar
from tests.support.writing import stop_in_the_middle

#: Large enough to be in the middle of when it is stopped.
LAYER = os.urandom(24 << 20)

#: Ways to write an image, with the name of what they write in `{}`.
WRITERS = {
    "docker-archive": ("save", "-q", "-o", "{}/it", "IMAGE"),
    "several": ("save", "-q", "-m", "-o", "{}/it", "small:1", "IMAGE"),
    "oci-archive": ("save", "-q", "--format", "oci-archive", "-o", "{}/it", "IMAGE"),
    "oci-dir": ("save", "-q", "--format", "oci-dir", "-o", "{}/it", "IMAGE"),
    "docker-dir": ("save", "-q", "--format", "docker-dir", "-o", "{}/it", "IMAGE"),
    "push docker-archive": ("push", "-q", "IMAGE", "docker-archive:{}/it"),
    "push oci-archive": ("push", "-q", "--digestfile", "{}/digest", "IMAGE", "oci-archive:{}/it:name"),
    "push oci": ("push", "-q", "IMAGE", "oci:{}/it:name"),
    "push dir": ("push", "-q", "--digestfile", "{}/digest", "IMAGE", "dir:{}/it"),
}


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli.Cli]:
    """A store with a small image, a large one, and one with a layer that cannot be read any more."""
    probe.needs_root()
    directory = tmp_path_factory.mktemp("s")
    program = cli.ours(directory)
    small, lost = tar(("small", b"small")), tar(("etc/", ""), ("etc/lost", b"lost" * 1000))
    for name, layers in (("small:1", [small]), ("large:1", [small, tar(("x", LAYER))]), ("damaged:1", [small, lost])):
        path = directory / "image.tar"
        path.write_bytes(docker_archive(*layers, names=(f"localhost/{name}",)))
        program("load", "-q", "-i", str(path))
    (found,) = program.root.glob("overlay/*/diff/etc/lost")
    found.unlink()
    yield program
    subprocess.run(["umount", "-l", str(program.root / "overlay")], capture_output=True, check=False)


def words(writer: str, image: str, directory: Path) -> list[str]:
    return [word.format(directory) if "{}" in word else word.replace("IMAGE", image) for word in WRITERS[writer]]


def tree(directory: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every path below the directory with its mode, and its content where it is a file."""
    return {
        str(path.relative_to(directory)): (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(directory.rglob("*"))
    }


def prepare(podman: cli.Cli, writer: str, directory: Path, *, existing: bool) -> None:
    """Put an older image where the writer writes to; an empty file for the archives that are never replaced."""
    if existing:
        if writer in ("docker-archive", "several", "push docker-archive"):
            (directory / "it").touch(0o640)
        else:
            podman(*words(writer, "small:1", directory))
            assert (directory / "it").exists()


@pytest.mark.parametrize("existing", [False, True], ids=["new", "existing"])
@pytest.mark.parametrize("image", ["nosuch:1", "damaged:1"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_failed_image_leaves_what_was_there(
    podman: cli.Cli, tmp_path: Path, writer: str, image: str, existing: bool
) -> None:
    prepare(podman, writer, tmp_path, existing=existing)
    before = tree(tmp_path)
    podman(*words(writer, image, tmp_path), code=125)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("existing", [False, True], ids=["new", "existing"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_killed_writer_leaves_the_old_image(podman: cli.Cli, tmp_path: Path, writer: str, existing: bool) -> None:
    prepare(podman, writer, tmp_path, existing=existing)
    before = tree(tmp_path)
    process = podman.spawn(*words(writer, "large:1", tmp_path))
    try:
        stop_in_the_middle(process, tmp_path)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    after = tree(tmp_path)
    # Whole blobs and empty directories of a directory may stay: no image refers to them.
    assert {name: found for name, found in after.items() if name in before} == before
    left = {name for name in after if name not in before and after[name][1] is not None}
    assert all(len(name.rpartition("/")[2]) == 64 or name == "it/version" for name in left), left
    podman(*words(writer, "large:1", tmp_path))


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_named_and_leaves_what_was_there(podman: cli.Cli, tmp_path: Path, writer: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], check=True)
    try:
        prepare(podman, writer, tmp_path, existing=True)
        before = tree(tmp_path)
        failed = podman(*words(writer, "large:1", tmp_path), code=125)
        assert tree(tmp_path) == before
        assert failed.stderr.strip() == f"Error: {tmp_path}/it: no space left on device"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_an_archive_on_a_mount_point_is_written(podman: cli.Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "it").touch()
    subprocess.run(["mount", "--bind", tmp_path / "file", tmp_path / "it"], check=True)
    try:
        podman(*words("oci-archive", "small:1", tmp_path))
    finally:
        subprocess.run(["umount", tmp_path / "it"], check=True)
    assert (tmp_path / "file").stat().st_size > 1000
    assert sorted(os.listdir(tmp_path)) == ["file", "it"]


def test_a_digest_file_is_judged_before_anything_is_pushed(podman: cli.Cli, tmp_path: Path) -> None:
    failed = podman("push", "-q", "--digestfile", f"{tmp_path}/no/x", "small:1", f"dir:{tmp_path}/it", code=125)
    assert failed.stderr == f"Error: {tmp_path}/no/x: no such file or directory\n"
    assert os.listdir(tmp_path) == []


def test_a_second_image_in_a_directory_replaces_the_first_and_its_blobs(podman: cli.Cli, tmp_path: Path) -> None:
    podman("push", "-q", "large:1", f"dir:{tmp_path}/it")
    podman("push", "-q", "small:1", f"dir:{tmp_path}/it")
    podman("push", "-q", "small:1", f"dir:{tmp_path}/fresh")
    assert tree(tmp_path / "it") == tree(tmp_path / "fresh")
