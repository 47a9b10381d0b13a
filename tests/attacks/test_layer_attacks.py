"""Hostile layers, through the extension: nothing leaves the target, every refusal is typed and names the entry."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import runpy
import shutil
import socket
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libpod import _core
from libpod.errors import CorruptError, InvalidError, LibpodError, UnsafePathError, UnsupportedError
from tests.support import probe

VECTORS = Path(__file__).parent.parent / "vectors"
TABLE: dict[str, dict[str, Any]] = json.loads((VECTORS / "tars.json").read_text())
ERRORS: dict[str, type[Exception]] = {
    "Corrupt": CorruptError,
    "UnsafePath": UnsafePathError,
    "Unsupported": UnsupportedError,
    "Os": OSError,
}


class Target:
    """A directory to unpack into, with a neighbour that must stay as it is."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "root"
        self.root.mkdir()
        (base / "neighbour").write_text("untouched")
        self.before = sorted(os.listdir(base))

    def apply(self, data: bytes, **options: bool) -> dict[str, Any]:
        """As the store does."""
        with self._open() as (fd, split):
            return _core.apply_layer(_core.bytes_blob(data), fd, split, **options)

    def extract(self, data: bytes, **options: Any) -> dict[str, Any]:
        """On top of what is there, whiteouts removing files."""
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return _core.extract_layer(_core.bytes_blob(data), fd, **options)
        finally:
            os.close(fd)

    def rebuild(self) -> bytes:
        """The tar that was applied."""
        with self._open(os.O_RDONLY) as (fd, split):
            return _core.rebuild_layer(fd, split).read_all(1 << 30)

    def check_neighbour(self) -> None:
        """Nothing was made, changed or removed outside."""
        left = [name for name in sorted(os.listdir(self.base)) if name != "split"]
        assert left == self.before
        assert (self.base / "neighbour").read_text() == "untouched"

    @contextlib.contextmanager
    def _open(self, flags: int = os.O_RDWR | os.O_CREAT | os.O_TRUNC) -> Iterator[tuple[int, int]]:
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        split = os.open(self.base / "split", flags, 0o600)
        try:
            yield fd, split
        finally:
            os.close(fd)
            os.close(split)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    probe.require(os.geteuid() == 0, "needs root")
    target = Target(tmp_path)
    yield target
    try:
        target.check_neighbour()
    finally:
        # Deeper than Python's own removal goes.
        subprocess.run(["rm", "-rf", target.root], check=True)


def make_tar(*members: tuple[str, bytes | str | None] | tarfile.TarInfo) -> bytes:
    """(name, content) for a file, (name/, None) for a directory, (name, target) for a symbolic link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            name, content = member
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type = tarfile.SYMTYPE if content else tarfile.DIRTYPE
                info.linkname = content or ""
                info.mode = 0o755
                tar.addfile(info)
    return out.getvalue()


def special(
    name: str, kind: bytes, link: str = "", device: tuple[int, int] = (0, 0), mode: int = 0o644
) -> tarfile.TarInfo:
    """A member without content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.devmajor, info.devminor = device
    return info


@pytest.mark.parametrize("walk", [False, True], ids=["openat2", "walk"])
@pytest.mark.parametrize("name", [name for name, wanted in TABLE.items() if "error" in wanted])
def test_refused_vector_raises_its_class_and_names_the_entry(target: Target, name: str, walk: bool) -> None:
    wanted = TABLE[name]
    with pytest.raises(ERRORS[wanted["error"]]) as caught:
        target.apply((VECTORS / f"{name}.tar").read_bytes(), walk=walk)
    entry = wanted["entry"] and base64.b64decode(wanted["entry"]).decode(errors="replace")
    if isinstance(caught.value, LibpodError):
        assert caught.value.path == entry
    else:
        assert entry in str(caught.value)


@pytest.mark.parametrize("name", [name for name, wanted in TABLE.items() if "files" in wanted])
def test_accepted_vector_comes_back_byte_for_byte(target: Target, name: str) -> None:
    data = (VECTORS / f"{name}.tar").read_bytes()
    applied = target.apply(data)
    assert applied["diff_id"] == applied["digest"] == "sha256:" + hashlib.sha256(data).hexdigest()
    assert target.rebuild() == data


