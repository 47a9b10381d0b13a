"""`containers-storage:`: images of a store by name, for the library and for copies from one store to another.

`[overlay@root+runroot]name` says which store is meant; a name alone means the one that storage.conf describes. What a store
does with an image is in `storage`.

Source: containers-transports(5), "containers-storage".
"""

from __future__ import annotations

from libpod.errors import InvalidError
from libpod.image.lookup import lookup, normalize_tag
from libpod.image.storage import StoreDestination, StoreSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.image.transport import ImageDestination, ImageSource, Options
    from libpod.store import Store


def open_source(transport: str, rest: str, options: Options) -> ImageSource:
    """Open an image of the store that storage.conf names, or of `[overlay@root+runroot]name`."""
    store, name = open_place(rest)
    return StoreSource(store, lookup(store, name).record)


def open_destination(transport: str, rest: str, options: Options) -> ImageDestination:
    """Open the store that storage.conf names, or `[overlay@root+runroot]name`, for an image of that name."""
    store, name = open_place(rest)
    return StoreDestination(store, [normalize_tag(name)])


def open_place(rest: str) -> tuple[Store, str]:
    """Open the store that `[driver@root+runroot:options]name` says, or the configured one; return it with the name.

    Raises: InvalidError, and what opening a store raises.
    """
    from libpod.store import open_store

    if not rest.startswith("["):
        return open_store(), rest
    place, closed, name = rest[1:].partition("]")
    driver, _, roots = place.rpartition("@")
    root, _, runroot = roots.partition("+")
    runroot = runroot.partition(":")[0]
    if not closed or not root.startswith("/"):
        raise InvalidError(f"invalid store specifier [{place}]")
    return open_store(root, runroot or None, driver or None), name
