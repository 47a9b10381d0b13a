"""What the tests of running containers share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import libpod
from tests.support import cli, container_images, probe
from tests.support.runtime import OURS, Runtime, make_bundle


@pytest.fixture
def engine(store_directory: Path) -> Iterator[libpod.Engine]:
    """An engine on a fresh store, with the image `rich`."""
    probe.needs_root()
    program = cli.ours(store_directory)
    container_images.import_root(program, "ENV A=image", 'CMD ["sleep","1000"]')
    with libpod.Engine(root=program.root, runroot=program.runroot) as engine:
        yield engine
    program.remove_all()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli.Cli]:
    """Our program on a store of the test file, with the image `rich`."""
    probe.needs_root()
    program = cli.ours(tmp_path_factory.mktemp("store"))
    container_images.import_root(program)
    yield program
    program.remove_all()


@pytest.fixture
def runtime(store_directory: Path) -> Iterator[Runtime]:
    """Our OCI runtime and a bundle; all its containers are removed afterwards."""
    probe.needs_root()
    probe.require(Path("/bin/busybox").exists(), "needs /bin/busybox")
    made = Runtime(str(OURS), store_directory / "state", make_bundle(store_directory))
    yield made
    for name in made("list", "-q").stdout.split():
        made("delete", "--force", name)
