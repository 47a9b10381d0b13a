"""`docker://`: images in registries, as a source and as a destination of the copy pipeline.

`open_source` tries the mirrors of registries.conf before the registry itself; `open_destination` takes the registry alone.
Credentials come from `--creds` or auth.json and are given to the one host they are for. Talking is done by
`_core.RegistryClient`, which proves manifests and the sizes of blobs; the digest of a blob is proven by what reads it.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.config import auth, lookup
from libpod.config import registries as configuration
from libpod.digest import Digest
from libpod.errors import InvalidError, LibpodError, UnsupportedError
from libpod.identity import Identity
from libpod.image import reference, shortnames
from libpod.image.descriptor import Descriptor
from libpod.image.location import Location
from libpod.image.transport import COMPRESS, ImageDestination, ImageSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libpod._core import Blob, RegistryClient
    from libpod.image.manifest import ImageConfig, Index, Manifest
    from libpod.image.reference import Reference
    from libpod.image.transport import Options

#: Media types of manifests that we can read, best first.
ACCEPTED = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)

#: Where the registry of docker.io answers.
_HUB_HOST = "registry-1.docker.io"

#: Which repository of a registry is known to hold a blob: what this process saw is mounted instead of sent again.
_seen: dict[tuple[str, str], str] = {}


def open_source(location: Location, options: Options) -> ImageSource:
    """Open `//name[:tag|@digest]`; the manifest has been fetched when this returns.

    Raises: DeniedError, NotFoundError, RegistryError, each beginning with "initializing source".
    """
    wanted = _reference(location)
    try:
        return _open_first(wanted, options)
    except LibpodError as error:
        raise _wrapped(error, f"initializing source docker://{wanted.familiar}: ") from error.__cause__


def open_destination(location: Location, options: Options) -> ImageDestination:
    """Open `//name[:tag|@digest]`; nothing is sent before the first blob."""
    wanted = _reference(location)
    registries = configuration.load_registries()
    shortnames.check_not_blocked(str(wanted), registries)
    insecure = registries.is_insecure(str(wanted))
    client = open_client(wanted.name, options, insecure=insecure, push=True)
    return DockerDestination(wanted, client)


def list_tags(name: str, options: Options) -> list[Reference]:
    """Return the full name of every tag in the repository of `name`, a short or full name or `docker://name`.

    Raises: UnsupportedError for another transport, NotFoundError, DeniedError, RegistryError.
    """
    transport, rest = reference.split_transport(name)
    if transport not in ("", "docker"):
        raise UnsupportedError(f"pulling all tags is not supported for {transport} transport")
    wanted = Location(transport, rest).reference if transport else None
    if wanted is None:
        wanted = shortnames.pull_candidates(reference.parse_name(name)).references[0]
    registries = configuration.load_registries()
    shortnames.check_not_blocked(wanted.name, registries)
    client = open_client(wanted.name, options, insecure=registries.is_insecure(wanted.name))
    try:
        tags = client.tags(wanted.repository)
    except LibpodError as error:
        if str(error).startswith("pinging "):
            raise
        raise _wrapped(error, "fetching tags list: ") from error.__cause__
    return [reference.Reference(wanted.registry, wanted.repository, tag) for tag in tags]


def _reference(location: Location) -> Reference:
    assert location.reference is not None
    return location.reference


def open_client(
    name: str,
    options: Options,
    *,
    insecure: bool = False,
    push: bool = False,
    own_credentials: bool = True,
    credentials: auth.Credentials | None = None,
) -> RegistryClient:
    """Prepare to talk to the registry of a full repository name (or a bare host); nothing is sent yet.

    insecure: what registries.conf says; an explicit `--tls-verify` wins. own_credentials: whether `--creds` are for this host.
    credentials: in place of all others.
    """
    host = name.partition("/")[0]
    if options.tls_verify is not None:
        insecure = not options.tls_verify
    found = credentials
    if found is None and options.credentials is not None and own_credentials:
        found = auth.parse_credentials(options.credentials)
    elif found is None:
        helpers = configuration.load_registries().credential_helpers
        found = auth.find_credentials(name, authfile=options.authfile, helpers=helpers)
    token = found.identity_token or None if found else None
    return _core.RegistryClient(
        _HUB_HOST if host == reference.DEFAULT_REGISTRY else host,
        insecure=insecure,
        certificates=certificate_directory(host, options.cert_dir),
        username=found.username if found and not token else None,
        password=found.password if found and not token else None,
        identity_token=token,
        push=push,
        retries=options.retries,
        on_retry=_teller(options.on_retry) if options.on_retry is not None else None,
    )


def _teller(tell: Callable[[str], object]) -> Callable[[str, int, int, float], object]:
    """Put what the extension says about a repetition in Podman's words."""

    def on_retry(error: str, attempt: int, attempts: int, pause_s: float) -> None:
        tell(f"Failed, retrying in {pause_s:g}s ... ({attempt}/{attempts}). Error: {error}")

    return on_retry


