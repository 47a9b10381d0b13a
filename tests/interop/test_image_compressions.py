"""Layers in every compression, in one stream and in several, beside Podman: the same archives are taken and refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from libpod import _core
from tests.support import cli
from tests.support.compare import assert_equal_layers, assert_equal_stores, records
from tests.support.images import config, docker_archive, oci_layout, tar, write_layout

LAYER = tar(("etc/", ""), ("etc/file", bytes(range(256)) * 2000))


def zstd(data: bytes) -> bytes:
    """One frame, made by our own packer."""
    fd = os.memfd_create("zstd")
    _core.pack(_core.bytes_blob(data), fd, "zstd")
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb") as file:
        return file.read()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}

SHAPES: dict[str, Callable[[Callable[[bytes], bytes]], bytes]] = {
    "one stream": lambda compress: compress(LAYER),
    "several streams": lambda compress: compress(LAYER[:70_001]) + compress(b"") + compress(LAYER[70_001:]),
    "garbage behind": lambda compress: compress(LAYER) + b"garbage, and more of it",
    "cut": lambda compress: compress(LAYER)[:-30],
}

#: Go's reader of xz takes one stream, and `xz` itself several; a plain tar has an end of its own.
EXCEPT = {("xz", "several streams"), ("none", "several streams"), ("none", "garbage behind"), ("none", "cut")}


@pytest.mark.parametrize(
    ("compression", "shape"),
    [(name, shape) for name in COMPRESS for shape in SHAPES if (name, shape) not in EXCEPT],
)
def test_a_compressed_layer_of_an_archive_is_taken_as_by_podman(
    podman: cli.Cli, peer: cli.Cli, tmp_path: Path, compression: str, shape: str
) -> None:
    blob = SHAPES[shape](COMPRESS[compression])
    (tmp_path / "archive").write_bytes(docker_archive(blob, image_config=config(LAYER)))
    words = ("load", "-q", "-i", str(tmp_path / "archive"))
    codes = [program(*words, code=None).returncode for program in (podman, peer)]
    assert codes[0] == codes[1]
    assert (codes[0] == 0) is (shape in ("one stream", "several streams"))
    if codes[0] != 0:
        assert podman("images", "-a", "-q").stdout == peer("images", "-a", "-q").stdout == ""
        return
    # Podman forgets in what form the layer came, and we keep it; the rest is the same.
    assert records(podman, "images") == records(peer, "images")
    assert_equal_layers(podman, peer)
    for name in ("id", "diff-digest", "diff-size"):
        assert [layer[name] for layer in records(podman, "layers")] == [
            layer[name] for layer in records(peer, "layers")
        ]


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_compressed_layer_of_a_layout_leaves_the_same_store(
    podman: cli.Cli, peer: cli.Cli, tmp_path: Path, compression: str
) -> None:
    blob = COMPRESS[compression](LAYER)
    layout = write_layout(tmp_path / "layout", oci_layout(blob, config=config(LAYER)))
    for program in (podman, peer):
        program("load", "-q", "-i", str(layout))
    assert_equal_stores(podman, peer)


@pytest.mark.parametrize("compression", [name for name in COMPRESS if name != "none"])
def test_an_archive_that_is_compressed_as_a_whole_is_read(podman: cli.Cli, tmp_path: Path, compression: str) -> None:
    plain = docker_archive(LAYER)
    half = len(plain) // 2
    compress = COMPRESS[compression]
    for data in (compress(plain), compress(plain[:half]) + compress(plain[half:])):
        (tmp_path / "archive").write_bytes(data)
        podman("load", "-q", "-i", str(tmp_path / "archive"))
        podman("load", "-q", stdin=data)
        podman("rmi", "-f", "localhost/made:1")
    (tmp_path / "archive").write_bytes(compress(plain) + b"garbage")
    podman("load", "-q", "-i", str(tmp_path / "archive"), code=125)
    assert podman("images", "-q").stdout == ""


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_root_filesystem_is_imported_from_every_compression(
    podman: cli.Cli, tmp_path: Path, compression: str
) -> None:
    (tmp_path / "root").write_bytes(COMPRESS[compression](LAYER))
    (tmp_path / "plain").write_bytes(LAYER)
    for path in ("root", "plain"):
        podman("import", "-q", str(tmp_path / path), f"{path}:1")
    podman("save", "-q", "--format", "oci-dir", "-o", str(tmp_path / "out"), "root:1")
    first, second = (
        podman("inspect", "--format", "{{.RootFS.Layers}}", f"{path}:1").stdout for path in ("root", "plain")
    )
    assert first == second
