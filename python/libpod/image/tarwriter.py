"""The outer tar of an image archive, for writing: members one after the other into a file, a pipe or a device.

`TarWriter` serves both kinds of archive. A tar names a member and its size before its bytes. When both follow from the
bytes, as with a layer that is compressed on its way, the header of a file is filled in afterwards; elsewhere the member is
kept in an unlinked file until it is whole. Equal members give equal archives: no times, no owners.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import CorruptError, InvalidError
from libpod.file import OutputFile, scratch_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from typing import Any

    from libpod._core import Blob

BLOCK = 512

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
        name_of: Callable[[str], str],
        *,
        digest: str | None,
        size: int | None,
        present: Container[str],
    ) -> dict[str, Any]:
        """Write a blob under the name that follows from its digest, and return its `digest` and `size`.

        digest, size: what is known beforehand. present: digests of what is in the archive; one of them is not written again.
        Raises: CorruptError when digest or size are others than was said, OSError.
        """
        if digest is not None and size is not None and size >= 0:
            done = self._add_known(blob, name_of(digest), size)
        elif self._output.is_own_file:
            done = self._add_patched(blob, name_of, present)
        else:
            done = self._add_spooled(blob, name_of, present)
        check_sums(done, digest, size)
        return done

    def _pack(self, blob: Blob) -> dict[str, Any]:
        return _core.pack(blob, self._output.fd, "none", None, name=self.name)

    def _add_known(self, blob: Blob, name: str, size: int) -> dict[str, Any]:
        self._output.write(header(name, size, mode=self._mode))
        done = self._pack(blob)
        self._output.write(padding(done["size"]))
        return done

    def _add_patched(self, blob: Blob, name_of: Callable[[str], str], present: Container[str]) -> dict[str, Any]:
        fd = self._output.fd
        start = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, BLOCK, os.SEEK_CUR)
        done = self._pack(blob)
        if done["digest"] in present:
            os.ftruncate(fd, start)
            os.lseek(fd, start, os.SEEK_SET)
            return done
        os.pwrite(fd, short_header(name_of(done["digest"]), done["size"], mode=self._mode), start)
        self._output.write(padding(done["size"]))
        return done

    def _add_spooled(self, blob: Blob, name_of: Callable[[str], str], present: Container[str]) -> dict[str, Any]:
        fd = scratch_file(None)
        try:
            done = _core.pack(blob, fd, "none", None)
            if done["digest"] not in present:
                self._add_known(_core.open_blob(fd, 0, done["size"]), name_of(done["digest"]), done["size"])
        finally:
            os.close(fd)
        return done

    def finish(self) -> None:
        """Write the end mark, and make the archive be the file of its name."""
        self._output.write(trailer())
        self._output.finish()

    def close(self) -> None:
        """Close the file; without `finish`, nothing of it stays."""
        self._output.close()


def check_sums(done: dict[str, Any], digest: str | None, size: int | None) -> None:
    """Compare what was written of a blob with what was promised, as far as it was."""
    if digest is not None and done["digest"] != digest:
        raise CorruptError(f"blob digest mismatch: wanted {digest}, got {done['digest']}")
    if size is not None and size >= 0 and done["size"] != size:
        raise CorruptError(f"blob {done['digest']} has {done['size']} bytes, not {size}")


# Headers ------------------------------------------------------------------------------------------------------------


def header(name: str, size: int, *, mode: int = 0o444, kind: str = "0", link: str = "") -> bytes:
    """Return the ustar header of a member, preceded by a PAX header when a number does not fit.

    kind: "0" file, "2" symbolic link, "5" directory. Owner is 0:0 without names, and there are no times: equal
    members give equal archives. Raises: InvalidError for a name over 100 bytes.
    """
    _check_names(name, link)
    if size < _DIGITS_LIMIT:
        return _raw_header(name, size, mode, kind, link)
    record = f"size={size}\n"
    length = len(record) + 3
    text = f"{length} {record}".encode()
    extension = _raw_header("PaxHeaders.0/" + name[-80:], length, 0, "x", "") + text + padding(len(text))
    return extension + _raw_header(name, 0, mode, kind, link)


def short_header(name: str, size: int, *, mode: int) -> bytes:
    """Return the header of a file in one block, whatever its size: a large one as the binary number that GNU tar writes."""
    _check_names(name, "")
    return _raw_header(name, size, mode, "0", "")


def _check_names(name: str, link: str) -> None:
    if len(name.encode()) > 100 or len(link.encode()) > 100:
        raise InvalidError(f"{name!r} is too long a name for an archive")


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