def certificate_directory(host: str, chosen: str | None) -> str | None:
    """Return the directory of certificates for `host:port`: the chosen one or the first of `certs.d` that exists."""
    places = [chosen] if chosen else [f"{place}/{host}" for place in lookup.certificate_directories(Identity())]
    return next((place for place in places if os.path.isdir(place)), None)


def _open_first(wanted: Reference, options: Options) -> DockerSource:
    """Open the first endpoint that has the manifest."""
    failures: list[tuple[Reference, LibpodError]] = []
    for endpoint in shortnames.endpoints(wanted):
        place = endpoint.reference
        own = place.name == wanted.name
        client = open_client(place.name, options, insecure=endpoint.insecure, own_credentials=own)
        try:
            return DockerSource(wanted, place, client)
        except LibpodError as error:
            failures.append((place, error))
    place, last = failures.pop()
    if failures:
        others = ", ".join(f"[{mirror}: {failure}]" for mirror, failure in failures)
        raise _wrapped(last, f"(Mirrors also failed: {others}): {place}: ")
    raise last


class DockerSource(ImageSource):
    """An image in a registry. The top manifest is fetched at once: it decides whether the endpoint has the image."""

    concurrent_blobs = True

    def __init__(self, wanted: Reference, place: Reference, client: RegistryClient) -> None:
        """Fetch the manifest of `place`, where the registry keeps what the user calls `wanted`."""
        self.reference = f"docker://{wanted.familiar}"
        self.names = [str(wanted)]
        self._place = place
        self._client = client
        self._top = self._fetch(place.digest or place.tag or reference.DEFAULT_TAG)

    def manifest(self, instance: Digest | None = None) -> tuple[bytes, str]:
        """Return the raw manifest and the registry's media type; the bytes match their digest already."""
        return self._top if instance is None else self._fetch(instance)

    def blob(self, descriptor: Descriptor) -> Blob:
        """Open a blob. Blobs that live at a URL of the manifest's choice, and not in the registry, are not fetched.

        Raises: UnsupportedError for those.
        """
        size = descriptor.size if descriptor.size >= 0 else None
        try:
            # Hashed by its reader anyway, as the contract of sources says; hashing here too would cost a pull 3 %.
            blob = self._client.open_blob(self._place.repository, descriptor.digest, size, proven=False)
        except LibpodError as error:
            if descriptor.urls:
                raise UnsupportedError(
                    f"the layer {descriptor.digest} is outside of its registry: not fetched"
                ) from error
            raise _wrapped(error, f"fetching blob {descriptor.digest}: ") from error.__cause__
        _seen[self._place.registry, descriptor.digest] = self._place.repository
        return blob

    def _fetch(self, tag_or_digest: str) -> tuple[bytes, str]:
        try:
            raw, media_type, _ = self._client.manifest(self._place.repository, tag_or_digest, ACCEPTED)
        except LibpodError as error:
            if str(error).startswith("pinging "):
                raise
            raise _wrapped(error, f"reading manifest {tag_or_digest} in {self._place.name}: ") from error.__cause__
        # Registries that serve files say nothing of use; the document then speaks for itself.
        return raw, "" if media_type in ("text/plain", "application/octet-stream", "application/json") else media_type


