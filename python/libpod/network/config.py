"""Networks as Podman keeps them: one JSON file each, and the default network where it has none.

Start with `load`. A network that libpod cannot serve is listed like any other; using it is an error (`Network.check`).
Source: podman-network-create(1); the files in /etc/containers/networks.
"""

from __future__ import annotations

import os

from libpod import _core, timestamp
from libpod.address import is_address, parse_subnet
from libpod.config import lookup
from libpod.document import require
from libpod.errors import CorruptError, InvalidError, NetworkNotFoundError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    #: Networks whose files cannot be read, by name, with the errors that say why.
    Damaged = list[tuple[str, CorruptError | OSError]]

#: Where the networks of root are kept.
DIRECTORY = lookup.NETWORKS
DEFAULT_NAME = "podman"
DEFAULT_SUBNET = "10.88.0.0/16"
_DEFAULT_INTERFACE = "podman0"
_SUFFIX = ".json"
#: A network's file is some hundred bytes; what is longer than this is none.
_MAX_BYTES = 1 << 20
#: The members of a file that Podman has types for. As with Podman, each may be null.
_SHAPE: dict[str, Any] = {
    "name": str,
    "id": (str, None),
    "driver": (str, None),
    "network_interface": (str, None),
    "created": (str, None),
    "subnets": ([{"subnet": str, "gateway": (str, None), "lease_range": ({str: (str, None)}, None)}], None),
    "routes": ([{"destination": str, "gateway": str, "metric": (int, None)}], None),
    "ipv6_enabled": (bool, None),
    "internal": (bool, None),
    "dns_enabled": (bool, None),
    "network_dns_servers": ([str], None),
    "labels": ({str: str}, None),
    "options": ({str: str}, None),
    "ipam_options": ({str: str}, None),
}


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
        return str(self.document.get("id") or "")

    @property
    def driver(self) -> str:
        """`bridge`, `macvlan`, …."""
        return str(self.document.get("driver") or "bridge")

    @property
    def interface(self) -> str:
        """The bridge on the host."""
        return str(self.document.get("network_interface") or "")

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
        network
        for network in load_all(default=default, default_subnet=default_subnet, damaged=[])
        if network.id.startswith(name)
    ]
    if not found or not name:
        raise NetworkNotFoundError(f"unable to find network with name or ID {name}: network not found")
    if len(found) > 1:
        raise InvalidError(f"more than one result for network ID {name}")
    return found[0]


def load_all(
    *, default: str = DEFAULT_NAME, default_subnet: str = DEFAULT_SUBNET, damaged: Damaged | None = None
) -> list[Network]:
    """Return all networks in the order of their names; the default one is there unless its file is damaged.

    damaged: gathers the networks whose files cannot be read.
    Raises: CorruptError or OSError for such a file, if nothing gathers them.
    """
    try:
        names = [entry[: -len(_SUFFIX)] for entry in os.listdir(DIRECTORY) if entry.endswith(_SUFFIX)]
    except FileNotFoundError:
        names = []
    networks: dict[str, Network] = {}
    broken: Damaged = []
    for name in names:
        try:
            network = _read(name)
        except (CorruptError, OSError) as error:
            if damaged is None:
                raise
            broken.append((name, error))
            continue
        if network is not None:
            networks[name] = network
    if damaged is not None:
        damaged += sorted(broken, key=lambda one: one[0])
    if default not in networks and not any(name == default for name, _ in broken):
        networks[default] = default_network(default, default_subnet)
    return [networks[name] for name in sorted(networks)]


def default_network(name: str = DEFAULT_NAME, subnet: str = DEFAULT_SUBNET) -> Network:
    """Return the default network as Podman makes it up where no file describes it."""
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
    """Read the file of one network; None if there is none.

    Raises: CorruptError that names the file, and the member that is wrong; OSError.
    """
    path = f"{DIRECTORY}/{name}{_SUFFIX}"
    try:
        document = _core.read_json(path, _MAX_BYTES)
    except CorruptError as error:
        raise error.prefixed(f"network {name}: ") from None
    if document is None:
        return None
    if not isinstance(document, dict):
        raise CorruptError(f"network {name}: {path}: not a JSON object", path=path)
    try:
        require(document, _SHAPE, path, needed=("name",))
        _check_values(document, path)
    except CorruptError as error:
        raise error.prefixed(f"network {name}: ") from None
    if document["name"] != name:
        raise CorruptError(f"network {name}: {path}: the file names another network, `{document['name']}`", path=path)
    return Network(document)


def _check_values(document: dict[str, Any], path: str) -> None:
    """Check what is written in texts: the time of creation, and the subnets with their gateways.

    Raises: CorruptError.
    """
    if document.get("created"):
        try:
            timestamp.parse(document["created"])
        except InvalidError as error:
            raise CorruptError(f"{path}: `created`: {error}", path=path) from None
    for subnet in document.get("subnets") or ():
        try:
            parse_subnet(subnet.get("subnet", ""))
        except InvalidError as error:
            raise CorruptError(f"{path}: `subnets`: {error}", path=path) from None
        gateway = subnet.get("gateway")
        if gateway and not is_address(gateway):
            raise CorruptError(f"{path}: `subnets`: invalid IP address: {gateway}", path=path)
