"""`dir:`: an image as loose files, for looking at and for copies that must not change a byte.

The directory holds `manifest.json`, `version`, and each blob under the hex of its digest. A member of a manifest list
stands as `<hex>.manifest.json`. The first line of `version` is checked; a directory of another kind is refused.

Source: containers-transports(5), "dir".
"""

from __future__ import annotations

import os

from libpod.digest import LENGTHS, Digest
from libpod.errors import InvalidError, NotFoundError, UnsupportedError
from libpod.file import make_directories, remove_directories
from libpod.image.descriptor import Descriptor
from libpod.image.held import HeldDirectory
from libpod.image.manifest import DOCUMENT_LIMIT
from libpod.image.transport import COMPRESS, PRESERVE, ImageDestination, ImageSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Blob
    from libpod.image.location import Location
    from libpod.image.transport import Options

_VERSION = b"Directory Transport Version: 1.1\n"
_VERSION_START = b"Directory Transport Version: "


def open_source(location: Location, options: Options) -> ImageSource:
    """Open the directory."""
    return DirectorySource(location.path)


def open_destination(location: Location, options: Options) -> ImageDestination:
    """Open the directory; it must not exist, be empty, or hold an earlier `dir:` image."""
    return DirectoryDestination(location.path, compress=options.compress)


class DirectorySource(ImageSource):
    """The image in a directory."""

    def __init__(self, path: str) -> None:
        self.reference = f"dir:{path}"
        self._directory = HeldDirectory(path)

    def manifest(self, instance: Digest | None = None) -> tuple[bytes, str]:
        """Return `manifest.json`, or `<hex>.manifest.json` of a member."""
        name = "manifest.json" if instance is None else f"{instance.hex}.manifest.json"
        return self._directory.read(name, DOCUMENT_LIMIT), ""

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open the file of a blob."""
        return self._directory.blob(descriptor.digest.hex)

    def signatures(self, instance: Digest | None = None) -> list[bytes]:
        """Return `signature-1`, `signature-2`… as far as they go."""
        prefix = "signature-" if instance is None else f"{instance.hex}.signature-"
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
    """A directory that takes one image. An earlier image there stands until the new one is whole."""

    concurrent_blobs = True

    def __init__(self, path: str, *, compress: bool = False) -> None:
        self.reference = f"dir:{path}"
        self.layer_compression = COMPRESS if compress else PRESERVE
        self._path = path
        self._manifest: bytes | None = None
        self._put: set[str] = set()
        self._committed = False
        self._made = make_directories(path)
        self._directory = HeldDirectory(path)
        try:
            self._old = self._earlier_image()
            if not self._old:
                # From here on it is a directory of this transport, also after an end in the middle.
                self._write("version", _VERSION)
        except BaseException:
            self._directory.close()
            remove_directories(self._made)
            raise

    def _earlier_image(self) -> set[str]:
        """List the files of an earlier image of this transport. Raises: InvalidError, UnsupportedError for other files."""
        names = os.listdir(self._directory.fd)
        if not names:
            return set()
        try:
            version = self._directory.read("version", 100)
        except NotFoundError:
            raise InvalidError(f"{self._path} is not a directory of an image, and not empty", path=self._path) from None
        if not version.startswith(_VERSION_START):
            raise UnsupportedError(f"{self._path}: a directory of an unknown version", path=self._path)
        return {"version", *filter(_is_of_image, names)}

    def _write(self, name: str, data: bytes) -> None:
        self._directory.replace(name, data)
        self._put.add(name)

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether the image brought the blob before (two equal layers)."""
        name = descriptor.digest.hex
        return name in self._put and self._directory.has(name, descriptor.size)

    def put_blob(self, blob: Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        """Write the blob, check it, and give it the name of its digest."""
        written, length = self._directory.put(blob, lambda found: found.hex, digest=digest, size=None)
        self._put.add(written.hex)
        return Descriptor(media_type, written, length)

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Keep the manifest until `commit`, or write `<hex>.manifest.json` for a member of a list."""
        if instance:
            self._write(f"{Digest.of(raw).hex}.manifest.json", raw)
        else:
            self._manifest = raw

    def commit(self) -> None:
        """Write `manifest.json`, which makes the directory hold the image, and remove what is left of an earlier one."""
        if self._manifest is None:
            raise InvalidError("the image has no manifest yet")
        if "manifest.json" in self._old:
            # The old image must not be lost for a new one that a loss of power takes away.
            self._directory.sync(sorted(self._put))
        self._write("version", _VERSION)
        self._write("manifest.json", self._manifest)
        self._committed = True
        self._directory.remove(sorted(self._old - self._put))

    def close(self) -> None:
        """Close the directory; without `commit` it is as it was. A second call does nothing."""
        if self._directory.fd < 0:
            return
        if not self._committed:
            self._directory.remove(sorted(self._put - self._old))
        self._directory.close()
        if not self._committed:
            remove_directories(self._made)


def _is_of_image(name: str) -> bool:
    """Say whether a file of a `dir:` directory belongs to the image, by its name."""
    is_blob = len(name) in LENGTHS.values() and all(char in "0123456789abcdef" for char in name)
    return is_blob or name == "manifest.json" or name.endswith(".manifest.json") or "signature-" in name
