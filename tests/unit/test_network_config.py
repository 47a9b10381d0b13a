"""Networks as Podman keeps them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from libpod.errors import CorruptError, InvalidError, NetworkNotFoundError, UnsupportedError
from libpod.host import Host
from libpod.network import bridge, config
from libpod.network.attachment import Attachment, Port
from libpod.network.manager import NetworkManager
from tests.support.networks import write


def test_the_default_network_needs_no_file(networks: Path) -> None:
    network = config.load("podman")
    assert (network.interface, network.subnet, network.gateway) == ("podman0", "10.88.0.0/16", "10.88.0.1")
    assert network.id == "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
    assert config.load("2f259bab").name == "podman"
    assert config.load("mine", default="mine", default_subnet="10.1.2.0/25").gateway == "10.1.2.1"


def test_a_file_describes_a_network(networks: Path) -> None:
    write(networks, "foo", options={"mtu": "1400"})
    network = config.load("470bed")
    assert (network.name, network.gateway, network.mtu) == ("foo", "10.89.0.1", 1400)
    write(networks, "podman", subnets=[{"subnet": "10.88.0.0/16", "gateway": "10.88.0.254"}])
    assert config.load("podman").gateway == "10.88.0.254"
    assert [one.name for one in config.load_all()] == ["foo", "podman"]


def test_what_is_no_network_is_told(networks: Path) -> None:
    for name in ("nonet", "", "../podman"):
        text = re.escape(f"unable to find network with name or ID {name}: network not found")
        with pytest.raises(NetworkNotFoundError, match=f"^{text}$"):
            config.load(name)
    write(networks, "one")
    write(networks, "two")
    with pytest.raises(InvalidError, match="more than one result"):
        config.load("470")
    (networks / "three.json").write_text("{")
    with pytest.raises(CorruptError, match="network three"):
        config.load("three")
    (networks / "three.json").write_text('{"name": "four"}')
    with pytest.raises(CorruptError, match="names another network"):
        config.load("three")


#: What a file of the name `broken` holds → what its error says.
BROKEN = {
    "{": "EOF while parsing",
    "": "EOF while parsing",
    "[]": "not a JSON object",
    "{}": "`name` is missing",
    '{"name": 7}': "`name` is an integer, not a string",
    '{"name": "other"}': "names another network, `other`",
    '{"name": "broken", "id": 7}': "`id` is",
    '{"name": "broken", "driver": []}': "`driver` is",
    '{"name": "broken", "labels": [1]}': "`labels` is",
    '{"name": "broken", "labels": {"a": 1}}': "`labels` is",
    '{"name": "broken", "options": {"mtu": 1500}}': "`options` is",
    '{"name": "broken", "subnets": {"subnet": "10.1.0.0/16"}}': "`subnets` is",
    '{"name": "broken", "subnets": [{}]}': "`subnets`: invalid CIDR address",
    '{"name": "broken", "subnets": [{"subnet": 10}]}': "`subnets` is",
    '{"name": "broken", "subnets": [{"subnet": "10.1.0.0/16", "gateway": "x"}]}': "`subnets`: invalid IP address",
    '{"name": "broken", "internal": "no"}': "`internal` is",
    '{"name": "broken", "created": "yesterday"}': "`created`: parsing time",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_named_and_leaves_the_others_alone(networks: Path, network_host: Host, text: str) -> None:
    write(networks, "good")
    path = networks / "broken.json"
    path.write_text(text)
    manager = NetworkManager(network_host)
    damaged: config.Damaged = []
    assert [network.name for network in manager.list(damaged=damaged)] == ["good", "podman"]
    ((name, error),) = damaged
    assert (name, getattr(error, "path", None)) == ("broken", str(path))
    assert f"network broken: {path}: " in str(error)
    assert BROKEN[text] in str(error)
    assert manager.list(["label=a", "until=1h", "driver=bridge", "name=x"], damaged=damaged) == []
    assert manager.lookup("good").name == manager.lookup("470bed").name == "good"
    for use in (lambda: manager.lookup("broken"), manager.list):
        with pytest.raises(CorruptError, match="network broken"):
            use()


def test_a_network_that_is_no_file_or_may_not_be_read_leaves_the_others_alone(
    networks: Path, network_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    (networks / "a.json").mkdir()
    os.mkfifo(networks / "b.json")
    (networks / "podman.json").write_text("{")
    damaged: config.Damaged = []
    assert NetworkManager(network_host).list(damaged=damaged) == []
    # No default network is made up in place of a damaged one.
    assert [name for name, _ in damaged] == ["a", "b", "podman"]

    def denied(path: str, _limit: int) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(config._core, "read_json", denied)
    damaged = []
    assert NetworkManager(network_host).list(damaged=damaged) == []
    assert [type(error) for _, error in damaged] == [PermissionError] * 3


def test_members_may_be_null(networks: Path) -> None:
    nothing = dict.fromkeys(
        ("id", "driver", "network_interface", "created", "subnets", "labels", "options", "internal")
    )
    write(networks, "n", **nothing)
    network = config.load("n")
    assert (network.id, network.driver, network.interface, network.mtu) == ("", "bridge", "", None)


@pytest.mark.parametrize(
    ("change", "what"),
    [({"driver": "macvlan"}, "macvlan"), ({"internal": True}, "internal"), ({"ipv6_enabled": True}, "IPv6")],
)
def test_a_network_that_cannot_be_served_is_listed_and_refused(
    networks: Path, network_host: Host, change: dict[str, Any], what: str
) -> None:
    write(networks, "odd", **change)
    assert "odd" in [network.name for network in NetworkManager(network_host).list()]
    with pytest.raises(UnsupportedError, match=what):
        bridge.attach_request("/run/x/libpod/networks", config.load("odd"), Attachment("odd"))


def test_a_request_says_all_that_the_runtime_needs(networks: Path) -> None:
    attachment = Attachment("podman", address="10.88.0.9")
    assert bridge.attach_request(
        "/run/x/libpod/networks", config.load("podman"), attachment, ports=[Port("", 1, 2)]
    ) == {
        "network": "podman",
        "driver": {
            "bridge": {"bridge": "podman0", "subnet": "10.88.0.0/16", "gateway": "10.88.0.1", "mtu": None},
        },
        "interface": "eth0",
        "mac": None,
        "address": "10.88.0.9",
        "ports": [{"host_ip": "", "host_port": 1, "container_port": 2, "protocol": "tcp", "range": 1}],
        "lease_dir": "/run/x/libpod/networks/podman",
    }


def test_filters_of_a_kind_are_alternatives_and_kinds_must_all_hold(networks: Path, network_host: Host) -> None:
    write(networks, "foo", labels={"a": "b"})

    def names(*filters: str) -> list[str]:
        return [network.name for network in NetworkManager(network_host).list(filters)]

    assert names("name=fo", "name=pod") == ["foo", "podman"]
    assert names("name=fo", "driver=macvlan") == []
    assert names("label=a") == names("label=a=b") == names("id=470") == ["foo"]
    with pytest.raises(InvalidError, match='invalid filter "foo"'):
        names("foo=bar")


@pytest.mark.parametrize("subnet", ["10.88.0.0", "10.88.0.0/31", "10.88.0/16", "10.88.0.256/16", "x/16", "10.0.0.0/x"])
def test_what_is_no_subnet_is_refused(subnet: str) -> None:
    with pytest.raises(InvalidError, match="invalid subnet"):
        config.first_address(subnet)
