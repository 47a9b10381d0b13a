"""What a place that images come from, or go to, can do: the seam between transports and the one copy pipeline.

A transport is a module with two functions, `open_source` and `open_destination`; the table below says which module
serves which name, and `open_source("oci-archive:x.tar")` here is the way in. A source hands out raw manifests and
blobs and proves nothing: `image/copy.py` checks every digest. A destination takes blobs first, the manifest then, and
becomes visible with `commit`. Nothing here knows a store, a policy or a command line.
"""

from __future__ import annotations

from contextlib import contextmanager

from libpod import arguments
from libpod.errors import LibpodError
from libpod.image.location import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike
    from types import TracebackType
    from typing import Any, Self

    from libpod._core import Blob
    from libpod.digest import Digest
    from libpod.image.descriptor import Descriptor
    from libpod.image.manifest import ImageConfig, Index, Manifest
    from libpod.image.reference import Reference

#: Module that serves a transport.
_MODULES = {
    "containers-storage": "libpod.image.stored",
    "docker": "libpod.image.docker",
    "docker-archive": "libpod.image.archive",
    "oci-archive": "libpod.image.layout",
    "oci": "libpod.image.layout",
    "dir": "libpod.image.directory",
}

#: What a destination wants of layers: as they are, plain tars, or compressed ones.
PRESERVE, DECOMPRESS, COMPRESS = "preserve", "decompress", "compress"


class Options:
    """How to talk to a transport; each reads what concerns it.

    authfile, credentials ("user:password" or None), cert_dir, tls_verify (None: as registries.conf says) and retries
    are for registries; spool_dir is where input that cannot seek is kept while it is read; compress asks `dir:` for
    compressed layers; on_retry is called with a line of text before a registry is asked again.
    """

    __slots__ = ("authfile", "cert_dir", "compress", "credentials", "on_retry", "retries", "spool_dir", "tls_verify")

    def __init__(
        self,
        *,
        authfile: str | PathLike[str] | None = None,
        credentials: str | None = None,
        cert_dir: str | PathLike[str] | None = None,
        tls_verify: bool | None = None,
        retries: int = 3,
        spool_dir: str | PathLike[str] | None = None,
        compress: bool = False,
        on_retry: Callable[[str], object] | None = None,
    ) -> None:
        self.authfile = None if authfile is None else arguments.text("authfile", authfile)
        self.credentials = None if credentials is None else arguments.text("credentials", credentials)
        self.cert_dir = None if cert_dir is None else arguments.text("cert_dir", cert_dir)
        self.tls_verify = None if tls_verify is None else arguments.flag("tls_verify", tls_verify)
        self.retries = arguments.integer("retries", retries)
        self.spool_dir = None if spool_dir is None else arguments.text("spool_dir", spool_dir)
        self.compress = arguments.flag("compress", compress)
        self.on_retry = on_retry


class LostBlobError(LibpodError):
    """A blob that the destination had is gone, removed by another process: the blobs have to be put again."""


class Closing:
    """Something with `close`, usable in a `with` statement."""

    def close(self) -> None:
        """Give back descriptors and connections; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ImageSource(Closing):
    """One image, or one index of images, that can be read.

    reference: the canonical text (`docker://registry/repo:tag`, `oci:/dir:name`…) for messages and records.
    names: names that the source gives to the image (the tags in an archive), fully qualified where they are so there.
    concurrent_blobs: several blobs may be open at once and read by different threads.
    owner: what the image lies in, where that was opened for it alone; it is closed with the image.
    """

    reference: str = ""
    names: Sequence[str] = ()
    concurrent_blobs: bool = True
    owner: Closing | None = None

    def close(self) -> None:
        """Close what was opened for this image."""
        if self.owner is not None:
            self.owner.close()

    def manifest(self, instance: Digest | None = None) -> tuple[bytes, str]:
        """Return the raw manifest and the media type that the source claims for it ("" if it claims none).

        instance: digest of a member of the index; None is the top document. The caller checks bytes against digest.
        """
        raise NotImplementedError

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open the blob as one stream from its first byte. The reader of the stream checks size and digest."""
        raise NotImplementedError

    def signatures(self, instance: Digest | None = None) -> list[bytes]:
        """Return the signatures stored beside the manifest; none is usual."""
        return []

    def layers(self, manifest: Manifest, config: ImageConfig) -> list[Descriptor]:
        """Return the layers as this source gives them, base first: the store has only uncompressed tars to give."""
        return manifest.layers

    def known_forms(self, position: int) -> list[Descriptor]:
        """Return other forms of a layer (compressed ones) that a destination may have already, best first."""
        return []


