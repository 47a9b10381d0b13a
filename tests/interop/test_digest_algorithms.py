"""Images whose manifest, config or layers go by sha512: what Podman takes, what only libpod takes, and what no store holds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod import _core
from libpod.errors import CorruptError
from libpod.image.copy import copy_image
from libpod.image.transport import Options, open_destination, open_source
from tests.support import probe
from tests.support.cli import Cli
from tests.support.digests import MANIFEST, AnyDigest, Mixed
from tests.support.hostile import serving
from tests.support.images import digest, write_layout

PLAIN = "--tls-verify=false"
INDEX = "application/vnd.oci.image.index.v1+json"

#: Images that containers/storage can hold.
STORABLE = [Mixed("sha512"), Mixed(layers="sha512"), Mixed("sha512", layers="sha512"), Mixed()]
#: Images that it cannot: its ids are digests of sha256.
UNSTORABLE = [Mixed(config="sha512"), Mixed("sha512", "sha512", "sha512"), Mixed(diff_ids="sha512")]


def records(program: Cli) -> dict[str, Any]:
    """What identifies images and layers in a store, without what differs by the tool's version."""
    images = json.loads((program.root / "overlay-images/images.json").read_text())
    layers = json.loads((program.root / "overlay-layers/layers.json").read_text())
    members = ("id", "parent", "diff-digest", "compressed-diff-digest", "diff-size", "compressed-size")
    return {
        "images": [[image[name] for name in ("id", "digest", "names", "layer")] for image in images],
        "layers": sorted([layer.get(name) for name in members] for layer in layers),
    }


def test_the_store_is_as_podman_makes_it(podman: Cli, newer_peer: Cli) -> None:
    with serving(AnyDigest(*STORABLE)) as server:
        for program in (podman, newer_peer):
            for number, image in enumerate(STORABLE, 1):
                pulled = program("pull", "-q", PLAIN, f"{server.address}/a:{number}").stdout.strip()
                assert pulled == image.config_digest.hex
    assert records(podman) == records(newer_peer)
    formats = ("{{.Id}} {{.Digest}} {{.RepoDigests}} {{.RootFS.Layers}}",)
    for image in STORABLE:
        words = ("image", "inspect", image.config_digest.hex, "--format", *formats)
        assert podman(*words).stdout == newer_peer(*words).stdout
    listed = [program("images", "--digests", "--no-trunc").stdout for program in (podman, newer_peer)]
    assert listed[0] == listed[1]
    assert listed[0].count("sha256:") == 2 * len(STORABLE)


def test_an_index_may_name_its_members_by_sha512(podman: Cli, newer_peer: Cli) -> None:
    image = Mixed(layers="sha512")
    member = {"mediaType": MANIFEST, "digest": digest(image.manifest, "sha512"), "size": len(image.manifest)}
    member["platform"] = {"os": "linux", "architecture": "amd64"}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [member]}).encode()
    registry = AnyDigest(image)
    registry.manifests |= {"all": (index, INDEX), member["digest"]: (image.manifest, MANIFEST)}
    with serving(registry) as server:
        place = f"{server.address}/a"
        # Podman compares what a registry gives with a sha256 alone.
        newer_peer("pull", "-q", PLAIN, "--platform", "linux/amd64", f"{place}:all", code=125)
        podman("pull", "-q", PLAIN, "--platform", "linux/amd64", f"{place}:all")
        # The index itself by its sha512.
        name = f"{place}@{digest(index, 'sha512')}"
        registry.manifests[digest(index, "sha512")] = (index, INDEX)
        podman("pull", "-q", PLAIN, "--platform", "linux/amd64", name)
        podman("image", "exists", name)
    # What stands in the store goes by sha256, and Podman reads it.
    (record,) = json.loads((podman.root / "overlay-images/images.json").read_text())
    assert record["digest"] == digest(index)
    assert {f"manifest-{digest(index)}", f"manifest-{digest(image.manifest)}"} <= set(record["big-data-names"])
    newer_peer.root, newer_peer.runroot = podman.root, podman.runroot
    words = ("image", "inspect", f"{place}:all", "--format", "{{.Id}} {{.Digest}} {{.RepoDigests}}")
    assert podman(*words).stdout == newer_peer(*words).stdout