class DockerDestination(ImageDestination):
    """A tag (or digest) in a registry. The manifest makes the image visible, so `commit` has nothing left to do."""

    layer_compression = COMPRESS
    concurrent_blobs = True

    def __init__(self, wanted: Reference, client: RegistryClient) -> None:
        self.reference = f"docker://{wanted.familiar}"
        self._wanted = wanted
        self._client = client
        self._neighbours: list[str] = []

    def plan(self, manifest: Manifest, config: ImageConfig, index: Index | None) -> None:
        """Refuse a destination by digest that the manifest cannot have, before a blob is sent."""
        if self._wanted.digest is not None:
            self._check_is(self._wanted.digest, manifest.raw)

    @staticmethod
    def _check_is(digest: Digest, raw: bytes) -> None:
        if not digest.names(raw):
            raise InvalidError("Digest of source image's manifest would not match destination reference")

    def may_reuse_from(self, names: Sequence[Reference]) -> None:
        """Remember the repositories of this registry among the names."""
        places = [other.repository for other in names if other.registry == self._wanted.registry]
        self._neighbours = [place for place in dict.fromkeys(places) if place != self._wanted.repository]

    def blob_present(self, descriptor: Descriptor) -> bool:
        """Ask for the blob, and for its mount from a repository of this registry that may have it.

        A mount keeps the blob's digest, where sending would mean to compress the layer anew.
        """
        repository, digest = self._wanted.repository, descriptor.digest
        try:
            if self._client.blob_size(repository, digest) is not None:
                return True
            known = _seen.get((self._wanted.registry, digest))
            places = ([known] if known is not None and known != repository else []) + self._neighbours
            return any(self._client.mount(repository, digest, place) for place in places)
        except LibpodError as error:
            if str(error).startswith("pinging "):
                raise _wrapped(error, f"trying to reuse blob {digest} at destination: ") from error.__cause__
            context = f"checking whether a blob {digest} exists in {self._wanted.name}"
            raise _wrapped(error, f"trying to reuse blob {digest} at destination: {context}: ") from error.__cause__

    def put_blob(self, blob: Blob, *, media_type: str, digest: Digest | None, size: int | None) -> Descriptor:
        """Send the blob in one stream."""
        try:
            sent, length = self._client.upload(self._wanted.repository, blob, digest=digest, size=size)
        except LibpodError as error:
            raise _wrapped(error, "writing blob: ") from error.__cause__
        _seen[self._wanted.registry, sent] = self._wanted.repository
        return Descriptor(media_type, Digest(sent), length)

    def put_manifest(self, raw: bytes, media_type: str, *, instance: bool = False) -> None:
        """Send the manifest under the tag, or under its own digest."""
        wanted = self._wanted
        place = Digest.of(raw) if instance else wanted.digest or wanted.tag or reference.DEFAULT_TAG
        if not instance and wanted.digest is not None:
            self._check_is(wanted.digest, raw)
        try:
            self._client.put_manifest(wanted.repository, place, raw, media_type)
        except LibpodError as error:
            raise _wrapped(
                error, f"writing manifest: uploading manifest {place} to {wanted.name}: "
            ) from error.__cause__

    def commit(self) -> None:
        """Do nothing: the registry shows the image since its manifest arrived."""


def _wrapped(error: LibpodError, prefix: str) -> LibpodError:
    """Return an error of the same class that says in front what was being done."""
    wrapped = error.prefixed(prefix)
    wrapped.__suppress_context__ = True
    return wrapped
