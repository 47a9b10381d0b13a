"""Hostile archives and layouts: refused with an error that names the cause, nothing listed, nothing written elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod.errors import CorruptError, InvalidError, LibpodError, UnsupportedError
from libpod.host import Host
from libpod.image.manager import ImageManager
from libpod.store import Store
from tests.support import probe
from tests.support.images import config, digest, docker_archive, oci_layout, tar, write_layout

LAYER = tar(("etc/", ""), ("etc/hello", b"hello\n"))
SECOND = tar(("etc/", ""), ("etc/more", b"more\n"))


@pytest.fixture
def host(store_directory: Path) -> Host:
    probe.needs_root()
    return Host(store_directory / "root", store_directory / "run")


def load(host: Host, directory: Path, data: bytes) -> list[str]:
    path = directory / "image.tar"
    path.write_bytes(data)
    return ImageManager(host).load(str(path))


def assert_untouched(store: Store) -> None:
    """No image, no layer and no rest of one is in the store."""
    assert store.images() == []
    assert store.layers() == []
    assert store.check() == []
    home = Path(store.graphroot) / "overlay"
    left = [path.name for path in home.iterdir() if path.name not in ("l", "tempdirs")] if home.exists() else []
    assert [name for name in left if len(name) == 64] == []


def test_the_archive_that_the_others_are_made_from_is_good(host: Host, tmp_path: Path) -> None:
    assert load(host, tmp_path, docker_archive(LAYER, SECOND)) == ["localhost/made:1"]
    image = ImageManager(host).lookup("made:1")
    assert image.config["rootfs"]["diff_ids"] == [digest(LAYER), digest(SECOND)]


def swapped_diff_ids() -> bytes:
    return docker_archive(LAYER, SECOND, image_config=config(SECOND, LAYER))


def big_config() -> bytes:
    return docker_archive(LAYER, image_config=b'{"a": "' + b"x" * (4 << 20) + b'"}')


def manifest_of(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(data for data in files.values() if b'"config": {"mediaType"' in data))
    return found


def two_types() -> bytes:
    files = oci_layout(LAYER)
    manifest = manifest_of(files)
    return tar(*oci_layout(LAYER, manifest=json.dumps(manifest | {"manifests": []}).encode()).items())


def archive_without_blob() -> bytes:
    return tar(*((name, data) for name, data in oci_layout(LAYER).items() if digest(LAYER)[7:] not in name))


def archive_with_other_bytes(of: bytes) -> bytes:
    return tar(*((name, data + b" " if data == of else data) for name, data in oci_layout(LAYER).items()))


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (lambda: docker_archive(LAYER, Layers=["../../../../etc/passwd"]), CorruptError, "not in the archive"),
        (lambda: docker_archive(LAYER, Layers=["/etc/passwd"]), CorruptError, "not in the archive"),
        (lambda: docker_archive(LAYER, Config="../../etc/passwd"), CorruptError, "not in the archive"),
        (lambda: docker_archive(LAYER, Config=".."), CorruptError, "not in the archive"),
        (lambda: docker_archive(LAYER, Layers=["missing.tar"]), CorruptError, "'missing.tar' is not in the archive"),
        (lambda: docker_archive(LAYER, Layers=[]), CorruptError, "lists 0 layers and the image config 1"),
        (lambda: docker_archive(LAYER, Layers=["layer0.tar", "layer0.tar"]), CorruptError, "lists 2 layers"),
        (lambda: docker_archive(LAYER, Layers="layer0.tar"), InvalidError, "Layers"),
        (lambda: docker_archive(LAYER, Layers=[7]), InvalidError, "Layers"),
        (lambda: docker_archive(LAYER, Config=None), InvalidError, "Config"),
        (lambda: docker_archive(LAYER, RepoTags="x"), InvalidError, "RepoTags"),
        (lambda: docker_archive(LAYER, RepoTags=["../../x"]), InvalidError, "invalid reference format"),
        (lambda: docker_archive(LAYER, RepoTags=["x:y z"]), InvalidError, "invalid reference format"),
        (swapped_diff_ids, CorruptError, "diff id mismatch"),
        (lambda: docker_archive(LAYER, image_config=config(SECOND)), CorruptError, "diff id mismatch"),
        (big_config, InvalidError, "more than the limit of 4194304"),
        (lambda: docker_archive(LAYER, image_config=b"[]"), InvalidError, "is a list, not an object"),
        (lambda: docker_archive(LAYER, image_config=b"{"), InvalidError, "image config"),
        (lambda: docker_archive(b"not a tar" * 100), CorruptError, ""),
        (lambda: docker_archive(LAYER[:700]), CorruptError, ""),
        (lambda: tar(("manifest.json", b"[]")), InvalidError, "lists no image"),
        (lambda: tar(("manifest.json", b"{}")), InvalidError, "is an object, not a list"),
        (lambda: tar(("manifest.json", b"[1]")), InvalidError, "`[0]` is the number 1, not an object"),
        (lambda: tar(("manifest.json", b" " * (4 << 20) + b"[]")), InvalidError, "more than the limit"),
        (lambda: tar(("other", b"")), InvalidError, "does not match any of the supported image formats"),
        (lambda: b"", InvalidError, "does not match any of the supported image formats"),
        (lambda: b"rubbish" * 1000, InvalidError, "does not match any of the supported image formats"),
        (two_types, InvalidError, "ambiguous"),
        (archive_without_blob, CorruptError, "not in the archive"),
        (lambda: archive_with_other_bytes(LAYER), CorruptError, "mismatch"),
        (lambda: archive_with_other_bytes(config(LAYER)), CorruptError, "image config: digest mismatch"),
        (
            lambda: tar(*oci_layout(LAYER, index=b'{"manifests": [{"digest": "sha256:../x"}]}').items()),
            InvalidError,
            "digest",
        ),
        (lambda: tar(*oci_layout(LAYER, index=b'{"manifests": []}').items()), InvalidError, "no image"),
        (lambda: tar(*oci_layout(LAYER, name="../../etc").items()), InvalidError, "invalid reference format"),
    ],
)
def test_hostile_archives_leave_nothing(
    host: Host, tmp_path: Path, data: Callable[[], bytes], error: type[LibpodError], text: str
) -> None:
    with pytest.raises(error) as caught:
        load(host, tmp_path, data())
    assert text in str(caught.value)
    assert_untouched(host.store)


def test_a_good_layer_before_a_bad_one_is_not_left_behind(host: Host, tmp_path: Path) -> None:
    with pytest.raises(CorruptError):
        load(host, tmp_path, docker_archive(LAYER, SECOND[:700]))
    assert_untouched(host.store)


def test_an_index_of_indexes_of_indexes_ends(host: Host, tmp_path: Path) -> None:
    files = oci_layout(LAYER)
    inner = json.loads(files["index.json"])["manifests"][0]
    for _ in range(9):
        inner["platform"] = {"os": "linux", "architecture": os.uname().machine.replace("x86_64", "amd64")}
        text = json.dumps({"schemaVersion": 2, "manifests": [inner]}).encode()
        files[f"blobs/sha256/{digest(text)[7:]}"] = text
        media_type = "application/vnd.oci.image.index.v1+json"
        inner = {"mediaType": media_type, "digest": digest(text), "size": len(text)}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [inner]}).encode()
    with pytest.raises(InvalidError, match="nested too deeply"):
        load(host, tmp_path, tar(*files.items()))
    assert_untouched(host.store)


@pytest.mark.parametrize("special", [os.mkfifo, os.mkdir])
def test_a_blob_that_is_no_file_is_refused_and_never_waited_for(
    host: Host, tmp_path: Path, special: Callable[[Path], Any]
) -> None:
    layout = write_layout(tmp_path / "layout", oci_layout(LAYER))
    blob = layout / "blobs/sha256" / digest(LAYER)[7:]
    blob.unlink()
    special(blob)
    with pytest.raises(InvalidError, match="not a regular file"):
        ImageManager(host).load(str(layout))
    assert_untouched(host.store)


def test_an_artifact_is_no_image(host: Host, tmp_path: Path) -> None:
    files = oci_layout(LAYER)
    manifest = manifest_of(files)
    manifest["config"]["mediaType"] = "application/vnd.example.config+json"
    with pytest.raises(UnsupportedError, match="not a container image"):
        load(host, tmp_path, tar(*oci_layout(LAYER, manifest=json.dumps(manifest).encode()).items()))
    assert_untouched(host.store)


def test_a_refused_policy_stores_nothing(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from libpod.config import policy
    from libpod.image import loading, trust

    path = tmp_path / "policy.json"
    path.write_text('{"default": [{"type": "reject"}]}')
    rejecting = policy.load_policy(str(path))
    monkeypatch.setattr(loading, "check_allowed", lambda place: trust.check_allowed(place, rejecting))
    with pytest.raises(LibpodError, match="rejected by policy"):
        load(host, tmp_path, docker_archive(LAYER))
    assert_untouched(host.store)


ESCAPES = [
    ("../out", b"x"),
    ("a/../../out", b"x"),
    ("/../../out", b"x"),
]


@pytest.mark.parametrize("member", ESCAPES)
def test_extraction_stays_inside(tmp_path: Path, member: tuple[str, bytes]) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(docker_archive(tar(("good", b"good"), member)))
    target = tmp_path / "deep/er/target"
    with libpod.open_image(f"docker-archive:{path}") as image:
        assert [entry.path for entry in image.walk()] in (["/good"], ["/good", "/out"])
        with contextlib.suppress(LibpodError):
            image.extract("/", target)
    assert not (tmp_path / "deep/er/out").exists()
    assert not (tmp_path / "deep/out").exists()
    assert not (tmp_path / "out").exists()


def test_links_lead_to_files_of_the_image(tmp_path: Path) -> None:
    layer = tar(
        ("etc/", ""), ("etc/passwd", b"inside"), ("up", "../../../../etc"), ("abs", "/etc/passwd"), ("loop", "loop"),
        ("up/through", b"through"), ("out", "/nowhere/../../../../etc/passwd"),
    )  # fmt: skip
    path = tmp_path / "x.tar"
    path.write_bytes(docker_archive(layer))
    with libpod.open_image(f"docker-archive:{path}") as image:
        assert image.read("abs") == image.read("/up/passwd") == image.read("../../etc/passwd") == b"inside"
        assert image.read("/etc/through") == b"through"
        assert not image.exists("out")
        with pytest.raises(InvalidError, match="symbolic links"):
            image.stat("loop")
        image.extract("/", tmp_path / "all")
    assert (tmp_path / "all/etc/through").read_bytes() == b"through"
    assert (tmp_path / "all/etc/passwd").read_bytes() == b"inside"


def test_a_changed_layer_is_found_before_its_names_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(docker_archive(LAYER, image_config=config(SECOND)))
    with libpod.open_image(f"docker-archive:{path}") as image:
        with pytest.raises(CorruptError, match="digest mismatch"):
            list(image.walk())
        with pytest.raises(CorruptError, match="mismatch"):
            image.extract("/", tmp_path / "all")
