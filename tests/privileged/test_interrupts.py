"""Ctrl-C while an image is written: the command ends at once, and nothing half done stays."""

from __future__ import annotations

import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from tests.support import cli

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


def unfinished(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.name.endswith(".tmp")]


def stop_in_the_middle(process: subprocess.Popen[bytes], directory: Path) -> None:
    """Stop the command once it writes."""
    deadline = time.monotonic() + 60
    while not unfinished(directory):
        assert process.poll() is None, "it ended without a file in the making"
        assert time.monotonic() < deadline, "it never began to write"
        time.sleep(0.001)
    process.send_signal(signal.SIGSTOP)


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
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        interrupted = time.monotonic()
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert time.monotonic() - interrupted < 30
    finally:
        process.kill()
        process.wait()
    assert unfinished(tmp_path) == []
    assert [path for path in tmp_path.rglob("*") if path.name in ("a.tar", "manifest.json", "index.json")] == []
    podman(*(word.format(tmp_path) for word in words))
