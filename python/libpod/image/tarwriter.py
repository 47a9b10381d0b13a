"""The outer tar of an image archive, for writing: members one after the other into a file, a pipe or a device.

`TarWriter` serves both kinds of archive. A tar names a member and its size before its bytes. When both follow from the
bytes, as with a layer that is compressed on its way, the header of a file is filled in afterwards; elsewhere the member is
kept in an unlinked file until it is whole. Equal members give equal archives: no times, no owners.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import InvalidError
from libpod.file import OutputFile, scratch_file
from libpod.image.blobs import copy_blob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from libpod._core import Blob
    from libpod.digest import Digest

BLOCK = 512

#: Most bytes of a name in a header.
_NAME_LIMIT = 100

#: The largest size that the digits of a header's field can say.
_DIGITS_LIMIT = 8 << 30


class TarWriter:
    """One archive in the making. mode: of the files in it. `finish` makes it be the file that the user named.

    Errors of the file name it as the user wrote it.
    """

    def __init__(self, output: OutputFile, *, mode: int = 0o444) -> None:
        self.name = output.name
        self._output = output
        self._mode = mode

    def add_bytes(self, name: str, data: bytes) -> None:
        """Write a small file whole."""
        self._output.write(header(name, len(data), mode=self._mode) + data + padding(len(data)))

    def add_directory(self, name: str) -> None:
        """Write a directory; its name ends in `/`."""
        self._output.write(header(name, 0, mode=0o755, kind="5"))

    def add_link(self, name: str, target: str) -> None:
        """Write a symbolic link."""
        self._output.write(header(name, 0, mode=0, kind="2", link=target))

    def add_blob(
        self,
        blob: Blob,
        name_of: Callable[[Digest], str],
        *,
        digest: Digest | None,
        size: int | None,
        present: Container[Digest],
    ) -> tuple[Digest, int]:
        """Write a blob under the name that follows from its digest, and return that and its size.

        digest, size: what is known beforehand. present: digests of what is in the archive; one of them is not written again.
        Raises: CorruptError when digest or size are others than was said, OSError.
        """
        if digest is not None and size is not None:
            self._add_known(blob, name_of, digest, size)
            return digest, size
        if self._output.is_own_file:
            return self._add_patched(blob, name_of, digest, size, present)
        return self._add_spooled(blob, name_of, digest, size, present)

    def _add_known(self, blob: Blob, name_of: Callable[[Digest], str], digest: Digest, size: int) -> None:
        self._output.write(header(name_of(digest), size, mode=self._mode))
        copy_blob(blob, self._output.fd, digest=digest, size=size, name=self.name)
        self._output.write(padding(size))

    def _add_patched(
        self,
        blob: Blob,
        name_of: Callable[[Digest], str],
        digest: Digest | None,
        size: int | None,
        present: Container[Digest],
    ) -> tuple[Digest, int]:
        fd = self._output.fd
        start = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, BLOCK, os.SEEK_CUR)
        written, length = copy_blob(blob, fd, digest=digest, size=size, name=self.name)
        if written in present:
            os.ftruncate(fd, start)
            os.lseek(fd, start, os.SEEK_SET)
            return written, length
        os.pwrite(fd, short_header(name_of(written), length, mode=self._mode), start)
        self._output.write(padding(length))
        return written, length

    def _add_spooled(
        self,
        blob: Blob,
        name_of: Callable[[Digest], str],
        digest: Digest | None,
        size: int | None,
        present: Container[Digest],
    ) -> tuple[Digest, int]:
        fd = scratch_file(None)
        try:
            written, length = copy_blob(blob, fd, digest=digest, size=size)
            if written not in present:
                self._add_known(_core.open_blob(fd, 0, length), name_of, written, length)
        finally:
            os.close(fd)
        return written, length

    def finish(self) -> None:
        """Write the end mark, and make the archive be the file of its name."""
        self._output.write(trailer())
        self._output.finish()

    def close(self) -> None:
        """Close the file; without `finish`, nothing of it stays."""
        self._output.close()


# Headers ------------------------------------------------------------------------------------------------------------


def header(name: str, size: int, *, mode: int = 0o444, kind: str = "0", link: str = "") -> bytes:
    """Return the ustar header of a member, preceded by a PAX header when a name or the size does not fit.

    kind: "0" file, "2" symbolic link, "5" directory. Owner is 0:0 without names, and there are no times: equal
    members give equal archives.
    """
    records = b""
    for key, text in (("path", name), ("linkpath", link)):
        if len(text.encode()) > _NAME_LIMIT:
            records += _record(key, text)
    shown = size
    if size >= _DIGITS_LIMIT:
        records, shown = records + _record("size", str(size)), 0
    if not records:
        return _raw_header(name, size, mode, kind, link)
    extension = _raw_header("PaxHeaders.0/" + name[-80:], len(records), 0, "x", "") + records + padding(len(records))
    return extension + _raw_header(name[:_NAME_LIMIT], shown, mode, kind, link[:_NAME_LIMIT])


def _record(key: str, value: str) -> bytes:
    """Return a record of a PAX header. It begins with its own length."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return str(length).encode() + rest


def short_header(name: str, size: int, *, mode: int) -> bytes:
    """Return the header of a file in one block, whatever its size: a large one as the binary number that GNU tar writes.

    Raises: InvalidError for a name over 100 bytes.
    """
    if len(name.encode()) > _NAME_LIMIT:
        raise InvalidError(f"{name!r} is too long a name for an archive")
    return _raw_header(name, size, mode, "0", "")


def _raw_header(name: str, size: int, mode: int, kind: str, link: str) -> bytes:
    def text(value: str, width: int) -> bytes:
        return value.encode().ljust(width, b"\0")

    def number(value: int, width: int) -> bytes:
        if value >= 8 ** (width - 1):
            return b"\x80" + value.to_bytes(width - 1, "big")
        return f"{value:0{width - 1}o}".encode() + b"\0"

    start = text(name, 100) + number(mode, 8) + number(0, 8) + number(0, 8) + number(size, 12) + number(0, 12)
    end = kind.encode() + text(link, 100) + b"ustar\x0000" + bytes(64) + number(0, 8) + number(0, 8) + bytes(167)
    checksum = sum(start) + 8 * 32 + sum(end)
    return start + f"{checksum:06o}\0 ".encode() + end


def padding(size: int) -> bytes:
    """Return the zero bytes that follow a body of `size` bytes."""
    return bytes(-size % BLOCK)


def trailer() -> bytes:
    """Return the end-of-archive mark."""
    return bytes(2 * BLOCK)