def test_vectors_are_what_their_script_makes(tmp_path: Path) -> None:
    copy = tmp_path / "make_tars.py"
    copy.write_bytes((VECTORS / "make_tars.py").read_bytes())
    runpy.run_path(str(copy), run_name="__main__")
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in VECTORS.iterdir() if path.suffix in (".tar", ".json", ".py"))
    for name in made:
        assert (tmp_path / name).read_bytes() == (VECTORS / name).read_bytes(), name


@pytest.mark.parametrize("walk", [False, True], ids=["openat2", "walk"])
def test_link_swapped_under_an_open_directory_stays_inside(target: Target, walk: bool) -> None:
    """A directory in use becomes a link that leads out; later files must follow the link inside the root, not the old descriptor."""
    data = make_tar(("d/", None), ("d/first", b"1"), ("d", str(target.base)), ("d/second", b"2"))
    with pytest.raises(OSError, match="d/second"):
        target.extract(data, walk=walk)
    assert not (target.base / "second").exists()
    assert os.path.islink(target.root / "d")


def test_device_nodes_are_refused_where_not_allowed(target: Target) -> None:
    data = make_tar(special("null", tarfile.CHRTYPE, device=(1, 3)))
    with pytest.raises(UnsupportedError) as caught:
        target.apply(data, devices=False)
    assert caught.value.path == "null"
    assert not os.listdir(target.root)
    target.extract(data)
    assert not os.listdir(target.root), "extraction leaves them out"


def test_files_that_do_not_keep_their_owner_lose_setuid(target: Target) -> None:
    info = tarfile.TarInfo("su")
    info.mode, info.uid = 0o6755, 1234
    target.extract(make_tar(info))
    found = os.stat(target.root / "su")
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o755)


def test_whiteouts_remove_only_inside_and_only_what_lower_layers_brought(target: Target) -> None:
    target.extract(
        make_tar(
            ("d/", None),
            ("d/lower", b"1"),
            ("gone/", None),
            ("gone/deep/", None),
            ("gone/deep/f", b"1"),
            ("out", "../neighbour"),
        )
    )
    target.extract(make_tar(("d/new", b"2"), ("d/.wh..wh..opq", b""), (".wh.gone", b""), ("out/.wh.neighbour", b"")))
    assert sorted(os.listdir(target.root)) == ["d", "out"]
    assert os.listdir(target.root / "d") == ["new"]


@pytest.mark.parametrize("inline", [False, True], ids=["threads", "inline"])
def test_truncated_gzip_is_an_error_at_every_offset(target: Target, inline: bool) -> None:
    data = gzip.compress(make_tar(("a", random.Random(1).randbytes(3000)), ("b", b"x" * 20_000)), mtime=0)
    # Shorter than a magic it is taken for a tar, and that for a damaged one.
    for end in [*range(1, 40), *range(40, len(data), 97), len(data) - 8, len(data) - 1]:
        with pytest.raises(CorruptError):
            target.apply(data[:end], inline=inline)
        _empty(target.root)
    target.apply(data, inline=inline)


@pytest.mark.parametrize(
    "compress", [lambda data: data, lambda data: gzip.compress(data, mtime=0)], ids=["tar", "gzip"]
)
def test_changed_bytes_never_give_the_digest_asked_for(target: Target, compress: Callable[[bytes], bytes]) -> None:
    tar = make_tar(("d/", None), ("d/a", random.Random(2).randbytes(2000)), ("l", "d/a"))
    data = compress(tar)
    wanted = "sha256:" + hashlib.sha256(tar).hexdigest()
    source = random.Random(3)
    for _ in range(150):
        changed = bytearray(data)
        changed[source.randrange(len(data))] ^= 1 << source.randrange(8)
        try:
            applied = target.apply(bytes(changed))
        except (LibpodError, OSError):
            applied = None
        # A gzip header has bytes that mean nothing; then the blob's own digest tells.
        assert (
            applied is None
            or applied["diff_id"] != wanted
            or applied["digest"] != "sha256:" + hashlib.sha256(data).hexdigest()
        )
        _empty(target.root)


