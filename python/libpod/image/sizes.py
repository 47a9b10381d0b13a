"""How large images are: the uncompressed layers and the documents, with the table of layers read once for all."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.store import Store


class Sizes:
    """Sizes of images of one store at one moment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._layers: dict[str, dict[str, Any]] = {layer["id"]: layer for layer in store.layers()}

    def of(self, record: dict[str, Any]) -> int:
        """Return the size of an image in bytes, by its record; a layer of unknown size is measured on disk."""
        total = sum(record["big-data-sizes"].values())
        layer: str | None = record["layer"]
        seen: set[str] = set()
        while layer and layer in self._layers and layer not in seen:
            seen.add(layer)
            found = self._layers[layer]
            total += found["diff-size"] if found["diff-digest"] else self._store.content_size(layer)
            layer = found["parent"]
        return int(total)
