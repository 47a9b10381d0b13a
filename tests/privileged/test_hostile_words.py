"""Every option of `run`, `create`, `exec` and the verbs of containers with hostile words, on a container that exists.

An answer, never a traceback. The same without a container is in tests/cli/test_hostile_words.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import libpod
from libpod.container.options.words import Words, parse_options
from tests.support import hostile_words, leaks
from tests.support.hostile_words import BYTE, fault

#: Verbs that neither wait for a container nor follow it.
_ON_RUNNING = (
    "container exists",
    "container inspect",
    "exec",
    "images",
    "inspect",
    "kill",
    "logs",
    "pause",
    "port",
    "ps",
    "rename",
    "stop",
    "top",
    "unpause",
)


@pytest.fixture
def store_directory() -> Iterator[Path]:
    """A store in memory: some thousand containers are made."""
    directory = Path(tempfile.mkdtemp(prefix="lp-", dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(autouse=True)
def parents() -> Iterator[None]:
    """Take away the cgroups that `--cgroup-parent` names: they stay, as with Podman."""
    before = leaks.cgroups()
    yield
    for line in sorted(leaks.cgroups() - before, reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(line.removeprefix("cgroup "))


def _clean(engine: libpod.Engine, *, but: str = "") -> None:
    for container in engine.containers.list(all=True):
        if container.id != but:
            engine.containers.remove(container.id, force=True, timeout_s=0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("verb", ["create", "run"])
def test_options_of_a_new_container(
    engine: libpod.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    store = ["--root", engine.host.places.graphroot, "--runroot", engine.host.places.runroot]
    faults = {}
    for words in hostile_words.lines(verb, dict(hostile_words.commands())[verb], ("rich", "true")):
        # The network first, so that an option of it can still change it.
        if found := fault([*store, verb, "--network=none", *words[1:]], monkeypatch):
            faults[" ".join(words)[:120]] = found
        _clean(engine)
    assert not faults, "\n".join(f"{words}: {found}" for words, found in faults.items())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("verb", _ON_RUNNING)
def test_options_of_verbs_on_a_container(
    engine: libpod.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    store = ["--root", engine.host.places.graphroot, "--runroot", engine.host.places.runroot]
    request = parse_options(
        Words(network=["none"], name="busy", label=[f"a={BYTE}"], env=[f"A={BYTE}"], stop_timeout=0)
    )
    # A program that ends when it is told to, and that does not end at the word: that would take every exec with it.
    script = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"
    container = engine.containers.create(request, "rich", ["sh", "-c", script, BYTE])
    engine.containers.start(container, detach=True, fresh=True).close()
    assert container.state.is_running
    behind = {"exec": ("busy", "true"), "ps": (), "images": (), "rename": ("busy", "busy")}.get(verb, ("busy",))
    faults = {}
    for words in hostile_words.lines(verb, dict(hostile_words.commands())[verb], behind):
        if found := fault([*store, *words], monkeypatch):
            faults[" ".join(words)[:120]] = found + f" {container.state.status} {container.state.pid}"
        if not container.state.is_running:
            engine.containers.start(container, detach=True).close()
    assert not faults, "\n".join(f"{words}: {found}" for words, found in faults.items())
