"""`oci:` and `oci-archive:`: the OCI image layout as a directory or as one tar, read in place.

A layout is `oci-layout`, `index.json` and `blobs/sha256/<hex>`. Reading starts at `Layout`, which serves both forms;
an entry of `index.json` is an image or a nested index, chosen by its `org.opencontainers.image.ref.name`. Writing
starts at `LayoutDestination` (a directory; other images in it stay) and `LayoutArchiveDestination` (a new file, one
pass where the file can seek). Blob paths are only ever made from digests whose syntax was checked.

Source: OCI image-spec image-layout.md, annotations.md; containers-transports(5).
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import InvalidError, NotFoundError, UnsupportedError
from libpod.image import tarball
from libpod.image.descriptor import Descriptor
from libpod.image.held import HeldDirectory, check_sums
from libpod.image.manifest import (
    DOCKER_LIST,
    DOCUMENT_LIMIT,
    OCI_INDEX,
    OCI_MANIFEST,
    check_digest,
    check_digest_syntax,
    digest_of,
    go_json,
    parse_descriptor,
)
from libpod.image.transport import COMPRESS, Closing, ImageDestination, ImageSource, open_alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import Blob
    from libpod.image.transport import Options

REF_NAME = "org.opencontainers.image.ref.name"

#: The name that containerd and BuildKit give to an image in a layout; their `ref.name` is only a tag.
CONTAINERD_NAME = "io.containerd.image.name"

_LAYOUT_FILE = b'{"imageLayoutVersion": "1.0.0"}'
_INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)


def open_source(transport: str, rest: str, options: Options) -> ImageSource:
    """Open `path[:reference]`; without a reference the layout must hold exactly one image."""
    path, _, wanted = rest.partition(":")
    layout = Layout.open_archive(path, options.spool_dir) if transport == "oci-archive" else Layout.open_directory(path)
    return open_alone(layout, lambda: LayoutSource(layout, transport, layout.choose(wanted)))


def open_destination(transport: str, rest: str, options: Options) -> ImageDestination:
    """Open `path[:reference]` for writing: a directory that may hold images, or a new archive file."""
    path, _, name = rest.partition(":")
    return LayoutArchiveDestination(path, name) if transport == "oci-archive" else LayoutDestination(path, name)


def blob_path(digest: str) -> str:
    """Return the path of a blob inside a layout."""
    return "blobs/sha256/" + check_digest_syntax(digest, "blob").partition(":")[2]


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


def _manifests(files: HeldDirectory | _TarFiles) -> list[Any]:
    """Read the entries of `index.json`. Raises: NotFoundError, InvalidError."""
    document = _core.parse_json(files.read("index.json", DOCUMENT_LIMIT))
    manifests = document.get("manifests") if isinstance(document, dict) else None
    if not isinstance(manifests, list):
        raise InvalidError(f"{files.path}: index.json lists no manifests", path=files.path)
    return manifests


class Layout(Closing):
    """An OCI layout: the entries of its `index.json`, and its blobs."""

    def __init__(self, files: HeldDirectory | _TarFiles) -> None:
        self._files = files
        self.path = files.path
        manifests = _manifests(files)
        self.entries = [parse_descriptor(entry, f"manifests[{place}]") for place, entry in enumerate(manifests)]

    @classmethod
    def open_directory(cls, path: str) -> Layout:
        """Open a layout that is a directory. Raises: NotFoundError, InvalidError, OSError."""
        return cls._over(HeldDirectory(path))

    @classmethod
    def open_archive(cls, path: str, spool_dir: str | None = None) -> Layout:
        """Open a layout that is a tar file, plain or compressed."""
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fd = tarball.seekable(opened, spool_dir)
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

    def read(self, digest: str) -> bytes:
        """Read a manifest or an index; its digest is the caller's to check."""
        return self._files.read(blob_path(digest), DOCUMENT_LIMIT)

    def blob(self, digest: str) -> Blob:
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

    def manifest(self, instance: str | None = None) -> tuple[bytes, str]:
        """Return the entry's document, proven by the digest in `index.json`, or the member of its index."""
        if instance is None:
            raw = self.layout.read(self.entry.digest)
            check_digest(raw, self.entry.digest, "manifest")
            return raw, self.entry.media_type
        return self.layout.read(instance), ""

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open a blob in place."""
        return self.layout.blob(descriptor.digest)


# Writing ------------------------------------------------------------------------------------------------------------


def _entry(raw: bytes, media_type: str, name: str) -> dict[str, Any]:
    annotations = {REF_NAME: name} if name else {}
    return Descriptor(media_type, digest_of(raw), len(raw), annotations=annotations).to_json()


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
        self._put_bytes(digest_of(raw), raw)
        if not instance:
            self._entry = _entry(raw, media_type, self._name)

    def _put_bytes(self, digest: str, data: bytes) -> None:
        raise NotImplementedError


class LayoutDestination(_LayoutWriter):
    """A layout in a directory, made where it does not exist. Blobs appear by rename, `index.json` last."""

    concurrent_blobs = True

    def __init__(self, path: str, name: str) -> None:
        super().__init__("oci", path, name)
        os.makedirs(os.path.join(path, "blobs", "sha256"), exist_ok=True)
        self._directory = HeldDirectory(path)

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether another image of the layout brought the blob."""
        return self._directory.has(blob_path(descriptor.digest), descriptor.size)

    def put_blob(self, blob: Blob, *, media_type: str, digest: str | None, size: int | None) -> Descriptor:
        """Write the blob under a temporary name, check it, and give it the name of its digest."""
        done = self._directory.put(blob, blob_path, below="blobs/", digest=digest, size=size)
        return Descriptor(media_type, done["digest"], done["size"])

    def _put_bytes(self, digest: str, data: bytes) -> None:
        self.put_blob(_core.bytes_blob(data), media_type="", digest=digest, size=len(data))

    def commit(self) -> None:
        """Add the image to `index.json`, in place of an earlier one of the same name."""
        if self._entry is None:
            raise InvalidError("the image has no manifest yet")
        entries = [entry for entry in self._old_entries() if not self._replaces(entry)]
        self._directory.replace("oci-layout", _LAYOUT_FILE)
        self._directory.replace("index.json", _index([*entries, self._entry]))

    def _old_entries(self) -> list[dict[str, Any]]:
        try:
            return _manifests(self._directory)
        except NotFoundError:
            return []

    def _replaces(self, entry: dict[str, Any]) -> bool:
        name = (entry.get("annotations") or {}).get(REF_NAME, "")
        if self._name:
            return bool(name == self._name)
        assert self._entry is not None
        return not name and entry.get("digest") == self._entry["digest"]

    def close(self) -> None:
        """Close the directory; a second call does nothing."""
        self._directory.close()


