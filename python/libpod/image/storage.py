"""The store as a place that images come from and go to: `containers-storage` in the copy pipeline.

`StoreDestination` stages layers outside of any lock, in any order, and publishes each as soon as its parent is there;
the image record comes last, with the data items that containers/image writes. `StoreSource` rebuilds the uncompressed
tars, byte for byte, and tells which compressed forms of a layer the store has proof of.

Source: containers/image storage/storage_dest.go (PutManifest, Commit) for the items; the ids are `_core.layer_id`'s.
"""

from __future__ import annotations

from libpod import _core
from libpod.errors import CorruptError, InvalidError, NotFoundError
from libpod.image.manifest import DOCUMENT_LIMIT, layer_type, parse_config, parse_manifest
from libpod.image.transport import PRESERVE, Descriptor, ImageDestination, ImageSource, LostBlobError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from libpod._core import Blob, StagedLayer
    from libpod.image.manifest import ImageConfig, Index, Manifest
    from libpod.store import Store

#: `compression` of a layer record.
_COMPRESSIONS = {0: "none", 2: "gzip", 4: "zstd"}


class StoreDestination(ImageDestination):
    """One image on its way into the store."""

    layer_compression = PRESERVE
    concurrent_blobs = True

    def __init__(self, store: Store, names: Sequence[str] = ()) -> None:
        import threading

        self.reference = f"containers-storage:{names[0] if names else ''}"
        self._store = store
        self._names = list(names)
        self._lock = threading.Lock()
        self._staged: dict[int, StagedLayer | None] = {}
        self._published = 0
        self._chain: list[str] = []
        self._manifest: Manifest
        self._config: ImageConfig
        self._index: Index | None = None

    def plan(self, manifest: Manifest, config: ImageConfig, index: Index | None) -> None:
        """Derive the ids of the layers from the diff ids."""
        self._manifest, self._config, self._index = manifest, config, index
        self._chain, parent = [], None
        for diff_id in config.diff_ids:
            parent = _core.layer_id(parent, diff_id)
            self._chain.append(parent)

    def layer_present(self, position: int, descriptor: Descriptor, diff_id: str) -> bool:
        """Say whether the store has the layer, on this parent or on another one (then it is extracted once more)."""
        if self._has_layer(self._chain[position]):
            self._advance(position, None)
            return True
        for record in self._store.find_layers(diff_id=diff_id):
            try:
                staged = self._store.stage_layer(self._store.layer_tar(record["id"]))
            except (CorruptError, NotFoundError):
                # Removed meanwhile, or without tar-split: fetching is as good.
                continue
            if staged.diff_id == diff_id:
                self._advance(position, staged)
                return True
            staged.discard()
        return False

    def _has_layer(self, layer: str) -> bool:
        try:
            self._store.layer(layer)
        except NotFoundError:
            return False
        return True

    def put_layer(self, position: int, blob: Blob, descriptor: Descriptor, diff_id: str) -> Descriptor:
        """Stage the layer, prove digest, size and diff id, and publish what has its parent.

        A blob whose digest is the diff id may come compressed: that is how archives name compressed layers.
        """
        staged = self._store.stage_layer(blob)
        try:
            if staged.diff_id != diff_id:
                raise CorruptError(
                    f"layer {descriptor.digest} does not match its diff id: {staged.diff_id}, not {diff_id}"
                )
            if descriptor.digest not in ("", staged.digest, staged.diff_id):
                raise CorruptError(f"blob digest mismatch: wanted {descriptor.digest}, got {staged.digest}")
            if descriptor.digest == staged.digest and descriptor.size not in (-1, staged.size):
                raise CorruptError(f"blob {descriptor.digest} has {staged.size} bytes, not {descriptor.size}")
        except CorruptError:
            staged.discard()
            raise
        self._advance(position, staged)
        return descriptor

    def _advance(self, position: int, staged: StagedLayer | None) -> None:
        """Note that a layer is ready and publish as far as the chain reaches without a gap."""
        with self._lock:
            self._staged[position] = staged
            while self._published in self._staged:
                ready = self._staged[self._published]
                parent = self._chain[self._published - 1] if self._published else None
                if ready is not None:
                    try:
                        self._store.commit_layer(ready, self._chain[self._published], parent)
                    except NotFoundError:
                        # The parent went away: the retry after `commit` finds that out for the whole chain.
                        return
                    self._staged[self._published] = None
                self._published += 1

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say no: the only blob that is asked for is the config, which belongs to the record."""
        return False

    def put_blob(self, blob: Blob, *, media_type: str, digest: str | None, size: int | None) -> Descriptor:
        """Take the config, which `plan` brought already."""
        raw = blob.read_all(DOCUMENT_LIMIT)
        if raw != self._config.raw:
            raise InvalidError("the store takes an image's own config and no other")
        return Descriptor(media_type, self._config.digest, len(raw))

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Take the manifest, which stays as the source has it."""
        if raw != self._manifest.raw:
            raise InvalidError("the store keeps manifests as they are")

    def commit(self) -> None:
        """Write the image record with its data items."""
        if self._published < len(self._chain):
            self._forget()
            raise LostBlobError("a layer was removed while the image was stored")
        manifest, config = self._manifest, self._config
        data = {config.digest: config.raw}
        if self._index is not None:
            data[f"manifest-{self._index.digest}"] = self._index.raw
        data[f"manifest-{manifest.digest}"] = manifest.raw
        data["manifest"] = manifest.raw
        # Podman 4 writes the item even where there are no signatures.
        data[f"signature-{manifest.digest.partition(':')[2]}"] = b""
        try:
            self._store.create_image(
                config.digest.partition(":")[2],
                names=self._names,
                layer=self._chain[-1] if self._chain else None,
                digest=manifest.digest,
                created=config.created,
                metadata=_core.dump_json({"signatures-sizes": {manifest.digest: []}}),
                data=data,
            )
        except NotFoundError as error:
            self._forget()
            raise LostBlobError("a layer was removed while the image was stored") from error

    def _forget(self) -> None:
        self.close()
        self._staged, self._published = {}, 0

    def close(self) -> None:
        """Discard what was staged and not published; published layers serve the next attempt."""
        with self._lock:
            for staged in self._staged.values():
                if staged is not None:
                    staged.discard()
            self._staged = {}


