"""What a container and its networks have to do with each other: how it is attached, and what it holds until it is taken off.

The monitor attaches and detaches; here is what it is told, and what is taken back after one that was killed.
"""

from __future__ import annotations

from libpod.errors import ContainerNotFoundError, CorruptError, NetworkNotFoundError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host
    from libpod.network.attachment import Attachment
    from libpod.network.config import Network


def find(host: Host, settings: ContainerSettings) -> list[Network]:
    """Find the networks of a container, in the order of attaching; none for a container without a network of its own.

    Raises: NetworkNotFoundError, StateError for a network that was made anew, UnsupportedError, CorruptError.
    """
    return [_network(host, attachment) for attachment in settings.networks]


def attach_requests(host: Host, settings: ContainerSettings, networks: list[Network]) -> list[dict[str, Any]]:
    """Return what the monitor must know to attach a container to its networks, whose bridges are made if they do not stand.

    networks: those of `find`. Ports are published on the first one.
    Raises: DeniedError, OSError.
    """
    if not networks:
        return []
    from libpod.network import bridge

    requests: list[dict[str, Any]] = []
    for network, attachment in zip(networks, settings.networks, strict=True):
        bridge.ensure(network)
        ports = settings.ports if not requests else ()
        requests.append(bridge.attach_request(host.places.leases, network, attachment, ports=ports))
    return requests


def choose(host: Host, settings: ContainerSettings) -> None:
    """Write down which networks a new container is attached to: the name and the id of each, "" being the default one.

    Raises: NetworkNotFoundError, InvalidError for an ambiguous id, UnsupportedError, CorruptError.
    """
    if not settings.networks:
        return
    from libpod.network.manager import NetworkManager

    manager = NetworkManager(host)
    for attachment in settings.networks:
        network = manager.lookup(attachment.name or attachment.id)
        if attachment.id not in ("", network.id):
            raise NetworkNotFoundError(f"unable to find network with name or ID {attachment.id}: network not found")
        network.check()
        attachment.name, attachment.id = network.name, network.id


def network_names(host: Host, settings: ContainerSettings) -> list[str]:
    """Return the names of a container's networks, in the order of attaching."""
    return [attachment.name or host.conf.network["default_network"] for attachment in settings.networks]


def _network(host: Host, attachment: Attachment) -> Network:
    """Find the network that was chosen at creation, and no other one of its name."""
    from libpod.network.manager import NetworkManager

    network = NetworkManager(host).lookup(attachment.name)
    if attachment.id and attachment.name != network.name:
        # What was found is a network whose id begins with the name of the one that is gone.
        raise NetworkNotFoundError(f"unable to find network with name or ID {attachment.name}: network not found")
    if attachment.id and attachment.id != network.id:
        raise StateError(
            f"network {network.name} was removed and made anew since the container was created (its id was"
            f" {attachment.id[:12]}, it is {network.id[:12]}): remove the container and create it again"
        )
    return network


def release(host: Host, container: Container) -> None:
    """Take back what a container holds of its networks; nothing if it was taken back already."""
    try:
        attached = bool(container.settings.networks)
    except (ContainerNotFoundError, CorruptError):
        # What it holds is found by the leases alone.
        attached = True
    if attached:
        from libpod.network.bridge import release

        release(host.places.leases, container.id)
