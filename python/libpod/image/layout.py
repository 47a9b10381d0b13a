"""`oci:` and `oci-archive:`: the OCI image layout as a directory or as one tar, read in place.

A layout is `oci-layout`, `index.json` and `blobs/<algorithm>/<hex>`. Reading starts at `Layout`, which serves both forms;
an entry of `index.json` is an image or a nested index, chosen by its `org.opencontainers.image.ref.name`. Writing
starts at `LayoutDestination` (a directory; other images in it stay) and `LayoutArchiveDestination` (a new file, one
pass where the file can seek). Blob paths are only ever made from digests whose syntax was checked.

Source: OCI image-spec image-layout.md, annotations.md; containers-transports(5).
"""

from __future__ import annotations

import fcntl
import os

from libpod import _core
from libpod.digest import CANONICAL, Digest
from libpod.document import go_json
from libpod.errors import InvalidError, NotFoundError, UnsupportedError
from libpod.file import OutputFile, make_directories, remove_directories
from libpod.image import tarball
from libpod.image.descriptor import Descriptor
from libpod.image.held import HeldDirectory
from libpod.image.manifest import (
    DOCKER_LIST,
    DOCUMENT_LIMIT,
    OCI_INDEX,
    OCI_MANIFEST,
    check_content,
    parse_descriptor,
)
from libpod.image.tarwriter import TarWriter
from libpod.image.transport import COMPRESS, Closing, ImageDestination, ImageSource, open_alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import Blob
    from libpod.image.location import Location
    from libpod.image.transport import Options

REF_NAME = "org.opencontainers.image.ref.name"

#: The name that containerd and BuildKit give to an image in a layout; their `ref.name` is only a tag.
CONTAINERD_NAME = "io.containerd.image.name"

_LAYOUT_FILE = b'{"imageLayoutVersion": "1.0.0"}'
_INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)


def open_source(location: Location, options: Options) -> ImageSource:
    """Open `path[:reference]`; without a reference the layout must hold exactly one image."""
    path, transport = location.path, location.transport
    layout = Layout.open_archive(path, options.spool_dir) if transport == "oci-archive" else Layout.open_directory(path)
    return open_alone(layout, lambda: LayoutSource(layout, transport, layout.choose(location.name)))


def open_destination(location: Location, options: Options) -> ImageDestination:
    """Open `path[:reference]` for writing: a directory that may hold images, or an archive that replaces the file there."""
    if location.transport == "oci-archive":
        return LayoutArchiveDestination(OutputFile(location.path), location.name)
    return LayoutDestination(location.path, location.name)


def blob_path(digest: Digest) -> str:
    """Return the path of a blob inside a layout."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


# Reading ------------------------------------------------------------------------------------------------------------


class _TarFiles:
    """Files of a layout in a tar."""

    def __init__(self, tar: tarball.Tarball) -> None:
        self.path = tar.path
        self._tar = tar

    def read(self, name: str, limit: int) -> bytes:
        """Read a small member whole."""
        return self._tar.read(name, limit)

    def blob(self, name: str) -> Blob:
        """Open a member in place."""
        return self._tar.blob(self._tar.require(name))

    def close(self) -> None:
        """Close the file."""
        self._tar.close()


def _read_index(files: HeldDirectory | _TarFiles) -> dict[str, Any]:
    """Read `index.json` by its types; its `manifests` are a list. Raises: NotFoundError, InvalidError naming the file."""
    try:
        document: dict[str, Any] = _core.read_document(files.read("index.json", DOCUMENT_LIMIT), "layout")
        if document.get("manifests") is None:
            raise InvalidError("the index.json lists no manifests")
    except InvalidError as error:
        raise InvalidError(f"{files.path}: {error}", path=files.path) from error
    return document


class Layout(Closing):
    """An OCI layout: the entries of its `index.json`, and its blobs."""

    def __init__(self, files: HeldDirectory | _TarFiles) -> None:
        self._files = files
        self.path = files.path
        manifests = _read_index(files)["manifests"]
        self.entries = [
            parse_descriptor(entry, f"{files.path}: the index.json's manifests[{place}]")
            for place, entry in enumerate(manifests)
        ]

    @classmethod
    def open_directory(cls, path: str) -> Layout:
        """Open a layout that is a directory. Raises: NotFoundError, InvalidError, OSError."""
        return cls._over(HeldDirectory(path))

    @classmethod
    def open_archive(cls, path: str, spool_dir: str | None = None) -> Layout:
        """Open a layout that is a tar file, plain or compressed."""
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fd = tarball.seekable(opened, spool_dir, path)
        finally:
            os.close(opened)
        try:
            return cls._over(_TarFiles(tarball.Tarball(fd, path)))
        except BaseException:
            os.close(fd)
            raise

    @classmethod
    def from_tarball(cls, tar: tarball.Tarball) -> Layout:
        """Open a layout in a tar that was indexed already; it is closed with the layout."""
        return cls(_TarFiles(tar))

    @classmethod
    def _over(cls, files: HeldDirectory | _TarFiles) -> Layout:
        try:
            return cls(files)
        except BaseException:
            if isinstance(files, HeldDirectory):
                files.close()
            raise

    def choose(self, wanted: str) -> Descriptor:
        """Return the entry named `wanted`, or the only one where it is empty."""
        if not wanted:
            if len(self.entries) != 1:
                raise InvalidError(
                    f"{self.path}: {'more than one image' if self.entries else 'no image'} in oci, choose an image",
                    path=self.path,
                )
            return self.entries[0]
        if wanted.startswith("@") and wanted[1:].isdigit() and int(wanted[1:]) < len(self.entries):
            return self.entries[int(wanted[1:])]
        for entry in self.entries:
            if entry.annotations.get(REF_NAME) == wanted:
                return entry
        raise NotFoundError(f'no descriptor found for reference "{wanted}"', path=self.path)

    def read(self, digest: Digest) -> bytes:
        """Read a manifest or an index; its digest is the caller's to check."""
        return self._files.read(blob_path(digest), DOCUMENT_LIMIT)

    def blob(self, digest: Digest) -> Blob:
        """Open a blob."""
        return self._files.blob(blob_path(digest))

    def close(self) -> None:
        """Close the directory or the file."""
        self._files.close()


