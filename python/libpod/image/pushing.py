"""`podman push`: an image of the store to a registry, or to any other transport."""

from __future__ import annotations

from libpod.errors import InvalidError
from libpod.image.copy import copy_image
from libpod.image.lookup import normalize_tag, resolve
from libpod.image.manifest import DOCKER_MANIFEST, OCI_MANIFEST
from libpod.image.reference import parse, split_transport
from libpod.image.storage import StoreSource, read_manifest
from libpod.image.transport import Options, open_destination, split_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.digest import Digest
    from libpod.image.transport import Progress
    from libpod.store import Store


_FORMATS = {"oci": OCI_MANIFEST, "v2s2": DOCKER_MANIFEST, "docker": DOCKER_MANIFEST}


def push(
    store: Store,
    name: str,
    destination: str | None,
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
    transport, rest = split_transport(target)
    if transport == "containers-storage" and not rest.startswith("["):
        # The store that the image is in already.
        store.add_image_names(image.id, [normalize_tag(rest)])
        return image.digest or read_manifest(store, image.record).digest
    if not transport:
        target = _of_registry(target)
    manifest_type = _FORMATS[format] if format is not None else None
    if compression == "zstd" and manifest_type is None:
        # Docker's manifests have no word for zstd.
        manifest_type = OCI_MANIFEST
    with StoreSource(store, image.record) as source, open_destination(target, options or Options()) as remote:
        remote.may_reuse_from(image.names)
        copied = copy_image(
            source,
            remote,
            manifest_type=manifest_type,
            compression=compression,
            level=level,
            progress=progress,
        )
    return copied.digest


def _of_registry(target: str) -> str:
    """Return a destination without a transport as one of a registry. Raises: InvalidError for no name."""
    try:
        parse(target)
    except InvalidError:
        if ":" not in target:
            raise
        # Podman takes it for a transport that it does not know.
        split_reference(target)
    return f"docker://{target}"