class LayoutArchiveDestination(_LayoutWriter):
    """A layout in a new tar file, or written to a descriptor.

    A tar names a member and its size before its bytes, and both follow from the bytes: in a file that can seek the
    header is filled in afterwards, otherwise the blob is spooled first.
    """

    def __init__(self, path: str, name: str, *, fd: int | None = None) -> None:
        super().__init__("oci-archive", path, name)
        self._temporary: str | None = None
        self._blobs: dict[str, int] = {}
        if fd is not None:
            self._fd = os.dup(fd)
        elif os.path.exists(path) and not os.path.isfile(path):
            self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        else:
            self._temporary = f"{path}.{os.getpid()}.tmp"
            self._fd = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        for directory in ("blobs/", "blobs/sha256/"):
            self._write(tarball.header(directory, 0, mode=0o755, kind="5"))

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether the blob was written before."""
        return descriptor.digest in self._blobs

    def put_blob(self, blob: Blob, *, media_type: str, digest: str | None, size: int | None) -> Descriptor:
        """Write a blob as a member."""
        if digest is not None and size is not None and size >= 0:
            done = self._put_known(blob, digest, size)
        elif self._temporary is not None:
            done = self._put_patched(blob)
        else:
            done = self._put_spooled(blob)
        check_sums(done, digest, size)
        self._blobs[done["digest"]] = done["size"]
        return Descriptor(media_type, done["digest"], done["size"])

    def _put_known(self, blob: Blob, digest: str, size: int) -> dict[str, Any]:
        self._write(tarball.header(blob_path(digest), size, mode=0o644))
        done = _core.pack(blob, self._fd, "none", None)
        self._write(tarball.padding(done["size"]))
        return done

    def _put_patched(self, blob: Blob) -> dict[str, Any]:
        start = os.lseek(self._fd, 0, os.SEEK_CUR)
        os.lseek(self._fd, tarball.BLOCK, os.SEEK_CUR)
        done = _core.pack(blob, self._fd, "none", None)
        if done["digest"] in self._blobs:
            # Two layers of equal bytes: one member serves both.
            os.ftruncate(self._fd, start)
            os.lseek(self._fd, start, os.SEEK_SET)
            return done
        header = tarball.header(blob_path(done["digest"]), done["size"], mode=0o644)
        if len(header) != tarball.BLOCK:
            raise UnsupportedError("a layer of more than 8 GiB cannot be written to this archive")
        os.pwrite(self._fd, header, start)
        self._write(tarball.padding(done["size"]))
        return done

    def _put_spooled(self, blob: Blob) -> dict[str, Any]:
        fd = tarball.scratch_file(None)
        try:
            done = _core.pack(blob, fd, "none", None)
            if done["digest"] not in self._blobs:
                self._put_known(_core.open_blob(fd, 0, done["size"]), done["digest"], done["size"])
        finally:
            os.close(fd)
        return done

    def _put_bytes(self, digest: str, data: bytes) -> None:
        if digest not in self._blobs:
            self.put_blob(_core.bytes_blob(data), media_type="", digest=digest, size=len(data))

    def commit(self) -> None:
        """Write `index.json`, `oci-layout` and the end mark, and give a regular file its name."""
        if self._entry is None:
            raise InvalidError("the image has no manifest yet")
        self._write(tarball.file_member("index.json", _index([self._entry]), mode=0o644))
        self._write(tarball.file_member("oci-layout", _LAYOUT_FILE, mode=0o644))
        self._write(tarball.trailer())
        if self._temporary is not None:
            os.replace(self._temporary, self.path)
            self._temporary = None

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def close(self) -> None:
        """Close the file and, without `commit`, remove what was written of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._temporary is not None:
            os.unlink(self._temporary)
            self._temporary = None
