"""The volumes of a store: made whole or not at all, found, listed, removed; and read in the form of the release before."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

import libpod
from libpod.errors import (
    CorruptError,
    ExistsError,
    InvalidError,
    StateError,
    UnsupportedError,
    VolumeNotFoundError,
)
from libpod.host import Host
from libpod.volume import manager
from libpod.volume.manager import VolumeManager
from libpod.volume.model import VERSION, Volume, VolumeOptions

LABELS = {"a": "b", "c": ""}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "root", tmp_path / "run")


@pytest.fixture
def volumes(host: Host) -> VolumeManager:
    return VolumeManager(host)


def directory(host: Host, name: str) -> Path:
    return Path(host.places.volumes, name)


def test_a_volume_is_made_found_and_removed(volumes: VolumeManager, host: Host) -> None:
    made = volumes.create(VolumeOptions(name="data", labels=LABELS))
    assert (made.name, made.path, made.labels) == ("data", f"{host.places.volumes}/data/_data", LABELS)
    assert os.listdir(made.path) == []
    assert volumes.lookup("data") == volumes.lookup("da") == made
    assert volumes.list() == [made]
    assert volumes.exists("data")
    assert not volumes.exists("da")
    with pytest.raises(ExistsError, match='volume with name "data" already exists'):
        volumes.create(VolumeOptions(name="data"))
    assert volumes.lookup("data").labels == LABELS, "the first one is as it was"
    Path(made.path, "file").touch()
    volumes.remove("data")
    assert (volumes.list(), os.listdir(host.places.volumes)) == ([], [])
    for use in (volumes.remove, volumes.lookup):
        with pytest.raises(VolumeNotFoundError, match='no volume with name "data" found: no such volume'):
            use("data")
    volumes.discard("data")


def test_a_name_is_drawn(volumes: VolumeManager) -> None:
    names = {volumes.create(VolumeOptions(anonymous=True)).name for _ in range(3)}
    assert len(names) == 3
    assert all(len(name) == 64 and set(name) <= set("0123456789abcdef") for name in names)
    assert all(volume.anonymous for volume in volumes.list())


def test_a_volume_of_a_container_is_made_once(volumes: VolumeManager) -> None:
    made = volumes.create(VolumeOptions(name="data", labels=LABELS))
    assert volumes.ensure("data") == made.path
    assert volumes.lookup("data") == made
    assert volumes.ensure("other", anonymous=True).endswith("/other/_data")
    assert volumes.lookup("other").anonymous


def test_several_that_make_one_agree(volumes: VolumeManager) -> None:
    outcomes: list[object] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        try:
            outcomes.append(volumes.create(VolumeOptions(name="data")))
        except ExistsError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 8
    assert sum(isinstance(outcome, Volume) for outcome in outcomes) == 1


@pytest.mark.parametrize("name", ["../x", ".hidden", "a/b", "a b", "ü", "-a"])
def test_what_is_no_name_leads_nowhere(volumes: VolumeManager, host: Host, name: str) -> None:
    with pytest.raises(InvalidError, match="names must match"):
        volumes.create(VolumeOptions(name=name))
    with pytest.raises(CorruptError, match="is not the name of a volume"):
        volumes.ensure(name)
    for use in (volumes.remove, volumes.lookup):
        with pytest.raises(VolumeNotFoundError):
            use(name)
    assert not Path(host.places.volumes).exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"driver": "nfs"}, UnsupportedError),
        ({"options": {"type": "tmpfs"}}, UnsupportedError),
        ({"labels": {"a": 1}}, TypeError),
        ({"name": 7}, TypeError),
    ],
)
def test_what_is_not_supported_is_refused(
    volumes: VolumeManager, options: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        volumes.create(VolumeOptions(**options))  # type: ignore[arg-type]
    assert volumes.list() == []


def test_a_volume_of_the_release_before_has_no_document(volumes: VolumeManager, host: Host) -> None:
    content = directory(host, "old") / "_data"
    content.mkdir(parents=True)
    old = volumes.lookup("old")
    assert (old.name, old.path, old.labels, old.driver) == ("old", str(content), {}, "local")
    assert old.created
    assert volumes.ensure("old") == str(content)
    # And what it looks for in a new one is there.
    assert Path(volumes.ensure("new")) == directory(host, "new") / "_data"


def test_a_document_says_all_and_has_a_version(volumes: VolumeManager, host: Host) -> None:
    made = volumes.create(VolumeOptions(name="data", labels=LABELS))
    path = directory(host, "data") / "volume.json"
    document = json.loads(path.read_text())
    assert document == {
        "version": VERSION,
        "name": "data",
        "created": made.created,
        "driver": "local",
        "labels": LABELS,
        "options": {},
        "anonymous": False,
    }
    assert path.stat().st_mode & 0o777 == 0o600
    volumes.create(VolumeOptions(name="whole"))
    for change, error in (
        ({"version": VERSION + 1}, UnsupportedError),
        ({"labels": [1]}, CorruptError),
        ({"created": None}, CorruptError),
    ):
        path.write_text(json.dumps(document | change))
        with pytest.raises(error, match=str(path)):
            volumes.lookup("data")
        with pytest.raises(error):
            volumes.list()
        damaged: manager.Damaged = []
        assert [volume.name for volume in volumes.list(damaged=damaged)] == ["whole"]
        assert [name for name, _ in damaged] == ["data"]
    # It can be removed whatever its document says.
    volumes.remove("data")
    assert not path.exists()


def test_an_ambiguous_beginning_is_an_error(volumes: VolumeManager) -> None:
    for name in ("one", "once"):
        volumes.create(VolumeOptions(name=name))
    with pytest.raises(InvalidError, match="more than one result for volume name on"):
        volumes.lookup("on")
    with pytest.raises(VolumeNotFoundError):
        volumes.lookup("")


def test_what_a_killed_command_left_is_no_volume(volumes: VolumeManager, host: Host) -> None:
    # Making it: the directory and the document, and no content.
    directory(host, "half").mkdir(parents=True)
    (directory(host, "half") / "volume.json").write_text("{")
    # Removing it: the content has another name.
    left = directory(host, "going") / ".removed"
    left.mkdir(parents=True)
    (left / "file").touch()
    assert volumes.list() == []
    assert volumes.create(VolumeOptions(name="half", labels=LABELS)).labels == LABELS
    with pytest.raises(VolumeNotFoundError):
        volumes.remove("going")
    assert not directory(host, "going").exists()


def test_the_engine_hands_the_volumes_out(tmp_path: Path) -> None:
    with libpod.Engine(tmp_path / "root", tmp_path / "run") as engine:
        made = engine.volumes.create(VolumeOptions(name="data"))
        assert engine.volumes.list() == [made]
    with pytest.raises(StateError, match="the engine is closed"):
        _ = engine.volumes
