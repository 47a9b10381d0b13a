"""Images written to directories: `oci:` layouts that several writers share, and what a user keeps in `index.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from libpod import _core
from libpod.errors import InvalidError, UnsupportedError
from libpod.image.copy import copy_image
from libpod.image.descriptor import Descriptor
from libpod.image.directory import DirectoryDestination
from libpod.image.layout import REF_NAME, LayoutDestination
from libpod.image.transport import open_source
from tests.support.images import digest, oci_layout, tar, write_layout

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def put(destination: LayoutDestination | DirectoryDestination, data: bytes) -> Descriptor:
    return destination.put_blob(_core.bytes_blob(data), media_type="", digest=digest(data), size=len(data))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*") if path.is_file()}


def blob(data: bytes) -> str:
    return digest(data)[7:]


def test_a_layout_that_is_given_up_is_removed(tmp_path: Path) -> None:
    destination = LayoutDestination(str(tmp_path / "a/b"), "x")
    put(destination, b"1")
    destination.close()
    destination.close()
    assert list(tmp_path.iterdir()) == []


def test_blobs_that_another_writer_may_count_on_stay(tmp_path: Path) -> None:
    first, second = LayoutDestination(str(tmp_path), "a"), LayoutDestination(str(tmp_path), "b")
    described = put(first, b"1")
    assert second.blob_present(described)
    put(second, b"2")
    first.close()
    assert names(tmp_path) == {blob(b"1"), blob(b"2")}
    second.put_manifest(b"{}", MANIFEST)
    second.commit()
    second.close()
    third = LayoutDestination(str(tmp_path), "c")
    put(third, b"1")
    put(third, b"3")
    third.close()
    assert names(tmp_path) == {blob(b"1"), blob(b"2"), blob(b"{}"), "index.json", "oci-layout"}


def test_two_writers_at_once_both_get_their_entry(tmp_path: Path) -> None:
    writers = [LayoutDestination(str(tmp_path), name) for name in ("a", "b")]
    for number, writer in enumerate(writers):
        writer.put_manifest(b"{}" + b" " * number, MANIFEST)
    for writer in writers:
        writer.commit()
        writer.close()
    entries = json.loads((tmp_path / "index.json").read_bytes())["manifests"]
    assert [entry["annotations"][REF_NAME] for entry in entries] == ["a", "b"]


def index_after_push(tmp_path: Path, index: dict[str, Any], name: str) -> Any:
    """Copy an image into a layout that has this index, and return what `index.json` says then."""
    source, target = tmp_path / "source", tmp_path / "target"
    write_layout(source, oci_layout(tar(("x", b"1"))))
    write_layout(target, {"index.json": json.dumps(index).encode(), "oci-layout": b"{}"})
    (target / "index.json").chmod(0o600)
    with open_source(f"oci:{source}") as image, LayoutDestination(str(target), name) as layout:
        copied = copy_image(image, layout)
    assert (target / "index.json").stat().st_mode & 0o777 == 0o600
    return json.loads((target / "index.json").read_bytes()), copied.digest


def test_a_push_keeps_what_it_does_not_know_of_an_index(tmp_path: Path) -> None:
    other = {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": digest(b"other"),
        "size": 7,
        "artifactType": "application/x-thing",
        "data": "e30=",
        "platform": {"os": "linux", "architecture": "mips", "future": [1.5, None]},
        "annotations": {REF_NAME: "other", "io.containerd.image.name": "<&>"},
        "unknown": {"deep": [True]},
    }
    replaced = {"mediaType": MANIFEST, "digest": digest(b"old"), "size": 3, "annotations": {REF_NAME: "t"}}
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "artifactType": "application/x-collection",
        "subject": {"mediaType": MANIFEST, "digest": digest(b"subject"), "size": 9},
        "annotations": {"org.example.note": "mine"},
        "future": {"a": 1},
        "manifests": [other, replaced],
    }
    after, pushed = index_after_push(tmp_path, index, "t")
    entry = after["manifests"].pop()
    assert after == index | {"manifests": [other]}
    assert list(after) == list(index)
    assert (entry["digest"], entry["annotations"]) == (pushed, {REF_NAME: "t"})


@pytest.mark.parametrize("manifests", [[1], [{"annotations": 5}], [{"annotations": {REF_NAME: 7}}], 5, None])
def test_a_push_into_a_malformed_index_changes_nothing(tmp_path: Path, manifests: object) -> None:
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    before = (tmp_path / "index.json").read_bytes()
    with pytest.raises(InvalidError, match=rf"{tmp_path}: the index\.json"):
        LayoutDestination(str(tmp_path), "x")
    assert ((tmp_path / "index.json").read_bytes(), names(tmp_path)) == (before, {"index.json"})


def test_a_directory_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"mine")
    with pytest.raises(InvalidError, match="not a directory of an image"):
        DirectoryDestination(str(tmp_path))
    (tmp_path / "version").write_bytes(b"Something else\n")
    with pytest.raises(UnsupportedError, match="unknown version"):
        DirectoryDestination(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "version"]


def test_a_directory_shows_one_image_at_every_moment(tmp_path: Path) -> None:
    for data in (b"1", b"2"):
        before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
        destination = DirectoryDestination(str(tmp_path))
        put(destination, data)
        assert {name: (tmp_path / name).read_bytes() for name in before} == before
        destination.put_manifest(data, MANIFEST)
        destination.commit()
        destination.close()
        (tmp_path / "signature-1").write_bytes(b"of this image")
        assert names(tmp_path) == {"version", "manifest.json", blob(data), "signature-1"}
