"""What a command may leave behind on a host, listed, so that before and after can be compared."""

from __future__ import annotations

import os
from pathlib import Path


def _mounts() -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {f"mount {line.split()[4]}" for line in lines}


def processes() -> set[str]:
    """The processes of the helper that are on the host now."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = status.read_bytes().split(b"\0")
        except OSError:
            continue
        if words and words[0].endswith(b"libpod-runtime"):
            found.add(f"process {status.parent.name} {b' '.join(words).decode(errors='replace').strip()}")
    return found


def _cgroups() -> set[str]:
    # os.walk and not a glob: directories vanish while it looks, and a glob then leaves its iterator open.
    tree = os.walk("/sys/fs/cgroup")
    return {f"cgroup {parent}/{name}" for parent, names, _ in tree for name in names if name.startswith("libpod-")}


def _interfaces() -> set[str]:
    return {f"interface {path.name}" for path in Path("/sys/class/net").iterdir() if path.name.startswith("veth")}


def snapshot() -> set[str]:
    """Everything of these kinds that is on the host now."""
    return _mounts() | processes() | _cgroups() | _interfaces()
