"""Mounts, the root file system, /dev/shm and the time zone."""

from __future__ import annotations

import os
from errno import ENOENT

from libpod.arguments import host_path
from libpod.container.judge.confinement import whole
from libpod.container.mounts import Mount, clean_destination
from libpod.errors import InvalidError
from libpod.quantity import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from libpod.container.options import MountOptions
    from libpod.container.settings import ContainerSettings

#: Where an image can have no volume: these come with every container, and nothing works without them.
_RUNTIMES_OWN = frozenset(
    "/proc /dev /dev/console /dev/fd /dev/full /dev/null /dev/ptmx /dev/random /dev/stderr /dev/stdin /dev/stdout /dev/tty"
    " /dev/urandom /dev/zero".split()
)


def judge_mounts(
    settings: ContainerSettings, options: MountOptions, image: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    """Fill in the mounts of `settings`, the size of /dev/shm and the time zone. Raises: InvalidError, UnsupportedError."""
    given, volumes = options.mounts, sorted(image.get("Volumes") or ())
    if options.image_volumes not in ("anonymous", "tmpfs", "ignore"):
        raise InvalidError(
            f'invalid image volume mode "{options.image_volumes}" required value: anonymous, tmpfs, ignore'
        )
    if defaults["volumes"]:
        from libpod.container.options.mounts import parse_volume

        given = [*map(parse_volume, defaults["volumes"]), *given]
    if given or volumes:
        settings.mounts = merge_mounts(
            given,
            () if options.image_volumes == "ignore" else volumes,
            tmpfs=options.image_volumes == "tmpfs",
        )
    settings.read_only = options.read_only
    settings.read_only_tmpfs = options.read_only_tmpfs
    if options.shm_size is None:
        try:
            # Podman reads its configuration with decimal units and the command line with binary ones.
            settings.shm_size = parse_size(defaults["shm_size"], base=1000)
        except InvalidError as error:
            raise InvalidError(f"unable to translate --shm-size: {error.message}") from None
    elif settings.ipc.kind == "host":
        raise InvalidError("invalid config provided: cannot set shmsize when running in the {host } IPC Namespace")
    else:
        settings.shm_size = whole("shm_size", options.shm_size)
    settings.timezone = options.timezone or defaults["tz"]
    if settings.timezone:
        from libpod.container.timezone import check_timezone

        check_timezone(settings.timezone)


def merge_mounts(given: Iterable[Mount], image_volumes: Iterable[str] = (), *, tmpfs: bool = False) -> list[Mount]:
    """Return all mounts of one container; the user's hide the image's volumes of the same destination.

    tmpfs: the image's volumes become file systems in memory, not anonymous volumes.
    Raises: InvalidError `…: duplicate mount destination`; `statfs …` where a bind source does not exist; for a volume of the
    image at a place that must stay the runtime's.
    """
    by_destination: dict[str, Mount] = {}
    from libpod.container import mount_options

    for mount in map(mount_options.complete_mount, given):
        if mount.place == "/":
            raise InvalidError(f"{mount.destination}: a mount cannot take the place of the container's root")
        if mount.place in by_destination:
            if by_destination[mount.place] == mount:
                continue
            raise InvalidError(f"{mount.place}: duplicate mount destination")
        by_destination[mount.place] = mount
        if mount.kind == "bind" and not os.path.lexists(host_path(mount.source)):
            raise InvalidError(f"statfs {mount.source}: no such file or directory", path=mount.source, errno=ENOENT)
    for path in image_volumes:
        destination = clean_destination(path)
        if destination not in by_destination:
            _check_image_volume(path, destination)
            by_destination[destination] = mount_options.tmpfs(path, []) if tmpfs else mount_options.volume("", path, [])
    return list(by_destination.values())


def _check_image_volume(path: str, destination: str) -> None:
    """Refuse a volume of an image that would hide the root, or what the runtime puts into /proc and /dev."""
    if "\0" in path:
        reason = "it holds a zero byte"
    elif destination == "/":
        reason = "a mount cannot take the place of the container's root"
    elif destination in _RUNTIMES_OWN or destination.startswith("/proc/"):
        reason = f"{destination} is made by the runtime"
    else:
        return
    raise InvalidError(
        f"the volume {path!r} of the image cannot be mounted: {reason}",
        hint="ignore the image's volumes with --image-volume=ignore",
    )
