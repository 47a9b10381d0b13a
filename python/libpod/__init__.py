"""libpod: a daemonless container engine and image library.

Start with `Engine` (pull, run, inspect on a store shared with Podman) or `open_image` (read an image without root and
without a store). Everything raised derives from `LibpodError`, or is an `OSError` of the host. Names are imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.engine import Completed, Engine
    from libpod.errors import LibpodError
    from libpod.image.filesystem import open_image

__all__ = ["Completed", "Engine", "LibpodError", "__version__", "open_image"]

__version__ = "0.1.0"

_HOMES = {
    "Completed": "libpod.engine",
    "Engine": "libpod.engine",
    "LibpodError": "libpod.errors",
    "open_image": "libpod.image.filesystem",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'libpod' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value
