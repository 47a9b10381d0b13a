"""Stop a command in the middle of writing a file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path


def is_writing(pid: int, directory: Path) -> bool:
    """Whether the process has a file in the making below the directory: one without a name."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            place = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if place.startswith(f"{directory}/") and place.endswith(" (deleted)"):
            return True
    return False


def stop_in_the_middle(process: subprocess.Popen[bytes], directory: Path) -> None:
    """Stop the command once it writes below the directory."""
    deadline = time.monotonic() + 60
    while not is_writing(process.pid, directory):
        assert process.poll() is None, "it ended without a file in the making"
        assert time.monotonic() < deadline, "it never began to write"
        time.sleep(0.001)
    process.send_signal(signal.SIGSTOP)
    assert process.poll() is None
