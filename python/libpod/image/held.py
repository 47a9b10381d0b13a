"""A directory of an image that is held open: what the transports `dir:` and `oci:` do with files, reading and writing."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from errno import ENOENT
from threading import Lock

from libpod import _core
from libpod.errors import InvalidError, NotFoundError
from libpod.file import NewFile
from libpod.image.blobs import copy_blob
from libpod.image.transport import Closing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from libpod._core import Blob
    from libpod.digest import Digest


class HeldDirectory(Closing):
    """Files below a directory, reached by its descriptor and not by its path. Names are relative to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        # Held for a system call or two: a file that is being made is known to the thread that closes.
        self._lock = Lock()
        self._unfinished: set[NewFile] = set()

    def read(self, name: str, limit: int) -> bytes:
        """Read a small file whole."""
        return self.blob(name).read_all(limit)

    def blob(self, name: str) -> Blob:
        """Open a file; a fifo or a device under the name is refused, it could block or never end."""
        from stat import S_ISREG

        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self.fd)
        except FileNotFoundError:
            raise NotFoundError(
                f"open {self.path}/{name}: no such file or directory", path=self.path, errno=ENOENT
            ) from None
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
        self, blob: Blob, name_of: Callable[[Digest], str], *, below: str = ".", digest: Digest | None, size: int | None
    ) -> tuple[Digest, int]:
        """Write a blob in `below`, check it, and then give it the name of its digest; return that and its size."""
        with self._making(below) as new:
            written, length = copy_blob(blob, new.fd, digest=digest, size=size, name=self.path)
            name = name_of(written)
            with self._naming():
                new.place(name)
        return written, length

    def replace(self, name: str, data: bytes) -> None:
        """Write a small file, in place of one of that name, whose mode it keeps."""
        with self._making(".") as new, self._naming():
            with open(new.fd, "wb", closefd=False) as file:
                file.write(data)
            with suppress(FileNotFoundError):
                os.fchmod(new.fd, os.stat(name, dir_fd=self.fd).st_mode & 0o7777)
            new.place(name)

    @contextmanager
    def _making(self, below: str) -> Iterator[NewFile]:
        with self._lock, self._naming():
            new = NewFile(self.fd, below=below)
            self._unfinished.add(new)
        try:
            yield new
        finally:
            with self._lock:
                self._unfinished.discard(new)
                new.close()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Let an error name the directory as the user did."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.path) from None

    def sync(self, names: Iterable[str]) -> None:
        """Wait until the disk has the files."""
        for name in names:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.fd)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, as far as they are there."""
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self.fd)

    def close(self) -> None:
        """Close the directory, and forget what another thread is still writing; a second call does nothing."""
        with self._lock:
            if self.fd >= 0:
                for new in self._unfinished:
                    new.close()
                os.close(self.fd)
                self.fd = -1
