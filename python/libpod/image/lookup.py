"""An image of the store, and Podman's rules for finding one by what the user typed.

Start at `resolve`. An `Image` is a record with its config read on demand. `run` comes here every time: what only slower
verbs need is imported where it is used.
"""

from __future__ import annotations

from libpod import _core
from libpod.errors import ImageNotFoundError, InvalidError, LibpodError, NotFoundError
from libpod.image import reference as references
from libpod.image.reference import Reference, ShortName, parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.digest import Digest
    from libpod.image.manifest import ImageConfig
    from libpod.image.reference import ImageId
    from libpod.store import Store

    #: What an image is looked up by: the user's text, or what it was parsed to.
    Wanted = str | ImageId | ShortName | Reference


class Image:
    """One image of the store, as it was when it was looked up.

    record: the store's record. config: the whole OCI config document; `defaults` is its part about running.
    """

    __slots__ = ("_config", "_store", "record")

    def __init__(self, store: Store, record: dict[str, Any]) -> None:
        self._store = store
        self.record = record
        self._config: ImageConfig | None = None

    @property
    def id(self) -> str:
        """Hex of the config's digest."""
        return str(self.record["id"])

    @property
    def names(self) -> list[str]:
        """Fully qualified names, in the store's order."""
        return list(self.record["names"])

    @property
    def tagged_names(self) -> list[str]:
        """The names with a tag. One by which the image was pulled with its digest (`repository@digest`) is none."""
        return [name for name in self.record["names"] if "@" not in name]

    @property
    def digest(self) -> Digest | None:
        """Digest of the manifest that brought the image; None where the record names none."""
        return _digest(self.record["digest"])

    @property
    def digests(self) -> list[Digest]:
        """Digests of all manifests by which the image is known."""
        texts = [text for key, text in self.record["big-data-digests"].items() if key.startswith("manifest")]
        found = (_digest(text) for text in (self.record["digest"], *texts))
        return list(dict.fromkeys(digest for digest in found if digest is not None))

    @property
    def top_layer(self) -> str | None:
        """Id of the uppermost layer; None for an image without layers."""
        return self.record["layer"] or None

    @property
    def created(self) -> str:
        """Time of creation by the record, RFC 3339."""
        return str(self.record["created"])

    @property
    def size(self) -> int:
        """Bytes of the layers, uncompressed, and of the image's documents."""
        from libpod.image.sizes import Sizes

        return Sizes(self._store).of(self.record)

    @property
    def is_dangling(self) -> bool:
        """Say whether the image has no name."""
        return not self.record["names"]

    @property
    def is_read_only(self) -> bool:
        """Say whether the image lies in an additional, read-only store."""
        return bool(self.record.get("read-only"))

    @property
    def document(self) -> ImageConfig:
        """The image config with its accessors."""
        if self._config is None:
            from libpod.image.storage import read_config

            self._config = read_config(self._store, self.record)
        return self._config

    @property
    def config(self) -> dict[str, Any]:
        """The whole OCI image config document."""
        return self.document.value

    @property
    def defaults(self) -> dict[str, Any]:
        """What the image says about running it: Env, Cmd, Entrypoint, User, WorkingDir, Labels and so on.

        Raises: CorruptError (other bytes than the id names), InvalidError (a member of another type).
        """
        return self.document.config if self._config is not None else self._read_defaults()

    def _read_defaults(self) -> dict[str, Any]:
        """Read the config on the short way of `run`, without the manifest: the id is the digest of the config."""
        digest = references.ID_PREFIX + self.id
        try:
            raw = self._store.image_data(self.id, digest)
        except NotFoundError:
            # An image whose config was made up from older documents, or whose layers are known by other digests.
            return self.document.config
        try:
            value = _core.read_document(raw, "config", digest)
        except LibpodError as error:
            raise error.prefixed(f"image {self.id}: ") from None
        defaults: dict[str, Any] = value.get("config") or {}
        return defaults

    @property
    def labels(self) -> dict[str, str]:
        """The labels; none for a manifest list or an image whose config cannot be read."""
        try:
            return self.defaults.get("Labels") or {}
        except LibpodError:
            return {}

    def __repr__(self) -> str:
        return f"Image({self.id[:12]}, {self.names!r})"


