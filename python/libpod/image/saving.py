"""`podman save`: carry images of the store out to an archive or a directory."""

from __future__ import annotations

from libpod.errors import InvalidError
from libpod.file import OutputFile
from libpod.image.copy import copy_image
from libpod.image.lookup import resolve, tag_reference
from libpod.image.manifest import DOCKER_MANIFEST, OCI_MANIFEST
from libpod.image.storage import StoreSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libpod.image.lookup import Image
    from libpod.image.reference import Reference
    from libpod.image.transport import ImageDestination, Progress
    from libpod.store import Store

FORMATS = ("docker-archive", "oci-archive", "oci-dir", "docker-dir")


def save(
    store: Store,
    names: Sequence[str | Reference],
    target: str | int,
    *,
    format: str,
    multi: bool,
    compress: bool,
    progress: Progress | None,
) -> None:
    """Write images; see `ImageManager.save`. Nothing stays at the target when an image fails.

    Raises: ImageNotFoundError, InvalidError (a format that cannot hold what was asked), OSError.
    """
    if format not in FORMATS:
        raise InvalidError(f'unsupported format "{format}"')
    if format == "docker-archive":
        _save_archive(store, names, target, multi=multi, progress=progress)
        return
    if multi:
        raise InvalidError(f'"{format}" does not support saving multiple images')
    image, full = resolve(store, names[0])
    manifest_type = DOCKER_MANIFEST if format == "docker-dir" else OCI_MANIFEST
    with _open(format, target, str(full or ""), compress) as destination, StoreSource(store, image.record) as source:
        copy_image(source, destination, manifest_type=manifest_type, progress=progress)


def _open(format: str, target: str | int, name: str, compress: bool) -> ImageDestination:
    from libpod.image.directory import DirectoryDestination
    from libpod.image.layout import LayoutArchiveDestination, LayoutDestination

    if format == "oci-archive":
        return LayoutArchiveDestination(_output(target), name)
    if isinstance(target, int):
        raise InvalidError(f"{format} needs a directory to write to")
    return LayoutDestination(target, name) if format == "oci-dir" else DirectoryDestination(target, compress=compress)


def _save_archive(
    store: Store, names: Sequence[str | Reference], target: str | int, *, multi: bool, progress: Progress | None
) -> None:
    from libpod.image.archive import ArchiveDestination, ArchiveWriter

    chosen = _choose(store, names, multi=multi)
    writer = ArchiveWriter(_output(target))
    try:
        for image, tags in chosen:
            with ArchiveDestination(writer, tags) as destination, StoreSource(store, image.record) as source:
                copy_image(source, destination, progress=progress)
        writer.finish()
    finally:
        writer.close()


def _output(target: str | int) -> OutputFile:
    """Open what the user named, or the descriptor of standard output."""
    return OutputFile(target) if isinstance(target, str) else OutputFile.over(target, "/dev/stdout")


def _choose(store: Store, names: Sequence[str | Reference], *, multi: bool) -> list[tuple[Image, list[Reference]]]:
    """List the images with the names they get in the archive. Without `multi` the further names are all the first's."""
    image, full = resolve(store, names[0])
    if not multi:
        return [(image, [tag_reference(name) for name in names[1:]] + _tag_of(full))]
    chosen: dict[str, tuple[Image, list[Reference]]] = {}
    for name in names:
        image, full = resolve(store, name)
        tags = chosen.setdefault(image.id, (image, []))[1]
        tags.extend(tag for tag in _tag_of(full) if tag not in tags)
    return list(chosen.values())


def _tag_of(full: Reference | None) -> list[Reference]:
    """Return a name as an archive can hold it: none for an id or a digest."""
    return [full] if full is not None and full.digest is None else []
