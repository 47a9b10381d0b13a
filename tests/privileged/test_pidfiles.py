"""The files with the process numbers of a container and its monitor, as scripts and systemd units read them."""

from __future__ import annotations

import os
from pathlib import Path

import libpod
from tests.support import cli


def paths(program: cli.Cli, name: str) -> list[Path]:
    shown = program("inspect", "--format", "{{.PidFile}} {{.ConmonPidFile}}", name).stdout
    return [Path(word) for word in shown.split()]


def numbers(program: cli.Cli, name: str) -> list[str]:
    return program("inspect", "--format", "{{.State.Pid}} {{.State.ConmonPid}}", name).stdout.split()


def test_every_container_has_both_files(engine: libpod.Engine, store_directory: Path) -> None:
    program = cli.ours(store_directory)
    program("create", "--network", "none", "--name", "c", "rich")
    files = paths(program, "c")
    assert [file.name for file in files] == ["pidfile", "conmon.pid"]
    for _ in range(2):
        program("start", "c")
        assert paths(program, "c") == files
        assert [file.read_text() for file in files] == numbers(program, "c")
        assert all(os.path.isdir(f"/proc/{number}") for number in numbers(program, "c"))
        program("stop", "-t", "0", "c")
    program("rm", "c")
    assert not any(file.exists() for file in files)


def test_the_user_chooses_the_files(engine: libpod.Engine, store_directory: Path, tmp_path: Path) -> None:
    program = cli.ours(store_directory)
    chosen = [tmp_path / "pid", tmp_path / "monitor"]
    options = ("--pidfile", str(chosen[0]), "--conmon-pidfile", str(chosen[1]))
    program("run", "-d", "--network", "none", "--name", "c", *options, "rich")
    assert paths(program, "c") == chosen
    assert [file.read_text() for file in chosen] == numbers(program, "c")
