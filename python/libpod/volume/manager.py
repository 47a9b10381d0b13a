"""The volumes of a store: make, find, list, remove.

On disk a volume is `G/volumes/<name>`, with its content in `_data` and its document in `volume.json`. The directory `_data` is the
commit point: made last and renamed away first, so that a killed command leaves a whole volume, or none. A volume that a release
before documents made has no document, and the values that every volume has; that release finds the content of a new one.
Start reading at `VolumeManager`. Whether a container uses a volume is not known here.
"""

from __future__ import annotations

import os

from libpod import arguments, timestamp
from libpod.document import read_document, write_document
from libpod.errors import CorruptError, ExistsError, InvalidError, UnsupportedError, VolumeNotFoundError
from libpod.volume.model import LOCAL, Volume, VolumeOptions
from libpod.words import check_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from libpod.errors import LibpodError
    from libpod.host import Host

    #: Volumes whose documents cannot be read, by name, with the errors that say why.
    Damaged = list[tuple[str, LibpodError | OSError]]
    # `list` is a method of the manager, as it is a verb of Podman's.
    Volumes = list[Volume]

_CONTENT, _DOCUMENT = "_data", "volume.json"
#: What the content is called while it is removed.
_GOING = ".removed"


class VolumeManager:
    """The volumes of one host's store."""

    def __init__(self, host: Host) -> None:
        self._directory = host.places.volumes

    # Making -----------------------------------------------------------------------------------------------------------

    def create(self, options: VolumeOptions) -> Volume:
        """Make an empty volume.

        Raises: ExistsError if there is one of that name, InvalidError for a malformed name, UnsupportedError for another
        driver and for options of the driver.
        """
        name = arguments.text("name", options.name) or random_name()
        if not check_name(name):
            raise InvalidError(
                "running volume create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
            )
        if options.driver != LOCAL:
            raise UnsupportedError(f"the volume driver `{options.driver}` is not supported by this version of libpod")
        if options.options:
            raise UnsupportedError("options of a volume's driver are not supported by this version of libpod")
        volume = Volume(
            name=name,
            path=self.path(name),
            created=timestamp.rfc3339(timestamp.now()),
            labels=arguments.mapping("labels", options.labels),
            anonymous=arguments.flag("anonymous", options.anonymous),
        )
        if not self._make(volume):
            raise ExistsError(f'volume with name "{name}" already exists: volume already exists')
        return volume

    def ensure(self, name: str, *, anonymous: bool = False) -> str:
        """Return the directory of a volume's content; the volume is made if it is not there.

        Raises: CorruptError for a text that is not the name of a volume.
        """
        path = self.path(name)
        if not os.path.isdir(path):
            created = timestamp.rfc3339(timestamp.now())
            self._make(Volume(name=name, path=path, created=created, anonymous=anonymous))
        return path

    def _make(self, volume: Volume) -> bool:
        """Make a volume; False if there is one of its name."""
        directory = os.path.dirname(volume.path)
        while True:
            os.makedirs(directory, mode=0o755, exist_ok=True)
            with _Lock(directory) as held:
                if not held:
                    # Another command has removed what it found.
                    continue
                if os.path.isdir(volume.path):
                    return False
                write_document(f"{directory}/{_DOCUMENT}", volume.to_document())
                os.mkdir(volume.path)
                # Containers of any user look into it, whatever the umask of its maker.
                os.chmod(volume.path, 0o755)  # noqa: S103
                return True

    # Finding ----------------------------------------------------------------------------------------------------------

    def path(self, name: str) -> str:
        """Return the directory of a volume's content, be it there or not.

        Raises: CorruptError for a text that is not the name of a volume: a container's record must not lead elsewhere.
        """
        if not check_name(name):
            raise CorruptError(f"`{name}` is not the name of a volume")
        return f"{self._directory}/{name}/{_CONTENT}"

    def exists(self, name: str) -> bool:
        """Whether there is a volume of that full name."""
        return check_name(arguments.text("name", name)) and os.path.isdir(self.path(name))

    def lookup(self, name: str) -> Volume:
        """Find a volume by its name, or by a unique beginning of it.

        Raises: VolumeNotFoundError, InvalidError if several names begin so, CorruptError, UnsupportedError.
        """
        if self.exists(name):
            return self._read(name)
        found = [one for one in self._names() if name and one.startswith(name)]
        if len(found) > 1:
            raise InvalidError(f"more than one result for volume name {name}: volume already exists")
        if not found:
            raise _missing(name)
        return self._read(found[0])

    def list(self, *, damaged: Damaged | None = None) -> Volumes:
        """Return all volumes in the order of their names.

        damaged: gathers those whose documents cannot be read.
        Raises: CorruptError, UnsupportedError or OSError for such a volume, if nothing gathers them.
        """
        volumes = []
        for name in sorted(self._names()):
            try:
                volumes.append(self._read(name))
            except VolumeNotFoundError:
                continue
            except (CorruptError, UnsupportedError, OSError) as error:
                if damaged is None:
                    raise
                damaged.append((name, error))
        return volumes

    def _names(self) -> Iterator[str]:
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return
        for name in names:
            if check_name(name) and os.path.isdir(self.path(name)):
                yield name

    def _read(self, name: str) -> Volume:
        path = self.path(name)
        source = f"{os.path.dirname(path)}/{_DOCUMENT}"
        document = read_document(source)
        if document is not None:
            return Volume.from_record(document, source, path)
        try:
            made = os.stat(os.path.dirname(path)).st_mtime_ns
        except FileNotFoundError:
            raise _missing(name) from None
        return Volume(name=name, path=path, created=timestamp.rfc3339(made))

    # Removing ---------------------------------------------------------------------------------------------------------

    def remove(self, name: str) -> None:
        """Remove a volume of that full name with its content, whatever its document says.

        Raises: VolumeNotFoundError, OSError if something of it cannot be removed: a mount in it, for instance.
        """
        if not check_name(arguments.text("name", name)):
            raise _missing(name)
        from shutil import rmtree

        path = self.path(name)
        directory = os.path.dirname(path)
        going = f"{directory}/{_GOING}"
        with _Lock(directory) as held:
            there = held and os.path.isdir(path)
            if there:
                rmtree(going, ignore_errors=True)
                os.rename(path, going)
            if held:
                # Also what a command that was killed has left.
                rmtree(directory)
        if not there:
            raise _missing(name)

    def discard(self, name: str) -> None:
        """Remove a volume as far as it is there and can be removed, and complain of nothing."""
        try:
            self.remove(name)
        except (VolumeNotFoundError, OSError):
            return


def _missing(name: str) -> VolumeNotFoundError:
    return VolumeNotFoundError(f'no volume with name "{name}" found: no such volume')


def random_name() -> str:
    """Draw the name of an anonymous volume: 64 hexadecimal digits."""
    return os.urandom(32).hex()


class _Lock:
    """The lock of one volume's directory, as a context manager; False if the directory was removed meanwhile."""

    __slots__ = ("_directory", "_fd")

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._fd = -1

    def __enter__(self) -> bool:
        from fcntl import LOCK_EX, flock

        try:
            self._fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        flock(self._fd, LOCK_EX)
        return os.fstat(self._fd).st_nlink != 0

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
