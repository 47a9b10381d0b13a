"""What becomes of the file that `save -o` names, beside Podman: links, hard links, modes, what was there."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, probe
from tests.support.images import docker_archive, tar


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[cli.Cli, cli.Cli]]:
    """We and Podman, each with one small image."""
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon")
    with tempfile.TemporaryDirectory(prefix="io-", dir="/tmp") as name:
        directory = Path(name)
        (directory / "image.tar").write_bytes(docker_archive(tar(("x", b"x" * 5000))))
        programs = cli.ours(directory / "ours"), cli.real_podman(directory / "theirs")
        for program in programs:
            program.root.parent.mkdir()
            program("load", "-q", "-i", str(directory / "image.tar"))
        yield programs
        subprocess.run(["umount", "-l", str(programs[1].root / "overlay")], capture_output=True, check=False)


def prepare(place: Path, what: str) -> Path:
    """Make what stands at the target beforehand, and return the path to give to `save`."""
    place.mkdir()
    target, named = place / "target", place / "named"
    old = b"old" if "full" in what else b""
    if "missing" not in what:
        target.write_bytes(old)
        target.chmod(0o640)
    if "link" in what:
        named.symlink_to("target")
        return named
    if "hard" in what:
        named.hardlink_to(target)
    return target


def outcome(place: Path, code: int) -> list[object]:
    """What there is afterwards: kinds, modes, link counts, and whether there is an archive in it."""
    found: list[object] = [code == 0]
    for name in sorted(os.listdir(place)):
        path = place / name
        lines = path.lstat()
        found.append((name, oct(lines.st_mode), lines.st_nlink, path.stat().st_size > 1000))
    return found


#: Not a link to nothing for an OCI archive: Podman refuses it, and we write the file.
CASES = [
    (kind, what)
    for kind in ("docker-archive", "oci-archive")
    for what in ("missing", "empty", "full", "link-missing", "link-empty", "link-full", "hard-full")
    if (kind, what) != ("oci-archive", "link-missing")
]


@pytest.mark.parametrize(("kind", "what"), CASES)
def test_the_target_of_save_is_treated_as_by_podman(
    pair: tuple[cli.Cli, cli.Cli], tmp_path: Path, kind: str, what: str
) -> None:
    outcomes = []
    for number, program in enumerate(pair):
        target = prepare(tmp_path / str(number), what)
        done = program("save", "-q", "--format", kind, "-o", str(target), "localhost/made:1", code=None)
        outcomes.append(outcome(target.parent, done.returncode))
    assert outcomes[0] == outcomes[1]
    failures = [program("save", "-q", "--format", kind, "-o", "/dev/full", "made:1", code=125) for program in pair]
    assert all("/dev/full" in failure.stderr and "no space left on device" in failure.stderr for failure in failures)