class StoreSource(ImageSource):
    """One image of the store."""

    def __init__(self, store: Store, record: dict[str, Any]) -> None:
        names = record.get("names") or [record["id"]]
        self.reference = f"containers-storage:{names[0]}"
        self.names = record.get("names") or []
        self._store = store
        self._id: str = record["id"]
        self._top: str | None = record.get("layer") or None
        self._layer_ids: dict[str, str] = {}
        self._diff_ids: list[str] = []
        self._family = ""

    def manifest(self, instance: str | None = None) -> tuple[bytes, str]:
        """Return the image's manifest, or one that is stored under its digest."""
        key = "manifest" if instance is None else f"manifest-{instance}"
        return self._store.image_data(self._id, key), ""

    def layers(self, manifest: Manifest, config: ImageConfig) -> list[Descriptor]:
        """Return the layers as uncompressed tars, base first, matched with the config's diff ids."""
        self._family, self._diff_ids = manifest.media_type, config.diff_ids
        records = layer_chain(self._store, self._top)
        if len(records) != len(self._diff_ids):
            raise CorruptError(
                f"image {self._id} has {len(records)} layers and its config {len(self._diff_ids)} diff ids"
            )
        given = []
        for record, diff_id in zip(records, self._diff_ids, strict=True):
            if record.get("diff-digest") not in (None, "", diff_id):
                raise CorruptError(f"layer {record['id']} is {record['diff-digest']}, and the config says {diff_id}")
            self._layer_ids[diff_id] = record["id"]
            size = record.get("diff-size", 0) if record.get("diff-digest") else -1
            given.append(Descriptor(layer_type(self._family), diff_id, size))
        return given

    def known_forms(self, position: int) -> list[Descriptor]:
        """Return the compressed forms that layers of the store came in, with this diff id."""
        diff_id, forms = self._diff_ids[position], []
        for record in self._store.find_layers(diff_id=diff_id):
            digest, kind = record.get("compressed-diff-digest"), _COMPRESSIONS.get(record.get("compression", 0))
            if digest and digest != diff_id and kind in ("gzip", "zstd"):
                try:
                    media_type = layer_type(self._family, kind)
                except LookupError:
                    continue
                forms.append(Descriptor(media_type, digest, record.get("compressed-size", -1)))
        return forms

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open the config, or rebuild a layer's tar."""
        layer = self._layer_ids.get(descriptor.digest)
        if layer is not None:
            return self._store.layer_tar(layer)
        return _core.bytes_blob(self._store.image_data(self._id, descriptor.digest))


def layer_chain(store: Store, top: str | None) -> list[dict[str, Any]]:
    """Return the records from the base layer to `top`."""
    records: list[dict[str, Any]] = []
    while top:
        record = store.layer(top)
        records.append(record)
        if len(records) > 10_000:
            raise CorruptError(f"the parents of layer {top} form a cycle")
        top = record.get("parent")
    records.reverse()
    return records


def read_config(store: Store, record: dict[str, Any]) -> ImageConfig:
    """Read an image's config from the store. Raises: NotFoundError, InvalidError."""
    manifest = parse_manifest(store.image_data(record["id"], "manifest"))
    if not hasattr(manifest, "config"):
        raise InvalidError(f"image {record['id']} is a manifest list and has no config")
    return parse_config(store.image_data(record["id"], manifest.config.digest))
