"""Ctrl-C while an image is written: the command ends at once, and nothing half done stays."""

from __future__ import annotations

import signal
import tarfile
import time
from pathlib import Path

import pytest

from tests.support import cli
from tests.support.writing import stop_in_the_middle

#: One layer, large enough to be in the middle of when it is stopped.
LAYER = 256 << 20

WRITERS = (
    ("save", "-q", "--format", "docker-archive", "-o", "{}/a.tar", "large"),
    ("save", "-q", "--format", "oci-archive", "-o", "{}/a.tar", "large"),
    ("save", "-q", "--format", "oci-dir", "-o", "{}/layout", "large"),
    ("save", "-q", "--format", "docker-dir", "-o", "{}/directory", "large"),
    ("push", "-q", "large", "docker-archive:{}/a.tar"),
    ("push", "-q", "large", "oci-archive:{}/a.tar"),
    ("push", "-q", "large", "oci:{}/layout"),
    ("push", "-q", "large", "dir:{}/directory"),
)


@pytest.mark.parametrize("words", WRITERS, ids=lambda words: f"{words[0]}-{words[3]}")
def test_an_interrupted_writer_ends_and_leaves_nothing(
    podman: cli.Cli, store_directory: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    root = store_directory / "root.tar"
    with tarfile.open(root, "w") as archive, open("/dev/zero", "rb") as zeros:
        member = tarfile.TarInfo("zeros")
        member.size = LAYER
        archive.addfile(member, zeros)
    podman("import", "-q", str(root), "large")
    process = podman.spawn(*(word.format(tmp_path) for word in words))
    try:
        stop_in_the_middle(process, tmp_path)
        process.send_signal(signal.SIGINT)
        interrupted = time.monotonic()
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert time.monotonic() - interrupted < 30
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []
    podman(*(word.format(tmp_path) for word in words))
