"""What `ps` shows of ports."""

from __future__ import annotations

from libpod.cli.container.ps import ports_text
from libpod.network.attachment import Port


def mapping(host: int, container: int, count: int = 1, host_ip: str = "", protocol: str = "tcp") -> Port:
    return Port(host_ip, host, container, protocol, count)


def test_exposed_ports_stand_behind_the_published_ones() -> None:
    published = [mapping(9999, 84), mapping(9000, 90, 3, "127.0.0.1", "udp")]
    exposed = ["82/tcp", "80/tcp", "81/tcp", "84/tcp", "83/udp", "91/udp", "88/tcp"]
    assert ports_text(published) == "0.0.0.0:9999->84/tcp, 127.0.0.1:9000-9002->90-92/udp"
    assert ports_text(published, exposed).endswith("->90-92/udp, 80-82/tcp, 88/tcp, 83/udp")
    assert ports_text([], ["80/tcp"]) == "80/tcp"
    assert ports_text([]) == ""
