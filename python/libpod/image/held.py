"""A directory of an image that is held open: what the transports `dir:` and `oci:` do with files, reading and writing."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from threading import Lock

from libpod import _core
from libpod.errors import CorruptError, InvalidError, NotFoundError
from libpod.image.transport import Closing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from libpod._core import Blob


class HeldDirectory(Closing):
    """Files below a directory, reached by its descriptor and not by its path. Names are relative to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        # Held for a system call or two: a file that is being made is known to who closes.
        self._lock = Lock()
        self._unfinished: set[str] = set()

    def read(self, name: str, limit: int) -> bytes:
        """Read a small file whole."""
        return self.blob(name).read_all(limit)

    def blob(self, name: str) -> Blob:
        """Open a file; a fifo or a device under the name is refused, it could block or never end."""
        from stat import S_ISREG

        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self.fd)
        except FileNotFoundError:
            raise NotFoundError(f"open {self.path}/{name}: no such file or directory", path=self.path) from None
        try:
            if not S_ISREG(os.fstat(fd).st_mode):
                raise InvalidError(f"{self.path}/{name} is not a regular file", path=self.path)
            return _core.open_blob(fd)
        finally:
            os.close(fd)

    def has(self, name: str, size: int) -> bool:
        """Say whether a file is there, of `size` where that is not negative."""
        try:
            found = os.stat(name, dir_fd=self.fd)
        except FileNotFoundError:
            return False
        return size < 0 or found.st_size == size

    def put(
        self, blob: Blob, name_of: Callable[[str], str], *, below: str = "", digest: str | None, size: int | None
    ) -> dict[str, Any]:
        """Write a blob under a temporary name in `below`, check it, and give it the name of its digest; return its sums."""
        temporary = f"{below}.{os.getpid()}-{id(blob):x}.tmp"
        with self._replacing(temporary, os.O_EXCL) as fd:
            done = _core.pack(blob, fd, "none", None)
            check_sums(done, digest, size)
            os.rename(temporary, name_of(done["digest"]), src_dir_fd=self.fd, dst_dir_fd=self.fd)
        return done

    def replace(self, name: str, data: bytes) -> None:
        """Write a small file, in place of one of that name."""
        temporary = f".{name}.{os.getpid()}.tmp"
        with self._replacing(temporary, os.O_TRUNC) as fd:
            with open(fd, "wb", closefd=False) as file:
                file.write(data)
            os.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    @contextmanager
    def _replacing(self, temporary: str, how: int) -> Iterator[int]:
        """Make a file that is renamed inside the block, or removed after it where the block fails.

        how: O_EXCL, or O_TRUNC for a name that a dead process may have left.
        """
        with self._lock:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | how | os.O_CLOEXEC, 0o644, dir_fd=self.fd)
            self._unfinished.add(temporary)
        try:
            yield fd
            self._unfinished.discard(temporary)
        except BaseException:
            self._remove(temporary)
            raise
        finally:
            os.close(fd)

    def _remove(self, temporary: str) -> None:
        self._unfinished.discard(temporary)
        # Renamed or removed by the other thread meanwhile: then it is finished.
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=self.fd)

    def close(self) -> None:
        """Close the directory, and remove what another thread is still writing; a second call does nothing."""
        with self._lock:
            if self.fd >= 0:
                for temporary in list(self._unfinished):
                    self._remove(temporary)
                os.close(self.fd)
                self.fd = -1


def check_sums(done: dict[str, Any], digest: str | None, size: int | None) -> None:
    """Compare what was written of a blob with what was promised, as far as it was."""
    if digest is not None and done["digest"] != digest:
        raise CorruptError(f"blob digest mismatch: wanted {digest}, got {done['digest']}")
    if size is not None and size >= 0 and done["size"] != size:
        raise CorruptError(f"blob {done['digest']} has {done['size']} bytes, not {size}")
