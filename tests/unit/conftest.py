"""What the tests of networks share."""

from __future__ import annotations

from pathlib import Path

import pytest

from libpod.host import Host
from libpod.network import config


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the host's networks, empty."""
    directory = tmp_path / "networks"
    directory.mkdir()
    monkeypatch.setattr(config, "DIRECTORY", str(directory))
    return directory


@pytest.fixture
def network_host(tmp_path: Path) -> Host:
    """A host on an empty store."""
    return Host(tmp_path / "root", tmp_path / "run")
