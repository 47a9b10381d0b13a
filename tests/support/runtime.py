"""An OCI runtime's command line, ours or a peer's, and a bundle for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.cli import clean_environment

OURS = Path(sys.executable).parent / "libpod-runtime"
APPLETS = (
    "cat chmod echo env false grep head hostname id kill ls mkdir mount ps pwd readlink sh sleep stat stty test touch "
    "true tty umount wc"
).split()


class Runtime:
    """One runtime with its own state directory."""

    def __init__(self, program: str, root: Path, bundle: Path) -> None:
        self.program = program
        self.root = root
        self.bundle = bundle

    def __call__(
        self, *words: str, code: int | None = 0, flags: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.program, "--root", str(self.root), *flags, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=60,
            cwd=self.bundle,
            env=clean_environment(),
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"{self.program} {words}: {done}"
        return done

    def detached(self, *words: str, code: int = 0) -> str:
        """Run a command whose process stays: it must not hold our pipes. Returns what it logged."""
        log = self.root.parent / f"{self.root.name}.log"
        log.unlink(missing_ok=True)
        done = subprocess.run(
            [self.program, "--root", str(self.root), "--log", str(log), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            cwd=self.bundle,
            env=clean_environment(),
            check=False,
        )
        text = log.read_text() if log.exists() else ""
        assert done.returncode == code, f"{self.program} {words}: {text}"
        return text


def make_bundle(directory: Path) -> Path:
    """A bundle directory whose root file system is busybox; config.json is still to be written."""
    bundle = directory / "bundle"
    binaries = bundle / "rootfs" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (binaries / "busybox").chmod(0o755)
    for applet in APPLETS:
        (binaries / applet).symlink_to("busybox")
    (bundle / "rootfs" / "etc").mkdir()
    (bundle / "rootfs" / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\n")
    (bundle / "rootfs" / "plain").write_text("no program")
    return bundle


def minimal_spec(cgroup: str, *argv: str) -> dict[str, Any]:
    """What config.json says of a container with namespaces of its own, a cgroup and no rights to devices."""
    return {
        "ociVersion": "1.0.2",
        "process": {"args": list(argv), "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "resources": {"devices": [{"allow": False}]},
        },
    }
