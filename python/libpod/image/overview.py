"""What is told of the images of a store beside each other: size, parent, containers. Each table of the store is read once, when asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.image.lookup import Image
    from libpod.image.sizes import Sizes
    from libpod.image.tree import Tree
    from libpod.store import Store


class Overview:
    """The images of one store at one moment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sizes: Sizes | None = None
        self._tree: Tree | None = None
        self._containers: list[dict[str, Any]] | None = None

    def size(self, image: Image) -> int:
        """Return the size of an image in bytes: its uncompressed layers and its documents."""
        if self._sizes is None:
            from libpod.image.sizes import Sizes

            self._sizes = Sizes(self._store)
        return self._sizes.of(image.record)

    def parent(self, image: Image) -> Image | None:
        """Return the image that this one was built from, if it is in the store."""
        if self._tree is None:
            from libpod.image.lookup import all_images
            from libpod.image.tree import Tree

            self._tree = Tree(self._store, all_images(self._store))
        return self._tree.parent(image)

    def digests(self, image: Image) -> list[str]:
        """Return the names of an image with its digest, `repository@digest`."""
        from libpod.image.report import repo_digests

        return repo_digests(image)

    def containers(self, image: Image) -> int:
        """Return how many containers of the store, of whichever tool, were made of an image."""
        if self._containers is None:
            self._containers = self._store.containers()
        return sum(container["image"] == image.id for container in self._containers)
