"""`dir:`: an image as loose files, for looking at and for copies that must not change a byte.

The directory holds `manifest.json`, `version`, and each blob under the hex of its digest. A member of a manifest list
stands as `<hex>.manifest.json`. The first line of `version` is checked; a directory of another kind is refused.

Source: containers-transports(5), "dir".
"""

from __future__ import annotations

import os

from libpod.errors import InvalidError, NotFoundError, UnsupportedError
from libpod.image.descriptor import Descriptor
from libpod.image.held import HeldDirectory
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
        self._directory = HeldDirectory(path)

    def manifest(self, instance: str | None = None) -> tuple[bytes, str]:
        """Return `manifest.json`, or `<hex>.manifest.json` of a member."""
        name = "manifest.json" if instance is None else f"{_hex(instance)}.manifest.json"
        return self._directory.read(name, DOCUMENT_LIMIT), ""

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open the file of a blob."""
        return self._directory.blob(_hex(descriptor.digest))

    def signatures(self, instance: str | None = None) -> list[bytes]:
        """Return `signature-1`, `signature-2`… as far as they go."""
        prefix = "signature-" if instance is None else f"{_hex(instance)}.signature-"
        found: list[bytes] = []
        while True:
            try:
                found.append(self._directory.read(f"{prefix}{len(found) + 1}", DOCUMENT_LIMIT))
            except NotFoundError:
                return found

    def close(self) -> None:
        """Close the directory; a second call does nothing."""
        self._directory.close()


class DirectoryDestination(ImageDestination):
    """A directory that takes one image; a file appears under its name only when it is whole."""

    concurrent_blobs = True

    def __init__(self, path: str, *, compress: bool = False) -> None:
        self.reference = f"dir:{path}"
        self.layer_compression = COMPRESS if compress else PRESERVE
        self._path = path
        os.makedirs(path, exist_ok=True)
        self._directory = HeldDirectory(path)
        try:
            self._empty()
            # From here on it is a directory of this transport, also for who tries again after an end in the middle.
            self._directory.replace("version", _VERSION)
        except BaseException:
            self.close()
            raise

    def _empty(self) -> None:
        """Remove an earlier image of this transport, and nothing else."""
        names = os.listdir(self._directory.fd)
        if not names:
            return
        try:
            version = os.open("version", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self._directory.fd)
        except FileNotFoundError:
            raise InvalidError(f"{self._path} is not a directory of an image, and not empty", path=self._path) from None
        try:
            if not os.read(version, 100).startswith(_VERSION_START):
                raise UnsupportedError(f"{self._path}: a directory of an unknown version", path=self._path)
        finally:
            os.close(version)
        for name in names:
            if (
                name == "manifest.json"
                or name.endswith(".manifest.json")
                or "signature-" in name
                or (len(name) == 64 and all(char in "0123456789abcdef" for char in name))
            ):
                os.unlink(name, dir_fd=self._directory.fd)

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether the image brought the blob before (two equal layers)."""
        return self._directory.has(_hex(descriptor.digest), descriptor.size)

    def put_blob(self, blob: Blob, *, media_type: str, digest: str | None, size: int | None) -> Descriptor:
        """Write the blob under a temporary name, check it, and give it the name of its digest."""
        done = self._directory.put(blob, _hex, digest=digest, size=None)
        return Descriptor(media_type, done["digest"], done["size"])

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Write `manifest.json`, or `<hex>.manifest.json` for a member of a list."""
        self._directory.replace(f"{_hex(digest_of(raw))}.manifest.json" if instance else "manifest.json", raw)

    def commit(self) -> None:
        """Nothing is left to do: `manifest.json`, which was put last, makes the directory an image."""

    def close(self) -> None:
        """Close the directory; a second call does nothing."""
        self._directory.close()
