"""`docker-archive:`: the tar that `docker save` and `podman save` write, read in place and written in one pass.

Reading starts at `DockerArchive`: it indexes the tar once, and each image in it is an `ImageSource` whose layers are
byte ranges of the file. The format holds no registry manifest, so one is made exactly as containers/image makes it
(the digest that Podman records is of that text). Writing starts at `ArchiveWriter`, which holds many images with
their common layers once, and the legacy members (`repositories`, a directory per layer) beside `manifest.json`.
Archives from before `manifest.json` (Docker 1.9) are refused.

Source: moby image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format"; containers-transports(5).
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.digest import Digest
from libpod.document import go_json
from libpod.errors import CorruptError, InvalidError, NotFoundError, UnsupportedError
from libpod.file import OutputFile
from libpod.image import tarball
from libpod.image.descriptor import Descriptor
from libpod.image.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    DOCUMENT_LIMIT,
    ImageConfig,
    Manifest,
    build_manifest,
    parse_config,
    parse_manifest,
)
from libpod.image.tarwriter import TarWriter
from libpod.image.transport import DECOMPRESS, Closing, ImageDestination, ImageSource, open_alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from libpod._core import Blob
    from libpod.image.location import Location
    from libpod.image.reference import Reference
    from libpod.image.transport import Options

#: Members of the image config that the legacy per-layer config of the top layer repeats.
_LEGACY_MEMBERS = ("architecture", "config", "container", "container_config", "created", "docker_version", "os")


def open_source(location: Location, options: Options) -> ImageSource:
    """Open `path[:reference]` or `path:@index`. Without a reference the archive must hold exactly one image."""
    archive = DockerArchive(location.path, spool_dir=options.spool_dir)
    return open_alone(archive, lambda: archive.choose(location.name))


def open_destination(location: Location, options: Options) -> ImageDestination:
    """Open `path[:name:tag]` for one image; the file must not exist, or be empty."""
    names = [_tagged(location.name)] if location.name else []
    return ArchiveDestination(ArchiveWriter(OutputFile(location.path)), names, owns_writer=True)


def _tagged(name: str) -> Reference:
    """Parse a name, with its default tag; archives hold no digests."""
    from libpod.image.reference import parse_normalized

    reference = parse_normalized(name)
    if reference.digest:
        raise InvalidError(f"docker-archive doesn't support digest references: {name}")
    return reference


# Reading ------------------------------------------------------------------------------------------------------------


class DockerArchive(Closing):
    """The images of one archive file, plain or compressed; a pipe is spooled (see `tarball.seekable`)."""

    def __init__(self, path: str, *, fd: int | None = None, spool_dir: str | None = None) -> None:
        """Open `path`, or read from `fd`, which stays the caller's; path then only serves messages."""
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if fd is None else fd
        try:
            seekable = tarball.seekable(opened, spool_dir, path)
        finally:
            if fd is None:
                os.close(opened)
        self.path = path
        self.images: list[DockerArchiveSource] = []
        try:
            self.tar = tarball.Tarball(seekable, path)
            self._read_images()
        except BaseException:
            os.close(seekable)
            raise

    @classmethod
    def from_tarball(cls, tar: tarball.Tarball) -> DockerArchive:
        """Read the images of a tar that was indexed already; it is closed with the archive."""
        archive = cls.__new__(cls)
        archive.path, archive.images, archive.tar = tar.path, [], tar
        archive._read_images()
        return archive

    def _read_images(self) -> None:
        try:
            document = _core.read_document(self.tar.read("manifest.json", DOCUMENT_LIMIT), "archive")
            if not document:
                raise InvalidError("the manifest.json lists no image")
            self.images = [DockerArchiveSource(self, place, item) for place, item in enumerate(document)]
        except InvalidError as error:
            raise InvalidError(f"{self.path}: {error}", path=self.path) from error

    def choose(self, wanted: str) -> DockerArchiveSource:
        """Return the image named by `wanted`: a reference, `@index`, or "" for the only one."""
        if not wanted:
            if len(self.images) != 1:
                raise InvalidError(f"{self.path}: expected 1 image in the archive, found {len(self.images)}")
            return self.images[0]
        if wanted.startswith("@"):
            place = int(wanted[1:]) if wanted[1:].isdigit() else -1
            if not 0 <= place < len(self.images):
                raise NotFoundError(f"{self.path}: no image of index {wanted} in the archive", path=self.path)
            return self.images[place]
        name = _tagged(wanted)
        for image in self.images:
            if name in map(_tagged, image.names):
                return image
        raise NotFoundError(f"{self.path}: tag {str(name)!r} not found in the archive", path=self.path)

    def close(self) -> None:
        """Close the file."""
        self.tar.close()


