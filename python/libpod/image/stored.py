"""`containers-storage:`: images of a store by name, for the library and for copies from one store to another.

`[overlay@root+runroot]name` says which store is meant; a name alone means the one that storage.conf describes. What a store
does with an image is in `storage`.

Source: containers-transports(5), "containers-storage".
"""

from __future__ import annotations

from libpod.errors import InvalidError
from libpod.image.lookup import lookup, tag_reference
from libpod.image.storage import StoreDestination, StoreSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.image.location import Location
    from libpod.image.transport import ImageDestination, ImageSource, Options
    from libpod.store import Store


def open_source(location: Location, options: Options) -> ImageSource:
    """Open an image of the store that storage.conf names, or of `[overlay@root+runroot]name`."""
    store = _open_store(location)
    return StoreSource(store, lookup(store, location.name).record)


def open_destination(location: Location, options: Options) -> ImageDestination:
    """Open the store that storage.conf names, or `[overlay@root+runroot]name`, for an image of that name."""
    store = _open_store(location)
    return StoreDestination(store, [str(tag_reference(location.name))])


def _open_store(location: Location) -> Store:
    """Open the store that a location names, or the configured one.

    Raises: InvalidError, and what opening a store raises.
    """
    from libpod.store import open_store

    if location.store is None:
        return open_store()
    driver, _, roots = location.store.rpartition("@")
    root, _, runroot = roots.partition("+")
    runroot = runroot.partition(":")[0]
    if not root.startswith("/"):
        raise InvalidError(f"invalid store specifier [{location.store}]")
    return open_store(root, runroot or None, driver or None)
