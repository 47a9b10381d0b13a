"""What a container and its networks have to do with each other: how it is attached, and what it holds until it is taken off.

The monitor attaches and detaches; here is what it is told, and what is taken back after one that was killed.
"""

from __future__ import annotations

from libpod.errors import ContainerNotFoundError, CorruptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host


def attachments(host: Host, settings: ContainerSettings) -> list[dict[str, Any]]:
    """Return what the monitor must know to attach a container to its networks, whose bridges are made if they do not stand.

    In the order of attaching; none for a container without a network of its own.
    Raises: NetworkNotFoundError, UnsupportedError, DeniedError, OSError.
    """
    if settings.network.kind != "bridge":
        return []
    from libpod.network import bridge
    from libpod.network.manager import NetworkManager

    network = NetworkManager(host).lookup(settings.network_name)
    bridge.ensure(network)
    request = bridge.attach_request(
        host.places.leases, network, ports=settings.ports, address=settings.address, mac=settings.mac
    )
    return [request]


def gateway(host: Host, settings: ContainerSettings) -> str | None:
    """Return the host's address on a container's bridge; None for a container without one."""
    if settings.network.kind != "bridge":
        return None
    from libpod.network.manager import NetworkManager

    return NetworkManager(host).lookup(settings.network_name).gateway


def release(host: Host, container: Container) -> None:
    """Take back what a container holds of its networks; nothing if it was taken back already."""
    try:
        attached = container.settings.network.kind == "bridge"
    except (ContainerNotFoundError, CorruptError):
        # What it holds is found by the leases alone.
        attached = True
    if attached:
        from libpod.network.bridge import release

        release(host.places.leases, container.id)
