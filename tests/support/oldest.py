"""Check the crates with the oldest compiler that is supported: Debian 13's, in the root that the newer Podman lives in.

`make msrv` calls it, as root. The crates come from this machine's cargo; the root gets the compiler from its own packages.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support import newer

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("rustc", "cargo", "gcc", "libc6-dev", "python3-minimal")


def main() -> None:
    """Install the compiler in the root if it is not there, and check. Raises: CalledProcessError if it takes something ill."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    subprocess.run(["cargo", "fetch", "--locked", "--quiet"], cwd=REPOSITORY, check=True)
    environment = newer.ENVIRONMENT | {
        "DEBIAN_FRONTEND": "noninteractive",
        "CARGO_HOME": str(home),
        "CARGO_TARGET_DIR": str(REPOSITORY / "target" / "msrv"),
    }
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        holder = newer.enter(newer.root(), Path(place) / "ready", (REPOSITORY, home))
        try:
            for words in (
                ["apt-get", "update", "-qq"],
                ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
                ["cargo", "--version"],
                [
                    "cargo",
                    "check",
                    "--manifest-path",
                    f"{REPOSITORY}/Cargo.toml",
                    "--offline",
                    "--locked",
                    "--workspace",
                ],
            ):
                subprocess.run([*newer.words_inside(holder.pid), *words], env=environment, check=True)
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.wait()


if __name__ == "__main__":
    main()
