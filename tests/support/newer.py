"""A newer Podman than this machine's own: Debian 13's, in a root of its own beside the system.

The root is `LIBPOD_NEWER_ROOT`, or is made once by debootstrap below the cache directory. Commands run in a mount namespace whose
root it is; `/tmp`, `/proc`, `/sys` and `/dev` are shared, so stores and archives below `/tmp` are where both sides see them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import debian, probe
from tests.support.cli import Cli

RELEASE = "trixie"
PACKAGES = (
    "podman",
    "runc",
    "conmon",
    "netavark",
    "aardvark-dns",
    "catatonit",
    "iptables",
    "ca-certificates",
    "procps",
)

#: Makes the root the root of this mount namespace, says so by a file, and keeps the namespace.
_ENTER = """
mount --bind "$1" "$1"
for place in proc sys dev tmp; do mkdir -p "$1/$place"; mount --rbind "/$place" "$1/$place"; done
for file in hosts resolv.conf; do [ ! -e "/etc/$file" ] || { touch "$1/etc/$file"; mount --bind "/etc/$file" "$1/etc/$file"; }; done
#SHARED
mount -t tmpfs tmpfs "$1/run"; mkdir -p "$1/run/lock" "$1/.old"
cd "$1"; pivot_root . .old; umount -l /.old
touch "$2"
exec sleep infinity
"""


def root() -> Path:
    """The directory of the newer system; a test that needs it is skipped when it cannot be made."""
    named = os.environ.get("LIBPOD_NEWER_ROOT")
    if named:
        probe.require((Path(named) / "usr/bin/podman").exists(), f"needs Podman in {named}")
        return Path(named)
    target = Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "libpod-tests" / RELEASE
    if not (target / "usr/bin/podman").exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        debian.bootstrap(target, RELEASE, PACKAGES)
    return target


def enter(root: Path, ready: Path, shared: tuple[Path, ...] = ()) -> subprocess.Popen[bytes]:
    """Start a process that holds a mount namespace whose root is `root`, and return it when it stands.

    ready: a file that is made then, below /tmp. shared: directories besides /tmp that are seen at the same paths.
    """
    script = "".join(f'mkdir -p "$1{place}"; mount --rbind "{place}" "$1{place}"\n' for place in shared)
    words = ["unshare", "-m", "--propagation", "private", "sh", "-ec", _ENTER.replace("#SHARED\n", script)]
    holder = subprocess.Popen([*words, "newer", str(root), str(ready)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not ready.exists() and holder.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if not ready.exists():
        holder.kill()
        holder.wait()
        raise AssertionError(f"the root {root} was not entered")
    return holder


def words_inside(pid: int) -> list[str]:
    """The words before a command that is to run in the namespace of a holder; run it with `ENVIRONMENT`."""
    return ["nsenter", "-t", str(pid), "-m", "--root", "--wd"]


@contextmanager
def podman(directory: Path) -> Iterator[Cli]:
    """The newer Podman on a store below `directory`, which is below /tmp."""
    probe.needs_root()
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        holder = enter(root(), Path(place) / "ready")
        try:
            program = Cli([*words_inside(holder.pid), *PODMAN], directory, run_flags=_LIMITS)
            program.environment = dict(ENVIRONMENT)
            yield program
            program.remove_all()
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.wait()


_LIMITS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")

#: Podman there: runc takes this machine's hybrid cgroups, crun does not.
PODMAN = ("podman", "--cgroup-manager", "cgroupfs", "--runtime", "runc")

#: All that a command has there: nothing of the machine's own.
ENVIRONMENT = {
    "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
}
