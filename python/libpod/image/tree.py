"""How images stand on each other: who was built from whom, by layers and history.

An image is the parent of another if its layers are a prefix of the other's and its history is the other's without the
last step. Source: containers/image-lib's layer tree, which `podman images`, `rmi` and `inspect` go by.
"""

from __future__ import annotations

from libpod.errors import LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.image.lookup import Image
    from libpod.store import Store


class Tree:
    """The images of a store by their top layers; configs are read as questions need them."""

    def __init__(self, store: Store, images: list[Image]) -> None:
        self._images = images
        self._parents = {layer["id"]: layer["parent"] or None for layer in store.layers()}
        self._by_top: dict[str | None, list[Image]] = {}
        for image in images:
            self._by_top.setdefault(image.top_layer, []).append(image)

    def parent(self, image: Image) -> Image | None:
        """Return the image that this one was built from, if it is in the store."""
        candidates = list(self._by_top.get(image.top_layer, ()))
        if image.top_layer is not None:
            candidates += self._by_top.get(self._parents.get(image.top_layer), ())
        return next((other for other in candidates if other.id != image.id and _is_parent(other, image)), None)

    def children(self, image: Image) -> list[Image]:
        """Return the images that were built from this one."""
        return [
            other
            for other in self._images
            if other.id != image.id
            and (other.top_layer == image.top_layer or self._parents.get(other.top_layer or "") == image.top_layer)
            and _is_parent(image, other)
        ]

    def with_top(self, layer: str) -> list[Image]:
        """Return the images whose uppermost layer is `layer`, in the order of the store."""
        return self._by_top.get(layer, [])


def _is_parent(parent: Image, child: Image) -> bool:
    try:
        older, newer = parent.document, child.document
    except LibpodError:
        # A manifest list, or an image whose config is damaged: related to nothing.
        return False
    layers, steps = older.diff_ids, older.history
    return (
        newer.diff_ids[: len(layers)] == layers
        and len(newer.history) == len(steps) + 1
        and newer.history[: len(steps)] == steps
    )