def _digest(text: str) -> Digest | None:
    """The digest in a member of a record; None where it is empty, or where another program wrote something else."""
    from libpod.digest import Digest

    try:
        return Digest(text) if text else None
    except LibpodError:
        return None


def all_images(store: Store) -> list[Image]:
    """List every image, in the store's order."""
    return [Image(store, record) for record in store.images()]


def lookup(store: Store, name: Wanted) -> Image:
    """Find an image by id, id prefix, name, short name or `repository@digest`, as Podman does.

    A short name stands for its alias, then for `localhost/`, the search registries and docker.io, and at last for any
    image whose repository ends in it.
    Raises: ImageNotFoundError, InvalidError (an ambiguous id prefix, no name at all).
    """
    return resolve(store, name)[0]


def resolve(store: Store, name: Wanted) -> tuple[Image, Reference | None]:
    """Find an image as `lookup` does; the second value is the name of it that was meant, None for an id."""
    wanted = parse_wanted(name) if isinstance(name, str) else name
    if isinstance(wanted, ShortName):
        return _short(store, wanted)
    if isinstance(wanted, Reference):
        full = wanted.with_default_tag().pinned()
        return _exact(store, str(full), name), full
    return _exact(store, wanted.hex, name), None


def parse_wanted(text: str) -> ImageId | ShortName | Reference:
    """Parse what a user calls an image of the store, with `containers-storage:` in front or not.

    Raises: InvalidError for another transport, for no name.
    """
    transport, rest = references.split_transport(text)
    if transport == "containers-storage" and not rest.startswith("["):
        return parse_wanted(rest)
    if transport:
        raise InvalidError(f'unsupported transport "{transport}" for looking up local images')
    return parse_name(text)


def unknown_image(name: object) -> ImageNotFoundError:
    """Return the error of a name or an id that no image has."""
    return ImageNotFoundError(f"{name}: image not known")


def tag_reference(name: str | Reference) -> Reference:
    """Return a name as `tag` stores it: short ones under `localhost/`, with a tag, never a digest.

    Raises: InvalidError in Podman's words.
    """
    if isinstance(name, Reference):
        full = name.with_default_tag()
    else:
        try:
            full = references.parse_local(name)
        except InvalidError as error:
            raise InvalidError(f'normalizing name "{name}": normalizing name "{name}": {error}') from error
    if full.digest is not None:
        raise InvalidError(f"{name}: tag by digest not supported")
    return full


def _exact(store: Store, key: str, name: Wanted) -> Image:
    try:
        return Image(store, store.image(key))
    except ImageNotFoundError:
        raise unknown_image(name) from None


def _short(store: Store, name: ShortName) -> tuple[Image, Reference | None]:
    records = store.images()
    matches = _ending_in(records, name)
    if len(matches) > 1:
        from libpod.image.shortnames import local_candidates

        by_name = {full: record for record, full in matches}
        for candidate in local_candidates(name):
            record = by_name.get(str(candidate))
            if record is not None:
                return Image(store, record), candidate
    # An id prefix comes before the other registries' names, and behind `localhost/` and docker.io.
    preferred = [pair for pair in matches if pair[1].startswith(("localhost/", "docker.io/"))]
    if not preferred:
        by_id = [record for record in records if record["id"].startswith(name.text)]
        if len(by_id) > 1:
            raise InvalidError(f"{name}: id prefix is ambiguous: it stands for {len(by_id)} images")
        if by_id:
            return Image(store, by_id[0]), None
    if matches:
        record, full = (preferred or matches)[0]
        return Image(store, record), references.parse_stored(full)
    raise unknown_image(name)


def _ending_in(records: list[dict[str, Any]], name: ShortName) -> list[tuple[dict[str, Any], str]]:
    """List the images, each with its matching name, whose repository is `name` or ends in `/name`; the tag is equal.

    With a digest, the image's known digests decide in place of the tag, and names with a digest of another algorithm.
    """
    repository, digest = name.repository, name.digest
    wanted = digest or name.tag or references.DEFAULT_TAG
    found = []
    for record in records:
        known = digest is not None and digest in (record["digest"], *record["big-data-digests"].values())
        for full in record["names"]:
            base, of_name = references.split_stored(full)
            if (base == repository or base.endswith("/" + repository)) and (known or of_name == wanted):
                found.append((record, full))
                break
    return found
