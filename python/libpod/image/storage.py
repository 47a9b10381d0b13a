"""The store as a place that images come from and go to: `containers-storage` in the copy pipeline.

`StoreDestination` stages layers outside of any lock, in any order, and publishes them in one step with the image
record and the data items that containers/image writes. `StoreSource` rebuilds the uncompressed
tars, byte for byte, and tells which compressed forms of a layer the store has proof of.

Source: containers/image storage/storage_dest.go (PutManifest, Commit) for the items; the ids are `_core.layer_id`'s.
"""

from __future__ import annotations

from libpod import _core, timestamp
from libpod.digest import Digest
from libpod.errors import CorruptError, InvalidError, LibpodError, NotFoundError, UnsupportedError
from libpod.image.blobs import proven
from libpod.image.descriptor import Descriptor
from libpod.image.manifest import (
    DOCUMENT_LIMIT,
    OCI_MANIFEST,
    Manifest,
    layer_type,
    parse_config,
    parse_manifest,
)
from libpod.image.transport import PRESERVE, ImageDestination, ImageSource, LostBlobError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from libpod._core import Blob, StagedLayer
    from libpod.image.manifest import ImageConfig, Index
    from libpod.store import Store


#: `compression` of a layer record.
_COMPRESSIONS = {0: "none", 2: "gzip", 4: "zstd"}


