"""`podman load`: find out what was given (a directory or an archive, of which kind) and bring in all its images."""

from __future__ import annotations

import os
from errno import ENOENT

from libpod.errors import InvalidError, LibpodError, NotFoundError
from libpod.image import tarball
from libpod.image.copy import copy_image
from libpod.image.location import Location
from libpod.image.lookup import tag_reference
from libpod.image.reference import DEFAULT_TAG
from libpod.image.storage import StoreDestination
from libpod.image.transport import naming
from libpod.image.trust import check_allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libpod.image.reference import Reference
    from libpod.image.transport import ImageSource, Progress
    from libpod.store import Store


def load(store: Store, source: str | int, progress: Progress | None = None) -> list[str]:
    """Load every image and return their names in order, `sha256:<id>` for one without a name.

    Raises: NotFoundError (no such file), InvalidError (no known format), and what reading and storing raise.
    """
    if not isinstance(source, str):
        with naming("standard input"):
            return _load_archive(store, source, "standard input", progress)
    if not os.path.exists(source):
        raise NotFoundError(f"stat {source}: no such file or directory", path=source, errno=ENOENT)
    with naming(source):
        if os.path.isdir(source):
            return _load_directory(store, source, progress)
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _load_archive(store, fd, source, progress)
        finally:
            os.close(fd)


def _load_directory(store: Store, path: str, progress: Progress | None) -> list[str]:
    from libpod.image.directory import DirectorySource
    from libpod.image.layout import Layout, LayoutSource

    if os.path.exists(os.path.join(path, "index.json")):
        layout = Layout.open_directory(path)
        try:
            check_allowed(Location("oci", path))
            # Podman names an image from a directory after its path.
            name = tag_reference(os.path.normpath(path).lstrip("/"))
            _store(store, LayoutSource(layout, "oci", layout.choose("")), [name], progress)
            return [str(name).removesuffix(f":{DEFAULT_TAG}")]
        finally:
            layout.close()
    if os.path.exists(os.path.join(path, "manifest.json")):
        check_allowed(Location("dir", path))
        with DirectorySource(path) as source:
            return _store(store, source, [], progress)
    raise _unknown_format(path, "it has neither index.json nor manifest.json")


def _load_archive(store: Store, fd: int, path: str, progress: Progress | None) -> list[str]:
    from libpod.image.archive import DockerArchive
    from libpod.image.layout import Layout, LayoutSource

    seekable = -1
    try:
        seekable = tarball.seekable(fd, _spool_dir(store), path)
        tar = tarball.Tarball(seekable, path)
    except LibpodError as error:
        if seekable >= 0:
            os.close(seekable)
        raise _unknown_format(path, error.message.removeprefix(f"{path}: ")) from error
    try:
        if tar.find("index.json") is not None:
            check_allowed(Location("oci-archive", path))
            layout = Layout.from_tarball(tar)
            source = LayoutSource(layout, "oci-archive", layout.choose(""))
            return _store(store, source, [tag_reference(name) for name in source.names], progress)
        if tar.find("manifest.json") is None:
            raise _unknown_format(path, "it has neither index.json nor manifest.json")
        check_allowed(Location("docker-archive", path))
        names = []
        for image in DockerArchive.from_tarball(tar).images:
            names += _store(store, image, [tag_reference(name) for name in image.names], progress)
        return names
    finally:
        tar.close()


def _spool_dir(store: Store) -> str:
    """Return where input that cannot seek is kept: beside the store, whose disk has to take the image anyway."""
    os.makedirs(store.graphroot, mode=0o700, exist_ok=True)
    return str(store.graphroot)


def _store(store: Store, source: ImageSource, names: Sequence[Reference], progress: Progress | None) -> list[str]:
    # Podman adds the names one by one, each in front of the others.
    with StoreDestination(store, [str(name) for name in reversed(names)]) as destination:
        copied = copy_image(source, destination, progress=progress)
    return [str(name) for name in names] or [copied.config.digest]


def _unknown_format(path: str, reason: str) -> InvalidError:
    return InvalidError(
        f"{path}: payload does not match any of the supported image formats (oci, oci-archive, docker-archive, dir): {reason}",
        path=path,
    )
