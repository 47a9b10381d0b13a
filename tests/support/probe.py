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
def can_mount_overlay() -> bool:
    """Mount an overlay in a mount namespace of its own."""
    with tempfile.TemporaryDirectory() as directory:
        script = f"cd {directory} && mkdir l u w m && mount -t overlay overlay -olowerdir=l,upperdir=u,workdir=w m"
        return subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, check=False).returncode == 0


def needs_root() -> None:
    """Root with the right to mount overlays."""
    require(os.geteuid() == 0, "needs root")
    require(can_mount_overlay(), "needs the right to mount overlay")


def needs_programs(*names: str) -> None:
    """Programs on PATH or in the system's own directories."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin"
    for name in names:
        require(shutil.which(name, path=path) is not None, f"needs the program {name}")
