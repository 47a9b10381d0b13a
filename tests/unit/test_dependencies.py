"""What libpod is built from: crates that the oldest supported compiler can build."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support import probe

REPOSITORY = Path(__file__).resolve().parents[2]


def _version(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


@pytest.fixture(scope="module")
def packages() -> list[dict[str, object]]:
    probe.needs_programs("cargo")
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--all-features"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    found: list[dict[str, object]] = json.loads(done.stdout)["packages"]
    return found


def test_no_crate_needs_a_newer_compiler_than_ours(packages: list[dict[str, object]]) -> None:
    workspace = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]["package"]
    oldest = _version(workspace["rust-version"])
    newer = {
        str(package["name"]): package["rust_version"]
        for package in packages
        if package["rust_version"] and _version(str(package["rust_version"])) > oldest
    }
    assert not newer
