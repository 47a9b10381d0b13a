"""Files that appear whole: new ones, and those that a user named for output."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from libpod import _core, file
from libpod.file import NewFile, OutputFile, replace_text


@pytest.fixture(params=["nameless", "named"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """On a file system with files without names, and on one without."""
    if request.param == "named":
        real = os.open

        def refuse(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "Operation not supported")
            return real(path, flags, mode, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", refuse)
    return str(request.param)


def write(path: Path | str, data: bytes) -> None:
    output = OutputFile(str(path))
    output.write(data)
    output.finish()
    output.close()


def test_a_new_file_has_no_name_of_its_own_before_it_is_placed(tmp_path: Path, kind: str) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / "deep").mkdir()
    new = NewFile(fd, below="deep", mode=0o640)
    os.write(new.fd, b"new")
    assert [path.name for path in tmp_path.rglob("*") if not path.name.endswith(".tmp")] == ["deep"]
    new.place("deep/file")
    new.close()
    new.close()
    assert (tmp_path / "deep/file").read_bytes() == b"new"
    assert (tmp_path / "deep/file").stat().st_mode & 0o777 == 0o640
    other = NewFile(fd)
    os.write(other.fd, b"other")
    other.place("deep/file")
    other.close()
    assert (tmp_path / "deep/file").read_bytes() == b"other"
    NewFile(fd).close()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "file"]
    os.close(fd)


def test_without_finish_all_stays_as_it_was(tmp_path: Path, kind: str) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"old")
    before = old.stat()
    for name in ("old", "new"):
        output = OutputFile(str(tmp_path / name))
        output.write(b"half")
        output.close()
    assert os.listdir(tmp_path) == ["old"]
    assert old.read_bytes() == b"old"
    assert old.stat().st_ino == before.st_ino


def test_an_existing_file_keeps_its_mode_and_owner(tmp_path: Path, kind: str) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"a longer old text")
    old.chmod(0o604)
    if os.geteuid() == 0:
        os.chown(old, 1234, 5678)
    before = old.stat()
    write(old, b"new")
    after = old.stat()
    assert old.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert os.listdir(tmp_path) == ["old"]


@pytest.mark.parametrize("old", [None, b"", b"old"])
def test_a_symbolic_link_is_written_through(tmp_path: Path, old: bytes | None, kind: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    target = tmp_path / "there/target"
    (tmp_path / "here/link").symlink_to("../there/second")
    (tmp_path / "there/second").symlink_to("target")
    if old is not None:
        target.write_bytes(old)
    write(tmp_path / "here/link", b"new")
    assert target.read_bytes() == b"new"
    assert (tmp_path / "here/link").is_symlink()
    assert sorted(os.listdir(tmp_path / "there")) == ["second", "target"]
    assert os.listdir(tmp_path / "here") == ["link"]


@pytest.mark.parametrize("data", [b"n", b"a new text that is longer than the old one"])
def test_other_names_of_a_file_stay_names_of_it(tmp_path: Path, data: bytes, kind: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"the old text")
    second.hardlink_to(first)
    write(first, data)
    assert second.read_bytes() == data
    assert first.stat().st_ino == second.stat().st_ino
    assert sorted(os.listdir(tmp_path)) == ["first", "second"]


def test_attributes_of_a_file_stay(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"old")
    try:
        os.setxattr(old, "user.colour", b"blue")
    except OSError:
        pytest.skip("a file system without attributes")
    write(old, b"new")
    assert (old.read_bytes(), os.getxattr(old, "user.colour")) == (b"new", b"blue")


def test_a_copy_over_a_linked_file_that_fails_leaves_the_finished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: int, target: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    first = tmp_path / "first"
    first.write_bytes(b"old")
    (tmp_path / "second").hardlink_to(first)
    monkeypatch.setattr(file, "_copy", fail)
    with pytest.raises(OSError, match=r"the finished file is first\.\d+\.tmp beside it"):
        write(first, b"new")
    rescued = [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]
    assert [path.read_bytes() for path in rescued] == [b"new"]


def test_a_linked_file_that_has_no_room_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, length: int) -> None:
        os.pwrite(fd, b"x", offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    first = tmp_path / "first"
    first.write_bytes(b"old")
    (tmp_path / "second").hardlink_to(first)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write(first, b"a new text")
    assert caught.value.filename == str(first)
    assert (first.read_bytes(), sorted(os.listdir(tmp_path))) == (b"old", ["first", "second"])


def test_a_file_in_a_directory_that_takes_no_files_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "closed"
    place.mkdir()
    (place / "old").write_bytes(b"a longer old text")
    real = os.open

    def refuse(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        making = flags & os.O_TMPFILE == os.O_TMPFILE or flags & os.O_CREAT
        if making and dir_fd is not None and os.readlink(f"/proc/self/fd/{dir_fd}") == str(place):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(os, "open", refuse)
    write(place / "old", b"new")
    assert (place / "old").read_bytes() == b"new"
    with pytest.raises(PermissionError) as caught:
        OutputFile(str(place / "fresh"))
    assert caught.value.filename == str(place / "fresh")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["closed", "old"]


def test_pipes_devices_and_descriptors_are_written_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    write(tmp_path / "fifo", b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    with (tmp_path / "sink").open("w+b") as sink:
        sink.write(b"before ")
        sink.flush()
        write(f"/proc/self/fd/{sink.fileno()}", b"after")
        (tmp_path / "link").symlink_to(f"/dev/fd/{sink.fileno()}")
        write(tmp_path / "link", b"wards")
    assert (tmp_path / "sink").read_bytes() == b"before afterwards"


def test_errors_name_what_the_user_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("directory")
    os.symlink("loop", "loop")
    for path, code in (
        ("missing/x", errno.ENOENT),
        ("directory", errno.EISDIR),
        ("directory/", errno.EISDIR),
        ("loop", errno.ELOOP),
        ("/dev/full", errno.ENOSPC),
    ):
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            write(path, b"x")
        assert (caught.value.errno, caught.value.filename) == (code, path)
    assert sorted(os.listdir()) == ["directory", "loop"]


def test_a_killed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    script = (
        "import os, sys\n"
        "from libpod.file import OutputFile\n"
        "for name in ('old', 'new'):\n"
        "    OutputFile(sys.argv[1] + '/' + name).write(b'half')\n"
        "    os.kill(os.getpid(), 9) if name == 'new' else None\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old", b"old")]


def test_a_file_of_the_configuration_is_replaced_in_one_step(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "new/auth.json"
    replace_text(str(path), "one")
    replace_text(str(path), "two")
    assert (path.read_text(), path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == ("two", 0o600, 0o700)
    with pytest.raises(UnicodeEncodeError):
        replace_text(str(path), "\ud800")
    assert (path.read_text(), os.listdir(path.parent)) == ("two", ["auth.json"])


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_replaced_file_has_the_mode_asked_for_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        _core.replace_file(tmp_path / "file", b"x", mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o7777 == mode
