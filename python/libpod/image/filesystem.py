"""Look into an image without root and without a store: its layers, config and files, from any transport.

`open_image` (exported by `libpod`) answers an `ImageView`. Its files are those a container would see: layers are merged
as overlayfs does it, whiteouts applied. Nothing is unpacked to look at a name or at one file; `extract` unpacks a path
or all of it, file by file below directory descriptors, so that nothing an image says leads outside of the target.
A layer is proven against its digest before anything in it is believed.
"""

from __future__ import annotations

import errno
import os

from libpod import _core, arguments
from libpod.errors import CorruptError, InvalidError, NotFoundError
from libpod.file import scratch_file
from libpod.image.blobs import copy_blob
from libpod.image.copy import read_image
from libpod.image.layertree import Entry, Node, components, merge, read_layer
from libpod.image.manifest import Platform
from libpod.image.transport import Closing, open_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    from libpod._core import Blob, LayerReader
    from libpod.digest import Digest
    from libpod.image.descriptor import Descriptor
    from libpod.image.transport import ImageSource, Options

#: Links that are followed in one path, as many as the kernel follows.
_LINK_LIMIT = 40

#: Files up to this size are opened in memory, larger ones as an unlinked file.
_MEMORY_LIMIT = 8 << 20

#: Largest file that `read` answers unless it is told otherwise.
_READ_LIMIT = 256 << 20

_BATCH = 4096


def open_image(reference: str, *, platform: Platform | None = None, options: Options | None = None) -> ImageView:
    """Open an image for reading, without root and without a store; the caller closes it, best with `with`.

    reference: `oci-archive:x.tar`, `docker-archive:…`, `oci:…`, `dir:…`, `docker://…` or `containers-storage:name`.
    platform: which member of an index; this machine's without it.
    Raises: InvalidError, NotFoundError, CorruptError, OSError, and what the transport raises.
    """
    reference = arguments.text("reference", reference)
    source = open_source(reference, options)
    try:
        return ImageView(source, platform or Platform())
    except BaseException:
        source.close()
        raise


class Layer:
    """One layer: descriptor (of the blob), diff_id (of the tar). `open` streams the blob as the source has it."""

    __slots__ = ("_proven", "_source", "descriptor", "diff_id")

    def __init__(self, source: ImageSource, descriptor: Descriptor, diff_id: Digest) -> None:
        self._source = source
        self._proven = False
        self.descriptor = descriptor
        self.diff_id = diff_id

    @property
    def digest(self) -> Digest:
        """Digest of the blob."""
        return self.descriptor.digest

    @property
    def size(self) -> int:
        """Length of the blob in bytes, -1 where the source does not know it."""
        return self.descriptor.size

    def open(self) -> Blob:
        """Stream the blob, compressed or not; nothing has been checked yet."""
        return self._source.blob(self.descriptor)

    def prove(self) -> None:
        """Read the blob once, unless that was done, and check its digest. Raises: CorruptError."""
        if self._proven:
            return
        try:
            self._read_whole(self.open())
        except CorruptError as error:
            if self.digest != self.diff_id:
                raise error.prefixed(f"layer {self.digest}: ") from None
            # A layer that is compressed inside a docker-archive goes by its diff id.
            self._read_whole(_core.decompress_blob(self.open()))
        self._proven = True

    def _read_whole(self, blob: Blob) -> None:
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            copy_blob(blob, null, digest=self.digest)
        finally:
            os.close(null)

    def __repr__(self) -> str:
        return f"Layer({str(self.digest)!r}, {self.size})"


