"""The outer tar of archives: indexing, links, extensions, hostile headers, and the bytes that are written."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libpod.errors import CorruptError, InvalidError, LibpodError
from libpod.image import tarball
from tests.support.images import tar

Index = Callable[[bytes], tarball.Tarball]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened: list[tarball.Tarball] = []

    def open_tar(data: bytes) -> tarball.Tarball:
        path = tmp_path / "x.tar"
        path.write_bytes(data)
        found = tarball.Tarball(os.open(path, os.O_RDONLY), str(path))
        opened.append(found)
        return found

    yield open_tar
    for found in opened:
        found.close()


def make(*infos: tarfile.TarInfo, format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return out.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


def test_members_are_found_by_their_cleaned_names(index: Index) -> None:
    found = index(tar(("./a/./b", b"one"), ("c", b"two"), ("/d//e", b"three")))
    assert [found.read(name, 10) for name in ("a/b", "./c", "d/e", "/d/e")] == [b"one", b"two", b"three", b"three"]


def test_the_last_member_of_a_name_wins(index: Index) -> None:
    assert index(tar(("a", b"one"), ("b", b""), ("./a", b"two"))).read("a", 10) == b"two"


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_links(index: Index, format: int) -> None:
    long = "d" * 90 + "/" + "e" * 90
    found = index(make(info(long, size=3), info("l" * 120, tarfile.SYMTYPE, long), format=format))
    assert found.read(long, 10) == b"xxx"
    assert found.read("l" * 120, 10) == b"xxx"


def test_links_stay_inside_the_archive(index: Index) -> None:
    found = index(
        make(
            info("x/layer.tar", size=2),
            info("y/layer.tar", tarfile.SYMTYPE, "../x/layer.tar"),
            info("z/layer.tar", tarfile.LNKTYPE, "x/layer.tar"),
            info("out", tarfile.SYMTYPE, "../../../etc/passwd"),
            info("absolute", tarfile.SYMTYPE, "/etc/passwd"),
            info("etc/passwd", tarfile.DIRTYPE),
        )
    )
    assert found.read("y/layer.tar", 10) == found.read("z/layer.tar", 10) == b"xx"
    for name in ("out", "absolute", "etc/passwd", "nothing"):
        with pytest.raises(CorruptError, match="not in the archive"):
            found.read(name, 10)


def test_a_cycle_of_links_ends(index: Index) -> None:
    found = index(make(info("a", tarfile.SYMTYPE, "b"), info("b", tarfile.SYMTYPE, "a")))
    with pytest.raises(CorruptError, match="too many links"):
        found.read("a", 10)


def test_a_member_above_the_limit_is_not_read(index: Index) -> None:
    with pytest.raises(InvalidError, match="5 bytes, more than the limit of 4"):
        index(tar(("a", b"12345"))).read("a", 4)


def broken(data: bytes, start: int, replacement: bytes) -> bytes:
    """Change a header and make its checksum right again."""
    header = bytearray(data[:512])
    header[start : start + len(replacement)] = replacement
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header) + data[512:]


GOOD = tar(("a", b"12345"))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x01" * 1024, "bad number"),
        (GOOD[:100] + b"Z" + GOOD[101:], "checksum"),
        (GOOD[:515], "truncated"),
        (broken(GOOD, 124, b"77777777777\0"), "truncated"),
        (broken(GOOD, 124, b"12x45678901\0"), "bad number"),
        (broken(GOOD, 124, b"\xff" * 12), "negative"),
        (broken(GOOD, 124, b"\x80" + b"\xff" * 11), "truncated"),
        (broken(broken(GOOD, 156, b"x"), 124, b"77777777777\0"), "extension"),
        (broken(GOOD, 156, b"x"), "PAX"),
    ],
)
def test_damaged_and_hostile_headers(index: Index, data: bytes, text: str) -> None:
    with pytest.raises(LibpodError, match=text):
        index(data)


@pytest.mark.parametrize(
    "record", [b"9 size=x\n", b"11 size=-1\n", b"2 a=b\n", b"99999999 a=b\n", b"0 a=b\n", b"a=b\n"]
)
def test_malformed_pax_records(index: Index, record: bytes) -> None:
    body = record.ljust(512, b"\0")
    header = bytearray(broken(GOOD, 156, b"x")[:512])
    header[124:136] = f"{len(record):011o}\0".encode()
    with pytest.raises(CorruptError, match="malformed PAX"):
        index(broken(bytes(header) + body + GOOD, 0, b"a"))


def test_an_endless_list_of_members_is_cut(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarball, "MEMBER_LIMIT", 10)
    with pytest.raises(InvalidError, match="more than 10 members"):
        index(tar(*((f"m{number}", b"") for number in range(20))))


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
def test_a_pipe_is_spooled_and_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    reader, writer = os.pipe()
    os.write(writer, pack(GOOD))
    os.close(writer)
    fd = tarball.seekable(reader, str(tmp_path), "-")
    os.close(reader)
    found = tarball.Tarball(fd, "-")
    assert found.read("a", 10) == b"12345"
    found.close()
    assert os.listdir(tmp_path) == []


def test_a_plain_file_is_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(GOOD)
    with path.open("rb") as file:
        fd = tarball.seekable(file.fileno(), "/nowhere", str(path))
        assert os.fstat(fd).st_ino == path.stat().st_ino
        os.close(fd)
