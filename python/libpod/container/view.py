"""What a container will see: its mounts, what is at a place, its users; found out before it starts.

A user may mount a directory of the host above a place where libpod puts something: `-v DIR:/etc`, `-v DIR:/run`. Nothing is ever
made in such a directory: libpod's own file or mount is bound over what is there, and left out if nothing is there. Mount points
of the user's mounts and of the image's volumes are made, as Podman makes them: those were asked for. But no link of an image may
lead one of them into another directory of the host.

A `View` of the extension follows links as the container will, through the layers and the mounts. Start reading at `look`.
"""

from __future__ import annotations

from libpod import _core
from libpod.container.mounts import Mount
from libpod.container.spec import INIT_PATHS
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import View
    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.container.spec import Start

_TMPFS_OPTIONS = ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]


def look(settings: ContainerSettings, start: Start, layers: list[str]) -> View:
    """Return the container's view, and enter all that is mounted into `start.mounts`, but for libpod's own mounts without a place.

    layers: the root file system, the uppermost first. Volumes and bind files stand in `start` already.
    Raises: InvalidError if the init program has no place, or if a link of the image takes a mount into a directory of the host
    where nothing is; OSError for a place that cannot be reached.
    """
    view = _core.View(layers)
    if not settings.mounts:
        # Without a mount of the user's, everything lies in the container's own root.
        start.mounts = mounts_of(settings, start)
        return view
    given = {mount.place for mount in settings.mounts}
    if settings.init:
        # Judged as the mount itself will be: the user's mounts that are parents of a place come before it.
        others = [mount for mount in mounts_of(settings, start) if mount.place not in INIT_PATHS]
        start.init_inside = next((path for path in INIT_PATHS if _has_place(path, others, layers)), "")
        if not start.init_inside:
            raise InvalidError(
                "the init program has no place in the container: /run and /dev are directories of the host",
                hint="mount another directory, or run without --init",
            )
    for mount in mounts_of(settings, start):
        if not _is_placed(view, mount.place):
            if mount.place not in given:
                start.bind_files.pop(mount.place, None)
                continue
            _check_asked_for(mount, settings)
        _add(view, mount)
        start.mounts.append(mount)
    return view


def mounts_of(settings: ContainerSettings, start: Start) -> list[Mount]:
    """All mounts, parents before children; the user's replace libpod's own of the same destination.

    As in Podman, a mount of the user's at /dev takes pts and mqueue below it away.
    """
    takes_dev = any(mount.place == "/dev" for mount in settings.mounts)
    chosen = {
        mount.place: mount
        for mount in _own_mounts(settings, start)
        if not (takes_dev and mount.place in ("/dev/pts", "/dev/mqueue"))
    }
    for mount in settings.mounts:
        chosen[mount.place] = mount.shows(start.volumes[mount.destination]) if mount.kind == "volume" else mount
    return sorted(chosen.values(), key=lambda mount: mount.place.count("/"))