def open_alone(owner: Closing, choose: Callable[[], ImageSource]) -> ImageSource:
    """Open one image of several that lie in `owner`, which is closed with it, or at once where the choice fails."""
    try:
        source = choose()
    except BaseException:
        owner.close()
        raise
    source.owner = owner
    return source


class ImageDestination(Closing):
    """A place that one image is written to: blobs, then the manifest, then `commit`.

    manifest_types: media types of manifests it can hold, best first; empty means any. layer_compression: what it
    wants of layers. concurrent_blobs: `put_blob` may run in several threads. Without `commit`, `close` leaves nothing.
    """

    reference: str = ""
    manifest_types: Sequence[str] = ()
    layer_compression: str = PRESERVE
    concurrent_blobs: bool = False

    def plan(self, manifest: Manifest, config: ImageConfig, index: Index | None) -> None:
        """Take note of the image that is about to come; index: the list that it was chosen from."""

    def may_reuse_from(self, names: Sequence[Reference]) -> None:
        """Take note of other names of the image: a registry may have its blobs under them already."""

    def layer_present(self, position: int, descriptor: Descriptor, diff_id: Digest) -> bool:
        """Say whether the layer at `position` is there already."""
        return self.blob_present(descriptor)

    def put_layer(self, position: int, blob: Blob, descriptor: Descriptor, diff_id: Digest) -> Descriptor:
        """Store a layer, whose size may be unknown (-1)."""
        size = descriptor.size if descriptor.size >= 0 else None
        return self.put_blob(blob, media_type=descriptor.media_type, digest=descriptor.digest, size=size)

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Say whether the destination holds the blob already, mounting it from another repository where it can."""
        raise NotImplementedError

    def put_blob(self, blob: Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        """Store the stream and return its descriptor. A digest or size that was given and differs is a CorruptError.

        digest and size are None where the blob is made while it flows; the destination then computes both.
        """
        raise NotImplementedError

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Store the manifest after its blobs. instance: a member of an index that follows, stored by digest alone."""
        raise NotImplementedError

    def commit(self) -> None:
        """Make the image visible under its name, atomically where the place allows it. Raises: LostBlobError."""
        raise NotImplementedError


class Progress:
    """What the pipeline tells of its way, for bars or lines; the base class stays silent. Called from any thread."""

    def message(self, text: str) -> None:
        """Tell one step that has no bytes to count, such as "Writing manifest to image destination"."""

    def blob_started(self, descriptor: Descriptor, kind: str, blob: Blob) -> None:
        """Tell that a blob flows: kind is "blob" or "config"; `blob.position` of `descriptor.size` is its progress."""

    def blob_done(self, descriptor: Descriptor, kind: str, *, skipped: bool) -> None:
        """Tell that it is whole at the destination; skipped: it was there before ("skipped: already exists")."""


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Let errors say which file or directory they are about, as the user called it."""
    try:
        yield
    except LibpodError as error:
        if name in error.message:
            raise
        raise error.prefixed(f"{name}: ") from error.__cause__


def open_source(place: str | Location, options: Options | None = None) -> ImageSource:
    """Open a place, as a text `transport:rest`, for reading; the caller closes it. Raises what the transport raises."""
    location = place if isinstance(place, Location) else Location.parse(place)
    source: ImageSource = _module(location.transport).open_source(location, options or Options())
    return source


def open_destination(place: str | Location, options: Options | None = None) -> ImageDestination:
    """Open a place for writing; nothing is visible there before `commit`. The caller closes it."""
    location = place if isinstance(place, Location) else Location.parse(place)
    destination: ImageDestination = _module(location.transport).open_destination(location, options or Options())
    return destination


def _module(transport: str) -> Any:
    from importlib import import_module

    return import_module(_MODULES[transport])
