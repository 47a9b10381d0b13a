"""Files that appear whole: a reader sees the old one or the new one, and a killed process leaves nothing half done.

`NewFile` is one in the making, below a directory that is held open: it has no name before it is placed. `OutputFile` is one
that the user named for output (an archive, a digest file): links are written through, what stands there is replaced by a
finished file only, and devices and pipes are written to as they are. `replace_text` replaces a small file of the
configuration. Nothing here knows what the files hold. Source: open(2), "O_TMPFILE"; linkat(2).
"""

from __future__ import annotations

import errno
import os
from stat import S_IMODE, S_ISREG

#: What a file system answers that has no files without names.
_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOSYS, errno.EINVAL)

#: Reasons why a directory takes no file although a file in it may be written.
_CLOSED_DIRECTORY = (errno.EACCES, errno.EPERM, errno.EROFS)

#: Symbolic links that are followed from a name, as many as the kernel follows.
_LINK_LIMIT = 40


class NewFile:
    """A file in the making below a directory. `fd` may be read, written and sought; it stays open until `close`.

    directory_fd: stays the caller's. below: directory inside it where the file will stand, for a tree of several mounts.
    Where the file system has no nameless files, the name is a hidden one that ends in `.tmp`.
    """

    def __init__(self, directory_fd: int, *, below: str = ".", mode: int = 0o644) -> None:
        self._temporary: str | None = None
        self._hidden = f"{below}/.{os.getpid()}-{id(self):x}.tmp"
        self._directory = os.dup(directory_fd)
        try:
            try:
                self.fd = os.open(below, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode, dir_fd=self._directory)
            except OSError as error:
                if error.errno not in _NO_TMPFILE:
                    raise
                how = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self.fd = os.open(self._hidden, how, mode, dir_fd=self._directory)
                self._temporary = self._hidden
        except BaseException:
            os.close(self._directory)
            raise

    def place(self, name: str) -> None:
        """Give the file its name, in place of one that has it. Raises: OSError; then the old one stands."""
        if self._temporary is None:
            try:
                self._link(name)
                return
            except FileExistsError:
                # A name can only be taken over by a file that has one.
                self._link(self._hidden)
                self._temporary = self._hidden
        os.rename(self._temporary, name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._temporary = None

    def _link(self, name: str) -> None:
        # With a directory given, os.link follows the magic link; without, it would make a link to it.
        os.link(f"/proc/self/fd/{self.fd}", name, dst_dir_fd=self._directory, follow_symlinks=True)

    def close(self) -> None:
        """Close the file; without `place`, nothing of it stays. A second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd < 0:
            return
        os.close(fd)
        try:
            if self._temporary is not None:
                os.unlink(self._temporary, dir_fd=self._directory)
        finally:
            os.close(self._directory)


class OutputFile:
    """A file that the user named for output. Write to `fd`, then `finish`, then `close`; without `finish` all stays as it was.

    A symbolic link is written through. An existing file keeps its mode, owner, attributes and its other names (hard
    links). A pipe, a device or a descriptor (`/dev/stdout`) is written to at once.

    name: the path as the user wrote it, for messages. old_size: bytes of the file that stands there.
    Raises: OSError with the path as it was written.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        self.old_size = 0
        self._new: NewFile | None = None
        self._old = self._directory = -1
        self._place = ""
        try:
            self.fd = self._open()
        except OSError as error:
            self.close()
            raise OSError(error.errno, error.strerror, path) from None

    @classmethod
    def over(cls, fd: int, name: str) -> OutputFile:
        """Write to a duplicate of a descriptor, which is called `name` in messages."""
        output = cls.__new__(cls)
        output.name, output.old_size = name, 0
        output._new, output._old, output._directory, output._place = None, -1, -1, ""
        output.fd = os.dup(fd)
        return output

    @property
    def is_own_file(self) -> bool:
        """Whether `fd` is a file that nobody else sees yet: it can be sought and cut."""
        return self._new is not None or self._old >= 0

    def _open(self) -> int:
        directory, self._place = _behind_links(self.name)
        if not self._place:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        number = _own_descriptor(directory, self._place)
        if number is not None:
            return os.dup(number)
        try:
            # Opened for writing, too, so that a file that refuses that is not replaced.
            self._old = os.open(self.name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY)
        except FileNotFoundError:
            pass
        else:
            found = os.fstat(self._old)
            if not S_ISREG(found.st_mode) or directory.startswith("/proc/"):
                fd, self._old = self._old, -1
                return fd
            self.old_size = found.st_size
        self._directory = os.open(directory or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._new = NewFile(self._directory)
        except OSError as error:
            if self._old < 0 or error.errno not in _CLOSED_DIRECTORY:
                raise
            # The file may be written and its directory not.
            return scratch_file(None)
        return self._new.fd

    def write(self, data: bytes) -> None:
        """Write all of `data`. Raises: OSError naming the file."""
        view = memoryview(data)
        while view:
            try:
                count = os.write(self.fd, view)
            except OSError as error:
                raise OSError(error.errno, error.strerror, self.name) from None
            view = view[count:]

    def finish(self) -> None:
        """Make what was written be the file of that name. Raises: OSError; then what stood there is whole."""
        try:
            if self._old >= 0:
                self._replace()
            elif self._new is not None:
                self._new.place(self._place)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.name) from None

    def _replace(self) -> None:
        if self._new is not None and self._may_replace():
            # The old one must not be lost for a new one that a loss of power takes away.
            os.fsync(self.fd)
            try:
                self._new.place(self._place)
                return
            except OSError as error:
                # A mount point, or another user's file in a directory such as /tmp.
                if error.errno not in (errno.EBUSY, *_CLOSED_DIRECTORY):
                    raise
        self._overwrite()

    def _may_replace(self) -> bool:
        """Give the new file what the old one has, and say whether it can take its place."""
        old = os.fstat(self._old)
        if old.st_nlink != 1 or os.listxattr(self._old):
            return False
        new = os.fstat(self.fd)
        try:
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                os.fchown(self.fd, old.st_uid, old.st_gid)
            os.fchmod(self.fd, S_IMODE(old.st_mode))
        except PermissionError:
            return False
        return True

    def _overwrite(self) -> None:
        """Copy the finished file over the old one, which has other names or cannot be replaced.

        The room for it is taken first. From then on only a crash can damage it, and the finished file has a name meanwhile.
        """
        size = os.fstat(self.fd).st_size
        if size > self.old_size:
            try:
                os.posix_fallocate(self._old, self.old_size, size - self.old_size)
            except OSError as error:
                os.ftruncate(self._old, self.old_size)
                if error.errno not in _NO_TMPFILE:
                    raise
        rescue = f"{self._place}.{os.getpid()}.tmp"
        if self._new is not None:
            self._new.place(rescue)
        try:
            _copy(self.fd, self._old, size)
        except OSError as error:
            where = f": the finished file is {rescue} beside it" if self._new is not None else ""
            raise OSError(error.errno, f"{error.strerror} (in the middle{where})") from None
        if self._new is not None:
            os.unlink(rescue, dir_fd=self._directory)

    def close(self) -> None:
        """Close everything; without `finish`, nothing of what was written stays. A second call does nothing."""
        new, self._new = self._new, None
        if new is not None:
            new.close()
        elif getattr(self, "fd", -1) >= 0:
            os.close(self.fd)
        self.fd = -1
        for fd in (self._old, self._directory):
            if fd >= 0:
                os.close(fd)
        self._old = self._directory = -1


def _copy(source: int, target: int, size: int) -> None:
    offset = 0
    while offset < size:
        offset += os.pwrite(target, os.pread(source, 1 << 20, offset), offset)
    os.ftruncate(target, size)
    os.fsync(target)


def _behind_links(path: str) -> tuple[str, str]:
    """Return the real directory and the name that a path leads to by the symbolic links at its end; nothing needs to be there."""
    for _ in range(_LINK_LIMIT):
        directory, name = os.path.split(path)
        directory = os.path.realpath(directory or ".")
        real = os.path.join(directory, name)
        # What a link of /proc says is no path: the file may have none.
        if directory.startswith("/proc/") or not os.path.islink(real):
            return directory, name
        path = os.path.join(directory, os.readlink(real))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _own_descriptor(directory: str, name: str) -> int | None:
    """Return the number when the name is one of this process' own descriptors, as `/dev/stdout` is."""
    own = directory == f"/proc/{os.getpid()}/fd"
    return int(name) if own and name.isdigit() else None


def scratch_file(directory: str | None) -> int:
    """Open an unlinked file for reading and writing in `directory`, or where large temporary files belong."""
    where = directory or os.environ.get("TMPDIR") or "/var/tmp"
    holder = os.open(where, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        new = NewFile(holder, mode=0o600)
        fd = os.dup(new.fd)
        new.close()
        return fd
    finally:
        os.close(holder)


def make_directories(path: str) -> list[str]:
    """Make a directory and those above it, and return the ones that were missing, outermost first. Raises: OSError."""
    missing, place = [], path
    while place and not os.path.isdir(place):
        missing.append(place)
        place = os.path.dirname(place.rstrip("/"))
    os.makedirs(path, exist_ok=True)
    return missing[::-1]


def remove_directories(made: list[str]) -> None:
    """Remove what `make_directories` made, as far as it is empty."""
    for place in reversed(made):
        try:
            os.rmdir(place)
        except OSError:
            return


def replace_text(path: str, text: str) -> None:
    """Replace a file of the user's configuration, readable by its owner alone; its directory is made when it is missing.

    Raises: OSError; then the old file stands, and nothing else is left.
    """
    directory, name = os.path.split(path)
    os.makedirs(directory or ".", mode=0o700, exist_ok=True)
    holder = os.open(directory or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        new = NewFile(holder, mode=0o600)
        try:
            with open(new.fd, "w", encoding="utf-8", closefd=False) as file:
                file.write(text)
            os.fsync(new.fd)
            new.place(name)
        finally:
            new.close()
    finally:
        os.close(holder)
