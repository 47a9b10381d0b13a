"""The outer tar of an image archive, for reading: where each member lies in the file. `tarwriter` writes one.

`Tarball(fd)` walks the headers of a seekable, uncompressed file once and skips the bodies, so that a layer of a
gigabyte costs one seek and is later read in place. `seekable` first turns whatever the user gave (a pipe, a
compressed file) into such a file. The tar *inside* a layer is none of this module's business: that is `rust/layer`.
Member names are only keys to look up; nothing here creates a file of such a name.
"""

from __future__ import annotations

import os
from errno import EISDIR

from libpod import _core
from libpod.errors import CorruptError, InvalidError
from libpod.file import scratch_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Blob

BLOCK = 512

#: An archive of an image has a few members per layer; a million headers is an attack on memory.
MEMBER_LIMIT = 100_000

#: Longest PAX or GNU extension record that is read into memory.
EXTENSION_LIMIT = 1 << 20

#: Links that are followed from one member name to another before it counts as a cycle.
LINK_LIMIT = 16

_MAGICS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


class Member:
    """One member: kind is "file", "link" (hard or symbolic, with `target` as a member name) or "other"."""

    __slots__ = ("kind", "name", "offset", "size", "target")

    def __init__(self, name: str, kind: str, offset: int, size: int, target: str = "") -> None:
        self.name = name
        self.kind = kind
        self.offset = offset
        self.size = size
        self.target = target


class Tarball:
    """Members of an uncompressed tar by their cleaned names. The descriptor is kept open and closed by `close`."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path
        self.members: dict[str, Member] = {}
        for member in _walk(fd, path):
            if len(self.members) >= MEMBER_LIMIT:
                raise InvalidError(f"{path}: more than {MEMBER_LIMIT} members", path=path)
            # As with tar itself, the last member of a name wins.
            self.members[member.name] = member
        if not self.members:
            reason = "not a tar archive, or one without files" if os.fstat(fd).st_size else "the file is empty"
            raise CorruptError(f"{path}: {reason}", path=path)

    def find(self, name: str) -> Member | None:
        """Return the regular file of that name, through links inside the archive; None where there is none.

        A link whose target lies outside of the archive finds nothing, as no member can have such a name.
        """
        member = self.members.get(clean(name))
        for _ in range(LINK_LIMIT):
            if member is None or member.kind == "file":
                return member
            if member.kind != "link":
                return None
            member = self.members.get(member.target)
        raise CorruptError(f"{self.path}: too many links at {name!r}", path=self.path)

    def require(self, name: str) -> Member:
        """Return the regular file of that name. Raises: CorruptError naming it where it is missing."""
        member = self.find(name)
        if member is None:
            raise CorruptError(f"{self.path}: {name!r} is not in the archive", path=self.path)
        return member

    def read(self, name: str, limit: int) -> bytes:
        """Read a small member whole. Raises: CorruptError (missing), InvalidError (larger than limit)."""
        member = self.require(name)
        if member.size > limit:
            raise InvalidError(
                f"{self.path}: {name!r} has {member.size} bytes, more than the limit of {limit}", path=self.path
            )
        return _pread(self.fd, member.size, member.offset, self.path)

    def blob(self, member: Member) -> Blob:
        """Open the member's bytes in place."""
        return _core.open_blob(self.fd, member.offset, member.size)

    def is_compressed(self, member: Member) -> bool:
        """Say whether the member starts as a compressed stream does."""
        head = os.pread(self.fd, min(6, member.size), member.offset)
        return head.startswith(_MAGICS)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def clean(name: str) -> str:
    """Normalise a member name as a key: no `.`, no empty components; one that leaves the archive keeps its `..`."""
    path = os.path.normpath(name.lstrip("/")) if name else ""
    return "" if path == "." else path


def seekable(fd: int, spool_dir: str | None, path: str) -> int:
    """Return a new descriptor of the same archive that is seekable and uncompressed; the caller keeps `fd`.

    path: what the user calls the file. Input that is neither is spooled to an unlinked file in `spool_dir` (or $TMPDIR, /var/tmp), which vanishes with
    its descriptor.
    """
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        head = os.pread(fd, 6, 0)
    except OSError as error:
        if error.errno == EISDIR:
            raise OSError(error.errno, error.strerror, path) from None
        return _spool(_core.open_stream(fd), spool_dir)
    if head.startswith(_MAGICS):
        return _spool(_core.open_blob(fd), spool_dir)
    return os.dup(fd)


