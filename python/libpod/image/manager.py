"""The images of a store: find, list, name, remove, bring in and carry out.

Start at `ImageManager`; `lookup` holds Podman's rules for names, and an `Image` is a record with its config read on
demand. What is only needed by slower verbs (the copy pipeline, filters, reports) is imported where it is used, as
`run` goes through `lookup` every time. Nothing here prints.
"""

from __future__ import annotations

from libpod.errors import ImageNotFoundError, InUseError, InvalidError, LibpodError, NotFoundError
from libpod.image import reference as references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from libpod.image.manifest import ImageConfig, Platform
    from libpod.image.transport import Options, Progress
    from libpod.store import Store

    # `list` is a method of the manager, as it is a verb of Podman's.
    Documents = list[dict[str, Any]]
    Names = list[str]

_HEX = frozenset("0123456789abcdef")


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
    def digest(self) -> str:
        """Digest of the manifest that brought the image."""
        return str(self.record["digest"])

    @property
    def digests(self) -> list[str]:
        """Digests of all manifests by which the image is known."""
        found = [self.digest] if self.digest else []
        for key, digest in self.record["big-data-digests"].items():
            if key.startswith("manifest") and digest not in found:
                found.append(digest)
        return found

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

        return Sizes(self._store).of(self)

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
        """What the image says about running it: Env, Cmd, Entrypoint, User, WorkingDir, Labels and so on."""
        return self.document.config

    @property
    def labels(self) -> dict[str, str]:
        """The labels; none for a manifest list or an image whose config cannot be read."""
        try:
            return self.defaults.get("Labels") or {}
        except LibpodError:
            return {}

    def __repr__(self) -> str:
        return f"Image({self.id[:12]}, {self.names!r})"


