"""Needs of tests, each found out by doing it. In CI (`LIBPOD_TEST_REQUIRE_ALL=1`) an unmet need is a failure."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile

import pytest


def require(met: bool, reason: str) -> None:
    """Skip the running test when a need is not met; fail it where everything is required."""
    if met:
        return
    if os.environ.get("LIBPOD_TEST_REQUIRE_ALL") == "1":
        pytest.fail(f"a need is not met: {reason}")
    pytest.skip(reason)


@functools.cache
def can_mount_overlay(place: str | None = None) -> bool:
    """Mount an overlay in a mount namespace of its own."""
    with tempfile.TemporaryDirectory(dir=place) as directory:
        script = f"cd {directory} && mkdir l u w m && mount -t overlay overlay -olowerdir=l,upperdir=u,workdir=w m"
        return subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, check=False).returncode == 0


def roomy_directory() -> str:
    """Where many thousands of files are best made and removed: memory, if a store can live there, else `/tmp`."""
    memory = "/dev/shm"
    try:
        found = os.statvfs(memory)
        with tempfile.NamedTemporaryFile(dir=memory) as file:
            os.setxattr(file.name, "user.probe", b"x")
    except OSError:
        return "/tmp"
    held_back = found.f_flag & (os.ST_NODEV | os.ST_NOEXEC | os.ST_NOSUID | os.ST_RDONLY)
    return (
        memory if not held_back and found.f_bavail * found.f_frsize > 8 << 30 and can_mount_overlay(memory) else "/tmp"
    )


def needs_root() -> None:
    """Root with the right to mount overlays."""
    require(os.geteuid() == 0, "needs root")
    require(can_mount_overlay(), "needs the right to mount overlay")


def needs_programs(*names: str) -> None:
    """Programs on PATH or in the system's own directories."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin"
    for name in names:
        require(shutil.which(name, path=path) is not None, f"needs the program {name}")
