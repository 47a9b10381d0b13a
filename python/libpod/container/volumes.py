"""Named and anonymous volumes: a directory `G/volumes/<name>/_data` each.

A volume is made when the first container asks for it, and removed with its container where it is anonymous. An anonymous one
is made after its container's record and removed before it, so that a crash leaves none that nobody knows. What the image
has at its destination is copied into an empty volume when a container starts. Verbs for volumes are not here yet. Start
reading at `Volumes.choose_names`.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.container.mounts import check_name
from libpod.errors import CorruptError, InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host


class Volumes:
    """The volumes of one host."""

    __slots__ = ("_directory", "_store")

    def __init__(self, host: Host) -> None:
        self._store = host.store
        self._directory = host.places.volumes

    def path(self, name: str) -> str:
        """Return the directory of a volume's content.

        Raises: CorruptError for a text that is not the name of a volume: a container's record must not lead elsewhere.
        """
        if not check_name(name):
            raise CorruptError(f"`{name}` is not the name of a volume")
        return f"{self._directory}/{name}/_data"

    def choose_names(self, settings: ContainerSettings) -> None:
        """Name the anonymous volumes of a new container, and check the other names. Nothing is made.

        Raises: InvalidError for a malformed name.
        """
        for mount in settings.mounts:
            if mount.kind != "volume":
                continue
            if mount.anonymous:
                mount.volume = os.urandom(32).hex()
            elif not check_name(mount.volume):
                raise InvalidError(
                    f'creating named volume "{mount.volume}": running volume create option: names must match'
                    " [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
                )

    def make(self, settings: ContainerSettings) -> None:
        """Make the volumes of a container that are not there yet."""
        for mount in settings.mounts:
            if mount.kind == "volume":
                os.makedirs(self.path(mount.volume), mode=0o755, exist_ok=True)

    def fill(self, container: Container, layers: list[str]) -> tuple[dict[str, str], list[str]]:
        """Give the empty volumes of a container what the image has at their destinations: owner, mode, and content unless `nocopy`.

        layers: the container's root file system, the uppermost first. Returns the directory of each destination's volume, and the
        directories of the empty volumes for which the image has nothing: as with Podman they are for the container's user.
        """
        paths: dict[str, str] = {}
        unowned = []
        for mount in container.settings.mounts:
            if mount.kind != "volume":
                continue
            path = paths[mount.destination] = self.path(mount.volume)
            os.makedirs(path, mode=0o755, exist_ok=True)
            if os.listdir(path):
                continue
            if _core.View(layers).place(mount.destination)[0] == "directory":
                self._copy_up(container, mount.destination, path, content=mount.copy_up)
            else:
                unowned.append(path)
        return paths, unowned

    def _copy_up(self, container: Container, source: str, target: str, *, content: bool) -> None:
        root = self._store.mount_container(container.id)
        try:
            _core.copy_directory(root, source, target, content)
        finally:
            self._store.unmount_container(container.id)
            self._store.release_home()

    def remove_anonymous(self, settings: ContainerSettings) -> None:
        """Remove the anonymous volumes of a container that is going."""
        names = [mount.volume for mount in settings.mounts if mount.anonymous and check_name(mount.volume)]
        if names:
            from shutil import rmtree

            for name in names:
                rmtree(f"{self._directory}/{name}", ignore_errors=True)
