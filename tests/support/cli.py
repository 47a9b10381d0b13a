"""Run our program or a peer as a user would, with a store of its own and a limit in time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

OURS = Path(sys.executable).parent / "podman"

#: A test inherits none of the developer's settings.
_FOREIGN = (
    "CONTAINERS_",
    "CONTAINER_",
    "DOCKER_",
    "REGISTRY_",
    "STORAGE_",
    "LIBPOD_",
    "XDG_",
    "HTTP",
    "http",
    "NO_PROXY",
)


#: Measuring what a command covers makes it take eight times as long: each form of a command is measured this often.
_MEASURED = 2
_COVERAGE = "COVERAGE_PROCESS_CONFIG"


def clean_environment(**changes: str) -> dict[str, str]:
    """The environment without settings that would reach into a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"} | changes


_seen: Counter[tuple[str, ...]] = Counter()


def _measured(words: tuple[str, ...]) -> dict[str, str]:
    """What a command's environment gets so that it is measured; nothing if its form, verb and options, was seen often enough."""
    verb = words[: 2 if words[0] in ("container", "image", "network") else 1] if words else ()
    form = (*verb, *sorted({word.partition("=")[0] for word in words if word.startswith("-")}))
    _seen[form] += 1
    return {_COVERAGE: os.environ[_COVERAGE]} if _COVERAGE in os.environ and _seen[form] <= _MEASURED else {}


class Cli:
    """A program bound to one store. Calling it runs one command and checks its exit code."""

    def __init__(self, program: list[str], directory: Path, *, run_flags: tuple[str, ...] = ()) -> None:
        self.program = program
        self.root = directory / "root"
        self.runroot = directory / "run"
        self.run_flags = run_flags
        self.environment = clean_environment()
        self.environment.pop(_COVERAGE, None)
        #: Whether what its commands cover may be measured, which slows them.
        self.is_measured = program[0] == str(OURS)

    def command(self, *words: str) -> list[str]:
        """The argument vector of one command; flags that a peer needs on this host are slipped in."""
        arguments = list(words)
        if self.run_flags and arguments and arguments[0] in ("run", "create"):
            arguments[1:1] = self.run_flags
        return [*self.program, "--root", str(self.root), "--runroot", str(self.runroot), *arguments]

    def __call__(
        self, *words: str, code: int | None = 0, stdin: bytes | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run one command; `code` is the exit code it must have, None for any. Output is text with bad bytes escaped."""
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout_s,
            env=self.environment | (_measured(words) if self.is_measured else {}),
            check=False,
        )
        out = subprocess.CompletedProcess(
            done.args,
            done.returncode,
            done.stdout.decode(errors="backslashreplace"),
            done.stderr.decode(errors="backslashreplace"),
        )
        if code is not None and done.returncode != code:
            raise AssertionError(
                f"{' '.join(words)}: exit code {done.returncode}, wanted {code}\nstdout: {out.stdout}\nstderr: {out.stderr}"
            )
        return out

    def spawn(self, *words: str) -> subprocess.Popen[bytes]:
        """Start one command and return at once. What it covers is not measured: those who start so race it."""
        return subprocess.Popen(
            self.command(*words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )

    def remove_all(self) -> None:
        """Remove every container, so that nothing of a test outlives it."""
        if self.root.exists():
            self("rm", "-f", "-a", "-t", "0", code=None)


def ours(directory: Path) -> Cli:
    """Our program on a store below `directory`."""
    return Cli([str(OURS)], directory)


def real_podman(directory: Path) -> Cli:
    """Podman of the distribution on a store below `directory`; this host's hard limits need the two flags."""
    flags = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")
    return Cli(["/usr/bin/podman", "--runtime", "runc"], directory, run_flags=flags)
