"""Images and tables that try to hurt the store: trees that cannot be removed, ids and keys that lead elsewhere."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from libpod.errors import CorruptError, ImageNotFoundError, InvalidError
from libpod.store import Store, open_store
from tests.support import cli, probe
from tests.support.store import add_image, busybox_layers, tar_of


@pytest.fixture
def store(store_directory: Path) -> Store:
    """An empty store."""
    probe.needs_root()
    return open_store(str(store_directory / "root"), str(store_directory / "run"))


def test_a_layer_deeper_than_the_table_of_descriptors_can_be_removed(store: Store) -> None:
    depth = 1900
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        layers = [tar_of({"d/" * depth: b""}), tar_of({f"{number}/": b"" for number in range(600)})]
        image = add_image(store, "localhost/deep:latest", layers)
        assert store.check(contents=True) == []
        assert store.content_size(image["layer"]) == 0
        assert len(store.remove_image(image["id"])) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert list(Path(store.graphroot, "libpod/staging").iterdir()) == []
    assert [path.name for path in Path(store.graphroot, "overlay").iterdir() if path.is_dir()] == ["l"]


@pytest.mark.parametrize("id", ["", "..", "../overlay", "short", "A" * 64])
def test_an_image_id_that_is_none_is_refused(store: Store, id: str) -> None:
    with pytest.raises(InvalidError):
        store.create_image(id, names=[], layer=None, digest="", created=None, metadata=None, data={"manifest": b""})
    assert store.images() == []


@pytest.mark.parametrize("key", ["", ".", "..", "/", "a/"])
def test_a_key_of_data_that_leads_elsewhere_is_refused(store: Store, key: str) -> None:
    with pytest.raises(InvalidError):
        store.create_image("a" * 64, names=[], layer=None, digest="", created=None, metadata=None, data={key: b"x"})
    with pytest.raises((InvalidError, ImageNotFoundError)):
        store.image_data("a" * 64, key)
    assert not Path(store.graphroot, "overlay-images", "a" * 64).exists()


@pytest.mark.parametrize("table", ["layers", "containers"])
def test_a_table_with_an_id_that_leads_elsewhere_is_corrupt(store: Store, table: str) -> None:
    add_image(store, "localhost/a:latest", [tar_of({"a": b"a"})])
    path = Path(store.graphroot, f"overlay-{table}", f"{table}.json")
    text = json.dumps([{"id": "../overlay", "flags": {"incomplete": True}}])
    path.write_text(text)
    other = open_store(store.graphroot, store.runroot)
    with pytest.raises(CorruptError, match="not an ID"):
        getattr(other, table)()
    if table == "layers":
        with pytest.raises(CorruptError, match="not an ID"):
            add_image(other, "localhost/b:latest", [tar_of({"b": b""})])
    assert path.read_text() == text, "nothing is saved over it"
    assert Path(store.graphroot, "overlay/l").is_dir()


def test_a_file_of_a_container_that_leads_elsewhere_is_refused(store: Store) -> None:
    for name in ("../x", "/x", "..", ""):
        with pytest.raises(InvalidError):
            store.create_container("", names=[], image=None, layer_parent=None, metadata="", files={name: b"x"})
    assert store.containers() == []
    assert store.check() == []


LAYERS = ("../../../{victim}", "/{victim}", "..", "", "l")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_container_whose_layer_is_a_path_is_refused_and_can_be_removed(podman: cli.Cli, layer: str) -> None:
    directory = podman.root.parent
    victim = directory / "victim"
    for name in ("diff", "work", "merged"):
        (victim / name).mkdir(parents=True)
    (victim / "diff/kept").write_text("kept")
    store = open_store(str(podman.root), str(podman.runroot))
    add_image(store, "localhost/a:latest", busybox_layers())
    podman("create", "--name", "box", "--network", "none", "localhost/a:latest", "/bin/busybox", "touch", "/written")
    table = podman.root / "overlay-containers/containers.json"
    records = json.loads(table.read_text())
    records[0]["layer"] = layer.format(victim=str(victim).strip("/"))
    table.write_text(json.dumps(records))
    for words in (("start", "-a", "box"), ("ps", "-a", "--size"), ("container", "inspect", "--size", "box")):
        refused = podman(*words, code=None)
        assert "is not an ID" in refused.stderr, (words, refused)
        assert "Traceback" not in refused.stderr, (words, refused)
    podman("rm", "-f", "box")
    assert podman("ps", "-aq").stdout == ""
    assert sorted(str(path.relative_to(victim)) for path in victim.rglob("*")) == [
        "diff",
        "diff/kept",
        "merged",
        "work",
    ]


def test_a_volume_whose_name_is_a_path_is_refused_and_nothing_there_is_removed(podman: cli.Cli) -> None:
    victim = podman.root.parent / "victim"
    (victim / "_data").mkdir(parents=True)
    store = open_store(str(podman.root), str(podman.runroot))
    add_image(store, "localhost/a:latest", busybox_layers())
    podman("create", "--name", "box", "--network", "none", "-v", "/v", "localhost/a:latest", "/bin/busybox", "true")
    (path,) = podman.root.glob("overlay-containers/*/userdata/container.json")
    document = json.loads(path.read_text())
    document["mounts"][0]["volume"] = "../../victim"
    path.write_text(json.dumps(document))
    refused = podman("start", "box", code=125).stderr
    assert "`../../victim` is not the name of a volume" in refused, refused
    podman("rm", "-f", "-v", "box")
    assert (victim / "_data").is_dir()
