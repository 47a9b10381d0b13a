"""What the runtime must know to attach a container to a network, and the bridge that must stand before it does.

On the way of every `run`: where the bridge is up, one small file is read and nothing else of the host is touched.
Start with `attach_request`.
"""

from __future__ import annotations

from libpod.network import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_IFF_UP = 1


def attach_request(
    runroot: str,
    name: str,
    *,
    subnet: str = config.DEFAULT_SUBNET,
    ports: Sequence[dict[str, Any]] = (),
    address: str | None = None,
    mac: str | None = None,
    default: str = config.DEFAULT_NAME,
    ensure: bool = True,
) -> dict[str, Any]:
    """Describe the attachment of one container to the network `name`, as `rust/network` reads it.

    subnet, default: the default network of containers.conf. ports: what `ports.parse_ports` returned. address, mac: fixed
    ones. ensure: make the bridge where it does not stand; False where a container is only taken off.
    Raises: NetworkNotFoundError, UnsupportedError, InvalidError, OSError.
    """
    network = config.load(name, default=default, default_subnet=subnet)
    network.check()
    if ensure and not is_up(network.interface):
        from libpod.network import host

        host.create_bridge(network)
    return {
        "network": network.name,
        "bridge": network.interface,
        "subnet": network.subnet,
        "gateway": network.gateway,
        "interface": "eth0",
        "mac": mac or None,
        "address": address or None,
        "mtu": network.mtu,
        "ports": [dict(port) for port in ports],
        "lease_dir": lease_directory(runroot, network.name),
    }


def gateway(name: str, subnet: str = config.DEFAULT_SUBNET, *, default: str = config.DEFAULT_NAME) -> str:
    """Return the host's address on a network."""
    return config.load(name, default=default, default_subnet=subnet).gateway


def lease_directory(runroot: str, name: str) -> str:
    """Return where the addresses of a network are leased."""
    return f"{runroot}/libpod/networks/{name}"


def is_up(interface: str) -> bool:
    """Say whether an interface of the host is there and up; a bridge is brought up last of all, with its address."""
    try:
        with open(f"/sys/class/net/{interface}/flags", "rb") as file:
            return bool(int(file.read(), 16) & _IFF_UP)
    except OSError:
        return False
