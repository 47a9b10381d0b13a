"""libpod: a daemonless container engine and image library.

Start with `Engine` (pull, run, inspect on a store shared with Podman) or `open_image` (read an image without root and
without a store). Everything raised derives from `LibpodError`, or is an `OSError` of the host; an argument of the wrong
type is a `TypeError`. Names are imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.address import Address, parse_address
    from libpod.container.completed import Completed
    from libpod.container.devices import Device, DeviceRule
    from libpod.container.limits import Limit
    from libpod.container.mounts import Mount
    from libpod.container.namespaces import Namespace
    from libpod.container.options import (
        ContainerOptions,
        DeviceOptions,
        EnvironmentOptions,
        IdentityOptions,
        LifeOptions,
        LogOptions,
        MountOptions,
        NamespaceOptions,
        NetworkOptions,
        ProcessOptions,
        ResourceOptions,
        RestartPolicy,
        SecurityOptions,
    )
    from libpod.digest import Digest
    from libpod.engine import Engine
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
        VolumeNotFoundError,
    )
    from libpod.image.filesystem import ImageView, open_image
    from libpod.image.login import LoginManager
    from libpod.image.manifest import Platform
    from libpod.image.reference import Reference
    from libpod.network.attachment import Attachment, ExposedPort, Port
    from libpod.volume.model import Volume, VolumeOptions

__all__ = [
    "Address",
    "Attachment",
    "CommandNotExecutableError",
    "CommandNotFoundError",
    "Completed",
    "ContainerNotFoundError",
    "ContainerOptions",
    "CorruptError",
    "DeniedError",
    "Device",
    "DeviceOptions",
    "DeviceRule",
    "Digest",
    "Engine",
    "EnvironmentOptions",
    "ExistsError",
    "ExposedPort",
    "ForeignContainerError",
    "IdentityOptions",
    "ImageNotFoundError",
    "ImageView",
    "InUseError",
    "InvalidError",
    "LibpodError",
    "LifeOptions",
    "Limit",
    "LogOptions",
    "LoginManager",
    "Mount",
    "MountOptions",
    "Namespace",
    "NamespaceOptions",
    "NetworkNotFoundError",
    "NetworkOptions",
    "NotFoundError",
    "Platform",
    "Port",
    "ProcessOptions",
    "Reference",
    "RegistryDeniedError",
    "RegistryError",
    "RegistryNotFoundError",
    "ResourceOptions",
    "RestartPolicy",
    "SecurityOptions",
    "StateError",
    "UnsafePathError",
    "UnsupportedError",
    "UsageError",
    "Volume",
    "VolumeNotFoundError",
    "VolumeOptions",
    "__version__",
    "open_image",
    "parse_address",
]

__version__ = "0.1.0"

#: Modules of the names that are not errors.
_HOMES = {
    "Address": "libpod.address",
    "Attachment": "libpod.network.attachment",
    "Completed": "libpod.container.completed",
    "ContainerOptions": "libpod.container.options",
    "Device": "libpod.container.devices",
    "DeviceOptions": "libpod.container.options",
    "DeviceRule": "libpod.container.devices",
    "Digest": "libpod.digest",
    "Engine": "libpod.engine",
    "EnvironmentOptions": "libpod.container.options",
    "ExposedPort": "libpod.network.attachment",
    "IdentityOptions": "libpod.container.options",
    "ImageView": "libpod.image.filesystem",
    "LifeOptions": "libpod.container.options",
    "Limit": "libpod.container.limits",
    "LogOptions": "libpod.container.options",
    "LoginManager": "libpod.image.login",
    "Mount": "libpod.container.mounts",
    "MountOptions": "libpod.container.options",
    "Namespace": "libpod.container.namespaces",
    "NamespaceOptions": "libpod.container.options",
    "NetworkOptions": "libpod.container.options",
    "Platform": "libpod.image.manifest",
    "Port": "libpod.network.attachment",
    "ProcessOptions": "libpod.container.options",
    "ResourceOptions": "libpod.container.options",
    "RestartPolicy": "libpod.container.options",
    "SecurityOptions": "libpod.container.options",
    "Reference": "libpod.image.reference",
    "Volume": "libpod.volume.model",
    "VolumeOptions": "libpod.volume.model",
    "open_image": "libpod.image.filesystem",
    "parse_address": "libpod.address",
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
