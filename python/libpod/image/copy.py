"""The one pipeline that every image takes: from a source to a destination, whatever the two are.

`copy_image` is the way in. In order: the manifest is read, an index is resolved for the platform, every document is
checked against its digest; the config is read and its diff ids are matched with the layers; layers that the
destination has are skipped, the others flow, several at once where both ends allow it; config, manifest and record
follow. A layer is never stored twice on the way: what compresses or decompresses it is a stream between the two ends.
Nothing is visible at the destination before its `commit`. Trust is decided by the caller, before it opens the source
for copying.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import CorruptError, InvalidError, UnsupportedError
from libpod.image.descriptor import Descriptor
from libpod.image.manifest import (
    DOCKER_CONFIG,
    DOCUMENT_LIMIT,
    OCI_CONFIG,
    OCI_MANIFEST,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    build_manifest,
    check_content,
    layer_type,
    parse_config,
    parse_manifest,
    to_oci_config,
)
from libpod.image.transport import COMPRESS, DECOMPRESS, PRESERVE, LostBlobError, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libpod._core import Blob
    from libpod.digest import Digest
    from libpod.image.transport import ImageDestination, ImageSource

#: How often layers are put again when another process removed one between its commit and the image's record.
_ATTEMPTS = 3

#: An index inside an index is legal in OCI; deeper nesting is somebody's joke.
_INDEX_DEPTH = 4

#: Most layers that flow at once. More than the cores gain nothing: each is busy decompressing, hashing and writing.
_MOST_WORKERS = 6


class Copied:
    """What `copy_image` did: the image id, the manifest as it stands at the destination, and the platform."""

    __slots__ = ("config", "digest", "image_id", "manifest", "media_type")

    def __init__(self, config: ImageConfig, manifest: bytes, media_type: str, digest: Digest) -> None:
        self.config = config
        self.image_id = config.digest.hex
        self.manifest = manifest
        self.media_type = media_type
        self.digest = digest


def copy_image(
    source: ImageSource,
    destination: ImageDestination,
    *,
    platform: Platform | None = None,
    progress: Progress | None = None,
    manifest_type: str | None = None,
    compression: str = "gzip",
    level: int | None = None,
    workers: int | None = None,
) -> Copied:
    """Copy one image from `source` to `destination`; both stay the caller's to close.

    platform: which member of an index; this machine's without it. manifest_type: the type to convert to. compression
    and level: of layers that are compressed on the way ("gzip" or "zstd").
    Raises: CorruptError (a digest, size or diff id differs), InvalidError, NotFoundError (no member for the platform),
    UnsupportedError, and what the two ends raise.
    """
    copier = _Copier(source, destination, platform or Platform(), progress or Progress())
    copier.compression, copier.level = compression, level
    copier.workers = workers or min(max(2, len(os.sched_getaffinity(0))), _MOST_WORKERS)
    return copier.run(manifest_type)


def read_image(source: ImageSource, platform: Platform) -> tuple[Manifest, ImageConfig, Index | None]:
    """Read manifest and config of a source, each proven by the digest that named it, through indexes if there are.

    The third value is the top index, if the image was chosen from one.
    Raises: CorruptError, InvalidError, NotFoundError (no member for the platform), UnsupportedError (no image).
    """
    manifest, top = _choose(source, platform)
    if manifest.config.media_type not in (DOCKER_CONFIG, OCI_CONFIG, ""):
        raise UnsupportedError(f"not a container image: the config is of type {manifest.config.media_type!r}")
    raw = source.blob(manifest.config).read_all(DOCUMENT_LIMIT)
    check_content(raw, manifest.config, "image config")
    config = parse_config(raw, manifest.config.digest)
    diff_ids, layers = len(config.diff_ids), len(manifest.layers)
    if diff_ids != layers:
        raise CorruptError(f"the manifest lists {layers} layers and the image config {diff_ids} diff ids")
    return manifest, config, top


def _choose(source: ImageSource, platform: Platform) -> tuple[Manifest, Index | None]:
    raw, claimed = source.manifest()
    document, top = parse_manifest(raw, claimed), None
    for _ in range(_INDEX_DEPTH):
        if isinstance(document, Manifest):
            return document, top
        top = top or document
        member = document.choose(platform)
        raw, claimed = source.manifest(member.digest)
        check_content(raw, member, "manifest")
        document = parse_manifest(raw, claimed)
        if member.media_type not in ("", document.media_type):
            raise InvalidError(
                f"the index says that {member.digest} is of type {member.media_type!r}, and it is {document.media_type!r}"
            )
    raise InvalidError("image indexes are nested too deeply")


class _Copier:
    """The state of one copy."""

    def __init__(
        self, source: ImageSource, destination: ImageDestination, platform: Platform, progress: Progress
    ) -> None:
        self.source = source
        self.destination = destination
        self.platform = platform
        self.progress = progress
        self.compression = "gzip"
        self.level: int | None = None
        self.workers = 1
        self.manifest: Manifest
        self.config: ImageConfig
        self.index: Index | None = None

    def run(self, manifest_type: str | None) -> Copied:
        """Do the steps in order; the layers again where one was lost."""
        self.progress.message("Getting image source signatures")
        self.manifest, self.config, self.index = read_image(self.source, self.platform)
        target_type = self._target_type(manifest_type)
        given = self.source.layers(self.manifest, self.config)
        self.destination.plan(self.manifest, self.config, self.index)
        for attempt in range(_ATTEMPTS):
            layers = self._copy_layers(given, target_type)
            config = self._convert_config(target_type)
            self._put_config(config, target_type)
            raw = self._make_manifest(config, layers, target_type)
            self.progress.message("Writing manifest to image destination")
            self.destination.put_manifest(raw, target_type)
            try:
                self.destination.commit()
            except LostBlobError:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            break
        self.progress.message("Storing signatures")
        written = parse_manifest(raw, target_type)
        return Copied(config, raw, target_type, written.digest)

    # Manifest and config ---------------------------------------------------------------------------------------------

    def _target_type(self, forced: str | None) -> str:
        allowed = self.destination.manifest_types
        if forced is not None:
            if allowed and forced not in allowed:
                raise UnsupportedError(f"{self.destination.reference} does not take manifests of type {forced}")
            return forced
        own = self.manifest.media_type
        return own if not allowed or own in allowed else next(kind for kind in allowed if "manifest" in kind)

    def _convert_config(self, target_type: str) -> ImageConfig:
        """Return the config for the family of the target: OCI knows fewer members, Docker takes OCI's as it is."""
        if target_type == OCI_MANIFEST and not self.manifest.is_oci:
            raw = to_oci_config(self.config)
            return self.config if raw == self.config.raw else parse_config(raw)
        return self.config

    def _put_config(self, config: ImageConfig, target_type: str) -> None:
        descriptor = _config_descriptor(config, target_type)
        if self.destination.blob_present(descriptor):
            self.progress.blob_done(descriptor, "config", skipped=True)
            return
        blob = _core.bytes_blob(config.raw)
        self.progress.blob_started(descriptor, "config", blob)
        self.destination.put_blob(
            blob, media_type=descriptor.media_type, digest=descriptor.digest, size=descriptor.size
        )
        self.progress.blob_done(descriptor, "config", skipped=False)

    def _make_manifest(self, config: ImageConfig, layers: list[Descriptor], target_type: str) -> bytes:
        """Return the raw manifest if nothing in it changed, as its digest is then kept; else write it anew."""
        own = self.manifest
        same_layers = all(
            new is old or (new.digest == old.digest and new.media_type == old.media_type)
            for new, old in zip(layers, own.layers, strict=True)
        )
        if target_type == own.media_type and same_layers and config is self.config:
            return own.raw
        annotations = own.annotations if target_type == OCI_MANIFEST else None
        return build_manifest(target_type, _config_descriptor(config, target_type), layers, annotations)

    # Layers ----------------------------------------------------------------------------------------------------------

    def _copy_layers(self, given: list[Descriptor], target_type: str) -> list[Descriptor]:
        """Copy the layers that are missing, several at once, and return them as the destination names them."""
        done: list[Descriptor | None] = [None] * len(given)

        def work(position: int) -> None:
            done[position] = self._copy_layer(position, given[position], target_type)

        at_once = self.workers if self.source.concurrent_blobs and self.destination.concurrent_blobs else 1
        order: Sequence[int] = range(len(given))
        if at_once > 1:
            # The largest first: a large one left for the end would have one core for itself while the other waits.
            order = sorted(order, key=lambda position: -given[position].size)
        _run_all(work, order, at_once)
        return [layer for layer in done if layer is not None]

    def _copy_layer(self, position: int, given: Descriptor, target_type: str) -> Descriptor:
        diff_id = self.config.diff_ids[position]
        wanted = self.destination.layer_compression
        for form in self._forms(position, given, diff_id, wanted):
            if self.destination.layer_present(position, form, diff_id):
                self.progress.blob_done(form, "blob", skipped=True)
                return _retyped(form, target_type, diff_id)
        compressed = _is_compressed(given, diff_id)
        blob = self.source.blob(given)
        self.progress.blob_started(given, "blob", blob)
        if wanted == COMPRESS and not compressed:
            stored = self._put_packed(blob, target_type, diff_id)
        elif wanted == DECOMPRESS and compressed:
            stored = self._put_unpacked(position, blob, target_type, diff_id)
        else:
            stored = self.destination.put_layer(position, blob, _retyped(given, target_type, diff_id), diff_id)
        self.progress.blob_done(given, "blob", skipped=False)
        return stored

    def _forms(self, position: int, given: Descriptor, diff_id: Digest, wanted: str) -> list[Descriptor]:
        """List the forms of a layer that would do if the destination had them: the manifest's own comes first."""
        own = self.manifest.layers[position]
        forms = [own, *self.source.known_forms(position), given]
        if wanted == PRESERVE:
            return [given]
        return [form for form in forms if _is_compressed(form, diff_id) == (wanted == COMPRESS)]

    def _put_packed(self, blob: Blob, target_type: str, diff_id: Digest) -> Descriptor:
        """Compress on the way; the stream ends well only for what the diff id names, and the destination says its digest."""
        packed = _core.compress_blob(blob, diff_id, self.compression, self.level)
        media_type = layer_type(target_type, self.compression)
        return self.destination.put_blob(packed, media_type=media_type, digest=None, size=None)

    def _put_unpacked(self, position: int, blob: Blob, target_type: str, diff_id: Digest) -> Descriptor:
        """Decompress on the way; the destination checks the diff id."""
        descriptor = Descriptor(layer_type(target_type), diff_id, -1)
        return self.destination.put_layer(position, _core.decompress_blob(blob), descriptor, diff_id)