class DockerArchiveSource(ImageSource):
    """One image of an archive."""

    def __init__(self, archive: DockerArchive, place: int, item: dict[str, Any]) -> None:
        self.archive = archive
        self.reference = f"docker-archive:{archive.path}:@{place}"
        self._config_name = _name(item.get("Config"), f"[{place}].Config")
        self._layer_names = [
            _name(name, f"[{place}].Layers[{number}]") for number, name in enumerate(item.get("Layers") or ())
        ]
        #: As they stand in the archive; short ones mean docker.io to Docker and localhost to Podman.
        self.names = [
            _name(tag, f"[{place}].RepoTags[{number}]") for number, tag in enumerate(item.get("RepoTags") or ())
        ]
        self._layers: dict[Digest, tarball.Member] = {}
        self._manifest: bytes | None = None
        self._config: ImageConfig | None = None

    def manifest(self, instance: Digest | None = None) -> tuple[bytes, str]:
        """Return the manifest that containers/image makes for an archive: layers named by their diff ids."""
        if instance is not None:
            raise UnsupportedError("a docker-archive holds no manifest lists")
        if self._manifest is None:
            self._manifest = self._make_manifest()
        return self._manifest, DOCKER_MANIFEST

    def _make_manifest(self) -> bytes:
        tar, config = self.archive.tar, self._read_config()
        if len(config.diff_ids) != len(self._layer_names):
            raise CorruptError(
                f"{tar.path}: manifest.json lists {len(self._layer_names)} layers and the image config "
                f"{len(config.diff_ids)}",
                path=tar.path,
            )
        layers = []
        for diff_id, name in zip(config.diff_ids, self._layer_names, strict=True):
            member = self._layers.setdefault(diff_id, tar.require(name))
            size = _unpacked_size(tar, member) if tar.is_compressed(member) else member.size
            layers.append(Descriptor(DOCKER_LAYER + ".gzip", diff_id, size))
        return build_manifest(DOCKER_MANIFEST, Descriptor(DOCKER_CONFIG, config.digest, len(config.raw)), layers)

    def _read_config(self) -> ImageConfig:
        if self._config is None:
            self._config = parse_config(self.archive.tar.read(self._config_name, DOCUMENT_LIMIT))
        return self._config

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open the config from memory, or a layer in place. A layer compressed inside the archive stays so."""
        config = self._read_config()
        if descriptor.digest == config.digest:
            return _core.bytes_blob(config.raw)
        if not self._layers:
            self.manifest()
        member = self._layers.get(descriptor.digest)
        if member is None:
            raise NotFoundError(f"{self.archive.path}: no blob {descriptor.digest} in the archive")
        return self.archive.tar.blob(member)


def _name(value: str | None, member: str) -> str:
    """Return a name of `manifest.json`; without one the archive cannot be read."""
    if not value:
        raise InvalidError(f"the manifest.json's `{member}` is empty")
    return value


def _unpacked_size(tar: tarball.Tarball, member: tarball.Member) -> int:
    """Count the bytes of a layer that is compressed inside the archive; only decompressing tells."""
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        return _core.unpack_to(tar.blob(member), null)
    finally:
        os.close(null)


# Writing ------------------------------------------------------------------------------------------------------------


class ArchiveWriter:
    """One archive file that grows blob by blob; `finish` writes its index and makes it visible.

    A file that is there already must be empty. A pipe, a device or a descriptor is written straight on.
    """

    def __init__(self, output: OutputFile) -> None:
        self.path = output.name
        if output.old_size:
            output.close()
            raise InvalidError("docker-archive doesn't support modifying existing images", path=output.name)
        self._tar = TarWriter(output)
        self._items: list[dict[str, Any]] = []
        self._repositories: dict[str, dict[str, str]] = {}
        self._written: dict[Digest, int] = {}
        self._legacy: set[str] = set()

    def blob_size(self, digest: Digest) -> int | None:
        """Return the size of a blob that is in the archive already."""
        return self._written.get(digest)

    def add_layer(self, blob: Blob, digest: Digest | None, size: int | None) -> tuple[Digest, int]:
        """Write an uncompressed layer as `<hex>.tar`; returns its digest and size. Raises: CorruptError, OSError."""
        written, length = self._tar.add_blob(blob, _layer_name, digest=digest, size=size, present=self._written)
        self._written[written] = length
        return written, length

    def add_config(self, raw: bytes) -> None:
        """Write an image config as `<hex>.json`."""
        digest = Digest.of(raw)
        if digest not in self._written:
            self._tar.add_bytes(f"{digest.hex}.json", raw)
            self._written[digest] = len(raw)

    def add_image(self, manifest: Manifest, config: ImageConfig, names: Sequence[Reference]) -> None:
        """Write the legacy members of an image and note it, with its names, for `manifest.json`."""
        top = self._add_legacy(manifest, config)
        name = f"{config.digest.hex}.json"
        item = next((item for item in self._items if item["Config"] == name), None)
        if item is None:
            layers = [_layer_name(layer.digest) for layer in manifest.layers]
            item = {"Config": name, "RepoTags": [], "Layers": layers}
            self._items.append(item)
        for tagged in names:
            if str(tagged) not in item["RepoTags"]:
                item["RepoTags"].append(str(tagged))
            if top and tagged.tag is not None:
                self._repositories.setdefault(tagged.name, {})[tagged.tag] = top

    def _add_legacy(self, manifest: Manifest, config: ImageConfig) -> str:
        """Write a directory per layer, as Docker before 1.10 reads it; returns the id of the top one.

        The ids have to be unique and to depend on the chain; they are made as containers/image makes them, so that
        equal images give equal archives.
        """
        parent, chain = "", None
        for place, layer in enumerate(manifest.layers):
            value: dict[str, Any] = {"parent": parent} if parent else {}
            if place == len(manifest.layers) - 1:
                value.update((name, config.value.get(name)) for name in _LEGACY_MEMBERS)
            chain = Digest.of(f"{chain} {layer.digest}".encode()) if chain else layer.digest
            hashed = {**value, "layer_id": chain}
            own = Digest.of(go_json({name: hashed[name] for name in sorted(hashed)})).hex
            value["id"] = own
            if own not in self._legacy:
                self._legacy.add(own)
                text = go_json({name: value[name] for name in sorted(value)})
                self._tar.add_link(f"{own}/layer.tar", f"../{_layer_name(layer.digest)}")
                self._tar.add_bytes(f"{own}/VERSION", b"1.0")
                self._tar.add_bytes(f"{own}/json", text)
            parent = own
        return parent

    def finish(self) -> None:
        """Write `manifest.json`, `repositories` and the end mark, and make the archive be the file of its name."""
        repositories = {
            name: {tag: tags[tag] for tag in sorted(tags)} for name, tags in sorted(self._repositories.items())
        }
        self._tar.add_bytes("manifest.json", go_json(self._items))
        self._tar.add_bytes("repositories", go_json(repositories))
        self._tar.finish()

    def close(self) -> None:
        """Close the file; without `finish`, nothing of it stays."""
        self._tar.close()


def _layer_name(digest: Digest) -> str:
    return f"{digest.hex}.tar"


class ArchiveDestination(ImageDestination):
    """One image on its way into an archive. Layers are plain tars; the writer may hold more images."""

    manifest_types = (DOCKER_MANIFEST,)
    layer_compression = DECOMPRESS

    def __init__(self, writer: ArchiveWriter, names: Sequence[Reference], *, owns_writer: bool = False) -> None:
        self.reference = f"docker-archive:{writer.path}"
        self._writer = writer
        self._names = names
        self._owns_writer = owns_writer
        self._config: ImageConfig | None = None
        self._manifest: Manifest | None = None

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether an earlier image of the archive brought the blob."""
        return self._writer.blob_size(descriptor.digest) is not None

    def put_blob(self, blob: Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        """Write a layer, or keep the config until the manifest comes."""
        if media_type == DOCKER_CONFIG:
            self._config = parse_config(blob.read_all(DOCUMENT_LIMIT))
            return Descriptor(media_type, self._config.digest, len(self._config.raw))
        written, length = self._writer.add_layer(blob, digest, size)
        return Descriptor(media_type, written, length)

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Take the manifest, of which only the order of the layers is written."""
        manifest = parse_manifest(raw, media_type)
        if instance or not isinstance(manifest, Manifest):
            raise UnsupportedError("docker-archive does not hold manifest lists")
        self._manifest = manifest

    def commit(self) -> None:
        """Note the image in the archive, and finish an archive that holds only this one."""
        if self._manifest is None or self._config is None:
            raise InvalidError("the image has no manifest or no config yet")
        self._writer.add_config(self._config.raw)
        self._writer.add_image(self._manifest, self._config, self._names)
        if self._owns_writer:
            self._writer.finish()

    def close(self) -> None:
        """Close the archive if it holds only this image."""
        if self._owns_writer:
            self._writer.close()