class LayoutSource(ImageSource):
    """One entry of a layout."""

    def __init__(self, layout: Layout, transport: str, entry: Descriptor) -> None:
        self.layout = layout
        self.entry = entry
        name = entry.annotations.get(CONTAINERD_NAME) or entry.annotations.get(REF_NAME, "")
        self.names = [name] if name else []
        self.reference = f"{transport}:{layout.path}" + (f":{name}" if name else "")

    def manifest(self, instance: Digest | None = None) -> tuple[bytes, str]:
        """Return the entry's document, proven by the digest in `index.json`, or the member of its index."""
        if instance is None:
            raw = self.layout.read(self.entry.digest)
            check_content(raw, self.entry, "manifest")
            return raw, self.entry.media_type
        return self.layout.read(instance), ""

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open a blob in place."""
        return self.layout.blob(descriptor.digest)


# Writing ------------------------------------------------------------------------------------------------------------


def _entry(raw: bytes, media_type: str, name: str) -> dict[str, Any]:
    annotations = {REF_NAME: name} if name else {}
    return Descriptor(media_type, Digest.of(raw), len(raw), annotations=annotations).to_json()


def _index(entries: list[dict[str, Any]]) -> bytes:
    return go_json({"schemaVersion": 2, "manifests": entries})


class _LayoutWriter(ImageDestination):
    """What both forms share: OCI manifests only, layers compressed, one named entry."""

    manifest_types = (OCI_MANIFEST, OCI_INDEX)
    layer_compression = COMPRESS

    def __init__(self, transport: str, path: str, name: str) -> None:
        self.reference = f"{transport}:{path}" + (f":{name}" if name else "")
        self.path = path
        self._name = name
        self._entry: dict[str, Any] | None = None

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Store the manifest as a blob; the top one becomes the entry of `index.json`."""
        if media_type not in self.manifest_types:
            raise UnsupportedError(f"an OCI layout does not hold manifests of type {media_type}")
        self._put_bytes(Digest.of(raw), raw)
        if not instance:
            self._entry = _entry(raw, media_type, self._name)

    def _put_bytes(self, digest: Digest, data: bytes) -> None:
        raise NotImplementedError


