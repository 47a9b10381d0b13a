"""What a container is, derived from the records that its monitor left, of this release and of others."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from libpod.container.model import Container
from libpod.errors import CorruptError, UnsupportedError
from libpod.places import Places

ID = "a" * 64


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container with its directories, and no records."""
    made = Container({"id": ID}, Places(str(tmp_path / "graph"), str(tmp_path / "run")))
    for directory in (made.user_directory, made.run_directory):
        os.makedirs(directory)
    return made


def start_time(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


#: What a container got of its network.
NETWORK = {
    "network": "podman",
    "address": "10.88.0.2/16",
    "gateway": "10.88.0.1",
    "mac": "92:d0:c6:00:29:33",
    "interface": "eth0",
    "host_interface": "veth0-0",
}


def running() -> dict[str, Any]:
    """What pid.json says of a container whose first process, and whose monitor, is this one."""
    pid = os.getpid()
    return {
        "version": 2,
        "frames": 1,
        "pid": pid,
        "start_time": start_time(pid),
        "monitor_pid": pid,
        "monitor_start_time": start_time(pid),
        "started_at": "2026-11-28T06:00:00.000000001+00:00",
        "networks": [NETWORK],
        "cgroup": "",
    }


def ended() -> dict[str, Any]:
    """What exit.json says."""
    return {
        "version": 1,
        "exit_code": 137,
        "signal": 9,
        "oom_killed": True,
        "started_at": "2026-11-28T06:00:00.000000001+00:00",
        "finished_at": "2026-11-28T06:00:01.000000001+00:00",
        "error": None,
    }


def paths(container: Container) -> dict[str, Path]:
    return {"run": Path(container.run_directory, "pid.json"), "end": Path(container.exit_path)}


DOCUMENTS = {"run": running, "end": ended}


@pytest.mark.parametrize("version", [2, 1, 0], ids=["today", "one network", "before versions"])
def test_records_of_this_release_and_of_those_before_are_read(container: Container, version: int) -> None:
    assert container.state.status == "created"
    documents = {name: make() for name, make in DOCUMENTS.items()}
    if version < 2:
        documents["run"] |= {"version": 1, "network": documents["run"].pop("networks")[0]}
    if not version:
        del documents["run"]["version"], documents["run"]["frames"], documents["end"]["version"]
    paths(container)["run"].write_text(json.dumps(documents["run"]))
    state = container.state
    assert (state.status, state.pid, state.monitor) == ("running", os.getpid(), (os.getpid(), state.start_time))
    assert state.networks == [NETWORK]
    paths(container)["end"].write_text(json.dumps(documents["end"]))
    state = container.state
    assert (state.status, state.exit_code, state.oom_killed, state.error) == ("exited", 137, True, "")


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_record_of_a_newer_release_is_refused_by_name(container: Container, name: str) -> None:
    path = paths(container)[name]
    known = DOCUMENTS[name]()["version"]
    path.write_text(json.dumps({"version": known + 1, "shape": "new"}))
    with pytest.raises(UnsupportedError) as caught:
        _ = container.state
    assert str(path) in caught.value.message
    assert f"of version {known + 1}: this release of libpod reads versions up to {known}" in caught.value.message
    assert caught.value.path == str(path)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_record_with_a_member_more_or_less_or_of_another_type_is_damaged(container: Container, name: str) -> None:
    path, good = paths(container)[name], DOCUMENTS[name]()
    path.write_text(json.dumps(good))
    assert container.state
    damaged: list[Any] = [{**good, "more": 1}, list(good.values()), "text", 7, None]
    damaged += [{key: value for key, value in good.items() if key != gone} for gone in good if gone != "version"]
    wrong = {int: "1", str: 1, bool: 1, type(None): 1, dict: None, list: 1}
    damaged += [{**good, key: wrong[type(value)]} for key, value in good.items()]
    for document in damaged:
        path.write_text(json.dumps(document))
        with pytest.raises(CorruptError) as caught:
            _ = container.state
        assert str(path) in caught.value.message, document
        assert caught.value.path == str(path)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_record_that_is_no_file_is_never_waited_for(container: Container, name: str) -> None:
    path = paths(container)[name]
    os.mkfifo(path)
    with pytest.raises(CorruptError, match="not a regular file"):
        _ = container.state
    path.unlink()
    with path.open("w") as file:
        file.truncate(1 << 30)
    with pytest.raises(CorruptError, match="more than"):
        _ = container.state
