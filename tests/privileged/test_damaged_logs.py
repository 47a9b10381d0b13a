"""Logs with lines that are no entries, and with lines that are longer than memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from libpod.store import open_store
from tests.support import cli
from tests.support.store import add_image, busybox_layers

STAMP = "2026-11-24T12:00:00.000000001+00:00"
LONG = 300 << 20
#: What a reader of any log may take beside what it takes for a short one.
SPARE_KB = 8 << 10

_MEASURE = """
import os, resource, subprocess, sys
with open(os.devnull, "wb") as null:
    done = subprocess.run(sys.argv[1:], stdout=null, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.fixture
def log(podman: cli.Cli) -> Path:
    """The log of the container `box`, which has said `one` and `two`."""
    add_image(open_store(str(podman.root), str(podman.runroot)), "localhost/a:latest", busybox_layers())
    words = ("localhost/a:latest", "/bin/busybox", "printf", "one\\ntwo\\n")
    podman("run", "--name", "box", "--network", "none", *words)
    (path,) = podman.root.glob("overlay-containers/*/userdata/ctr.log")
    return path


def test_lines_that_are_no_entries_are_said(podman: cli.Cli, log: Path) -> None:
    with log.open("ab") as file:
        file.write(f"gar\x1bbage\n\x00\x00\nyesterday stdout F x\n{STAMP} stdout F three\n{STAMP} std".encode())
    said = podman("logs", "box")
    assert said.stdout == "one\ntwo\nthree\n"
    assert "level=error" in said.stderr, said
    assert "'gar\\x1bbage' is not a valid container log line" in said.stderr, said
    assert f"({log}, byte {2 * len(f'{STAMP} stdout F one') + 2}; 4 such lines)" in said.stderr, said
    assert podman("logs", "--tail", "2", "box").stdout == "two\nthree\n"
    assert podman("logs", "--tail", "0", "box").stdout == ""
    podman("start", "-a", "box")
    assert podman("logs", "--tail", "2", "box").stdout == "one\ntwo\n"


def test_a_log_that_is_whole_says_nothing(podman: cli.Cli, log: Path) -> None:
    assert podman("logs", "box").stderr == ""
    log.write_bytes(log.read_bytes() + f"{STAMP} stdout F its end is missing".encode())
    said = podman("logs", "box")
    assert (said.stdout, said.stderr) == ("one\ntwo\nits end is missing\n", "")


def memory_kb(podman: cli.Cli, *words: str) -> int:
    command = [sys.executable, "-c", _MEASURE, *podman.command(*words)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=podman.environment, timeout=100).stdout)


def _one_line(file: Callable[[bytes], object], skip: Callable[[int], object]) -> None:
    file(f"{STAMP} stdout F ".encode())
    skip(LONG)
    file(b"\n")


def _no_entry(file: Callable[[bytes], object], skip: Callable[[int], object]) -> None:
    skip(LONG)
    file(f"\n{STAMP} stdout F last\n".encode())


def _many_parts(file: Callable[[bytes], object], _: Callable[[int], object]) -> None:
    part = f"{STAMP} stdout P {'x' * 8000}\n".encode() * 128
    for _unused in range(64):
        file(part)


@pytest.mark.parametrize("write", [_one_line, _no_entry, _many_parts])
@pytest.mark.parametrize("words", [("--tail", "1"), ()])
@pytest.mark.timeout(300)
def test_a_log_is_read_in_constant_memory(
    podman: cli.Cli,
    log: Path,
    words: tuple[str, ...],
    write: Callable[[Callable[[bytes], object], Callable[[int], object]], None],
) -> None:
    short = memory_kb(podman, "logs", *words, "box")
    with log.open("ab", buffering=0) as file:
        # What is skipped takes no space on disk.
        write(file.write, lambda count: file.truncate(log.stat().st_size + count))
    assert log.stat().st_size > LONG // 8
    assert memory_kb(podman, "logs", *words, "box") < short + SPARE_KB
