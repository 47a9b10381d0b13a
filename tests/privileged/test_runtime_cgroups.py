"""Containers and their cgroups on the OCI command line: what is killed, what is frozen, and what another container keeps."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.support.runtime import Runtime

CGROUP = f"/libpod-shared-{os.getpid()}"


def write(runtime: Runtime, script: str, *, namespaces: tuple[str, ...] = ("pid", "mount")) -> None:
    """Write config.json: a shell script in the shared cgroup."""
    spec = {
        "ociVersion": "1.0.2",
        "process": {"args": ["sh", "-c", script], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"cgroupsPath": CGROUP, "namespaces": [{"type": kind} for kind in namespaces]},
    }
    (runtime.bundle / "config.json").write_text(json.dumps(spec))


def status(runtime: Runtime, name: str) -> str:
    return str(json.loads(runtime("state", name).stdout)["status"])


def wait_stopped(runtime: Runtime, name: str) -> None:
    deadline = time.monotonic() + 10
    while status(runtime, name) != "stopped":
        assert time.monotonic() < deadline, status(runtime, name)
        time.sleep(0.01)


def processes() -> list[int]:
    """Processes in the shared cgroup, by the first hierarchy that has it."""
    for path in Path("/sys/fs/cgroup").rglob(f"{CGROUP[1:]}/cgroup.procs"):
        return [int(line) for line in path.read_text().split()]
    return []


def test_a_second_container_in_the_same_cgroup_is_refused_and_its_removal_harms_nothing(runtime: Runtime) -> None:
    write(runtime, "exec sleep 1000")
    runtime.detached("run", "-d", "first")
    assert "is not empty: 1 process(es) are in it" in runtime.detached("run", "-d", "second", code=1)
    runtime("delete", "--force", "second")
    assert status(runtime, "first") == "running"


def test_removing_a_container_that_has_ended_spares_its_cgroup_s_next_owner(runtime: Runtime) -> None:
    write(runtime, "exit 0")
    runtime.detached("run", "-d", "old")
    wait_stopped(runtime, "old")
    write(runtime, "exec sleep 1000")
    runtime.detached("run", "-d", "new")
    runtime("delete", "old")
    assert status(runtime, "new") == "running"
    runtime("kill", "new", "KILL")
    wait_stopped(runtime, "new")
    runtime("delete", "new")
    assert not list(Path("/sys/fs/cgroup").rglob(CGROUP[1:]))


@pytest.mark.parametrize("words", [("kill", "frozen", "KILL"), ("delete", "--force", "frozen")])
def test_a_paused_container_can_be_killed_and_deleted(words: tuple[str, ...], runtime: Runtime) -> None:
    write(runtime, "exec sleep 1000")
    runtime.detached("run", "-d", "frozen")
    runtime("pause", "frozen")
    assert status(runtime, "frozen") == "paused"
    started = time.monotonic()
    runtime(*words)
    if words[0] == "kill":
        wait_stopped(runtime, "frozen")
    assert processes() == []
    assert time.monotonic() - started < 8, "not by running out of patience"


def test_killing_a_container_in_the_host_s_pid_namespace_leaves_none_of_its_processes(runtime: Runtime) -> None:
    write(runtime, "sleep 1000 & sleep 1000 & exec sleep 1000", namespaces=("mount",))
    runtime.detached("run", "-d", "shared")
    deadline = time.monotonic() + 10
    while len(processes()) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    runtime("kill", "shared", "KILL")
    wait_stopped(runtime, "shared")
    while processes() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes() == []
