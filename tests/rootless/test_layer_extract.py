"""Layers unpacked by somebody who is not root: files are theirs, and read-only directories are no obstacle."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from libpod import _core
from tests.support import probe

NOBODY = 65534

SCRIPT = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
from libpod import _core
fd = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY)
for path in sys.argv[3:]:
    with open(path, "rb") as file:
        _core.extract_layer(_core.open_blob(file.fileno()), fd)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    probe.require(os.geteuid() == 0, "needs root, to become somebody else")
    # Away from pytest's own directory, which others may not enter.
    folder = Path(
        subprocess.run(
            ["mktemp", "-d", "/tmp/lp-rootless-XXXXXX"], check=True, capture_output=True, text=True
        ).stdout.strip()
    )
    folder.chmod(0o755)
    target = folder / "target"
    target.mkdir()
    os.chown(target, NOBODY, NOBODY)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


def run_as_nobody(command: list[str], *, check: bool) -> int:
    return subprocess.run(
        command, user=NOBODY, group=NOBODY, extra_groups=[], env={}, cwd="/", check=check, capture_output=not check
    ).returncode


def interpreter() -> str:
    """A Python that others than root may run: the one of the tests may lie in root's home."""
    is_new = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python):
            try:
                if run_as_nobody([python, "-S", "-c", is_new], check=False) == 0:
                    return python
            except PermissionError:
                continue
    probe.require(False, "needs a Python >= 3.11 that an unprivileged user may run")
    raise AssertionError("not reached")


def extract_as_nobody(folder: Path, *layers: bytes) -> Path:
    """Unpack the layers, lowest first, as an unprivileged user."""
    for index, layer in enumerate(layers):
        (folder / f"{index}.tar").write_bytes(layer)
    # The user may not read where the package was built: give it a copy of the extension and its errors.
    package = folder / "package/libpod"
    package.mkdir(parents=True)
    source = Path(_core.__file__ or "").parent
    for name in ("__init__.py", "errors.py", Path(_core.__file__ or "").name):
        (package / name).write_bytes((source / name).read_bytes())
    tars = [str(folder / f"{index}.tar") for index in range(len(layers))]
    script = ["-S", "-c", SCRIPT, json.dumps([str(package.parent)]), str(folder / "target"), *tars]
    run_as_nobody([interpreter(), *script], check=True)
    return folder / "target"


def layer(*entries: tuple[str, int, bytes | None]) -> bytes:
    """(name, mode, content), None for a directory; all owned by root."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, mode, content in entries:
            info = tarfile.TarInfo(name)
            info.mode, info.mtime = mode, 1_600_000_000
            if content is None:
                info.type = tarfile.DIRTYPE
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


def modes(root: Path) -> dict[str, str]:
    found = {}
    for directory, directories, files in os.walk(root):
        for name in [*directories, *files]:
            path = os.path.join(directory, name)
            meta = os.lstat(path)
            assert (meta.st_uid, meta.st_gid) == (NOBODY, NOBODY), path
            found[os.path.relpath(path, root)] = oct(meta.st_mode & 0o7777)
    return found


def test_read_only_directories_of_one_layer_are_filled(folder: Path) -> None:
    root = extract_as_nobody(
        folder,
        layer(
            ("usr", 0o555, None),
            ("usr/bin", 0o555, None),
            ("usr/bin/su", 0o4755, b"x"),
            ("closed", 0, None),
            ("closed/f", 0o400, b"y"),
        ),
    )
    assert modes(root) == {
        "usr": "0o555",
        "usr/bin": "0o555",
        "usr/bin/su": "0o755",
        "closed": "0o0",
        "closed/f": "0o400",
    }
    assert os.stat(root / "usr").st_mtime == 1_600_000_000


def test_a_later_layer_writes_into_read_only_directories_and_removes_them(folder: Path) -> None:
    root = extract_as_nobody(
        folder,
        layer(
            ("usr", 0o555, None),
            ("usr/bin", 0o555, None),
            ("usr/bin/old", 0o755, b"x"),
            ("gone", 0o555, None),
            ("gone/deep", 0, None),
            ("gone/deep/f", 0o444, b""),
            ("again", 0o500, None),
        ),
        layer(
            ("usr/bin/.wh.old", 0o644, b""),
            ("usr/bin/new", 0o755, b"z"),
            (".wh.gone", 0o644, b""),
            ("again", 0o510, None),
            ("again/f", 0o600, b""),
        ),
    )
    assert modes(root) == {
        "usr": "0o555",
        "usr/bin": "0o555",
        "usr/bin/new": "0o755",
        "again": "0o510",
        "again/f": "0o600",
    }
