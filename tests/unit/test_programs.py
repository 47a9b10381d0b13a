"""Where programs are found: on PATH and beside libpod, never in the working directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from libpod import host, programs
from libpod.errors import NotFoundError


def program(directory: Path, name: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with programs of every name that libpod looks for."""
    directory = tmp_path / "here"
    for name in ("libpod-runtime", "libpod", "docker-credential-x", "tool"):
        program(directory, name)
    monkeypatch.chdir(directory)
    monkeypatch.delenv("LIBPOD_RUNTIME", raising=False)
    return directory


@pytest.mark.parametrize("path", ["", ":", ".", "..:.", "::/nonexistent", "here"])
def test_the_working_directory_is_never_searched(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path)
    assert programs.find("tool") is None


def test_a_program_is_an_executable_file_of_an_absolute_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "tool").mkdir(parents=True)
    program(tmp_path / "b", "tool").chmod(0o644)
    found = program(tmp_path / "c", "tool")
    monkeypatch.setenv("PATH", f":{tmp_path}/a:{tmp_path}/b:{tmp_path}/c")
    # Root may not execute a file without any x either.
    assert programs.find("tool") == str(found)


@pytest.mark.parametrize("executable", ["", "app", "python3"])
def test_the_helper_is_not_taken_from_the_working_directory(executable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(sys, "prefix", "/nonexistent")
    monkeypatch.setenv("PATH", ":.")
    with pytest.raises(NotFoundError, match="libpod-runtime"):
        host.find_helper()


def test_in_an_embedding_program_the_exit_command_is_the_program_beside_the_helper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = program(tmp_path / "bin", "libpod-runtime")
    monkeypatch.setattr(sys, "executable", "/usr/sbin/uwsgi")
    monkeypatch.setenv("PATH", ":.")
    with pytest.raises(NotFoundError, match="libpod"):
        host.find_libpod(str(helper))
    beside = program(tmp_path / "bin", "libpod")
    assert host.find_libpod(str(helper)) == [str(beside)]
    beside.unlink()
    monkeypatch.setattr(sys, "executable", "/opt/python/bin/python3.11")
    assert host.find_libpod(str(helper)) == ["/opt/python/bin/python3.11", "-m", "libpod"]
