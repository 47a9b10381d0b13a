"""What the tests of running containers share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import libpod
from tests.support import cli, container_images, probe


@pytest.fixture
def engine(store_directory: Path) -> Iterator[libpod.Engine]:
    """An engine on a fresh store, with the image `rich`."""
    probe.needs_root()
    root = store_directory / "root.tar"
    container_images.write_root(root)
    program = cli.ours(store_directory)
    changes = ("--change", "ENV A=image", "--change", 'CMD ["sleep","1000"]')
    program("import", "-q", *changes, str(root), "rich")
    with libpod.Engine(root=program.root, runroot=program.runroot) as engine:
        yield engine
    program.remove_all()
