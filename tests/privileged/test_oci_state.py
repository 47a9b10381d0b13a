"""What `libpod-runtime` remembers of a container between two commands, and where."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import probe
from tests.support.runtime import OURS, Runtime, make_bundle, minimal_spec

NAME = "c1"


@pytest.fixture
def runtime(store_directory: Path) -> Iterator[Runtime]:
    """Our runtime, and a bundle whose container sleeps."""
    probe.needs_root()
    probe.require(Path("/bin/busybox").exists(), "needs /bin/busybox")
    made = Runtime(str(OURS), store_directory / "state", make_bundle(store_directory))
    write(made, "sleep", "1000")
    yield made
    for name in made("list", "-q").stdout.split():
        made("delete", "--force", name)


def write(runtime: Runtime, *argv: str, **process: object) -> dict[str, Any]:
    """Write config.json with this command and these members of `process`; return it."""
    spec = minimal_spec(f"/libpod-state-{os.getpid()}", *argv)
    spec["process"].update(process)
    (runtime.bundle / "config.json").write_text(json.dumps(spec))
    return spec


def status(runtime: Runtime, name: str = NAME) -> str:
    return str(json.loads(runtime("state", name).stdout)["status"])


@pytest.mark.parametrize("length", [1, 33, 90, 200])
def test_the_path_of_the_state_root_may_be_long(runtime: Runtime, length: int) -> None:
    """The address of a Unix socket has 107 bytes; Docker's state root has 33, and its ids 64."""
    runtime.root = runtime.root.parent / ("r" * length)
    name = "i" * 64
    runtime.detached("create", name)
    assert status(runtime, name) == "created"
    runtime.detached("start", name)
    assert status(runtime, name) == "running"
    runtime("delete", "--force", name)


@pytest.mark.parametrize("length", [1, 200])
def test_the_path_of_a_console_socket_may_be_long(runtime: Runtime, store_directory: Path, length: int) -> None:
    directory = store_directory / ("d" * length)
    directory.mkdir()
    write(runtime, "sleep", "1000", terminal=True)
    with socket.socket(socket.AF_UNIX) as listener:
        opened = os.open(directory, os.O_PATH)
        listener.bind(f"/proc/self/fd/{opened}/console")
        os.close(opened)
        listener.listen()
        runtime.detached("create", "--console-socket", str(directory / "console"), NAME)
        with listener.accept()[0] as connection:
            _, descriptors, _, _ = socket.recv_fds(connection, 100, 1)
    assert os.isatty(descriptors[0])
    os.close(descriptors[0])
