"""Removing images as `podman rmi` does: a name first, the image with its last name, what it stood on after it.

Start at `Remover.remove`. An image in use stays unless forced; then its containers go first, through a callback, as
containers are not this package's business.
"""

from __future__ import annotations

from libpod.errors import ImageNotFoundError, InUseError, InvalidError, LibpodError
from libpod.image.manager import Image, Removal, _unknown
from libpod.image.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.image.manager import ImageManager


class Remover:
    """Removes images one after the other and keeps the report."""

    def __init__(
        self,
        manager: ImageManager,
        *,
        force: bool,
        ignore: bool,
        remove_container: Callable[[str], None] | None,
    ) -> None:
        self.removal = Removal()
        self._manager = manager
        self._store = manager.store
        self._force = force
        self._ignore = ignore
        self._remove_container = remove_container

    def remove(self, name: str) -> None:
        """Remove the image or the name; an error is noted, not raised."""
        try:
            image, full = self._manager.resolve(name)
        except ImageNotFoundError as error:
            if not (self._ignore or self._force):
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
        for image in self._manager.list():
            try:
                self._delete_if_there(image)
            except (LibpodError, OSError) as error:
                self.removal.errors.append(error)

    def _remove_named(self, image: Image, full: str, name: str) -> None:
        if full and len(image.names) > 1:
            self._store.remove_image_names(image.id, [full])
            self.removal.reports.append(("Untagged", full))
            return
        if not full and len(image.names) > 1 and not self._force:
            kind = "digest" if name.startswith("sha256:") else "ID"
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
        tree = Tree(self._store, self._manager.list())
        parent, has_children = tree.parent(image), bool(tree.children(image))
        try:
            self._store.remove_image(image.id)
        except ImageNotFoundError:
            raise _unknown(image.id) from None
        self.removal.reports.extend(("Untagged", name) for name in image.names)
        if not has_children:
            # With children the content is still there, so nothing was deleted in the eyes of the user.
            self.removal.reports.append(("Deleted", image.id))
        if parent is not None and parent.is_dangling:
            rest = Tree(self._store, self._manager.list())
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
