"""Networks as Podman keeps them: one JSON file each, and the default network where it has none.

Start with `load`. A network that libpod cannot serve is listed like any other; using it is an error (`Network.check`).
Source: podman-network-create(1); the files in /etc/containers/networks.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.address import parse_subnet
from libpod.config import lookup
from libpod.errors import CorruptError, InvalidError, NetworkNotFoundError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Where the networks of root are kept.
DIRECTORY = lookup.NETWORKS
DEFAULT_NAME = "podman"
DEFAULT_SUBNET = "10.88.0.0/16"
_DEFAULT_INTERFACE = "podman0"
_SUFFIX = ".json"
#: A network's file is some hundred bytes; what is longer than this is none.
_MAX_BYTES = 1 << 20


class Network:
    """One network. document: its JSON, as read or as Podman would write it."""

    __slots__ = ("document",)

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @property
    def name(self) -> str:
        """The name."""
        return str(self.document["name"])

    @property
    def id(self) -> str:
        """64 hexadecimal digits."""
        return str(self.document.get("id", ""))

    @property
    def driver(self) -> str:
        """`bridge`, `macvlan`, …."""
        return str(self.document.get("driver", "bridge"))

    @property
    def interface(self) -> str:
        """The bridge on the host."""
        return str(self.document.get("network_interface", ""))

    @property
    def subnet(self) -> str:
        """The first IPv4 subnet, `10.88.0.0/16`."""
        return str(self._subnet()["subnet"])

    @property
    def gateway(self) -> str:
        """The host's address on the bridge."""
        subnet = self._subnet()
        return str(subnet.get("gateway") or first_address(subnet["subnet"]))

    @property
    def mtu(self) -> int | None:
        """Largest packet, where the network names one."""
        text = (self.document.get("options") or {}).get("mtu")
        try:
            return int(text) if text else None
        except ValueError:
            raise InvalidError(f"network {self.name}: invalid mtu `{text}`") from None

    def _subnet(self) -> dict[str, Any]:
        for subnet in self.document.get("subnets") or ():
            if ":" not in subnet["subnet"]:
                return dict(subnet)
        raise UnsupportedError(
            f"network {self.name} has no IPv4 subnet; others are not supported by this version of libpod"
        )

    def check(self) -> None:
        """Refuse a network that containers cannot be attached to.

        Raises: UnsupportedError; InvalidError for a name that cannot be that of its directory of leases.
        """
        if "/" in self.name or not self.name.strip("."):
            raise InvalidError(f"`{self.name}` is not the name of a network")
        if self.driver != "bridge":
            what = f"the network driver `{self.driver}`"
        elif self.document.get("internal"):
            what = "an internal network"
        elif self.document.get("ipv6_enabled"):
            what = "IPv6 on a network"
        else:
            return
        raise UnsupportedError(f"network {self.name}: {what} is not supported by this version of libpod")


def load(name: str, *, default: str = DEFAULT_NAME, default_subnet: str = DEFAULT_SUBNET) -> Network:
    """Find a network by its name, its id or the beginning of its id.

    default, default_subnet: the network that needs no file, as containers.conf has it.
    Raises: NetworkNotFoundError, InvalidError where an id is ambiguous, CorruptError.
    """
    if name and "/" not in name:
        network = _read(name)
        if network is not None:
            return network
    if name == default:
        return default_network(default, default_subnet)
    found = [
        network for network in load_all(default=default, default_subnet=default_subnet) if network.id.startswith(name)
    ]
    if not found or not name:
        raise NetworkNotFoundError(f"unable to find network with name or ID {name}: network not found")
    if len(found) > 1:
        raise InvalidError(f"more than one result for network ID {name}")
    return found[0]


def load_all(*, default: str = DEFAULT_NAME, default_subnet: str = DEFAULT_SUBNET) -> list[Network]:
    """Return all networks in the order of their names; the default one is always there."""
    try:
        names = [entry[: -len(_SUFFIX)] for entry in os.listdir(DIRECTORY) if entry.endswith(_SUFFIX)]
    except FileNotFoundError:
        names = []
    networks = {name: network for name in names if (network := _read(name)) is not None}
    if default not in networks:
        networks[default] = default_network(default, default_subnet)
    return [networks[name] for name in sorted(networks)]


def default_network(name: str = DEFAULT_NAME, subnet: str = DEFAULT_SUBNET) -> Network:
    """Return the default network as Podman makes it up where no file describes it."""
    from libpod import timestamp

    # The id of the default network is the digest of its name; for `podman` it is written down to save the import.
    identity = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
    if name != DEFAULT_NAME:
        from hashlib import sha256

        identity = sha256(name.encode()).hexdigest()
    return Network(
        {
            "name": name,
            "id": identity,
            "driver": "bridge",
            "network_interface": _DEFAULT_INTERFACE,
            "created": timestamp.rfc3339(timestamp.now()),
            "subnets": [{"subnet": subnet, "gateway": first_address(subnet)}],
            "ipv6_enabled": False,
            "internal": False,
            "dns_enabled": False,
            "ipam_options": {"driver": "host-local"},
        }
    )


def first_address(subnet: str) -> str:
    """Return the first address of an IPv4 subnet.

    Raises: InvalidError.
    """
    try:
        parsed = parse_subnet(subnet)
    except InvalidError:
        raise InvalidError(f"invalid subnet `{subnet}`") from None
    if parsed.address.is_ipv6 or not 1 <= parsed.prefix <= 30:
        raise InvalidError(f"invalid subnet `{subnet}`")
    return str(parsed.host(1))


def _read(name: str) -> Network | None:
    """Read the file of one network; None where there is none."""
    path = f"{DIRECTORY}/{name}{_SUFFIX}"
    try:
        document = _core.read_json(path, _MAX_BYTES)
    except CorruptError as error:
        raise error.prefixed(f"network {name}: ") from None
    if document is None:
        return None
    if not isinstance(document, dict) or document.get("name") != name:
        raise CorruptError(f"network {name}: the file names another network", path=path)
    return Network(document)
