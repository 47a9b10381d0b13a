"""What a container was promised of its networks: the networks it is attached to, and its published ports.

Made of the user's words once (`ports`, `container.options`), recorded in container.json, and used as they are everywhere: by the launch
document, `inspect`, `ps`, `port`.
"""

from __future__ import annotations

from libpod.record import Document, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, ClassVar

#: The name of a container's first interface.
INTERFACE = "eth0"
_ANY = "0.0.0.0"  # noqa: S104


class Port(Record):
    """`count` consecutive ports of the host that lead to as many of a container.

    host_ip: an address of the host, "" for all. host_port, container_port: the first ones. protocol: `tcp` or `udp`.
    """

    host_ip: str
    host_port: int
    container_port: int
    protocol: str = "tcp"
    count: int = 1

    #: What a document of one holds, for `document.require`.
    SHAPE: ClassVar[dict[str, Any]] = {
        "host_ip": str,
        "host_port": int,
        "container_port": int,
        "protocol": str,
        "range": int,
    }

    @property
    def shown_ip(self) -> str:
        """The address of the host as people read it: `0.0.0.0` for all."""
        return self.host_ip or _ANY

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Each port of the host, with the port of the container that it leads to."""
        for offset in range(self.count):
            yield self.host_port + offset, self.container_port + offset

    def to_document(self) -> dict[str, Any]:
        """Return the port as plain data, for container.json, the launch document and `ps`."""
        return {
            "host_ip": self.host_ip,
            "host_port": self.host_port,
            "container_port": self.container_port,
            "protocol": self.protocol,
            "range": self.count,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Port:
        """Read what `to_document` wrote. Raises: KeyError, ValueError for a port that cannot be."""
        port = cls(
            document["host_ip"],
            document["host_port"],
            document["container_port"],
            document["protocol"],
            document["range"],
        )
        last = max(port.count, 1) - 1
        if not all(0 < first <= first + last <= 0xFFFF for first in (port.host_port, port.container_port)):
            raise ValueError(f"`ports` holds {port}, which is no port")
        return port


class ExposedPort(Record):
    """A port on which a container says that it listens. protocol: `tcp`, `udp` or `sctp`."""

    port: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


class Attachment(Document):
    """One network of a container.

    name, id: the network's; name "" for the default network and id "" before the network was looked up, as in records of releases
    that did not write them. address, mac: fixed ones, or "". aliases: more names of the container on it. interface: the
    container's end.
    """

    name: str = ""
    id: str = ""
    address: str = ""
    mac: str = ""
    aliases: list[str] = []
    interface: str = INTERFACE

    #: What a document of one holds, for `document.require`.
    SHAPE: ClassVar[dict[str, Any]] = {
        "name": str,
        "id": str,
        "address": str,
        "mac": str,
        "aliases": [str],
        "interface": str,
    }
