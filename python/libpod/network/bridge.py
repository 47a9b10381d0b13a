"""What the runtime must know to attach a container to a network, and the bridge that must stand before it does.

On the way of every `run`: if the bridge is up, the kernel is asked so over netlink, and nothing of the host is touched. (A
/sys mounted in another network namespace shows the links of that one.) Start with `ensure`.
"""

from __future__ import annotations

import os

from libpod import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from libpod.network.attachment import Attachment, Port
    from libpod.network.config import Network


def ensure(network: Network) -> None:
    """Make the bridge of a network if it does not stand in this process's network namespace.

    Raises: UnsupportedError for a network that libpod cannot serve; DeniedError, OSError.
    """
    network.check()
    if not _core.link_is_up(network.interface):
        from libpod.network import host

        host.create_bridge(network)


def attach_request(
    leases: str, network: Network, attachment: Attachment, *, ports: Iterable[Port] = ()
) -> dict[str, Any]:
    """Describe the attachment of one container to a network, as `rust/network` reads it.

    leases: the directory of all networks' leases. ports: those that are published on this network.
    Raises: UnsupportedError, InvalidError.
    """
    network.check()
    return {
        "network": network.name,
        "driver": {
            "bridge": {
                "bridge": network.interface,
                "subnet": network.subnet,
                "gateway": network.gateway,
                "mtu": network.mtu,
            }
        },
        "interface": attachment.interface,
        "mac": attachment.mac or None,
        "address": attachment.address or None,
        "ports": [port.to_document() for port in ports],
        "lease_dir": f"{leases}/{network.name}",
    }


def release(leases: str, container_id: str) -> None:
    """Take a container whose processes have ended off every network; may be repeated.

    Only the leases are read: the networks' files may be gone, and no bridge is made.
    Raises: DeniedError, OSError.
    """
    try:
        names = os.listdir(leases)
    except FileNotFoundError:
        return
    for name in names:
        _core.network_detach(container_id, f"{leases}/{name}")