def _spool(blob: Blob, spool_dir: str | None) -> int:
    fd = scratch_file(spool_dir)
    try:
        _core.unpack_to(blob, fd)
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd


# Reading ------------------------------------------------------------------------------------------------------------


def _pread(fd: int, size: int, offset: int, path: str) -> bytes:
    parts = []
    while size > 0:
        part = os.pread(fd, size, offset)
        if not part:
            raise CorruptError(f"{path}: the archive is truncated", path=path)
        parts.append(part)
        size -= len(part)
        offset += len(part)
    return b"".join(parts)


def _walk(fd: int, path: str) -> list[Member]:
    """List the members in file order, extension headers applied. Raises: CorruptError."""
    length = os.fstat(fd).st_size
    offset, members, extension = 0, [], _Extension()
    while offset + BLOCK <= length:
        header = _pread(fd, BLOCK, offset, path)
        if not header.strip(b"\0"):
            break
        _check_header(header, path)
        kind = header[156:157]
        if kind in b"xgLK":
            size = _number(header[124:136], path)
            if size > EXTENSION_LIMIT:
                raise InvalidError(f"{path}: an extension header of {size} bytes", path=path)
            extension.read(kind, _pread(fd, size, offset + BLOCK, path), path)
        else:
            member = _member(header, offset + BLOCK, extension, path)
            size, extension = member.size, _Extension()
            if member.offset + size > length:
                raise CorruptError(f"{path}: the archive is truncated in {member.name!r}", path=path)
            members.append(member)
            if len(members) > MEMBER_LIMIT:
                break
        offset += BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
    return members


def _check_header(header: bytes, path: str) -> None:
    stated = _number(header[148:156], path)
    blanked = header[:148] + b" " * 8 + header[156:]
    if sum(blanked) != stated:
        raise CorruptError(f"{path}: not a tar archive, or a damaged one (header checksum)", path=path)


def _number(field: bytes, path: str) -> int:
    """Read an octal or base-256 number of a header."""
    if field[0] & 0x80:
        if field[0] == 0xFF:
            raise CorruptError(f"{path}: a negative number in a tar header", path=path)
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    text = field.strip(b"\0 ")
    if not text:
        return 0
    try:
        return int(text, 8)
    except ValueError:
        raise CorruptError(f"{path}: a bad number in a tar header", path=path) from None


class _Extension:
    """What GNU and PAX headers say about the next member."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.link: str | None = None
        self.size: int | None = None

    def read(self, kind: bytes, body: bytes, path: str) -> None:
        if kind == b"L":
            self.name = _text(body)
        elif kind == b"K":
            self.link = _text(body)
        elif kind == b"x":
            self._read_pax(body, path)

    def _read_pax(self, body: bytes, path: str) -> None:
        """Read records of `<length> <key>=<value>` and a newline; keys that do not matter here are passed over."""
        place = 0
        while place < len(body) and body[place] != 0:
            space = body.find(b" ", place, place + 12)
            length = int(body[place:space]) if space > 0 and body[place:space].isdigit() else 0
            record = body[space + 1 : place + length]
            if length < 5 or place + length > len(body) or not record.endswith(b"\n"):
                raise CorruptError(f"{path}: a malformed PAX record", path=path)
            key, _, value = record[:-1].partition(b"=")
            if key == b"path":
                self.name = _text(value)
            elif key == b"linkpath":
                self.link = _text(value)
            elif key == b"size":
                if not value.isdigit() or len(value) > 19:
                    raise CorruptError(f"{path}: a malformed PAX size", path=path)
                self.size = int(value)
            place += length


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _member(header: bytes, offset: int, extension: _Extension, path: str) -> Member:
    name = extension.name
    if name is None:
        name = _text(header[:100])
        prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
        name = f"{prefix}/{name}" if prefix else name
    link = extension.link if extension.link is not None else _text(header[157:257])
    size = extension.size if extension.size is not None else _number(header[124:136], path)
    kind, key = header[156:157], clean(name)
    if kind in (b"0", b"\0", b"7"):
        return Member(key, "file", offset, size)
    if kind == b"1":
        return Member(key, "link", offset, 0, clean(link))
    if kind == b"2":
        return Member(key, "link", offset, 0, clean(os.path.join(os.path.dirname(key), link)))
    # Directories, devices and fifos have no body, whatever their size field says.
    return Member(key, "other", offset, 0 if kind in b"3456" else size)
