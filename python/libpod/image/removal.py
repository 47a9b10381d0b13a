"""Removing images as `podman rmi` does: a name first, the image with its last name, what it stood on after it.

Start at `Remover.remove`. An image in use stays unless forced; then its containers go first, through a callback, as
containers are not this package's business.
"""

from __future__ import annotations

from libpod.errors import ImageNotFoundError, InUseError, InvalidError, LibpodError, NotFoundError
from libpod.image.lookup import Image, all_images, resolve, unknown_image
from libpod.image.reference import bare_id
from libpod.image.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.image.reference import Reference
    from libpod.store import Store


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


class Remover:
    """Removes images one after the other and keeps the report."""

    def __init__(
        self,
        store: Store,
        *,
        force: bool,
        ignore: bool,
        remove_container: Callable[[str], None] | None,
    ) -> None:
        self.removal = Removal()
        self._store = store
        self._force = force
        self._ignore = ignore
        self._remove_container = remove_container

    def remove(self, name: str | Reference) -> None:
        """Remove the image or the name; an error is noted, not raised."""
        try:
            image, full = resolve(self._store, name)
        except ImageNotFoundError as error:
            if not self._remove_damaged(name) and not (self._ignore or self._force):
                self.removal.errors.append(error)
            return
        except LibpodError as error:
            self.removal.errors.append(error)
            return
        try:
            self._remove_named(image, full, name)
        except (LibpodError, OSError) as error:
            self.removal.errors.append(error)

    def remove_all(self) -> None:
        """Remove every image; those in use are errors, or go with their containers when forced."""
        for image in all_images(self._store):
            try:
                self._delete_if_there(image)
            except (LibpodError, OSError) as error:
                self.removal.errors.append(error)
        for _, damaged, _ in self._store.known_damage():
            if damaged is not None:
                self._remove_damaged(damaged)

    def _remove_damaged(self, name: str | Reference) -> bool:
        """Remove an image whose record cannot be read, by its id or the beginning of it; False when there is none."""
        wanted = bare_id(str(name))
        found = [damaged for _, damaged, _ in self._store.known_damage() if damaged and damaged.startswith(wanted)]
        if len(found) != 1 or len(wanted) < 2:
            return False
        try:
            self._store.remove_image(found[0])
            self.removal.reports.append(("Deleted", found[0]))
        except (LibpodError, OSError) as error:
            self.removal.errors.append(error)
        return True

    def _remove_named(self, image: Image, full: Reference | None, name: str | Reference) -> None:
        if full and len(image.names) > 1:
            self._store.remove_image_names(image.id, [str(full)])
            self.removal.reports.append(("Untagged", str(full)))
            return
        if not full and len(image.names) > 1 and not self._force:
            kind = "digest" if bare_id(str(name)) != name else "ID"
            raise InvalidError(
                f'unable to delete image "{image.id}" by {kind} with more than one tag '
                f"([{' '.join(image.names)}]): please force removal"
            )
        self._delete(image)

    def _delete_if_there(self, image: Image) -> None:
        """Delete an image that the removal of another one may have taken along."""
        try:
            current = self._store.image(image.id)
        except ImageNotFoundError:
            return
        self._delete(Image(self._store, current))

    def _delete(self, image: Image) -> None:
        self._free(image)
        tree = Tree(self._store, all_images(self._store))
        parent, has_children = tree.parent(image), bool(tree.children(image))
        try:
            self._store.remove_image(image.id)
        except ImageNotFoundError:
            raise unknown_image(image.id) from None
        self.removal.reports.extend(("Untagged", name) for name in image.names)
        if not has_children:
            # With children the content is still there, so nothing was deleted in the eyes of the user.
            self.removal.reports.append(("Deleted", image.id))
        if parent is not None and parent.is_dangling:
            rest = Tree(self._store, all_images(self._store))
            if not rest.children(parent) and not self._users(parent):
                self._delete_if_there(parent)

    def _users(self, image: Image) -> list[str]:
        return [container["id"] for container in self._store.containers() if container["image"] == image.id]

    def _free(self, image: Image) -> None:
        """Make sure that no container uses the image."""
        for container in self._users(image):
            if not self._force or self._remove_container is None:
                raise InUseError(
                    f"image used by {container}: image is in use by a container: consider listing external containers "
                    "and force-removing image"
                )
            self._remove_container(container)
