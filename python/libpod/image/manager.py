"""The images of a store: find, list, name, remove, bring in and carry out.

Start at `ImageManager`: a face over the modules beside it, which do the work on a store and do not know the face. How a
name is found is in `lookup`. What is only needed by slower verbs (the copy pipeline, filters, reports) is imported where
it is used. Nothing here prints.
"""

from __future__ import annotations

from libpod import arguments
from libpod.errors import ImageNotFoundError, NotFoundError
from libpod.image.lookup import Image, all_images, lookup, resolve, tag_reference
from libpod.image.reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike
    from typing import Any

    from libpod.digest import Digest
    from libpod.host import Host
    from libpod.image.manifest import Platform
    from libpod.image.overview import Overview
    from libpod.image.removal import Removal
    from libpod.image.transport import Options, Progress
    from libpod.store import Store

    # `list` is a method of the manager, as it is a verb of Podman's.
    Documents = list[dict[str, Any]]
    Names = list[str]
    References = list[Reference]


class ImageManager:
    """The images of one host's store."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def store(self) -> Store:
        """The store.

        Raises: StateError when the engine is closed.
        """
        return self._host.store

    # Finding ---------------------------------------------------------------------------------------------------------

    def lookup(self, name: str | Reference) -> Image:
        """Find an image by id, id prefix, name, short name or `repository@digest`, as Podman does.

        A short name stands for its alias, then for `localhost/`, the search registries and docker.io, and at last for
        any image whose repository ends in it.
        Raises: ImageNotFoundError, InvalidError (an ambiguous id prefix, no name at all).
        """
        return lookup(self.store, _name("name", name))

    def resolve(self, name: str | Reference) -> tuple[Image, Reference | None]:
        """Find an image as `lookup` does; the second value is the name of it that was meant, None for an id."""
        return resolve(self.store, _name("name", name))

    def exists(self, name: str | Reference) -> bool:
        """Say whether `lookup` would find something."""
        try:
            self.lookup(name)
        except ImageNotFoundError:
            return False
        return True

    def list(self, filters: Iterable[str] = (), *, all: bool = True) -> list[Image]:
        """List the images that pass the filters (`key=value`, `key!=value`), in the store's order.

        all: also nameless images that others are built on. Raises: InvalidError for a filter that is none.
        """
        filters = arguments.strings("filters", filters)
        images = all_images(self.store)
        # Only a nameless image can be intermediate; finding out reads every config.
        if filters or not (all or not any(image.is_dangling for image in images)):
            from libpod.image.filters import apply_filters

            images = apply_filters(self.store, images, filters, hide_intermediate=not all)
        return images

    # Naming ----------------------------------------------------------------------------------------------------------

    def tag(self, name: str | Reference, *new: str | Reference) -> None:
        """Give an image more names; a name that another image has moves here."""
        image = self.lookup(name)
        wanted = [str(tag_reference(one)) for one in arguments.several("new", new, Reference)]
        self.store.add_image_names(image.id, wanted)

    def untag(self, name: str | Reference, *old: str | Reference) -> None:
        """Take names from an image, all of them without `old`. Raises: NotFoundError for a name it does not have."""
        image = self.lookup(name)
        wanted = [str(tag_reference(one)) for one in arguments.several("old", old, Reference)] or image.names
        for text in wanted:
            if text not in image.names:
                raise NotFoundError(f"{text}: tag not known")
        self.store.remove_image_names(image.id, wanted)

    # Removing --------------------------------------------------------------------------------------------------------

    def remove(
        self,
        *names: str | Reference,
        force: bool = False,
        ignore: bool = False,
        remove_container: Callable[[str], None] | None = None,
    ) -> Removal:
        """Remove images, or only the names by which they were given where others remain.

        force: also in use (`remove_container` then removes a container by id) and with several names. ignore: an
        unknown name is no error. Goes on after an error; the `Removal` holds what was done and what failed.
        """
        from libpod.image.removal import Remover

        remover = Remover(self.store, force=force, ignore=ignore, remove_container=remove_container)
        for name in arguments.several("names", names, Reference):
            remover.remove(name)
        return remover.removal

    def remove_all(self, *, force: bool = False, remove_container: Callable[[str], None] | None = None) -> Removal:
        """Remove every image that is not in use; with force, those too."""
        from libpod.image.removal import Remover

        remover = Remover(self.store, force=force, ignore=False, remove_container=remove_container)
        remover.remove_all()
        return remover.removal

    def prune(self, filters: Iterable[str] = (), *, all: bool = False) -> Removal:
        """Remove the images that no container uses and that pass the filters: those without a name, or all."""
        wanted = arguments.strings("filters", filters) + ([] if all else ["dangling=true"])
        used = {container["image"] for container in self.store.containers()}
        doomed = [image.id for image in self.list(wanted) if image.id not in used]
        # By id, an image goes with all its names only when forced; containers are not touched, none uses these.
        return self.remove(*doomed, force=True, ignore=True)

    # Looking ---------------------------------------------------------------------------------------------------------

    def overview(self) -> Overview:
        """Return what is told of images beside each other: size, parent, digests, containers."""
        from libpod.image.overview import Overview

        return Overview(self.store)

    def history(self, name: str | Reference) -> Documents:
        """Tell how an image came to be, newest step first: id, created, CreatedBy, size, comment, tags."""
        from libpod.image.report import history

        return history(self.store, self.lookup(name))

    def inspect(self, name: str | Reference) -> dict[str, Any]:
        """Describe an image in the members that `podman image inspect` prints."""
        from libpod.image.report import inspect

        return inspect(self.store, self.lookup(name))

    # In and out ------------------------------------------------------------------------------------------------------

    def load(self, source: str | int | PathLike[str], *, progress: Progress | None = None) -> Names:
        """Load the images of an archive or a directory; returns their names (`sha256:<id>` where they have none).

        source: a path, or a descriptor to read an archive from, which may be a pipe.
        """
        from libpod.image.loading import load

        return load(self.store, arguments.source("source", source), progress)

    def save(
        self,
        names: Iterable[str | Reference],
        target: str | int | PathLike[str],
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

        words, place = arguments.several("names", names, Reference), arguments.source("target", target)
        save(self.store, words, place, format=format, multi=multi, compress=compress, progress=progress)

    def import_(
        self,
        source: str | int | PathLike[str],
        name: str | Reference | None = None,
        *,
        changes: Iterable[str] = (),
        message: str = "",
        platform: Platform | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Make an image of one layer from a tar, plain or compressed, and return its id."""
        from libpod.image.importing import import_tarball

        tarball, words = arguments.source("source", source), arguments.strings("changes", changes)
        return import_tarball(self.store, tarball, name, words, message, platform, progress)

    def tags(self, name: str, *, options: Options | None = None) -> References:
        """Return the full name of every tag in the repository of a registry that `name` is in.

        Raises: what `docker.list_tags` raises.
        """
        from libpod.image.docker import list_tags
        from libpod.image.transport import Options

        return list_tags(arguments.text("name", name), options or Options())

    def pull(
        self,
        name: str | Reference,
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

        return pull(
            self.store,
            _name("name", name),
            policy=policy,
            platform=platform,
            options=options,
            progress=progress,
            choose=self._host.choose_name,
        )

    def push(
        self,
        name: str | Reference,
        destination: str | Reference | None = None,
        *,
        format: str | None = None,
        compression: str = "gzip",
        level: int | None = None,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> Digest:
        """Carry an image out to a registry or `transport:…` and return the digest of the manifest there."""
        from libpod.image.pushing import push

        return push(
            self.store,
            _name("name", name),
            destination if destination is None else _name("destination", destination),
            format=format,
            compression=compression,
            level=level,
            options=options,
            progress=progress,
        )


def _name(argument: str, value: object) -> str | Reference:
    """Return what a caller calls an image. Raises: TypeError, InvalidError."""
    return value if isinstance(value, Reference) else arguments.text(argument, value)
