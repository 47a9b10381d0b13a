"""What errors of images call a file, and what a name with a transport in front is taken for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import libpod
from libpod import Reference
from libpod.errors import InvalidError
from tests.support import cli, probe
from tests.support.images import config, docker_archive, oci_layout, tar, write_layout

LAYER = tar(("x", b"1" * 5000))


def make_directory(path: Path) -> None:
    path.mkdir()


def make_layout(path: Path) -> None:
    write_layout(path, oci_layout(LAYER, index=b"{}"))


BAD: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_bytes(b"hello\n"),
    "long text": lambda path: path.write_bytes(b"hello\n" * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "a directory": make_directory,
    "a layout without manifests": make_layout,
    "cut": lambda path: path.write_bytes(docker_archive(LAYER)[:3000]),
    "another tar": lambda path: path.write_bytes(LAYER),
    "a bad config": lambda path: path.write_bytes(docker_archive(LAYER, image_config=config(LAYER, created="x"))),
    "an empty layer name": lambda path: path.write_bytes(docker_archive(LAYER, Layers=["layer0.tar", ""])),
    "a missing layer": lambda path: path.write_bytes(docker_archive(LAYER, Layers=["nope"])),
    "no tar inside": lambda path: path.write_bytes(docker_archive(b"x" * 2000)),
    "a bad name": lambda path: path.write_bytes(docker_archive(LAYER, names=("UPPER/x:1",))),
}


@pytest.mark.parametrize("what", BAD)
def test_an_error_of_a_file_names_it_once(podman: cli.Cli, tmp_path: Path, what: str) -> None:
    path = tmp_path / "file"
    BAD[what](path)
    commands = [
        ("load", "-q", "-i", str(path)),
        ("pull", "-q", f"oci-archive:{path}"),
        ("pull", "-q", f"docker-archive:{path}"),
    ]
    if what in ("text", "long text", "a directory"):
        commands.append(("import", "-q", str(path)))
    for words in commands:
        error = podman(*words, code=125).stderr
        assert error.startswith(f"Error: {path}: "), words
        assert error.count(str(path)) == 1, words
        assert error.count("\n") == 1, words
    if path.is_file():
        assert podman("load", "-q", stdin=path.read_bytes(), code=125).stderr.startswith("Error: standard input: ")
    assert podman("images", "-a", "-q").stdout == ""


def test_an_empty_name_of_a_layer_is_called_empty(podman: cli.Cli, tmp_path: Path) -> None:
    BAD["an empty layer name"](tmp_path / "file")
    error = podman("load", "-q", "-i", str(tmp_path / "file"), code=125).stderr
    assert error == f"Error: {tmp_path}/file: the manifest.json's `[0].Layers[1]` is empty\n"


@pytest.fixture
def loaded(podman: cli.Cli, tmp_path: Path) -> cli.Cli:
    """A store with the image one:1, which came from `archive`."""
    (tmp_path / "archive").write_bytes(docker_archive(LAYER, names=("localhost/one:1",)))
    podman("load", "-q", "-i", str(tmp_path / "archive"))
    return podman


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("docker-daemon:img:latest", 'the transport "docker-daemon:" is not supported'),
        ("sif:/x", 'the transport "sif:" is not supported'),
        ("ostree:x", 'the transport "ostree:" is not supported'),
        ("foo:/x", 'unknown transport "foo"'),
        ("https://host/x", 'unknown transport "https"'),
    ],
)
def test_a_transport_that_is_not_there_is_named(loaded: cli.Cli, name: str, words: str) -> None:
    for command in (
        ("pull", name), ("push", "-q", "one:1", name), ("run", "--rm", name), ("create", name), ("inspect", "--type", "image", name),
        ("tag", name, "x"), ("rmi", name), ("save", "-o", "/dev/null", name), ("history", name),
    ):  # fmt: skip
        assert words in loaded(*command, code=125).stderr, command


def test_the_store_itself_is_a_transport(loaded: cli.Cli, tmp_path: Path) -> None:
    image = loaded("images", "-q", "--no-trunc").stdout.strip().removeprefix("sha256:")
    assert loaded("pull", "-q", "containers-storage:one:1").stdout == f"{image}\n"
    assert "image not known" in loaded("pull", "-q", "containers-storage:two:1", code=125).stderr
    loaded("image", "exists", "containers-storage:one:1")
    loaded("tag", "containers-storage:one:1", "two:1")
    loaded("push", "-q", "one:1", "containers-storage:three:1")
    listed = loaded("images", "--format", "{{.Repository}}").stdout.split()
    assert sorted(listed) == ["localhost/one", "localhost/three", "localhost/two"]
    other = cli.ours(tmp_path)
    place = f"containers-storage:[overlay@{other.root}+{other.runroot}]"
    loaded("push", "-q", "one:1", f"{place}four:1")
    assert other("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout == f"localhost/four:1 {image[:12]}\n"
    loaded("rmi", "-f", image)
    assert loaded("pull", "-q", f"{place}four:1").stdout == f"{image}\n"
    assert loaded("images", "--format", "{{.Repository}}").stdout == "localhost/four\n"
    # A container of an image that another store has, as of one that an archive has.
    loaded("rmi", "-f", image)
    loaded("create", "-q", "--name", "c", "--network", "none", f"{place}four:1", "x")
    assert loaded("inspect", "c", "--format", "{{.ImageName}}").stdout == "localhost/four:1\n"


def test_images_of_archives_are_created_from_as_with_podman(podman: cli.Cli, peer: cli.Cli, tmp_path: Path) -> None:
    probe.needs_programs("podman")
    (tmp_path / "archive").write_bytes(docker_archive(LAYER, names=("localhost/one:1",)))
    shown = []
    for program in (podman, peer):
        container = program("create", "-q", "--name", "c", f"docker-archive:{tmp_path}/archive", "x").stdout.strip()
        assert container
        shown.append(program("inspect", "--format", "{{.ImageName}} {{.Image}}", "c").stdout)
        program("rm", "c")
    assert shown[0] == shown[1]
    assert not os.path.exists("x")


def test_the_library_takes_references(loaded: cli.Cli, tmp_path: Path) -> None:
    with libpod.Engine(root=loaded.root, runroot=loaded.runroot) as engine:
        images = engine.images
        image, name = images.resolve("one:1")
        assert name == Reference("localhost", "one", "1")
        assert images.lookup(name).id == images.resolve(image.id)[0].id == image.id
        assert images.resolve(image.id)[1] is None
        assert image.digest is not None
        other = Reference("r.io:5000", "a/b")
        images.tag(name, other, "two:1")
        pinned = Reference("r.io:5000", "a/b", None, image.digest)
        assert images.lookup(pinned).names == ["localhost/one:1", "r.io:5000/a/b:latest", "localhost/two:1"]
        images.save([name, other], tmp_path / "both.tar")
        with libpod.open_image(f"docker-archive:{tmp_path / 'both.tar'}") as view:
            assert sorted(view.names) == ["localhost/one:1", "r.io:5000/a/b:latest"]
        assert images.push(name, f"oci:{tmp_path / 'layout'}:x").algorithm == "sha256"
        images.untag(image.id, other)
        assert images.exists(other) is False
        assert images.remove(Reference("localhost", "two", "1")).reports == [("Untagged", "localhost/two:1")]
        with pytest.raises(InvalidError, match="tag by digest not supported"):
            images.tag(name, pinned)
        with pytest.raises(libpod.CommandNotFoundError):
            engine.run(name, ["nothing"], network="none")
