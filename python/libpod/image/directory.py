"""`dir:`: an image as loose files, for looking at and for copies that must not change a byte.

The directory holds `manifest.json`, `version`, and each blob under the hex of its digest. A member of a manifest list
stands as `<hex>.manifest.json`. The first line of `version` is checked; a directory of another kind is refused.

Source: containers-transports(5), "dir".
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import CorruptError, InvalidError, NotFoundError, UnsupportedError
from libpod.image.descriptor import Descriptor
from libpod.image.manifest import DOCUMENT_LIMIT, check_digest_syntax, digest_of
from libpod.image.transport import COMPRESS, PRESERVE, ImageDestination, ImageSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Blob
    from libpod.image.transport import Options

_VERSION = b"Directory Transport Version: 1.1\n"
_VERSION_START = b"Directory Transport Version: "


def open_source(transport: str, rest: str, options: Options) -> ImageSource:
    """Open the directory `rest`."""
    return DirectorySource(rest)


def open_destination(transport: str, rest: str, options: Options) -> ImageDestination:
    """Open the directory `rest`; it must not exist, be empty, or hold an earlier `dir:` image."""
    return DirectoryDestination(rest, compress=options.compress)


def _hex(digest: str) -> str:
    return check_digest_syntax(digest, "blob").partition(":")[2]


class DirectorySource(ImageSource):
    """The image in a directory."""

    def __init__(self, path: str) -> None:
        self.reference = f"dir:{path}"
        self._path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def manifest(self, instance: str | None = None) -> tuple[bytes, str]:
        """Return `manifest.json`, or `<hex>.manifest.json` of a member."""
        name = "manifest.json" if instance is None else f"{_hex(instance)}.manifest.json"
        return self._open(name).read_all(DOCUMENT_LIMIT), ""

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open the file of a blob."""
        return self._open(_hex(descriptor.digest))

    def signatures(self, instance: str | None = None) -> list[bytes]:
        """Return `signature-1`, `signature-2`… as far as they go."""
        prefix = "signature-" if instance is None else f"{_hex(instance)}.signature-"
        found: list[bytes] = []
        while True:
            try:
                found.append(self._open(f"{prefix}{len(found) + 1}").read_all(DOCUMENT_LIMIT))
            except NotFoundError:
                return found

    def _open(self, name: str) -> Blob:
        from stat import S_ISREG

        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self._fd)
        except FileNotFoundError:
            raise NotFoundError(f"open {self._path}/{name}: no such file or directory", path=self._path) from None
        try:
            if not S_ISREG(os.fstat(fd).st_mode):
                raise InvalidError(f"{self._path}/{name} is not a regular file", path=self._path)
            return _core.open_blob(fd)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close the directory; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class DirectoryDestination(ImageDestination):
    """A directory that takes one image; a file appears under its name only when it is whole."""

    concurrent_blobs = True

    def __init__(self, path: str, *, compress: bool = False) -> None:
        self.reference = f"dir:{path}"
        self.layer_compression = COMPRESS if compress else PRESERVE
        self._path = path
        os.makedirs(path, exist_ok=True)
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._empty()
        except BaseException:
            self.close()
            raise

    def _empty(self) -> None:
        """Remove an earlier image of this transport, and nothing else."""
        names = os.listdir(self._fd)
        if not names:
            return
        try:
            version = os.open("version", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self._fd)
        except FileNotFoundError:
            raise InvalidError(f"{self._path} is not a directory of an image, and not empty", path=self._path) from None
        try:
            if not os.read(version, 100).startswith(_VERSION_START):
                raise UnsupportedError(f"{self._path}: a directory of an unknown version", path=self._path)
        finally:
            os.close(version)
        for name in names:
            if (
                name in ("version", "manifest.json")
                or name.endswith(".manifest.json")
                or "signature-" in name
                or (len(name) == 64 and all(char in "0123456789abcdef" for char in name))
            ):
                os.unlink(name, dir_fd=self._fd)

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether the image brought the blob before (two equal layers)."""
        try:
            found = os.stat(_hex(descriptor.digest), dir_fd=self._fd)
        except FileNotFoundError:
            return False
        return descriptor.size < 0 or found.st_size == descriptor.size

    def put_blob(self, blob: Blob, *, media_type: str, digest: str | None, size: int | None) -> Descriptor:
        """Write the blob under a temporary name, check it, and give it the name of its digest."""
        temporary = f".{os.getpid()}-{id(blob):x}.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=self._fd)
        try:
            done = _core.pack(blob, fd, "none", None)
            if digest is not None and done["digest"] != digest:
                raise CorruptError(f"blob digest mismatch: wanted {digest}, got {done['digest']}")
            os.rename(temporary, _hex(done["digest"]), src_dir_fd=self._fd, dst_dir_fd=self._fd)
        except BaseException:
            os.unlink(temporary, dir_fd=self._fd)
            raise
        finally:
            os.close(fd)
        return Descriptor(media_type, done["digest"], done["size"])

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Write `manifest.json`, or `<hex>.manifest.json` for a member of a list."""
        self._write(f"{_hex(digest_of(raw))}.manifest.json" if instance else "manifest.json", raw)

    def commit(self) -> None:
        """Write `version`, which makes the directory an image."""
        self._write("version", _VERSION)

    def _write(self, name: str, data: bytes) -> None:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644, dir_fd=self._fd)
        with os.fdopen(fd, "wb") as file:
            file.write(data)

    def close(self) -> None:
        """Close the directory; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
