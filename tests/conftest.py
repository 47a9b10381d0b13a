"""Fixtures of all lanes. Each test gets a store of its own; after the run nothing may be left on the host."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, leaks, newer, probe, registry


@pytest.fixture(autouse=True)
def interrupts() -> None:
    """Have Ctrl-C and a hang-up work, here and in what is started, in every test.

    A shell starts what is in its background with Ctrl-C ignored, and nohup with hang-ups; a command that a test runs in this process
    may let Ctrl-C end the process.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="module", autouse=True)
def leak_check() -> Iterator[None]:
    """Compare what is on the host before and after each module of tests: mounts, processes, cgroups, links, rules, loop devices."""
    before = leaks.snapshot()
    yield
    deadline = time.monotonic() + 5
    while (left := leaks.snapshot() - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, "left behind: " + ", ".join(sorted(left))


@pytest.fixture
def store_directory() -> Iterator[Path]:
    """A short-named directory for one store; socket paths below it stay within the kernel's 108 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="lp-", dir="/tmp"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def podman(store_directory: Path) -> Iterator[cli.Cli]:
    """Our program on a fresh store; its containers are removed when the test ends."""
    probe.needs_root()
    program = cli.ours(store_directory)
    yield program
    program.remove_all()
    left = leaks.in_store(program.root, program.runroot)
    assert not left, "left in the store: " + ", ".join(sorted(left))


@pytest.fixture
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli.Cli]:
    """Real Podman on a fresh store of its own."""
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon")
    directory = Path(tempfile.mkdtemp(prefix="pp-", dir="/tmp"))
    program = cli.real_podman(directory)
    yield program
    program.remove_all()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def newer_peer() -> Iterator[cli.Cli]:
    """The newer Podman on a fresh store of its own."""
    directory = Path(tempfile.mkdtemp(prefix="np-", dir="/tmp"))
    try:
        with newer.podman(directory) as program:
            yield program
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def plain_registry() -> Iterator[registry.Registry]:
    """A real registry without TLS and passwords, shared by the whole run: use repository names of your own."""
    with registry.serve() as running:
        yield running


@pytest.fixture(scope="session")
def secure_registry() -> Iterator[registry.Registry]:
    """A real registry with TLS by an authority of its own and with passwords, shared by the whole run."""
    with registry.serve(tls=True, password=True) as running:
        yield running