class StoreDestination(ImageDestination):
    """One image on its way into the store. Layers are staged in any order; `commit` publishes them with the record."""

    layer_compression = PRESERVE
    concurrent_blobs = True

    def __init__(self, store: Store, names: Sequence[str] = ()) -> None:
        self.reference = f"containers-storage:{names[0] if names else ''}"
        self._store = store
        self._names = list(names)
        self._staged: dict[int, StagedLayer] = {}
        self._chain: list[str] = []
        self._largest = 0
        self._manifest: Manifest
        self._config: ImageConfig
        self._index: Index | None = None

    def plan(self, manifest: Manifest, config: ImageConfig, index: Index | None) -> None:
        """Derive the ids of the layers from the diff ids.

        Raises: UnsupportedError where the config or a layer's content goes by another digest than sha256, which is what ids are
        made of: no tool that shares the store could read the image.
        """
        if not config.digest.is_canonical:
            raise UnsupportedError(
                f"the store cannot hold the image config {config.digest}: image ids are digests of sha256"
            )
        for diff_id in config.diff_ids:
            if not diff_id.is_canonical:
                raise UnsupportedError(f"the store cannot hold the layer {diff_id}: layer ids are digests of sha256")
        self._manifest, self._config, self._index = manifest, config, index
        self._largest = max((layer.size for layer in manifest.layers), default=0)
        self._chain, parent = [], None
        for diff_id in config.diff_ids:
            parent = _core.layer_id(parent, diff_id)
            self._chain.append(parent)

    def layer_present(self, position: int, descriptor: Descriptor, diff_id: Digest) -> bool:
        """Say whether the store has the layer, on this parent or on another one (then it is extracted once more).

        A blob counts as the layer only if it is known to unpack to it. Else anybody could give a blob that nobody has seen the
        name of a layer that the store has.
        """
        if position in self._staged:
            return True
        if not self._is_known(descriptor, diff_id):
            return False
        try:
            self._store.layer(self._chain[position])
        except NotFoundError:
            return self._copy_from_other_parent(position, diff_id)
        return True

    def _is_known(self, descriptor: Descriptor, diff_id: Digest) -> bool:
        """Say whether a blob unpacks to the diff id: by its digest, by a layer that came from it, by an image of the store.

        Raises: CorruptError when it is known and has another size.
        """
        records, digest = self._store.find_layers(diff_id=diff_id), descriptor.digest
        if digest == diff_id:
            sizes = [record["diff-size"] for record in records] or [descriptor.size]
        else:
            sizes = [record["compressed-size"] for record in records if record["compressed-diff-digest"] == digest]
            if records and not sizes:
                sizes = _sizes_by_images(self._store, digest, diff_id)
        # Records of other tools may leave the size out.
        if any(size not in (-1, 0, descriptor.size) for size in sizes):
            raise CorruptError(f"blob {digest} has {max(sizes)} bytes, not {descriptor.size}")
        return bool(sizes)

    def _copy_from_other_parent(self, position: int, diff_id: Digest) -> bool:
        for record in self._store.find_layers(diff_id=diff_id):
            try:
                staged = self._store.stage_layer(self._store.layer_tar(record["id"]))
            except (CorruptError, NotFoundError):
                # Removed meanwhile, or without tar-split: fetching is as good.
                continue
            if staged.diff_id == diff_id:
                self._keep(position, staged)
                return True
            staged.discard()
        return False

    def adopt_layer(self, position: int, staged: StagedLayer) -> None:
        """Take a layer that the caller staged and whose diff id the config states; one that is there is discarded."""
        try:
            self._store.layer(self._chain[position])
        except NotFoundError:
            self._keep(position, staged)
        else:
            staged.discard()

    def _keep(self, position: int, staged: StagedLayer) -> None:
        old = self._staged.pop(position, None)
        if old is not None:
            old.discard()
        self._staged[position] = staged

    def put_layer(self, position: int, blob: Blob, descriptor: Descriptor, diff_id: Digest) -> Descriptor:
        """Extract the layer into staging and prove digest, size and diff id.

        A blob whose digest is the diff id may come compressed: that is how archives name compressed layers.
        """
        # One thread a layer costs least. The largest, begun first, has several: they fill what the others leave idle, in
        # the end above all.
        inline = 0 <= descriptor.size < self._largest
        staged = self._store.stage_layer(proven(blob, descriptor.digest), inline=inline)
        try:
            if staged.diff_id != diff_id:
                raise CorruptError(
                    f"layer {descriptor.digest}: diff id mismatch: wanted {diff_id}, got {staged.diff_id}"
                )
            if descriptor.digest.is_canonical and descriptor.digest not in (staged.digest, staged.diff_id):
                raise CorruptError(f"blob digest mismatch: wanted {descriptor.digest}, got {staged.digest}")
            if descriptor.digest != staged.diff_id and descriptor.size not in (-1, staged.size):
                raise CorruptError(f"blob {descriptor.digest} has {staged.size} bytes, not {descriptor.size}")
        except CorruptError:
            staged.discard()
            raise
        self._keep(position, staged)
        return descriptor

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say no: the only blob that is asked for is the config, which belongs to the record."""
        return False

    def put_blob(self, blob: Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        """Take the config, which `plan` brought already."""
        raw = blob.read_all(DOCUMENT_LIMIT)
        if raw != self._config.raw:
            raise InvalidError("the store takes an image's own config and no other")
        return Descriptor(media_type, self._config.digest, len(raw))

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Take the manifest, which stays as the source has it, unless the source gives the layers in another form."""
        if raw != self._manifest.raw:
            manifest = parse_manifest(raw, media_type)
            if instance or not isinstance(manifest, Manifest):
                raise InvalidError("the store keeps the manifest of an image and no other")
            # The list that it was chosen from knows another one.
            self._manifest, self._index = manifest, None

    def commit(self) -> None:
        """Publish the layers and write the image record with its data items, under one lock."""
        manifest, config = self._manifest, self._config
        data: dict[str, bytes] = {config.digest: config.raw}
        if self._index is not None:
            data[f"manifest-{self._index.digest}"] = self._index.raw
        data[f"manifest-{manifest.digest}"] = manifest.raw
        data["manifest"] = manifest.raw
        # Podman 4 writes the item even where there are no signatures.
        data[f"signature-{manifest.digest.hex}"] = b""
        layers = [
            (self._staged[position], layer, self._chain[position - 1] if position else None)
            for position, layer in enumerate(self._chain)
            if position in self._staged
        ]
        try:
            self._store.create_image(
                config.digest.hex,
                names=self._names,
                layer=self._chain[-1] if self._chain else None,
                # The digest by which it was asked for: the index's where one stood before it, as with Podman.
                digest=self._known_digest() or (self._index or manifest).digest,
                # The time that Go calls zero is no time: the image is as old as its record, as with Podman.
                created=config.created if config.created != timestamp.ZERO_TEXT else None,
                metadata=_core.dump_json({"signatures-sizes": {manifest.digest: []}}),
                data=data,
                layers=layers,
            )
        except NotFoundError as error:
            raise LostBlobError("a layer was removed while the image was stored") from error
        self._staged.clear()

    def _known_digest(self) -> str:
        """Return the digest of the image if it is there under another manifest: the first one stays, as with Podman."""
        try:
            digest: str = self._store.image(self._config.digest.hex)["digest"]
        except NotFoundError:
            return ""
        return digest

    def close(self) -> None:
        """Discard what was staged and not published."""
        for staged in self._staged.values():
            staged.discard()
        self._staged.clear()


