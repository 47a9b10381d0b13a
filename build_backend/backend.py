"""PEP 517 build backend: maturin, and the helper program that maturin cannot put into the same wheel.

Every hook that makes a wheel first builds `libpod-runtime` and lays it into maturin's data directory; the rest is maturin's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import maturin
from maturin import (  # noqa: F401  (hooks that pass through unchanged)
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "wheel.data" / "scripts"
HELPER = "libpod-runtime"


def _helper_target() -> str:
    machine = sysconfig.get_platform().rsplit("-", 1)[-1]
    return f"{machine}-unknown-linux-gnu"


def _build_helper() -> None:
    """Build the helper as a static program of its own and install it where maturin collects scripts."""
    target = _helper_target()
    target_dir = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "helper"
    environment = {
        name: value for name, value in os.environ.items() if name not in {"RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"}
    }
    flags = f"CARGO_TARGET_{target.upper().replace('-', '_')}_RUSTFLAGS"
    environment[flags] = "-C target-feature=+crt-static -C relocation-model=static"
    command = ["cargo", "build", "--locked", "--profile", "helper", "--package", "libpod-helper"]
    command += ["--manifest-path", str(ROOT / "Cargo.toml"), "--target", target, "--target-dir", str(target_dir)]
    subprocess.run(command, env=environment, check=True)
    shutil.copyfile(target_dir / target / "helper" / HELPER, SCRIPTS / HELPER)
    for script in SCRIPTS.iterdir():
        script.chmod(0o755)


def build_wheel(directory: str, config_settings: dict[str, Any] | None = None, metadata: str | None = None) -> str:
    """Build the wheel with extension, helper and scripts."""
    _build_helper()
    return str(maturin.build_wheel(directory, config_settings, metadata))


def build_editable(directory: str, config_settings: dict[str, Any] | None = None, metadata: str | None = None) -> str:
    """Build the editable wheel; helper and scripts are installed as in the full one."""
    _build_helper()
    return str(maturin.build_editable(directory, config_settings, metadata))


def prepare_metadata_for_build_wheel(directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Write the metadata; maturin alone knows how."""
    return str(maturin.prepare_metadata_for_build_wheel(directory, config_settings))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