def _own_mounts(settings: ContainerSettings, start: Start) -> list[Mount]:
    access = "rw" if settings.privileged else "ro"
    # --read-only-tmpfs=false: nothing in memory can be written either.
    memory = ["ro"] if settings.read_only and not settings.read_only_tmpfs else []
    proc = settings.proc_options or ["nosuid", "noexec", "nodev"]
    system = ["nosuid", "noexec", "nodev", access]
    if settings.privileged:
        system.insert(0, "rprivate")
    dev = ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k", *memory]
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    own = [
        Mount("proc", "/proc", "proc", proc),
        Mount("tmpfs", "/dev", "tmpfs", dev),
        Mount("sysfs", "/sys", "sysfs", system),
        Mount("devpts", "/dev/pts", "devpts", terminals),
        Mount("mqueue", "/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ]
    if settings.ipc.kind == "host" or start.shm:
        # The mount that is shared may be read-only for its owner; that says nothing here.
        shared = ["bind", "rprivate", *(memory or (["rw"] if start.shm else [])), "nosuid", "noexec", "nodev"]
        own.append(Mount("bind", "/dev/shm", start.shm or "/dev/shm", shared))
    elif settings.ipc.kind != "none":
        size = f"size={settings.shm_size}"
        own.append(Mount("tmpfs", "/dev/shm", "shm", ["nosuid", "noexec", "nodev", "mode=1777", size, *memory]))
    if settings.read_only and settings.read_only_tmpfs:
        own += [Mount("tmpfs", path, "tmpfs", _TMPFS_OPTIONS) for path in ("/run", "/tmp", "/var/tmp")]
    own += [bind_file(settings, path, source) for path, source in start.bind_files.items()]
    if settings.init:
        own.append(Mount("bind", start.init_inside, start.init_path, ["bind", "ro", "rprivate"]))
    cgroup = ["rprivate", "nosuid", "noexec", "nodev", "relatime", access]
    own.append(Mount("cgroup", "/sys/fs/cgroup", "cgroup", cgroup))
    return own


def bind_file(settings: ContainerSettings, path: str, source: str) -> Mount:
    """Return the mount of a file that libpod writes for a container."""
    access = ["ro", "nosuid", "noexec", "nodev"] if settings.read_only else []
    return Mount("bind", path, source, ["bind", "rprivate", *access])


def _is_placed(view: View, path: str) -> bool:
    """Whether something is there, or may be made there."""
    kind, owner = view.place(path)
    return kind is not None or owner != "host"


def _check_asked_for(mount: Mount, settings: ContainerSettings) -> None:
    """Whether the name of a mount point says that it lies in a directory of the host; only then is it made there."""
    if not any(other.kind == "bind" and mount.place.startswith(other.place + "/") for other in settings.mounts):
        raise InvalidError(
            f"{mount.destination}: a link of the image leads into a directory of the host, where nothing is to mount over",
        )


def _has_place(path: str, others: list[Mount], layers: list[str]) -> bool:
    view = _core.View(layers)
    for mount in others:
        _add(view, mount)
    return _is_placed(view, path)


def _add(view: View, mount: Mount) -> None:
    if mount.kind in ("bind", "volume"):
        plain = mount.kind == "bind" and "rbind" not in mount.options
        kind = "bind-plain" if plain else mount.kind
    elif mount.kind == "tmpfs":
        kind = "tmpfs" if "tmpcopyup" in mount.options else "tmpfs-empty"
    else:
        kind = "kernel"
    view.mount(mount.place, kind, mount.source)


def find_user(container: Container, settings: ContainerSettings, view: View) -> dict[str, Any]:
    """Find the user and the groups of a container's first process: what `View.find_user` found, with the groups that were added.

    Raises: InvalidError in Podman's words for one that is not there.
    """
    found = view.find_user(settings.user)
    for group in settings.groups:
        try:
            gid = view.find_group(group)
        except InvalidError as error:
            reason = error.message[:1].upper() + error.message[1:]
            raise InvalidError(f"looking up supplemental groups for container {container.id}: {reason}") from None
        if gid not in found["additional_gids"]:
            found["additional_gids"].append(gid)
    return found


def check_workdir(container: Container, settings: ContainerSettings, start: Start, view: View) -> bool:
    """Judge the working directory; return whether the runtime has to make it in the container's root, for the container's user.

    A directory that the image names is made if it is missing; one that the user names is not, but for the directories that lead to a
    mount. Raises: InvalidError in Podman's words.
    """
    workdir = settings.workdir
    kind, owner = view.place(workdir)
    if kind is None and not settings.mounts:
        # It may lie in one of libpod's own mounts, which the view of a container without others leaves out.
        for mount in start.mounts:
            _add(view, mount)
        kind, owner = view.place(workdir)
    if kind in ("directory", "unknown"):
        return False
    if kind is not None:
        raise InvalidError(f'workdir "{workdir}" exists on container {container.id}, but is not a directory')
    missing = f'workdir "{workdir}" does not exist on container {container.id}'
    if owner == "host":
        raise InvalidError(
            missing,
            hint="it lies in a directory of the host, where libpod makes nothing: make it there, or choose another with --workdir",
        )
    if owner == "root" and not settings.create_workdir:
        raise InvalidError(missing)
    # In a volume or a tmpfs the runtime makes it by itself, as Podman's does.
    return owner == "root"