class LayoutDestination(_LayoutWriter):
    """A layout in a directory, made when it does not exist. Other images in it stay; `index.json` is written last.

    Several processes may write to one layout: each holds a shared lock on `blobs`, and `index.json` is changed under a
    lock of its own.
    """

    concurrent_blobs = True

    def __init__(self, path: str, name: str) -> None:
        super().__init__("oci", path, name)
        self._put: set[str] = set()
        self._made = make_directories(os.path.join(path, "blobs", CANONICAL))
        self._directory = HeldDirectory(path)
        self._blobs = os.open("blobs", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._directory.fd)
        try:
            self._old_index()
        except BaseException:
            self.close()
            raise
        _lock(self._blobs, fcntl.LOCK_SH)

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether another image of the layout brought the blob."""
        return self._directory.has(blob_path(descriptor.digest), descriptor.size)

    def put_blob(self, blob: Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        """Write the blob, check it, and give it the name of its digest."""
        written, length = self._directory.put(blob, self._name_new, below="blobs", digest=digest, size=size)
        return Descriptor(media_type, written, length)

    def _name_new(self, digest: Digest) -> str:
        """Return the path of a blob that is about to appear, and remember it when it was not there."""
        if not digest.is_canonical:
            self._make_directory(digest.algorithm)
        path = blob_path(digest)
        if not self._directory.has(path, -1):
            self._put.add(path)
        return path

    def _make_directory(self, algorithm: str) -> None:
        try:
            os.mkdir(algorithm, dir_fd=self._blobs)
        except FileExistsError:
            return
        self._made.append(os.path.join(self.path, "blobs", algorithm))

    def _put_bytes(self, digest: Digest, data: bytes) -> None:
        self.put_blob(_core.bytes_blob(data), media_type="", digest=digest, size=len(data))

    def commit(self) -> None:
        """Add the image to `index.json`, in place of an earlier one of the same name. What else stands there is kept."""
        if self._entry is None:
            raise InvalidError("the image has no manifest yet")
        _lock(self._directory.fd, fcntl.LOCK_EX)
        try:
            document = self._old_index()
            kept = [entry for entry in document["manifests"] if not self._replaces(entry)]
            document["manifests"] = [*kept, self._entry]
            self._directory.replace("oci-layout", _LAYOUT_FILE)
            self._directory.replace("index.json", go_json(document))
        finally:
            _lock(self._directory.fd, fcntl.LOCK_UN)
        self._put.clear()
        self._made.clear()

    def _old_index(self) -> dict[str, Any]:
        try:
            return _read_index(self._directory)
        except NotFoundError:
            return {"schemaVersion": 2, "manifests": []}

    def _replaces(self, entry: dict[str, Any]) -> bool:
        name = (entry.get("annotations") or {}).get(REF_NAME, "")
        if self._name:
            return bool(name == self._name)
        assert self._entry is not None
        return not name and entry.get("digest") == self._entry["digest"]

    def close(self) -> None:
        """Close the directory; without `commit`, what was put goes, unless another process may count on it by now."""
        if self._directory.fd < 0:
            return
        if self._put and _lock(self._blobs, fcntl.LOCK_EX | fcntl.LOCK_NB):
            self._directory.remove(sorted(self._put))
        os.close(self._blobs)
        self._directory.close()
        remove_directories(self._made)


def _lock(fd: int, how: int) -> bool:
    """Change a lock on a directory. False when another process is in the way, or the file system has no locks."""
    try:
        fcntl.flock(fd, how)
    except OSError:
        return False
    return True


class LayoutArchiveDestination(_LayoutWriter):
    """A layout in a tar file that replaces what was there when it is whole, or that is written to a pipe or device."""

    def __init__(self, output: OutputFile, name: str) -> None:
        super().__init__("oci-archive", output.name, name)
        self._blobs: dict[Digest, int] = {}
        self._algorithms = {CANONICAL}
        self._tar = TarWriter(output, mode=0o644)
        try:
            for directory in ("blobs/", f"blobs/{CANONICAL}/"):
                self._tar.add_directory(directory)
        except BaseException:
            self.close()
            raise

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether the blob was written before."""
        return descriptor.digest in self._blobs

    def put_blob(self, blob: Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        """Write a blob as a member."""
        algorithm = digest.algorithm if digest is not None else CANONICAL
        if algorithm not in self._algorithms:
            self._tar.add_directory(f"blobs/{algorithm}/")
            self._algorithms.add(algorithm)
        written, length = self._tar.add_blob(blob, blob_path, digest=digest, size=size, present=self._blobs)
        self._blobs[written] = length
        return Descriptor(media_type, written, length)

    def _put_bytes(self, digest: Digest, data: bytes) -> None:
        if digest not in self._blobs:
            self.put_blob(_core.bytes_blob(data), media_type="", digest=digest, size=len(data))

    def commit(self) -> None:
        """Write `index.json`, `oci-layout` and the end mark, and make the archive be the file of its name."""
        if self._entry is None:
            raise InvalidError("the image has no manifest yet")
        self._tar.add_bytes("index.json", _index([self._entry]))
        self._tar.add_bytes("oci-layout", _LAYOUT_FILE)
        self._tar.finish()

    def close(self) -> None:
        """Close the file; without `commit`, nothing of it stays."""
        self._tar.close()