def _sizes_by_images(store: Store, digest: Digest, diff_id: Digest) -> list[int]:
    """List the sizes that images of the store give for a blob that unpacks to `diff_id`; their layers were proven."""
    sizes = []
    for record in store.images():
        for key, manifest_digest in record["big-data-digests"].items():
            try:
                if not key.startswith("manifest") or digest.encode() not in store.image_data(record["id"], key):
                    continue
                manifest = parse_manifest(_read_proven(store, record["id"], key, manifest_digest))
                if not isinstance(manifest, Manifest):
                    continue
                config_digest = manifest.config.digest
                config = parse_config(_read_proven(store, record["id"], config_digest, config_digest))
            except LibpodError:
                # A damaged image proves nothing.
                continue
            pairs = zip(manifest.layers, config.diff_ids, strict=False)
            sizes += [layer.size for layer, unpacked in pairs if (layer.digest, unpacked) == (digest, diff_id)]
    return sizes


def _read_proven(store: Store, image: str, key: str, digest: str) -> bytes:
    raw: bytes = store.image_data(image, key)
    Digest(digest).check(raw, f"image {image}: {key}")
    return raw


class StoreSource(ImageSource):
    """One image of the store."""

    def __init__(self, store: Store, record: dict[str, Any]) -> None:
        names = record["names"] or [record["id"]]
        self.reference = f"containers-storage:{names[0]}"
        self.names = record["names"] or []
        self._store = store
        self._record = record
        self._id: str = record["id"]
        self._top: str | None = record["layer"] or None
        self._layer_ids: dict[Digest, str] = {}
        self._diff_ids: list[Digest] = []
        self._family = ""

    def manifest(self, instance: Digest | None = None) -> tuple[bytes, str]:
        """Return the image's manifest, or one that is stored under its digest."""
        if instance is None:
            return _read_manifest(self._store, self._record), ""
        return self._store.image_data(self._id, f"manifest-{instance}"), ""

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
            if record["diff-digest"] not in ("", diff_id):
                raise CorruptError(f"layer {record['id']} is {record['diff-digest']}, and the config says {diff_id}")
            self._layer_ids[diff_id] = record["id"]
            size = record["diff-size"] if record["diff-digest"] else -1
            given.append(Descriptor(layer_type(self._family), diff_id, size))
        return given

    def known_forms(self, position: int) -> list[Descriptor]:
        """Return the compressed forms that layers of the store came in, with this diff id."""
        diff_id, forms = self._diff_ids[position], []
        for record in self._store.find_layers(diff_id=diff_id):
            digest, kind = record["compressed-diff-digest"], _COMPRESSIONS.get(record["compression"])
            if digest and digest != diff_id and kind in ("gzip", "zstd"):
                if kind == "zstd" and self._family != OCI_MANIFEST:
                    continue
                media_type = layer_type(self._family, kind)
                forms.append(Descriptor(media_type, Digest(digest), record["compressed-size"]))
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
        top = record["parent"]
    records.reverse()
    return records


def read_manifest(store: Store, record: dict[str, Any]) -> Manifest | Index:
    """Read an image's manifest, proven by what its record says of it. Raises: NotFoundError, CorruptError, InvalidError."""
    return parse_manifest(_read_manifest(store, record))


def _read_manifest(store: Store, record: dict[str, Any]) -> bytes:
    raw: bytes = store.image_data(record["id"], "manifest")
    digest = record["big-data-digests"].get("manifest")
    if digest:
        Digest(digest).check(raw, f"image {record['id']}: manifest")
    return raw


def read_config(store: Store, record: dict[str, Any]) -> ImageConfig:
    """Read an image's config, proven by its manifest. Raises: NotFoundError, CorruptError, InvalidError."""
    manifest = read_manifest(store, record)
    if not isinstance(manifest, Manifest):
        raise InvalidError(f"image {record['id']} is a manifest list and has no config")
    raw = store.image_data(record["id"], manifest.config.digest)
    manifest.config.digest.check(raw, f"image {record['id']}: image config")
    return parse_config(raw, manifest.config.digest)
