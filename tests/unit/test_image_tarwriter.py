"""The outer tar of archives as it is written: headers, blobs of known and unknown size, into files and pipes."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from libpod import _core
from libpod.digest import Digest
from libpod.errors import CorruptError
from libpod.file import OutputFile
from libpod.image import tarwriter
from libpod.image.tarwriter import TarWriter
from tests.support.images import digest


def read(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {member.name: archive.extractfile(member) for member in archive if member.isreg()}
        return {name: file.read() for name, file in found.items() if file is not None}


def test_headers_are_as_other_tools_write_them(tmp_path: Path) -> None:
    writer = TarWriter(OutputFile(str(tmp_path / "x.tar")))
    writer.add_directory("d/")
    writer.add_bytes("a/b", b"12345")
    writer.add_link("l", "a/b")
    writer.finish()
    writer.close()
    with tarfile.open(tmp_path / "x.tar") as archive:
        members = archive.getmembers()
    assert [(m.name, m.type, m.mode, m.mtime, m.linkname, m.size) for m in members] == [
        ("d", tarfile.DIRTYPE, 0o755, 0, "", 0),
        ("a/b", tarfile.REGTYPE, 0o444, 0, "", 5),
        ("l", tarfile.SYMTYPE, 0, 0, "a/b", 0),
    ]
    assert read((tmp_path / "x.tar").read_bytes()) == {"a/b": b"12345"}


@pytest.mark.parametrize("size", [0, (8 << 30) - 1, 8 << 30, (8 << 30) + 5, 1 << 40])
@pytest.mark.parametrize("write", [tarwriter.header, tarwriter.short_header])
def test_the_size_of_a_large_member_is_readable(write: Callable[..., bytes], size: int) -> None:
    data = write("big", size, mode=0o644)
    with tarfile.open(fileobj=io.BytesIO(data + bytes(1024))) as archive:
        assert archive.next().size == size  # type: ignore[union-attr]
    if write is tarwriter.short_header:
        assert len(data) == tarwriter.BLOCK


@pytest.mark.parametrize("length", [100, 101, 135])
def test_a_long_name_and_a_long_link_are_readable(length: int, tmp_path: Path) -> None:
    name, target = "n" * length, "t" * length
    writer = TarWriter(OutputFile(str(tmp_path / "x.tar")))
    writer.add_bytes(name, b"12345")
    writer.add_link("l" + name, target)
    writer.finish()
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert [(m.name, m.linkname, m.size) for m in archive] == [(name, "", 5), ("l" + name, target, 0)]


def add(writer: TarWriter, data: bytes, present: dict[Digest, int], *, known: bool) -> None:
    wanted = digest(data)
    done = writer.add_blob(
        _core.bytes_blob(data),
        lambda name: name.hex,
        digest=wanted if known else None,
        size=len(data) if known else None,
        present=present,
    )
    assert done == (wanted, len(data))
    present[wanted] = len(data)


def test_a_file_and_a_pipe_get_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"old")
    reader, pipe = os.pipe()
    blobs = [b"first" * 1000, b"", b"second", b"first" * 1000, b"third"]
    for output in (OutputFile(str(tmp_path / "x.tar")), OutputFile.over(pipe, "a pipe")):
        writer, present = TarWriter(output), dict[Digest, int]()
        for place, data in enumerate(blobs):
            add(writer, data, present, known=place == 2)
        writer.finish()
        writer.close()
    os.close(pipe)
    with open(reader, "rb") as file:
        assert file.read() == (tmp_path / "x.tar").read_bytes()
    expected = {digest(data)[7:]: data for data in blobs}
    assert read((tmp_path / "x.tar").read_bytes()) == expected


@pytest.mark.parametrize("change", [{"digest": digest(b"other")}, {"size": 4}])
def test_a_blob_that_is_another_one_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    writer = TarWriter(OutputFile(str(tmp_path / "x.tar")))
    said: dict[str, object] = {"digest": digest(b"12345"), "size": 5} | change
    with pytest.raises(CorruptError):
        writer.add_blob(_core.bytes_blob(b"12345"), str, present=(), **said)  # type: ignore[arg-type]
    writer.close()
    assert os.listdir(tmp_path) == []


def test_a_full_target_is_called_as_the_user_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TarWriter(OutputFile("/dev/full"))
    with pytest.raises(OSError, match="o space left on device") as caught:
        writer.add_bytes("x", b"1")
    assert caught.value.filename == "/dev/full"
    # The header had room, and the blob has none.
    monkeypatch.setattr(OutputFile, "write", lambda output, data: None)
    with pytest.raises(OSError, match="o space left on device") as caught:
        add(writer, b"1", {}, known=True)
    assert caught.value.filename == "/dev/full"
    writer.close()