@pytest.mark.parametrize("image", STORABLE)
def test_a_layout_is_loaded_and_saved(podman: Cli, image: Mixed, tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout", image.layout())
    podman("pull", "-q", f"oci:{layout}:made:1")
    podman("load", "-q", "-i", str(layout))
    name = podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()[0]
    archive = tmp_path / "saved.tar"
    podman("save", "-q", "--format", "oci-archive", "-o", str(archive), name)
    with libpod.open_image(f"oci-archive:{archive}") as view, libpod.open_image(f"oci:{layout}") as original:
        assert view.id == original.id == image.config_digest.hex
        assert view.read("/one") == original.read("/one")


def test_an_image_is_pulled_and_pushed_by_sha512(podman: Cli) -> None:
    image = Mixed("sha512", layers="sha512")
    registry = AnyDigest(image)
    with serving(registry) as server:
        name = f"{server.address}/a@{image.digest}"
        podman("pull", "-q", PLAIN, name)
        assert podman("image", "inspect", name, "--format", "{{.Id}}").stdout.strip() == image.config_digest.hex
        # The name is not fetched again, and the short one finds it too.
        fetched = len(server.requests)
        podman("run", "--rm", "--network", "none", "--pull", "missing", name, "true", code=127)
        assert len(server.requests) == fetched
        podman("image", "exists", f"a@{image.digest}")
        registry.manifests.clear()
        podman("push", "-q", PLAIN, name)
        assert registry.manifests == {image.digest: (image.manifest, "application/vnd.oci.image.manifest.v1+json")}
        other = Mixed("sha512")
        podman("push", "-q", PLAIN, name, f"{server.address}/a@{other.digest}", code=125)
        assert list(registry.manifests) == [image.digest]
        podman("rmi", name)


def test_what_a_store_cannot_hold_is_named(podman: Cli, tmp_path: Path) -> None:
    with serving(AnyDigest(*UNSTORABLE)) as server:
        for number, image in enumerate(UNSTORABLE, 1):
            done = podman("pull", "-q", PLAIN, f"{server.address}/a:{number}", code=125)
            culprits = [image.config_digest, *json.loads(image.config)["rootfs"]["diff_ids"]]
            assert any(f"the store cannot hold the {kind}" in done.stderr for kind in ("image config", "layer"))
            assert any(culprit in done.stderr for culprit in culprits if culprit.startswith("sha512"))
    assert podman("images", "-a", "-q").stdout == ""
    assert not list(podman.root.glob("overlay/*/diff"))


@pytest.mark.parametrize("image", UNSTORABLE)
def test_podman_stores_them_no_more_than_libpod(newer_peer: Cli, image: Mixed) -> None:
    with serving(AnyDigest(image)) as server:
        newer_peer("pull", "-q", PLAIN, f"{server.address}/a:1", code=125)


@pytest.mark.parametrize("image", [*STORABLE, *UNSTORABLE])
@pytest.mark.parametrize("target", ["oci", "dir", "oci-archive"])
def test_a_copy_without_a_store_keeps_every_digest(image: Mixed, target: str, tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout", image.layout())
    place = f"{target}:{tmp_path / 'copy'}"
    with open_source(f"oci:{layout}") as source, open_destination(place) as destination:
        copied = copy_image(source, destination)
    assert copied.manifest == image.manifest
    with libpod.open_image(place) as view:
        assert (view.manifest.raw, view.document.digest) == (image.manifest, image.config_digest)
        assert [layer.digest for layer in view.layers] == image.layer_digests
        assert view.read("/two")
    if target == "oci":
        found = {path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy/blobs").rglob("*") if path.is_file()}
        assert {Path("blobs") / name.algorithm / name.hex for name in image.blobs} <= found


def test_a_given_up_copy_leaves_no_directory(tmp_path: Path) -> None:
    with open_destination(f"oci:{tmp_path / 'copy'}") as destination:
        data = b"x"
        destination.put_blob(_core.bytes_blob(data), media_type="", digest=digest(data, "sha512"), size=1)
        assert (tmp_path / "copy/blobs/sha512").is_dir()
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_other_bytes_under_a_sha512_are_refused(podman: Cli, part: str, tmp_path: Path) -> None:
    image = Mixed("sha512", "sha512" if part == "config" else "sha256", "sha512")
    name = {"manifest": image.digest, "config": image.config_digest, "layer": image.layer_digests[1]}[part]
    files = image.layout()
    file = f"blobs/{name.algorithm}/{name.hex}"
    # A gzip stream may be followed by bytes that no layer needs: only the digest tells.
    files[file] = (
        files[file][:-1] + bytes([files[file][-1] ^ 1])
        if part != "layer"
        else files[file][:4] + b"\1" + files[file][5:]
    )
    layout = write_layout(tmp_path / "layout", files)
    done = podman("pull", "-q", f"oci:{layout}", code=125)
    assert "digest mismatch" in done.stderr or "does not match" in done.stderr
    assert str(name) in done.stderr
    assert podman("images", "-a", "-q").stdout == ""
    with pytest.raises(CorruptError), libpod.open_image(f"oci:{layout}") as view:
        view.read("/two")


def test_skopeo_reads_such_a_layout_of_libpods(tmp_path: Path) -> None:
    probe.needs_programs("skopeo")
    image = Mixed("sha512", layers="sha512")
    layout = write_layout(tmp_path / "layout", image.layout())
    with open_source(f"oci:{layout}") as source, open_destination(f"oci:{tmp_path / 'copy'}:made:1") as destination:
        copy_image(source, destination)
    archive = tmp_path / "x.tar"
    words = [
        "skopeo",
        "copy",
        "-q",
        "--insecure-policy",
        f"oci:{tmp_path / 'copy'}:made:1",
        f"docker-archive:{archive}",
    ]
    subprocess.run(words, check=True, capture_output=True)
    with libpod.open_image(f"docker-archive:{archive}") as view:
        assert view.id == image.config_digest.hex


def test_debians_registry_takes_blobs_by_sha512(plain_registry: Any, tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout", Mixed(layers="sha512").layout())
    options = Options(tls_verify=False)
    place = f"docker://{plain_registry.address}/sha512/a:1"
    with open_source(f"oci:{layout}") as source, open_destination(place, options) as destination:
        copied = copy_image(source, destination)
    with libpod.open_image(place, options=options) as view:
        assert view.digest == copied.digest
        assert [layer.digest.algorithm for layer in view.layers] == ["sha512", "sha512"]
