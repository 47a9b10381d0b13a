"""File systems that the stores are measured on, made for one row and thrown away: in memory, and ext4 with a journal."""

from __future__ import annotations

import os
from pathlib import Path

from benches.inputs import sh

#: Room for the largest row: nine copies of the large image.
_SIZE = "20G"


class Place:
    """A mounted file system. kind: `tmpfs` or `ext4` (on a loop device whose file has all its blocks). directory: of the mount point."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.path = directory / kind
        self._file = directory / f"{kind}.img"
        self.path.mkdir(exist_ok=True)
        if kind == "tmpfs":
            sh("mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(self.path))
            return
        if not self._file.exists():
            # Blocks that are given out while it is measured would be the outer file system's work.
            sh("fallocate", "-l", _SIZE, str(self._file))
        sh("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._file))
        sh("mount", "-o", "loop", str(self._file), str(self.path))
        os.sync()

    def close(self) -> None:
        """Unmount it, with what is mounted below it."""
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((point for point in mounts if Path(point).is_relative_to(self.path)), reverse=True):
            sh("umount", "-l" if mount != str(self.path) else "-d", mount)
