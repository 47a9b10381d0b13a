"""The store: images, layers and containers on disk, shared with Podman, Buildah and Skopeo.

Start at `open_store`. `Store` is the extension's class itself: a record comes as a dict with the keys of the JSON tables
(`id`, `names`, `big-data-names`, `diff-digest`, …), every key of its kind present. Readers take no lock and wait for
nobody; writers lock for the length of one change. What an image reference means and which names an image may have is
decided by `libpod.image`, not here. On the way of every command: imports nothing heavy.
"""

from __future__ import annotations

from libpod._core import StagedLayer, Store, layer_id, random_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["StagedLayer", "Store", "layer_id", "open_store", "random_id"]


def open_store(
    root: str | None = None,
    runroot: str | None = None,
    driver: str | None = None,
    options: Sequence[str] | None = None,
) -> Store:
    """Open the store that `storage.conf` describes; the arguments stand for Podman's global options.

    root, runroot: directories in place of the configured ones. driver: `overlay` or nothing. options: `overlay.key=value`
    each, in place of the configured ones. Nothing is created before the first change.
    Raises: InvalidError, UnsupportedError (another driver, a store of another driver or of fuse-overlayfs), OSError.
    """
    from libpod.config.storage import load_storage

    config = load_storage(root=root, runroot=runroot, driver=driver, driver_options=options)
    return Store(config.graphroot, config.runroot, options=config.options)