def _config_descriptor(config: ImageConfig, target_type: str) -> Descriptor:
    media_type = OCI_CONFIG if target_type == OCI_MANIFEST else DOCKER_CONFIG
    return Descriptor(media_type, config.digest, len(config.raw))


def _is_compressed(descriptor: Descriptor, diff_id: Digest) -> bool:
    """Say whether a layer is compressed. Archives call plain layers gzip, so a digest that is the diff id decides."""
    return descriptor.digest != diff_id and not descriptor.media_type.endswith(".tar")


def _retyped(layer: Descriptor, target_type: str, diff_id: Digest) -> Descriptor:
    """Return the layer with the media type of the target's family; foreign layers keep being foreign."""
    if "nondistributable" in layer.media_type or "foreign" in layer.media_type:
        raise UnsupportedError(f"layers of type {layer.media_type} are not supported")
    compression = "none"
    if _is_compressed(layer, diff_id) or layer.media_type.endswith("gzip"):
        compression = "zstd" if layer.media_type.endswith("zstd") else "gzip"
    is_oci = ".oci." in layer.media_type
    if layer.media_type and is_oci == (target_type == OCI_MANIFEST):
        return layer
    media_type = layer_type(target_type, compression)
    return Descriptor(media_type, layer.digest, layer.size, annotations=layer.annotations, urls=layer.urls)


# Threads ------------------------------------------------------------------------------------------------------------


def _run_all(work: Callable[[int], None], order: Sequence[int], at_once: int) -> None:
    """Call `work` for the positions in this order, `at_once` at a time, and raise its first error; nothing starts after one.

    In threads always, also one at a time: Ctrl-C reaches who waits for a thread, and not a call into the extension.
    """
    import threading

    lock, waiting = threading.Lock(), list(reversed(order))
    errors: list[BaseException] = []

    def worker() -> None:
        while True:
            with lock:
                if errors or not waiting:
                    return
                position = waiting.pop()
            try:
                work(position)
            except BaseException as error:
                with lock:
                    errors.append(error)

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(min(at_once, len(order)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException as error:
        # Interrupted: the workers end with the layers in hand, and nothing new starts.
        with lock:
            errors.append(error)
        raise
    if errors:
        raise errors[0]
