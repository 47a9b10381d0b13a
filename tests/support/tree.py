"""Everything that a directory tree is, as a value that can be compared: names, kinds, modes, owners, times, attributes,
links, devices and contents. Nothing that a layer carries is left out; what it does not carry (inode numbers, access and
change times) is."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from pathlib import Path

#: One entry: kind and mode, owner, group, modification time (ns), device, length, digest or link target, attributes.
Entry = tuple[int, int, int, int, int, int, bytes, tuple[tuple[str, bytes], ...]]


class Tree:
    """The entries of a tree by their path, and the groups of names that are one file."""

    def __init__(self, root: Path) -> None:
        self.entries: dict[bytes, Entry] = {}
        groups: dict[tuple[int, int], set[bytes]] = defaultdict(set)
        self._read(os.fsencode(root), b"", groups)
        self.links = {frozenset(names) for names in groups.values() if len(names) > 1}

    def _read(self, directory: bytes, prefix: bytes, groups: dict[tuple[int, int], set[bytes]]) -> None:
        for name in os.listdir(directory):
            path, shown = directory + b"/" + name, prefix + name
            found = os.lstat(path)
            self.entries[shown] = _entry(path, found)
            if stat.S_ISDIR(found.st_mode):
                self._read(path, shown + b"/", groups)
            elif found.st_nlink > 1:
                groups[found.st_dev, found.st_ino].add(shown)

    def differences(self, other: Tree) -> list[str]:
        """Say what differs, one line each; an empty list means that the trees are equal."""
        lines = []
        for path in sorted(self.entries.keys() | other.entries.keys()):
            mine, theirs = self.entries.get(path), other.entries.get(path)
            if mine != theirs:
                lines.append(f"{path!r}: {mine} against {theirs}")
        if self.links != other.links:
            lines.append(f"hard links: {self.links ^ other.links}")
        return lines


def _entry(path: bytes, found: os.stat_result) -> Entry:
    content = b""
    if stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
    elif stat.S_ISLNK(found.st_mode):
        content = os.readlink(path)
    device = found.st_rdev if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode) else 0
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    attributes = tuple(
        (name, os.getxattr(path, name, follow_symlinks=False))
        for name in sorted(os.listxattr(path, follow_symlinks=False))
    )
    # An overlay whiteout is made when the layer is applied; no layer says its time.
    is_whiteout = stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
    time = 0 if is_whiteout else found.st_mtime_ns
    return found.st_mode, found.st_uid, found.st_gid, time, device, size, content, attributes


def root_attributes(root: Path) -> tuple[int, int, int]:
    """Mode and owner of the root itself; its time is not a layer's to say."""
    found = root.lstat()
    return found.st_mode, found.st_uid, found.st_gid
