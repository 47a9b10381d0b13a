"""`libpod-runtime` killed at any moment: `delete --force` takes away whatever is left, and the next command works."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import probe
from tests.support.runtime import OURS, Runtime, make_bundle, minimal_spec

ROUNDS = 60
#: A start takes 5 ms on an idle machine; most moments shall lie within it.
SPAN_S = 0.03


def leftovers(name: str) -> set[str]:
    """Cgroups, and processes in them, of containers that carry this name."""
    found = {str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{name}-*")}
    return found | {str(path) for path in Path("/sys/fs/cgroup").glob(f"{name}-*")}


def write(bundle: Path, name: str, number: int) -> None:
    """Write a config.json that sleeps in a cgroup of its own."""
    (bundle / "config.json").write_text(json.dumps(minimal_spec(f"/{name}-{number}", "sleep", "1000")))


@pytest.mark.parametrize("command", ["run", "create"])
def test_a_killed_command_leaves_nothing_that_delete_cannot_remove(command: str, store_directory: Path) -> None:
    probe.needs_root()
    probe.require(Path("/bin/busybox").exists(), "needs /bin/busybox")
    bundle = make_bundle(store_directory)
    runtime = Runtime(str(OURS), store_directory / "state", bundle)
    name = f"libpod-crash-{os.getpid()}"
    moments = random.Random(20)
    for number in range(ROUNDS):
        write(bundle, name, number)
        container = f"crash{number}"
        process = subprocess.Popen(
            [str(OURS), "--root", str(runtime.root), command, container],
            cwd=bundle,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moments.uniform(0, SPAN_S))
        process.send_signal(signal.SIGKILL)
        process.wait()
        runtime("delete", "--force", container)
        assert runtime("list", "-q").stdout == ""
        assert not (runtime.root / container).exists()
        assert not leftovers(name), f"round {number}"
    write(bundle, name, ROUNDS)
    runtime.detached("run", "-d", "last")
    assert json.loads(runtime("state", "last").stdout)["status"] == "running"
    runtime("delete", "--force", "last")
    assert not leftovers(name)
