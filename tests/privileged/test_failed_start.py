"""A start that fails changes nothing: what a container was before, how it ended too, it still is."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from libpod import _core
from libpod.store import open_store
from tests.support import cli, container_images

#: How a container that ends with 3 is run, and what then keeps it from starting again.
Break = Callable[[cli.Cli], None]


STARTED = "2026-01-01T00:00:00Z"


@pytest.fixture
def rich(podman: cli.Cli) -> cli.Cli:
    container_images.import_root(podman)
    return podman


def _upper(podman: cli.Cli) -> Path:
    store = open_store(str(podman.root), str(podman.runroot))
    upper = store.rootfs(store.containers()[0]["id"])["upper"]
    assert upper is not None
    return Path(upper)


def _source_gone(podman: cli.Cli) -> None:
    (podman.root.parent / "bound").rmdir()


def _command_gone(podman: cli.Cli) -> None:
    # An overlay's whiteout.
    programs = _upper(podman) / "bin"
    programs.mkdir()
    os.mknod(programs / "sh", 0o20000, 0)


def _log_gone(podman: cli.Cli) -> None:
    (log,) = podman.root.glob("overlay-containers/*/userdata/ctr.log")
    log.unlink()
    log.mkdir()


def _shared_gone(podman: cli.Cli) -> None:
    podman("stop", "-t", "0", "shared")


BREAKS: dict[str, tuple[tuple[str, ...], Break]] = {
    "mount": (("--network", "none", "-v", "@/bound:/bound"), _source_gone),
    "command": (("--network", "none"), _command_gone),
    "log": (("--network", "none"), _log_gone),
    "namespace": (("--network", "container:shared"), _shared_gone),
}


@pytest.mark.parametrize("kind", sorted(BREAKS))
def test_a_failed_start_keeps_the_last_exit(rich: cli.Cli, kind: str) -> None:
    flags, break_it = BREAKS[kind]
    directory = rich.root.parent
    (directory / "bound").mkdir()
    if kind == "namespace":
        rich("run", "-d", "--name", "shared", "--network", "none", "rich", "sleep", "1000")
    flags = tuple(flag.replace("@", str(directory)) for flag in flags)
    rich("run", "--name", "c", *flags, "rich", "sh", "-c", "exit 3", code=3)
    template = "{{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}} {{.State.FinishedAt}}"
    before = rich("inspect", "-f", template, "c").stdout
    break_it(rich)
    for _ in range(2):
        rich("start", "c", code=125)
        assert rich("inspect", "-f", template, "c").stdout == before
        assert rich("ps", "-a", "--filter", "name=^c$", "--format", "{{.Status}}").stdout.startswith("Exited (3) ")
        assert rich("wait", "c", timeout_s=20).stdout == "3\n"
    rich("rm", "c")


def test_a_monitor_killed_before_the_program_runs_leaves_the_last_exit(rich: cli.Cli) -> None:
    rich("run", "--name", "c", "--network", "none", "rich", "sh", "-c", "exit 3", code=3)
    (exit_record,) = rich.root.glob("overlay-containers/*/userdata/exit.json")
    # What such a monitor leaves: pid.json of a process that is gone, beside the record of the run before.
    directory = rich.runroot / "libpod" / exit_record.parent.parent.name
    while directory.exists():
        # The monitor of that run takes it away.
        time.sleep(0.01)
    directory.mkdir(parents=True)
    record = {
        "version": 1,
        "frames": 1,
        "pid": 1,
        "start_time": 1,
        "monitor_pid": 1,
        "monitor_start_time": 1,
        "started_at": STARTED,
        "network": None,
        "cgroup": "",
    }
    (directory / "pid.json").write_text(_core.dump_json(record))
    assert rich("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "c").stdout == "exited 3\n"
    assert rich("wait", "c", timeout_s=20).stdout == "3\n"
    rich("start", "-a", "c", code=3)
    assert json.loads(exit_record.read_text())["started_at"] != STARTED


def test_the_record_of_the_last_run_says_nothing_of_the_one_that_began(rich: cli.Cli) -> None:
    rich("run", "--name", "c", "--network", "none", "rich", "sh", "-c", "test -e /again && sleep 1000; exit 3", code=3)
    (exit_record,) = rich.root.glob("overlay-containers/*/userdata/exit.json")
    last = exit_record.read_bytes()
    (_upper(rich) / "again").touch()
    rich("start", "c")
    assert not exit_record.exists(), "a new run has begun"
    # As where the monitor is slow to take it away.
    exit_record.write_bytes(last)
    assert rich("ps", "--format", "{{.Names}} {{.Status}}").stdout.startswith("c Up ")
    rich("stop", "-t", "0", "c")
    assert rich("inspect", "-f", "{{.State.ExitCode}}", "c").stdout == "137\n"
