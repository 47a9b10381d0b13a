"""What a manifest says of blobs, sizes and types, and what is believed of it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from libpod.errors import CorruptError, InvalidError, LibpodError, RegistryNotFoundError
from libpod.image.copy import copy_image
from libpod.image.descriptor import Descriptor
from libpod.image.loading import load
from libpod.image.pulling import pull
from libpod.image.storage import StoreDestination
from libpod.image.transport import Options, open_source
from libpod.store import Store, open_store
from tests.support import probe
from tests.support.hostile import Handler, Request, serving
from tests.support.images import config, digest, docker_archive, oci_layout, tar, write_layout

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER, OTHER = tar(("a", b"a" * 1000)), tar(("b", b"b"))
TEXT = config(LAYER)


@pytest.fixture
def store(store_directory: Path) -> Store:
    probe.needs_root()
    return open_store(str(store_directory / "root"), str(store_directory / "run"))


def descriptor(data: bytes, media_type: str = "", **changes: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)} | changes


def manifest(*layers: dict[str, Any], text: bytes = TEXT, **changes: Any) -> bytes:
    described = descriptor(text, "application/vnd.oci.image.config.v1+json", **changes.pop("config", {}))
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": list(layers)}
    return json.dumps(value | changes).encode()


def layer(data: bytes, **changes: Any) -> dict[str, Any]:
    kind = "+gzip" if data.startswith(b"\x1f\x8b") else ""
    return descriptor(data, f"application/vnd.oci.image.layer.v1.tar{kind}", **changes)


class Served:
    """A registry with the manifests and blobs of a test."""

    def __init__(self, blobs: list[bytes], manifests: dict[str, tuple[bytes, str]]) -> None:
        self.blobs = {digest(blob): blob for blob in blobs}
        self.manifests = manifests
        self.fetched: list[str] = []

    def __call__(self, request: Request, answer: Handler) -> None:
        kind, name = request.path.split("/")[-2:]
        if kind == "manifests" and name in self.manifests:
            data, media_type = self.manifests[name]
            answer.send(200, data, Content_Type=media_type)
        elif kind == "blobs" and name in self.blobs:
            self.fetched.append(name)
            answer.send(200, self.blobs[name])
        else:
            answer.send(404)


def pull_from(store: Store, served: Served) -> str:
    with serving(served) as server:
        return pull(store, f"{server.address}/a/b:1", options=Options(tls_verify=False, retries=0))


def load_layer(store: Store, directory: Path) -> None:
    """Bring in the layer by an archive, which knows it by its diff id alone."""
    path = directory / "known.tar"
    path.write_bytes(docker_archive(LAYER, names=("localhost/known:1",), image_config=config(LAYER, author="known")))
    load(store, str(path))


# Blobs and diff ids -----------------------------------------------------------------------------------------------------


def test_a_blob_that_nobody_has_seen_is_not_taken_for_a_layer_of_the_store(store: Store, tmp_path: Path) -> None:
    load_layer(store, tmp_path)
    unseen = gzip.compress(OTHER)
    served = Served([TEXT], {"1": (manifest(layer(unseen)), MANIFEST)})
    with pytest.raises(RegistryNotFoundError):
        pull_from(store, served)
    served.blobs[digest(unseen)] = unseen
    with pytest.raises(CorruptError, match="diff id"):
        pull_from(store, served)
    assert [image["names"] for image in store.images()] == [["localhost/known:1"]]
    assert len(store.layers()) == 1


def test_an_honest_blob_is_fetched_once_and_then_known(store: Store, tmp_path: Path) -> None:
    load_layer(store, tmp_path)
    blob = gzip.compress(LAYER)
    served = Served([TEXT, blob], {"1": (manifest(layer(blob)), MANIFEST)})
    image = pull_from(store, served)
    assert served.fetched == [digest(TEXT), digest(blob)]
    assert len(store.layers()) == 1
    assert store.check(contents=True) == []
    # The image's manifest says so now.
    served.fetched.clear()
    assert pull_from(store, served) == image
    assert served.fetched == [digest(TEXT)]
    another = config(LAYER, author="another")
    third = Served([another], {"1": (manifest(layer(blob), text=another), MANIFEST)})
    pull_from(store, third)
    assert third.fetched == [digest(another)]
    # A layer that came from the blob says so too.
    for record in store.images():
        store.remove_image(record["id"])
    text = config(OTHER, LAYER)
    other = Served([text, OTHER, blob], {"1": (manifest(layer(OTHER), layer(blob), text=text), MANIFEST)})
    pull_from(store, other)
    again = config(LAYER, author="again")
    known = Served([again], {"1": (manifest(layer(blob), text=again), MANIFEST)})
    pull_from(store, known)
    assert known.fetched == [digest(again)]


def test_a_layer_named_by_its_diff_id_is_known(store: Store, tmp_path: Path) -> None:
    load_layer(store, tmp_path)
    served = Served([TEXT], {"1": (manifest(layer(LAYER)), MANIFEST)})
    pull_from(store, served)
    assert served.fetched == [digest(TEXT)]


@pytest.mark.parametrize("wrong", [1, len(LAYER) + 1])
def test_a_known_layer_of_another_size_is_refused(store: Store, tmp_path: Path, wrong: int) -> None:
    load_layer(store, tmp_path)
    for data in (LAYER, gzip.compress(LAYER)):
        if data is not LAYER:
            pull_from(store, Served([TEXT, data], {"1": (manifest(layer(data)), MANIFEST)}))
        text = config(LAYER, author="other")
        served = Served([text], {"1": (manifest(layer(data, size=wrong), text=text), MANIFEST)})
        with pytest.raises(CorruptError, match=f"not {wrong}"):
            pull_from(store, served)


def test_a_destination_asks_again_for_what_it_cannot_prove(store: Store, tmp_path: Path) -> None:
    load_layer(store, tmp_path)
    files = oci_layout(LAYER)
    with (
        open_source(f"oci:{write_layout(tmp_path / 'layout', files)}") as source,
        StoreDestination(store, ["localhost/made:1"]) as destination,
    ):
        copy_image(source, destination)
        assert destination.layer_present(0, Descriptor("", digest(LAYER), len(LAYER)), digest(LAYER))
        assert not destination.layer_present(0, Descriptor("", digest(OTHER), len(OTHER)), digest(LAYER))


# Types ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+json",
        "text/html",
    ],
)
def test_a_manifest_of_another_content_type_is_refused(store: Store, content_type: str) -> None:
    served = Served([TEXT, LAYER], {"1": (manifest(layer(LAYER)), content_type)})
    with pytest.raises(InvalidError, match="was said to be of type"):
        pull_from(store, served)
    assert store.images() == []


@pytest.mark.parametrize(
    "content_type", [f"{MANIFEST}; charset=utf-8", "application/json", "application/octet-stream", "text/plain"]
)
def test_a_content_type_that_says_nothing_is_no_claim(store: Store, content_type: str) -> None:
    pull_from(store, Served([TEXT, LAYER], {"1": (manifest(layer(LAYER)), content_type)}))
    assert len(store.images()) == 1


# Sizes ------------------------------------------------------------------------------------------------------------------


def test_sizes_of_a_manifest_are_stated_and_true(store: Store) -> None:
    cases: list[tuple[bytes, type[LibpodError], str]] = [
        (manifest(layer(LAYER, size=-1)), InvalidError, "layers[0].size is negative"),
        (manifest(layer(LAYER, size=len(LAYER) + 1)), CorruptError, "size of blob"),
        (manifest(layer(LAYER), config={"size": -1}), InvalidError, "config.size is negative"),
        (manifest(layer(LAYER), config={"size": len(TEXT) - 1}), CorruptError, "size of blob"),
        (manifest({"mediaType": "x", "digest": digest(LAYER)}), InvalidError, "layers[0].size is missing"),
    ]
    for data, error, text in cases:
        with pytest.raises(error) as caught:
            pull_from(store, Served([TEXT, LAYER], {"1": (data, MANIFEST)}))
        assert text in str(caught.value)
    assert store.images() == []


@pytest.mark.parametrize("change", [{"size": 1}, {"size": -1}, {"mediaType": INDEX}, {"mediaType": "x"}])
def test_an_index_that_describes_its_members_wrongly_is_refused(
    store: Store, tmp_path: Path, change: dict[str, Any]
) -> None:
    image = manifest(layer(LAYER))
    member = descriptor(image, MANIFEST, platform={"os": "linux", "architecture": "amd64"}) | change
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [member]}).encode()
    served = Served([TEXT, LAYER], {"1": (index, INDEX), digest(image): (image, MANIFEST)})
    with pytest.raises(LibpodError, match=r"bytes, not|negative|of type"):
        pull_from(store, served)
    files = oci_layout(LAYER, config=TEXT, manifest=image)
    entry = json.loads(files["index.json"])["manifests"][0] | change
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    with pytest.raises(LibpodError, match=r"bytes, not|negative|of type"):
        load(store, str(write_layout(tmp_path / "layout", files)))
    assert store.images() == []


def test_a_config_in_a_directory_has_its_size(store: Store, tmp_path: Path) -> None:
    files = oci_layout(LAYER, config=TEXT, manifest=manifest(layer(LAYER), config={"size": 5}))
    with pytest.raises(CorruptError, match=rf"image config {digest(TEXT)} has {len(TEXT)} bytes, not 5"):
        load(store, str(write_layout(tmp_path / "layout", files)))
