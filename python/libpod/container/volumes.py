"""The volumes of a container: named and made at its creation, filled at its start, removed with it if they are anonymous.

An anonymous volume is made after its container's record and removed before it, so that a crash leaves none that no record
names. What the image has at its destination is copied into an empty volume when a container starts. The volumes themselves
are `libpod.volume`'s. Start reading at `choose_names`.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import InvalidError
from libpod.volume.manager import VolumeManager, random_name
from libpod.words import check_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host


def choose_names(settings: ContainerSettings) -> None:
    """Name the anonymous volumes of a new container, and check the other names. Nothing is made.

    Raises: InvalidError for a malformed name.
    """
    for mount in settings.mounts:
        if mount.kind != "volume":
            continue
        if mount.anonymous:
            mount.volume = random_name()
        elif not check_name(mount.volume):
            raise InvalidError(
                f'creating named volume "{mount.volume}": running volume create option: names must match'
                " [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
            )


def make(host: Host, settings: ContainerSettings) -> None:
    """Make the volumes of a container that are not there yet."""
    volumes = VolumeManager(host)
    for mount in settings.mounts:
        if mount.kind == "volume":
            volumes.ensure(mount.volume, anonymous=mount.anonymous)


def fill(host: Host, container: Container, layers: list[str]) -> tuple[dict[str, str], list[str]]:
    """Give the empty volumes of a container what the image has at their destinations: owner, mode, and content unless `nocopy`.

    layers: the container's root file system, the uppermost first. Returns the directory of each destination's volume, and the
    directories of the empty volumes for which the image has nothing: as with Podman they are for the container's user.
    """
    paths: dict[str, str] = {}
    unowned = []
    volumes = VolumeManager(host)
    for mount in container.settings.mounts:
        if mount.kind != "volume":
            continue
        path = paths[mount.destination] = volumes.ensure(mount.volume, anonymous=mount.anonymous)
        if os.listdir(path):
            continue
        if _core.View(layers).place(mount.destination)[0] == "directory":
            _copy_up(host, container, mount.destination, path, content=mount.copy_up)
        else:
            unowned.append(path)
    return paths, unowned


def _copy_up(host: Host, container: Container, source: str, target: str, *, content: bool) -> None:
    root = host.store.mount_container(container.id)
    try:
        _core.copy_directory(root, source, target, content)
    finally:
        host.store.unmount_container(container.id)
        host.store.release_home()


def remove_anonymous(host: Host, settings: ContainerSettings) -> None:
    """Remove the anonymous volumes of a container that is going."""
    names = [mount.volume for mount in settings.mounts if mount.anonymous and check_name(mount.volume)]
    if names:
        volumes = VolumeManager(host)
        for name in names:
            volumes.discard(name)
