"""What each fuzz target does with its bytes: parse them, and check the laws of what came out.

A target returns where the input is taken or refused by a `LibpodError`, and raises where a law is broken. Nothing here needs the
fuzzer: `tests/unit/test_fuzz_corpus.py` gives the corpora to the targets in every run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from libpod import _core
from libpod.digest import Digest
from libpod.errors import LibpodError
from libpod.image import manifest as manifests
from libpod.image import reference
from libpod.image.archive import DockerArchiveSource
from libpod.image.copy import copy_image
from libpod.image.descriptor import Descriptor
from libpod.image.layout import Layout, blob_path
from libpod.image.location import Location
from libpod.image.manifest import DOCKER_MANIFEST, OCI_MANIFEST, ImageConfig, Index, Manifest, Platform
from libpod.image.transport import ImageDestination, ImageSource

_LINUX = Platform("linux", "amd64")


def names(data: bytes) -> None:
    """Texts for images: names, ids, places."""
    text = data.decode(errors="surrogateescape")
    for parse in (reference.parse, reference.parse_local, reference.parse_name, Location.parse, Digest):
        try:
            parsed = parse(text)
        except LibpodError:
            continue
        if isinstance(parsed, Location):
            assert str(parsed) == text
            parsed = parsed.reference
        if isinstance(parsed, reference.ShortName):
            parsed = parsed.under("localhost/x")
        if isinstance(parsed, reference.Reference):
            _check_name(parsed)
        if isinstance(parsed, Digest):
            assert f"{parsed.algorithm}:{parsed.hex}" == text


def _check_name(name: reference.Reference) -> None:
    assert reference.parse(str(name)) == name
    assert reference.parse(name.familiar) == name
    stored = name.with_default_tag().pinned()
    assert reference.split_stored(str(stored)) == (stored.name, stored.digest or stored.tag)
    assert not {"", ".", ".."} & set(name.repository.split("/"))
    assert len(name.name) <= reference.NAME_LIMIT


def manifest(data: bytes) -> None:
    """A manifest or an index, by the type that its first line claims."""
    claimed, line, raw = data.partition(b"\n")
    try:
        document = manifests.parse_manifest(raw if line else data, claimed.decode(errors="replace") if line else "")
    except LibpodError:
        return
    assert document.digest.names(document.raw)
    if isinstance(document, Index):
        _check_descriptors(document.members)
        with contextlib.suppress(LibpodError):
            assert document.choose(_LINUX) in document.members
        return
    _check_descriptors([document.config, *document.layers])
    for family in (DOCKER_MANIFEST, OCI_MANIFEST):
        written = manifests.build_manifest(family, document.config, document.layers, document.annotations)
        again = manifests.parse_manifest(written, family)
        assert isinstance(again, Manifest)
        assert [layer.digest for layer in again.layers] == [layer.digest for layer in document.layers]


def _check_descriptors(descriptors: list[Descriptor]) -> None:
    for descriptor in descriptors:
        assert descriptor.size >= 0
        parts = blob_path(descriptor.digest).split("/")
        assert parts == ["blobs", descriptor.digest.algorithm, descriptor.digest.hex]
        assert parts[2].isalnum()
        assert isinstance(descriptor.to_json(), dict)


def config(data: bytes) -> None:
    """An image config: read, made an OCI one, and that read again."""
    try:
        document = manifests.parse_config(data)
    except LibpodError:
        return
    assert isinstance(document.config, dict)
    assert all(isinstance(step, dict) for step in document.history)
    written = manifests.to_oci_config(document)
    again = manifests.parse_config(written)
    assert again.diff_ids == document.diff_ids
    assert manifests.to_oci_config(again) == written


class _Files:
    """A layout whose `index.json` and every blob are one text."""

    path = "layout"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, name: str, limit: int) -> bytes:
        return self.data

    def close(self) -> None:
        pass


def layout(data: bytes) -> None:
    """The `index.json` of a layout, and the choice of an image by the name of each entry."""
    try:
        opened = Layout(_Files(data))  # type: ignore[arg-type]
    except LibpodError:
        return
    _check_descriptors(opened.entries)
    for wanted in ("", "@0", "@1", *(name for entry in opened.entries for name in entry.annotations.values())):
        try:
            assert opened.choose(wanted) in opened.entries
        except LibpodError:
            continue


class _Archive:
    path = "archive"


def archive(data: bytes) -> None:
    """The `manifest.json` of a docker-archive."""
    try:
        for place, item in enumerate(_core.read_document(data, "archive") or ()):
            image = DockerArchiveSource(_Archive(), place, item)  # type: ignore[arg-type]
            assert all(isinstance(name, str) and name for name in image.names)
    except LibpodError:
        return


class _Source(ImageSource):
    """An image whose config and only layer are what the input says."""

    concurrent_blobs = False

    def __init__(self, manifest: bytes, config: bytes) -> None:
        self.raw, self.config = manifest, config

    def manifest(self, instance: Digest | None = None) -> tuple[bytes, str]:
        return self.raw, ""

    def blob(self, descriptor: Descriptor) -> _core.Blob:
        return _core.bytes_blob(self.config)


class _Destination(ImageDestination):
    """Keeps nothing; what reaches it was proven."""

    def blob_present(self, descriptor: Descriptor) -> bool:
        return False

    def put_blob(self, blob: _core.Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        data = blob.read_all(1 << 20)
        assert digest is not None
        digest.check(data, "blob")
        return Descriptor(media_type, digest, len(data))

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        pass

    def commit(self) -> None:
        pass


def copied(data: bytes) -> None:
    """A whole image, a manifest and behind a NUL its config, through the pipeline."""
    raw, _, text = data.partition(b"\0")
    try:
        done = copy_image(_Source(raw, text), _Destination(), platform=_LINUX, workers=1)
    except LibpodError:
        return
    assert isinstance(done.config, ImageConfig)
    assert done.digest.names(done.manifest)
    assert done.config.digest.names(text)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "archive": archive,
    "config": config,
    "copied": copied,
    "layout": layout,
    "manifest": manifest,
    "names": names,
}
