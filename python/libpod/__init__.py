"""libpod: a daemonless container engine and image library.

Start with `Engine` (pull, run, inspect on a store shared with Podman) or `open_image` (read an image without root and
without a store). Everything raised derives from `LibpodError`, or is an `OSError` of the host; an argument of the wrong
type is a `TypeError`. Names are imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.digest import Digest
    from libpod.engine import Completed, Engine
    from libpod.errors import (
        CommandNotExecutableError,
        CommandNotFoundError,
        ContainerNotFoundError,
        CorruptError,
        DeniedError,
        ExistsError,
        ForeignContainerError,
        ImageNotFoundError,
        InUseError,
        InvalidError,
        LibpodError,
        NetworkNotFoundError,
        NotFoundError,
        RegistryDeniedError,
        RegistryError,
        RegistryNotFoundError,
        StateError,
        UnsafePathError,
        UnsupportedError,
        UsageError,
    )
    from libpod.image.filesystem import ImageView, open_image
    from libpod.image.manifest import Platform

__all__ = [
    "CommandNotExecutableError",
    "CommandNotFoundError",
    "Completed",
    "ContainerNotFoundError",
    "CorruptError",
    "DeniedError",
    "Digest",
    "Engine",
    "ExistsError",
    "ForeignContainerError",
    "ImageNotFoundError",
    "ImageView",
    "InUseError",
    "InvalidError",
    "LibpodError",
    "NetworkNotFoundError",
    "NotFoundError",
    "Platform",
    "RegistryDeniedError",
    "RegistryError",
    "RegistryNotFoundError",
    "StateError",
    "UnsafePathError",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "open_image",
]

__version__ = "0.1.0"

#: Modules of the names that are not errors.
_HOMES = {
    "Completed": "libpod.engine",
    "Digest": "libpod.digest",
    "Engine": "libpod.engine",
    "ImageView": "libpod.image.filesystem",
    "Platform": "libpod.image.manifest",
    "open_image": "libpod.image.filesystem",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'libpod' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES.get(name, "libpod.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