class ImageView(Closing):
    """An image to look into: manifest, config, layers (base first), names that the source gives it, and its files.

    document: the config with its accessors; `config` is the whole OCI document as a dict.
    """

    def __init__(self, source: ImageSource, platform: Platform) -> None:
        self._source = source
        self.manifest, self.document, self.index = read_image(source, platform)
        self.names = list(source.names)
        given = source.layers(self.manifest, self.document)
        self.layers = [
            Layer(source, descriptor, diff_id)
            for descriptor, diff_id in zip(given, self.document.diff_ids, strict=True)
        ]
        self._tree: Node | None = None

    @property
    def id(self) -> str:
        """The image id: hex of the config's digest."""
        return self.document.digest.hex

    @property
    def config(self) -> dict[str, Any]:
        """The whole OCI image config document."""
        return self.document.value

    @property
    def digest(self) -> Digest:
        """Digest of the manifest."""
        return self.manifest.digest

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    # Looking ---------------------------------------------------------------------------------------------------------

    def walk(self, path: str | bytes = "/") -> Iterator[Entry]:
        """Go through the files below `path`, each directory before its content, names sorted.

        The first call reads all layers. Raises: NotFoundError, CorruptError.
        """
        parts, node = self._resolve(path, follow=True)
        yield from node.walk(b"".join(b"/" + part for part in parts))

    def stat(self, path: str | bytes, *, follow: bool = True) -> Entry:
        """Describe the file at `path`, links followed inside the image. Raises: NotFoundError."""
        parts, node = self._resolve(path, follow=follow)
        return node.entry or Entry(b"/" + b"/".join(parts), "directory", 0o755, -1, -1)

    def exists(self, path: str | bytes) -> bool:
        """Say whether `path` leads to something."""
        try:
            self._resolve(path, follow=True)
        except NotFoundError:
            return False
        return True

    def open(self, path: str | bytes) -> BinaryIO:
        """Open a regular file for reading, seekable, links followed inside the image; the caller closes it.

        Raises: NotFoundError, InvalidError (not a regular file).
        """
        entry, reader = self._reader(path)
        small = entry.size <= _MEMORY_LIMIT
        fd = os.memfd_create("libpod-file", os.MFD_CLOEXEC) if small else scratch_file(None)
        try:
            reader.copy_to(fd)
            os.lseek(fd, 0, os.SEEK_SET)
        except BaseException:
            os.close(fd)
            raise
        return os.fdopen(fd, "rb")

    def read(self, path: str | bytes, *, limit: int = _READ_LIMIT) -> bytes:
        """Read a regular file whole. Raises: NotFoundError, InvalidError (not a regular file, larger than `limit`)."""
        return self._reader(path)[1].read(limit)

    def _reader(self, path: str | bytes) -> tuple[Entry, LayerReader]:
        """Return the entry at `path` and a reader that stands at its content."""
        entry = self.stat(path)
        if entry.kind != "file":
            reason = errno.EISDIR if entry.kind == "directory" else errno.EINVAL
            raise InvalidError(f"{_text(path)}: not a regular file but a {entry.kind}", path=_text(path), errno=reason)
        reader, left = _core.walk_layer(self.layers[entry.layer].open()), entry.ordinal + 1
        while left > 0:
            passed = len(reader.batch(min(left, _BATCH)))
            if not passed:
                raise CorruptError(f"{_text(path)}: the layer changed while the image was open", path=_text(path))
            left -= passed
        return entry, reader

    def _files(self) -> Node:
        if self._tree is None:
            root = Node()
            root.children = {}
            for place, layer in enumerate(self.layers):
                layer.prove()
                merge(root, read_layer(layer.open(), place))
            self._tree = root
        return self._tree

    def _resolve(self, path: str | bytes, *, follow: bool) -> tuple[list[bytes], Node]:
        """Walk to a name inside the image; `..` stops at the root. Returns the real path and the node."""
        parts: list[bytes] = []
        nodes = [self._files()]
        waiting, links = _split(path), 0
        while waiting:
            part = waiting.pop()
            if part == b"..":
                if parts:
                    parts.pop()
                    nodes.pop()
                continue
            node = (nodes[-1].children or {}).get(part)
            if node is None:
                raise NotFoundError(f"{_text(path)}: no such file in the image", path=_text(path), errno=errno.ENOENT)
            if node.entry is not None and node.entry.kind == "symlink" and (waiting or follow):
                links += 1
                if links > _LINK_LIMIT:
                    raise InvalidError(
                        f"{_text(path)}: too many levels of symbolic links", path=_text(path), errno=errno.ELOOP
                    )
                target = node.entry.link_bytes or b""
                if target.startswith(b"/"):
                    parts.clear()
                    del nodes[1:]
                waiting.extend(_split(target))
                continue
            parts.append(part)
            nodes.append(node)
        return parts, nodes[-1]

    # Unpacking -------------------------------------------------------------------------------------------------------

    def extract(
        self, path: str | bytes = "/", dest: str | os.PathLike[str] = ".", *, owner: bool = False, devices: bool = False
    ) -> None:
        """Unpack `path` and what is below it into the directory `dest`, which is made where it is missing.

        `/` unpacks into `dest` itself, any other path to its last component there. owner: set owners, which needs
        root; without it files belong to the caller and lose setuid and setgid. devices: make device nodes. Each layer
        is proven while it is unpacked; on an error `dest` may hold a part.
        Raises: NotFoundError, CorruptError, UnsafePathError, OSError.
        """
        target = os.fspath(dest)
        os.makedirs(target, exist_ok=True)
        fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            parts = components(_bytes(path)) or []
            if parts and not self._has_literally(parts):
                parts = self._resolve(path, follow=False)[0]
            self._unpack(b"/".join(parts), fd, owner=owner, devices=devices)
        finally:
            os.close(fd)

    def _has_literally(self, parts: list[bytes]) -> bool:
        """Say whether no link has to be followed to get to a name; only then the layers know it by that name."""
        node = self._files()
        for part in parts:
            child = (node.children or {}).get(part)
            if child is None:
                return False
            node = child
        return True

    def _unpack(self, select: bytes, fd: int, *, owner: bool, devices: bool) -> None:
        missing: list[tuple[bytes, bytes]] = []
        for layer in self.layers:
            done = _core.extract_layer(layer.open(), fd, select=select, owner=owner, devices=devices)
            if done["diff_id"] != layer.diff_id:
                raise CorruptError(f"layer {layer.digest}: diff id mismatch: got {done['diff_id']}")
            missing += done["unresolved"]
        for name, link in missing:
            self._copy_linked(fd, name, link)

    def _copy_linked(self, fd: int, name: bytes, link: bytes) -> None:
        """Make a file whose hard link target was not selected: a copy, in a directory reached without any link."""
        try:
            entry, reader = self._reader(b"/" + link)
        except NotFoundError:
            # A higher layer removed the target, and with it may have gone this name.
            return
        parts = components(name) or []
        directory = os.dup(fd)
        try:
            for part in parts[:-1]:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(part, flags, dir_fd=directory)
                os.close(directory)
                directory = below
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(parts[-1], flags, 0o600, dir_fd=directory)
            try:
                reader.copy_to(file)
                os.fchmod(file, entry.mode & 0o1777)
                os.utime(file, ns=(entry.mtime_ns, entry.mtime_ns))
            finally:
                os.close(file)
        except FileExistsError:
            # A higher layer brought a file of its own under this name.
            return
        finally:
            os.close(directory)


def _bytes(path: str | bytes) -> bytes:
    return path if isinstance(path, bytes) else os.fsencode(path)


def _text(path: str | bytes) -> str:
    return os.fsdecode(path)


def _split(path: str | bytes) -> list[bytes]:
    """Split a path into components, the first one last; `..` is kept."""
    return [part for part in reversed(_bytes(path).split(b"/")) if part not in (b"", b".")]
