"""The release before documents had versions, built from this repository's history: its program and its monitor.

It is built once, unoptimised, into `tests/.cache`, which CI may keep. Containers that it starts are those that a host has
while libpod is upgraded.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import probe
from tests.support.cli import Cli

REPOSITORY = Path(__file__).resolve().parents[2]
#: The last commit whose documents had no version.
COMMIT = "7b2b0acfd69e3f2e88ef6055bcff62c4eb0c64ef"
CACHE = REPOSITORY / "tests" / ".cache" / f"release-{COMMIT[:12]}"
#: What it wrote and sent, recorded.
VECTORS = REPOSITORY / "tests" / "vectors" / "release-before"
#: Its own packages first, then those that it needs from the interpreter that runs the tests.
_MAIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from libpod.cli.main import main; sys.exit(main())"


def is_in_history() -> bool:
    """Whether this clone has the commit; a shallow one, and a source archive, have not."""
    command = ["git", "-C", str(REPOSITORY), "cat-file", "-e", f"{COMMIT}^{{commit}}"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def needs_release_before() -> None:
    """The release before, built. Where it is in the history, and everything is required, a build that fails is a failure."""
    if not (CACHE / "libpod-runtime").exists():
        if not is_in_history():
            import pytest

            pytest.skip(f"this clone has no commit {COMMIT[:12]}: the recording of it stands in")
        probe.require(shutil.which("cargo") is not None, "needs cargo")
        error = _build()
        probe.require(not error, f"cannot build the release before: {error}")


def _build() -> str:
    """Build into the cache; the last words of the command that failed, "" if none did."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (CACHE / "libpod-runtime").exists():
            return ""
        source, target = CACHE / "source", CACHE / "target"
        source.mkdir(exist_ok=True)
        archive = subprocess.run(
            [
                "git",
                "-C",
                str(REPOSITORY),
                "archive",
                "--format=tar",
                COMMIT,
                "Cargo.toml",
                "Cargo.lock",
                "rust",
                "python",
            ],
            capture_output=True,
            check=True,
        )
        subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
        environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "PYO3_PYTHON": sys.executable}
        # Nothing of it is timed, and optimised dependencies take most of the time.
        quick = ["--config", 'profile.dev.package."*".opt-level=0', "--config", "profile.dev.debug=0"]
        built = subprocess.run(
            ["cargo", "build", "--quiet", "--locked", *quick, "-p", "libpod-python", "-p", "libpod-helper"],
            cwd=source,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            return built.stderr[-2000:]
        shutil.rmtree(CACHE / "python", ignore_errors=True)
        (source / "python").rename(CACHE / "python")
        shutil.copyfile(target / "debug" / "lib_core.so", CACHE / "python" / "libpod" / "_core.abi3.so")
        # Last: it says that all is there.
        shutil.copy(target / "debug" / "libpod-runtime", CACHE / "libpod-runtime.new")
        (CACHE / "libpod-runtime.new").rename(CACHE / "libpod-runtime")
        shutil.rmtree(source)
        shutil.rmtree(target)
    return ""


def program(directory: Path) -> Cli:
    """The release before's `podman`, on a store below `directory`."""
    made = Cli([sys.executable, "-c", _MAIN, str(CACHE / "python")], directory)
    made.environment["LIBPOD_RUNTIME"] = str(CACHE / "libpod-runtime")
    return made
