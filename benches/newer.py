"""Newer peers in a root of their own beside this machine's system: Podman 5.8, crun and Docker of Debian's testing release.

The root is `LIBPOD_BENCH_ROOT`, or is made once by debootstrap. Stores and sockets are below `/tmp`, which both sides share.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.support import debian
from tests.support import newer as root_of

RELEASE = "forky"
PACKAGES = (
    *(
        "podman",
        "crun",
        "runc",
        "conmon",
        "netavark",
        "aardvark-dns",
        "catatonit",
        "docker.io",
        "docker-cli",
        "containerd",
    ),
    *("nftables", "iptables", "iproute2", "ca-certificates", "procps"),
)


def make() -> Path:
    """Return the root's directory; it is made if it is not there yet, which takes a minute and 1.4 GB."""
    named = os.environ.get("LIBPOD_BENCH_ROOT")
    target = Path(named or "/var/tmp/libpod-bench-root")
    if not (target / "usr/bin/podman").exists():
        debian.bootstrap(target, RELEASE, PACKAGES, script="sid")
    return target


class Newer:
    """The newer root, entered; `close` ends what runs in it. shared: the directories of the stores."""

    def __init__(self, directory: Path, shared: tuple[Path, ...]) -> None:
        self._directory = directory
        self._docker: subprocess.Popen[bytes] | None = None
        self._alone: subprocess.Popen[bytes] | None = None
        self._holder = root_of.enter(make(), directory / "entered", shared)
        self.enter = root_of.words_inside(self._holder.pid)
        self.environment = {**os.environ, **root_of.ENVIRONMENT}

    def docker(self) -> list[str]:
        """Start a Docker daemon without a network of its own, and return the client's words for it."""
        place = self._directory / "docker"
        place.mkdir()
        path = place / "d.sock"
        daemon = ["dockerd", "--data-root", f"{place}/data", "--exec-root", f"{place}/exec", "-p", f"{place}/pid"]
        daemon += ["-H", f"unix://{path}", "--iptables=false", "--ip6tables=false", "--bridge=none"]
        with (place / "log").open("wb") as log:
            words = [*self.enter, *daemon]
            self._docker = subprocess.Popen(words, stdout=log, stderr=log, env=self.environment)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._docker.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) == 0:
                    return [*self.enter, "docker", "-H", f"unix://{path}"]
            time.sleep(0.1)
        raise RuntimeError(f"dockerd does not answer: {(place / 'log').read_text()[-2000:]}")

    def crun(self) -> list[str]:
        """Return the words for crun where it sees cgroup v2 alone: it takes no hybrid hierarchy."""
        ready = self._directory / "alone"
        script = 'umount -l /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; touch "$1"; exec sleep infinity'
        words = [*self.enter, "unshare", "-m", "sh", "-ec", script, "sh", str(ready)]
        self._alone = subprocess.Popen(words, env=self.environment)
        while not ready.exists() and self._alone.poll() is None:
            time.sleep(0.02)
        return [*root_of.words_inside(self._alone.pid), "crun"]

    def version(self, *words: str) -> str:
        """The first line that a program of the root says of its version."""
        done = subprocess.run([*self.enter, *words], capture_output=True, text=True, env=self.environment, check=True)
        return done.stdout.splitlines()[0].strip()

    def close(self) -> None:
        """End the daemon and leave the root."""
        if self._docker is not None:
            self._docker.send_signal(signal.SIGTERM)
            self._docker.wait(30)
        for holder in (self._alone, self._holder):
            if holder is not None:
                holder.kill()
                holder.wait()
