"""`podman push`: an image of the store to a registry, or to any other transport."""

from __future__ import annotations

from libpod.errors import InvalidError
from libpod.image.copy import copy_image
from libpod.image.location import Location
from libpod.image.lookup import resolve, tag_reference
from libpod.image.manifest import DOCKER_MANIFEST, OCI_MANIFEST
from libpod.image.reference import Reference, parse, parse_stored, split_transport
from libpod.image.storage import StoreSource, read_manifest
from libpod.image.transport import Options, open_destination

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.digest import Digest
    from libpod.image.lookup import Wanted
    from libpod.image.transport import Progress
    from libpod.store import Store


_FORMATS = {"oci": OCI_MANIFEST, "v2s2": DOCKER_MANIFEST, "docker": DOCKER_MANIFEST}


def push(
    store: Store,
    name: Wanted,
    destination: str | Reference | None,
    *,
    format: str | None,
    compression: str,
    level: int | None,
    options: Options | None,
    progress: Progress | None,
) -> Digest:
    """Carry the image out and return the digest of its manifest there; see `ImageManager.push`.

    Raises: ImageNotFoundError, InvalidError (format, an id without a destination), and what the transport raises.
    """
    if format is not None and format not in _FORMATS:
        raise InvalidError(f'unknown format "{format}". Choose one of the supported formats: oci, v2s1, or v2s2')
    image, full = resolve(store, name)
    target = destination or full
    if not target:
        raise InvalidError(f"{name} is an image ID and not a name: say where to push it")
    place = Location.of(target) if isinstance(target, Reference) else _parse(target)
    if place.is_own_store:
        # The store that the image is in already.
        store.add_image_names(image.id, [str(tag_reference(place.name))])
        return image.digest or read_manifest(store, image.record).digest
    manifest_type = _FORMATS[format] if format is not None else None
    if compression == "zstd" and manifest_type is None:
        # Docker's manifests have no word for zstd.
        manifest_type = OCI_MANIFEST
    with StoreSource(store, image.record) as source, open_destination(place, options or Options()) as remote:
        remote.may_reuse_from([parse_stored(known) for known in image.names])
        copied = copy_image(
            source,
            remote,
            manifest_type=manifest_type,
            compression=compression,
            level=level,
            progress=progress,
        )
    return copied.digest


def _parse(target: str) -> Location:
    """Parse a destination, which is in a registry where no transport stands before it. Raises: InvalidError for no name."""
    transport, rest = split_transport(target)
    if transport:
        return Location(transport, rest)
    try:
        return Location.of(parse(target))
    except InvalidError:
        if ":" not in target:
            raise
        # Podman takes it for a transport that it does not know.
        return Location.parse(target)