def test_decompression_bomb_in_a_header_is_cut_off(target: Target) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 33
    bomb = gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(8 << 20), mtime=0)
    with pytest.raises(CorruptError, match="1 MiB"):
        target.apply(bomb)


def test_trailing_garbage_after_gzip_is_an_error(target: Target) -> None:
    with pytest.raises(CorruptError):
        target.apply(gzip.compress(make_tar(("a", b"1")), mtime=0) + b"garbage")


def test_deep_nesting_needs_neither_stack_nor_descriptors(target: Target) -> None:
    depth = 1800
    data = make_tar(("d/" * depth + "f", b"1"))
    target.apply(data)
    assert target.rebuild() == data
    target.extract(make_tar((".wh.d", b"")))
    assert not os.listdir(target.root)


def test_a_thousand_links_in_one_path_are_refused_as_the_kernel_does(target: Target) -> None:
    chain: list[tuple[str, bytes | str | None]] = [(f"l{index}", f"l{index + 1}") for index in range(1000)]
    for walk in (False, True):
        with pytest.raises(OSError, match="l0/f") as caught:
            target.apply(make_tar(*chain, ("l0/f", b"1")), walk=walk)
        assert caught.value.errno == 40
        _empty(target.root)


def test_selection_takes_no_more_than_it_names(target: Target) -> None:
    data = make_tar(
        ("usr/", None), ("usr/lib/", None), ("usr/lib/a", b"1"), ("usr/lib64/b", b"2"), ("etc/passwd", b"3")
    )
    assert target.extract(data, select=b"/usr/lib/")["unresolved"] == []
    assert sorted(os.listdir(target.root)) == ["lib"]
    assert os.listdir(target.root / "lib") == ["a"]
    with pytest.raises(UnsafePathError):
        target.extract(data, select=b"../etc")


def test_hard_link_out_of_a_selection_is_told_and_not_made(target: Target) -> None:
    data = make_tar(("a/f", b"1"), special("b/h", tarfile.LNKTYPE, "a/f"), special("b/i", tarfile.LNKTYPE, "b/h"))
    assert target.extract(data, select=b"b")["unresolved"] == [(b"b/h", b"a/f"), (b"b/i", b"a/f")]
    assert not os.listdir(target.root)
    result = target.extract(make_tar(("b/f", b"1"), special("b/h", tarfile.LNKTYPE, "b/f")), select=b"b")
    assert result["unresolved"] == []
    assert os.stat(target.root / "b/h").st_ino == os.stat(target.root / "b/f").st_ino


def test_a_socket_or_pipe_in_place_of_a_file_does_not_stall_the_rebuild(target: Target) -> None:
    target.apply(make_tar(("f", b"1")))
    os.unlink(target.root / "f")
    os.mkfifo(target.root / "f")
    with pytest.raises(CorruptError, match="f"):
        target.rebuild()
    os.unlink(target.root / "f")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(target.root / "f"))
        with pytest.raises((CorruptError, OSError)):
            target.rebuild()


def test_a_blob_flows_once(target: Target) -> None:
    blob = _core.bytes_blob(make_tar(("a", b"1")))
    assert [entry[0] for entry in _core.walk_layer(blob)] == [b"a"]
    with pytest.raises(InvalidError):
        _core.walk_layer(blob)


def test_walk_reads_what_apply_refuses() -> None:
    data = make_tar(("../a", b"1"), ("x", b"22"), ("x", b"333"), special("n", tarfile.CHRTYPE, device=(5, 1)))
    reader = _core.walk_layer(_core.bytes_blob(gzip.compress(data)))
    found = []
    for name, kind, _mode, _owner, _time, size, _link, device, _xattrs in reader:
        found.append((name, kind, device, reader.read(10)))
        assert len(found[-1][3]) == size
    assert found == [
        (b"../a", "file", None, b"1"),
        (b"x", "file", None, b"22"),
        (b"x", "file", None, b"333"),
        (b"n", "char", (5, 1), b""),
    ]


def _empty(root: Path) -> None:
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
