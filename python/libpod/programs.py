"""Where programs are: on PATH, as a shell looks for them, but never in the working directory.

An empty or relative element of PATH means a place that whoever calls can choose, and libpod often runs as root.
"""

from __future__ import annotations

import os


def find(name: str) -> str | None:
    """Return the absolute path of a program on PATH; None if there is none. Elements that are no absolute paths are skipped."""
    for directory in os.environ.get("PATH", os.defpath).split(":"):
        path = f"{directory}/{name}"
        if directory.startswith("/") and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None
