"""`podman import`: an image of one layer from the tar of a root filesystem, which is read once and stored as it came."""

from __future__ import annotations

import os
from errno import EISDIR, ENOENT

from libpod import _core, timestamp
from libpod.digest import Digest
from libpod.document import go_json
from libpod.errors import NotFoundError
from libpod.image.changes import apply_changes
from libpod.image.descriptor import Descriptor
from libpod.image.lookup import tag_reference
from libpod.image.manifest import (
    OCI_CONFIG,
    OCI_LAYER,
    Manifest,
    Platform,
    parse_config,
    parse_manifest,
)
from libpod.image.storage import StoreDestination
from libpod.image.transport import Progress, naming

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from libpod._core import Blob, StagedLayer
    from libpod.image.reference import Reference
    from libpod.store import Store

_SUFFIXES = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}


def import_tarball(
    store: Store,
    source: str | int,
    name: str | Reference | None,
    changes: Iterable[str],
    message: str,
    platform: Platform | None,
    progress: Progress | None,
) -> str:
    """Make the image and return its id; see `ImageManager.import_`.

    Raises: NotFoundError, InvalidError (a change, the name), CorruptError (not a tar), OSError.
    """
    names = [str(tag_reference(name))] if name else []
    defaults = apply_changes({}, changes)
    progress = progress or Progress()
    blob, time_ns = _open(source)
    with naming(source if isinstance(source, str) else "standard input"):
        staged = store.stage_layer(blob)
    try:
        raw_config = _config(staged, defaults, message, platform or Platform(), timestamp.rfc3339(time_ns))
        raw_manifest = _manifest(staged, raw_config)
        manifest, config = parse_manifest(raw_manifest), parse_config(raw_config)
        assert isinstance(manifest, Manifest)
        destination = StoreDestination(store, names)
        destination.plan(manifest, config, None)
        layer = Descriptor(OCI_LAYER, Digest(staged.digest), staged.size)
        progress.message("Getting image source signatures")
        progress.blob_started(layer, "blob", blob)
        destination.adopt_layer(0, staged)
        progress.blob_done(layer, "blob", skipped=False)
        progress.message("Writing manifest to image destination")
        destination.commit()
        progress.message("Storing signatures")
    except BaseException:
        staged.discard()
        raise
    return config.digest.hex


def _open(source: str | int) -> tuple[Blob, int]:
    """Open the tar and say when the image was made: a file's own time, so that one file always gives one image."""
    if isinstance(source, int):
        return _core.open_stream(source), timestamp.now()
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFoundError(
            f'error opening "{source}": open {source}: no such file or directory', path=source, errno=ENOENT
        ) from None
    try:
        if os.path.isdir(source):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), source)
        if os.path.isfile(source):
            return _core.open_blob(fd), os.fstat(fd).st_mtime_ns
        return _core.open_stream(fd), timestamp.now()
    finally:
        os.close(fd)


def _config(staged: StagedLayer, defaults: dict[str, Any], message: str, platform: Platform, created: str) -> bytes:
    step = {
        "created": created,
        "created_by": f"/bin/sh -c #(nop) ADD file:{Digest(staged.diff_id).hex} in /",
        "comment": message or "imported from tarball",
    }
    value: dict[str, Any] = {"created": created, "architecture": platform.architecture}
    if platform.variant:
        value["variant"] = platform.variant
    value["os"] = platform.os
    value["config"] = defaults
    value["rootfs"] = {"type": "layers", "diff_ids": [staged.diff_id]}
    value["history"] = [step]
    return go_json(value)


def _manifest(staged: StagedLayer, config: bytes) -> bytes:
    # A blob compressed in a way that no manifest can name is recorded by its diff id.
    suffix = _SUFFIXES.get(staged.compression)
    digest, size = (staged.diff_id, staged.diff_size) if suffix is None else (staged.digest, staged.size)
    layer = Descriptor(OCI_LAYER + (suffix or ""), Digest(digest), size)
    config_descriptor = Descriptor(OCI_CONFIG, Digest.of(config), len(config))
    return go_json({"schemaVersion": 2, "config": config_descriptor.to_json(), "layers": [layer.to_json()]})
