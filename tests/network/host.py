"""Hosts in namespaces of their own: network, mounts and /sys apart, so that the machine's own network is not touched."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import cli, probe

_NUMBER = itertools.count()

#: What a host's mounts need: a /sys that shows its interfaces and keeps the cgroups, and a /run/containers of its own.
_SET_UP = """
mount --make-rprivate /
mkdir -p {scratch} /run/containers
mount --rbind /sys/fs/cgroup {scratch}
mount -t sysfs sysfs /sys
mount --rbind {scratch} /sys/fs/cgroup
umount -l {scratch}
mount -t tmpfs tmpfs /run/containers
ip link set lo up
echo ready
exec sleep 3600
"""


@functools.cache
def _can_make_hosts() -> bool:
    script = "mount --make-rprivate / && mount -t sysfs sysfs /sys && ip link add br0 type bridge"
    return subprocess.run(["unshare", "-n", "-m", "sh", "-c", script], capture_output=True, check=False).returncode == 0


def needs_hosts() -> None:
    """Root with the right to make namespaces, bridges and nftables rules."""
    probe.require(os.geteuid() == 0, "needs root")
    probe.needs_programs("ip", "nft", "unshare", "nsenter")
    probe.require(_can_make_hosts(), "needs the right to make network namespaces with bridges")


class Host:
    """One host; a context manager that ends it."""

    def __init__(self, directory: Path) -> None:
        scratch = directory / f"cgroup-{next(_NUMBER)}"
        self._holder = subprocess.Popen(
            ["unshare", "-n", "-m", "sh", "-ec", _SET_UP.format(scratch=scratch)], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the host; its interfaces go with its last process."""
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout:
            self._holder.stdout.close()

    @property
    def pid(self) -> int:
        """The process that holds the namespaces."""
        return self._holder.pid

    def enter(self, *words: str) -> list[str]:
        """The argument vector that runs `words` on this host."""
        return ["nsenter", "-t", str(self.pid), "-n", "-m", *words]

    def run(self, *words: str, code: int = 0, timeout_s: float = 30) -> str:
        """Run a program on this host and return what it prints."""
        done = subprocess.run(
            self.enter(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=cli.clean_environment(PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"),
            check=False,
        )
        assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, script: str) -> str:
        """Run shell lines on this host."""
        return self.run("sh", "-ec", script)

    def python(self, code: str, argument: object = None) -> Any:
        """Run Python on this host with `argument` in scope; what the code binds to `answer` comes back."""
        program = (
            f"import json, sys\nargument = json.loads(sys.argv[1])\nanswer = None\n{code}\nprint(json.dumps(answer))"
        )
        return json.loads(self.run(sys.executable, "-c", program, json.dumps(argument)).splitlines()[-1])

    def podman(self, directory: Path) -> cli.Cli:
        """Our program on this host, with a store below `directory`."""
        program = cli.ours(directory)
        program.program = self.enter(*program.program)
        return program

    def peer(self, directory: Path) -> cli.Cli:
        """Real Podman on this host."""
        program = cli.real_podman(directory)
        program.program = self.enter(*program.program)
        return program

    def traces(self) -> dict[str, int]:
        """Count what containers leave on a host: ends of veth pairs, and published elements in libpod's table."""
        links = json.loads(self.run("ip", "-j", "link", "show", "type", "veth") or "[]")
        rules = self.shell("nft list table inet libpod 2>/dev/null || true")
        return {"links": sum("master" in link for link in links), "ports": rules.count(" : 10.88.")}


def connect(one: Host, other: Host) -> None:
    """Join two hosts by a veth pair: 192.0.2.1 and 192.0.2.2."""
    one.run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", str(other.pid))
    for host, address in ((one, "192.0.2.1/24"), (other, "192.0.2.2/24")):
        host.shell(f"ip addr add {address} dev wire; ip link set wire up")


def wait_for(condition: Any, *, timeout_s: float = 10) -> bool:
    """Wait until `condition()` holds; False where it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