class ImageManager:
    """The images of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        #: Asks the user which of several full names a short one means; None where there is nobody to ask.
        self.choose: Callable[[list[str]], int] | None = None

    # Finding ---------------------------------------------------------------------------------------------------------

    def lookup(self, name: str) -> Image:
        """Find an image by id, id prefix, name, short name or `repository@digest`, as Podman does.

        A short name stands for its alias, then for `localhost/`, the search registries and docker.io, and at last for
        any image whose repository ends in it.
        Raises: ImageNotFoundError, InvalidError (an ambiguous id prefix, no name at all).
        """
        return self.resolve(name)[0]

    def resolve(self, name: str) -> tuple[Image, str]:
        """Find an image as `lookup` does; the second value is the name of it that was meant, "" for an id."""
        wanted = name.removeprefix("sha256:")
        is_id = len(wanted) == 64 and _HEX.issuperset(wanted)
        if is_id or wanted != name:
            if not is_id:
                raise InvalidError(f"{name}: invalid format: no 64-byte hexadecimal value")
            return self._exact(wanted, name), ""
        if references.is_short(name):
            return self._short(name)
        full = str(_without_tag_beside_digest(references.parse_normalized(name)))
        return self._exact(full, name), full

    def _exact(self, key: str, name: str) -> Image:
        try:
            return Image(self.store, self.store.image(key))
        except ImageNotFoundError:
            raise _unknown(name) from None

    def _short(self, name: str) -> tuple[Image, str]:
        records = self.store.images()
        matches = _ending_in(records, name)
        if len(matches) > 1:
            from libpod.image.shortnames import local_candidates

            by_name = {full: record for record, full in matches}
            for candidate in local_candidates(name):
                record = by_name.get(str(candidate))
                if record is not None:
                    return Image(self.store, record), str(candidate)
        # An id prefix comes before the other registries' names, and behind `localhost/` and docker.io.
        preferred = [pair for pair in matches if pair[1].startswith(("localhost/", "docker.io/"))]
        if not preferred:
            by_id = [record for record in records if record["id"].startswith(name)]
            if len(by_id) > 1:
                raise InvalidError(f"{name}: id prefix is ambiguous: it stands for {len(by_id)} images")
            if by_id:
                return Image(self.store, by_id[0]), ""
        if matches:
            record, full = (preferred or matches)[0]
            return Image(self.store, record), full
        raise _unknown(name)

    def exists(self, name: str) -> bool:
        """Say whether `lookup` would find something."""
        try:
            self.lookup(name)
        except ImageNotFoundError:
            return False
        return True

    def list(self, filters: Sequence[str] = (), *, all: bool = True) -> list[Image]:
        """List the images that pass the filters (`key=value`, `key!=value`), in the store's order.

        all: also nameless images that others are built on. Raises: InvalidError for a filter that is none.
        """
        images = [Image(self.store, record) for record in self.store.images()]
        # Only a nameless image can be intermediate; finding out reads every config.
        if filters or not (all or all_named(images)):
            from libpod.image.filters import apply_filters

            images = apply_filters(self, images, filters, hide_intermediate=not all)
        return images

    # Naming ----------------------------------------------------------------------------------------------------------

    def tag(self, name: str, *new: str) -> None:
        """Give an image more names; a name that another image has moves here."""
        image = self.lookup(name)
        wanted = [normalize_tag(text) for text in new]
        self.store.add_image_names(image.id, wanted)

    def untag(self, name: str, *old: str) -> None:
        """Take names from an image, all of them without `old`. Raises: NotFoundError for a name it does not have."""
        image = self.lookup(name)
        wanted = [normalize_tag(text) for text in old] or image.names
        for text in wanted:
            if text not in image.names:
                raise NotFoundError(f"{text}: tag not known")
        self.store.remove_image_names(image.id, wanted)

    # Removing --------------------------------------------------------------------------------------------------------

    def remove(
        self,
        names: Sequence[str],
        *,
        force: bool = False,
        ignore: bool = False,
        remove_container: Callable[[str], None] | None = None,
    ) -> Removal:
        """Remove images, or only the names by which they were given where others remain.

        force: also in use (`remove_container` then removes a container by id) and with several names. ignore: an
        unknown name is no error. Goes on after an error; the `Removal` holds what was done and what failed.
        """
        from libpod.image.removal import Remover

        remover = Remover(self, force=force, ignore=ignore, remove_container=remove_container)
        for name in names:
            remover.remove(name)
        return remover.removal

    def remove_all(self, *, force: bool = False, remove_container: Callable[[str], None] | None = None) -> Removal:
        """Remove every image that is not in use; with force, those too."""
        from libpod.image.removal import Remover

        remover = Remover(self, force=force, ignore=False, remove_container=remove_container)
        remover.remove_all()
        return remover.removal

    # Looking ---------------------------------------------------------------------------------------------------------

    def history(self, name: str) -> Documents:
        """Tell how an image came to be, newest step first: id, created, CreatedBy, size, comment, tags."""
        from libpod.image.report import history

        return history(self, self.lookup(name))

    def inspect(self, name: str) -> dict[str, Any]:
        """Describe an image in the members that `podman image inspect` prints."""
        from libpod.image.report import inspect

        return inspect(self, self.lookup(name))

    # In and out ------------------------------------------------------------------------------------------------------

    def load(self, source: str | int, *, progress: Progress | None = None) -> Names:
        """Load the images of an archive or a directory; returns their names (`sha256:<id>` where they have none).

        source: a path, or a descriptor to read an archive from, which may be a pipe.
        """
        from libpod.image.loading import load

        return load(self.store, source, progress)

    def save(
        self,
        names: Sequence[str],
        target: str | int,
        *,
        format: str = "docker-archive",
        multi: bool = False,
        compress: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Write images to a file, a directory or a descriptor.

        names: the image and more names of it; with `multi`, several images. format: `docker-archive`, `oci-archive`,
        `oci-dir` or `docker-dir`. compress: layers of `docker-dir`.
        """
        from libpod.image.saving import save

        save(self, names, target, format=format, multi=multi, compress=compress, progress=progress)

    def import_(
        self,
        source: str | int,
        name: str | None = None,
        *,
        changes: Iterable[str] = (),
        message: str = "",
        platform: Platform | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Make an image of one layer from a tar, plain or compressed, and return its id."""
        from libpod.image.importing import import_tarball

        return import_tarball(self.store, source, name, changes, message, platform, progress)

    def pull(
        self,
        name: str,
        *,
        policy: str = "always",
        platform: Platform | None = None,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Bring an image in and return its id.

        name: a registry's name, short or full, or `transport:…`. policy: `always`, `missing`, `newer` or `never`.
        """
        from libpod.image.pulling import pull

        return pull(self, name, policy=policy, platform=platform, options=options, progress=progress)

    def push(
        self,
        name: str,
        destination: str | None = None,
        *,
        format: str | None = None,
        compression: str = "gzip",
        level: int | None = None,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Carry an image out to a registry or `transport:…` and return the digest of the manifest there."""
        from libpod.image.pushing import push

        return push(
            self,
            name,
            destination,
            format=format,
            compression=compression,
            level=level,
            options=options,
            progress=progress,
        )


class Removal:
    """What a removal did. reports: `(verb, text)` in order, verb "Untagged" or "Deleted". errors: what failed."""

    __slots__ = ("errors", "reports")

    def __init__(self) -> None:
        self.reports: list[tuple[str, str]] = []
        self.errors: list[Exception] = []

    @property
    def exit_code(self) -> int:
        """The code of `podman rmi`: 1 for an unknown image alone, 2 for one in use, 125 for the rest."""
        if not self.errors:
            return 0
        codes = {
            1 if isinstance(error, NotFoundError) else 2 if isinstance(error, InUseError) else 125
            for error in self.errors
        }
        return max(codes & {1, 2}) if codes <= {1, 2} else 125


def all_named(images: Sequence[Image]) -> bool:
    """Say whether every image has a name."""
    return not any(image.is_dangling for image in images)


def _unknown(name: str) -> ImageNotFoundError:
    return ImageNotFoundError(f"{name}: image not known")


def _without_tag_beside_digest(name: references.Reference) -> references.Reference:
    if name.digest is None or name.tag is None:
        return name
    return references.Reference(name.registry, name.repository, None, name.digest)


def _ending_in(records: list[dict[str, Any]], name: str) -> list[tuple[dict[str, Any], str]]:
    """List the images, each with its matching name, whose repository is `name` or ends in `/name`; the tag is equal.

    With a digest, the image's known digests decide in place of the tag.
    """
    repository, tag, digest = references.split(name)
    found = []
    for record in records:
        if digest is not None and digest not in (record["digest"], *record["big-data-digests"].values()):
            continue
        for full in record["names"]:
            base, _, of_name = full.rpartition(":") if "@" not in full else full.partition("@")
            if (base == repository or base.endswith("/" + repository)) and (
                digest is not None or of_name == (tag or references.DEFAULT_TAG)
            ):
                found.append((record, full))
                break
    return found


def normalize_tag(text: str) -> str:
    """Return a name as `tag` stores it: short ones under `localhost/`, with a tag, never a digest.

    Raises: InvalidError in Podman's words.
    """
    try:
        full = references.parse_normalized(f"localhost/{text}" if references.is_short(text) else text)
    except InvalidError as error:
        raise InvalidError(f'normalizing name "{text}": normalizing name "{text}": {error}') from error
    if full.digest is not None:
        raise InvalidError(f"{text}: tag by digest not supported")
    return str(full)
