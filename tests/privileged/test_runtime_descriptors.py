"""What the first process of a container holds between `create` and `start`: nothing that leads to the host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import clean_environment
from tests.support.runtime import Runtime

ID = "descriptors"


def write(runtime: Runtime, **hooks: list[dict[str, Any]]) -> None:
    """Write config.json: a shell that ends at once, with the right to trace."""
    capabilities = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]
    spec = {
        "ociVersion": "1.0.2",
        "process": {
            "args": ["true"],
            "cwd": "/",
            "env": ["PATH=/bin"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
        },
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["rbind"]},
        ],
        "hooks": hooks,
        "linux": {
            "cgroupsPath": f"/libpod-{ID}-{os.getpid()}",
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
        },
    }
    (runtime.bundle / "config.json").write_text(json.dumps(spec))


def create(runtime: Runtime, *flags: str) -> int:
    """Create the container by a caller that has descriptors 3 (a file) and 9 (the host's root) open; returns its process."""
    opened = 'exec 3</etc/hostname 9</; exec "$@"'
    command = ["sh", "-c", opened, "sh", runtime.program, "--root", str(runtime.root), "create", *flags, ID]
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=runtime.bundle,
        env=clean_environment(),
        timeout=60,
        check=True,
    )
    return int(json.loads(runtime("state", ID).stdout)["pid"])


def descriptors(pid: int) -> dict[int, str]:
    """Number and target of each descriptor, without the socket's own number."""
    listed = {int(path.name): os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return {number: target.split(":[")[0] for number, target in listed.items()}


@pytest.mark.parametrize("preserve", [False, True])
def test_a_created_container_holds_exactly_the_allow_list(preserve: bool, runtime: Runtime) -> None:
    write(runtime)
    pid = create(runtime, *(("--preserve-fds", "1") if preserve else ()))
    found = descriptors(pid)
    assert [found.pop(number) for number in range(3)] == ["/dev/null"] * 3
    if preserve:
        assert found.pop(3) == "/etc/hostname"
    assert list(found.values()) == ["socket"] * 2, "the channel to its creator, and the socket that `start` connects to"
    runtime("start", ID)


def test_nothing_inside_reaches_the_host_before_the_start(runtime: Runtime, store_directory: Path) -> None:
    """From an exec into a created container, and from a hook of the image: each descriptor is climbed up from."""
    canary = store_directory / "canary"
    canary.touch()
    climb = (
        "for f in /proc/1/fd/* /proc/1/root /proc/1/cwd; do for up in ../../../../../../../../../.. .; do"
        f' [ -e "$f/$up{canary}" ] && echo "out by $f"; done; readlink "$f"; done; echo end'
    )
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"({climb}) > /report"], "env": ["PATH=/bin"]}
    write(runtime, startContainer=[hook])
    create(runtime)
    inside = runtime("exec", ID, "sh", "-c", climb).stdout
    runtime("start", ID)
    for report in (inside, (runtime.bundle / "rootfs" / "report").read_text()):
        assert "socket:" in report, "the right to trace shows what is there"
        assert "out by" not in report
        assert report.endswith("end\n")
