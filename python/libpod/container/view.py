"""What a container will see at a place, found out before it starts, and what that means for libpod's own mounts.

A user may mount a directory of the host above a place where libpod puts something: `-v DIR:/etc`, `-v DIR:/run`. Nothing is ever
made in such a directory: libpod's own file or mount is bound over what is there, and left out if nothing is there. Mount points
of the user's mounts and of the image's volumes are made, as Podman makes them: those were asked for. But no link of an image may
lead one of them into another directory of the host.

A `View` of the extension follows links as the container will, through the layers and the mounts. Start reading at `look`.
"""

from __future__ import annotations

from libpod import _core
from libpod.container.spec import INIT_PATHS, mounts_of
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import View
    from libpod.container.model import Container
    from libpod.container.mounts import Mount
    from libpod.container.settings import ContainerSettings
    from libpod.container.spec import StartContext


def look(settings: ContainerSettings, context: StartContext, layers: list[str]) -> View:
    """Return the container's view, and enter into `context` which of libpod's own mounts have no place.

    layers: the root file system, the uppermost first. Volumes and bind files stand in `context` already.
    Raises: InvalidError if the init program has no place, or if a link of the image takes a mount into a directory of the host
    where nothing is; OSError for a place that cannot be reached.
    """
    view = _core.View(layers)
    if not settings.mounts:
        # Without a mount of the user's, everything lies in the container's own root.
        return view
    given = {mount.place for mount in settings.mounts}
    if settings.init:
        # Judged as the mount itself will be: the user's mounts that are parents of a place come before it.
        context.init_inside = next((path for path in INIT_PATHS if _has_place(path, settings, context, layers)), "")
        if not context.init_inside:
            raise InvalidError(
                "the init program has no place in the container: /run and /dev are directories of the host",
                hint="mount another directory, or run without --init",
            )
    for mount in mounts_of(settings, context):
        if _is_placed(view, mount.place):
            _add(view, mount)
        elif mount.place in given:
            _check_asked_for(mount, settings)
            _add(view, mount)
        else:
            context.unplaced.add(mount.place)
            context.bind_files.pop(mount.place, None)
    return view


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


def _has_place(path: str, settings: ContainerSettings, context: StartContext, layers: list[str]) -> bool:
    view = _core.View(layers)
    for mount in mounts_of(settings, context):
        if mount.place not in INIT_PATHS:
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


def check_workdir(container: Container, settings: ContainerSettings, context: StartContext, view: View) -> bool:
    """Judge the working directory; return whether the runtime has to make it in the container's root, for the container's user.

    A directory that the image names is made if it is missing; one that the user names is not, but for the directories that lead to a
    mount. Raises: InvalidError in Podman's words.
    """
    workdir = settings.workdir
    kind, owner = view.place(workdir)
    if kind is None and not settings.mounts:
        # It may lie in one of libpod's own mounts, which the view of a container without others leaves out.
        for mount in mounts_of(settings, context):
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
