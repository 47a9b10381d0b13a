"""`--authfile` with what is no file: one error that names it, and no waiting for a FIFO."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import cli, probe


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "words",
    ["login --get-login r.io", "login -u u -p p r.io", "logout r.io", "logout -a", "pull r.io/x", "push i r.io/x"],
)
@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_commands_name_an_authfile_that_is_none(words: str, kind: str, tmp_path: Path) -> None:
    probe.needs_root()
    program = cli.ours(tmp_path)
    path = tmp_path / "auth.json"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    if words.startswith("push"):
        (tmp_path / "layer.tar").write_bytes(bytes(10240))
        program("import", "-q", str(tmp_path / "layer.tar"), "i")
    verb, *rest = words.split()
    done = program(verb, "--authfile", str(path), *rest, code=125, timeout_s=30)
    assert f"{path}: not a regular file" in done.stderr
    assert done.stderr.count("Error: ") == 1
