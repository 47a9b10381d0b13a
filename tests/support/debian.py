"""A real system as a tree: Debian (or a descendant) by debootstrap, from the mirror that this machine's own apt uses."""

from __future__ import annotations

import os
import platform
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from tests.support import probe

#: Beside what every system has: many manual pages, headers and terminals (small files), zones (links), a capability.
PACKAGES = ("tzdata", "manpages-dev", "linux-libc-dev", "ncurses-term", "iputils-ping", "libcap2-bin")


def _said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30).stdout


def mirror() -> tuple[str, str]:
    """The name of this machine's release and the address that apt takes it from; the test is skipped where there is none."""
    probe.needs_programs("apt-get", "debootstrap")
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    for line in _said("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)").splitlines():
        name, component, address = line.split(" ", 2)
        if (name, component) == (release, "main") and address.startswith(("http://", "https://", "file:")):
            return release, address
    probe.require(False, f"needs a package list of {release or 'this system'} that apt took from a mirror")
    raise AssertionError


def _use_apts_proxies() -> dict[str, str]:
    """The environment that makes debootstrap's wget go the way that apt goes."""
    environment = dict(os.environ)
    for scheme in ("http", "https"):
        address = _said("apt-config", "shell", "proxy", f"Acquire::{scheme}::Proxy").strip()
        address = address.removeprefix("proxy='").removesuffix("'")
        if address and address != "DIRECT":
            environment[f"{scheme}_proxy"] = address
    return environment


def make_root(target: Path) -> None:
    """Install a system of more than 12,000 files into a directory, without the packages and lists that it was made from."""
    release, _ = mirror()
    bootstrap(target, release, PACKAGES)
    for file in (*target.glob("var/cache/apt/archives/*.deb"), *target.glob("var/lib/apt/lists/*_*")):
        file.unlink()


def bootstrap(target: Path, release: str, packages: tuple[str, ...], *, script: str = "") -> None:
    """Install a release's minimal system and `packages` into a directory; the test is skipped when the mirror is out of reach.

    script: the release whose recipe is followed, for one that this debootstrap does not know.
    """
    _, address = mirror()
    environment = _use_apts_proxies()
    proxies = {
        scheme: environment[f"{scheme}_proxy"] for scheme in ("http", "https") if f"{scheme}_proxy" in environment
    }
    reach = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    try:
        reach.open(f"{address.rstrip('/')}/dists/{release}/InRelease", timeout=15).close()
    except (urllib.error.URLError, TimeoutError) as error:
        probe.require(False, f"needs the mirror that apt uses: {error}")
    words = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", release, str(target), address]
    words += [f"/usr/share/debootstrap/scripts/{script}"] if script else []
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False, timeout=240)
    assert done.returncode == 0, f"debootstrap: {done.stdout[-2000:]}{done.stderr[-2000:]}"
