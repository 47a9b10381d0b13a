"""A system small enough to be made for each test: busybox under its usual names."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
NAME = "localhost/net:1"


def write_tar(path: Path) -> Path:
    """Write the root file system as a tar, for `import`."""
    with tarfile.open(path, "w") as tar:
        for name in ("bin", "etc", "tmp", "www"):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        content = BUSYBOX.read_bytes()
        info = tarfile.TarInfo("bin/busybox")
        info.size, info.mode = len(content), 0o755
        tar.addfile(info, io.BytesIO(content))
        for name in ("sh", "cat", "sleep", "httpd", "wget", "nc", "echo", "ip"):
            info = tarfile.TarInfo(f"bin/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
    return path
