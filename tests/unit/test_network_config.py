"""Networks as Podman keeps them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from libpod.errors import CorruptError, InvalidError, NetworkNotFoundError, UnsupportedError
from libpod.host import Host
from libpod.network import bridge, config
from libpod.network.attachment import Attachment, Port
from libpod.network.manager import NetworkManager


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(config, "DIRECTORY", str(tmp_path))
    return tmp_path


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "root", tmp_path / "run")


def write(directory: Path, name: str, **changes: Any) -> None:
    document = {
        "name": name,
        "id": "470bed3479347149ceaf7168e7e2fc7ba05dc1100ab5c00f1bdfdd07da8a0cf8",
        "driver": "bridge",
        "network_interface": "podman1",
        "created": "2026-11-24T14:38:05.929726021Z",
        "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": True,
        "ipam_options": {"driver": "host-local"},
    } | changes
    (directory / f"{name}.json").write_text(json.dumps(document))


def test_the_default_network_needs_no_file(directory: Path) -> None:
    network = config.load("podman")
    assert (network.interface, network.subnet, network.gateway) == ("podman0", "10.88.0.0/16", "10.88.0.1")
    assert network.id == "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
    assert config.load("2f259bab").name == "podman"
    assert config.load("mine", default="mine", default_subnet="10.1.2.0/25").gateway == "10.1.2.1"


def test_a_file_describes_a_network(directory: Path) -> None:
    write(directory, "foo", options={"mtu": "1400"})
    network = config.load("470bed")
    assert (network.name, network.gateway, network.mtu) == ("foo", "10.89.0.1", 1400)
    write(directory, "podman", subnets=[{"subnet": "10.88.0.0/16", "gateway": "10.88.0.254"}])
    assert config.load("podman").gateway == "10.88.0.254"
    assert [one.name for one in config.load_all()] == ["foo", "podman"]


def test_what_is_no_network_is_told(directory: Path) -> None:
    for name in ("nonet", "", "../podman"):
        text = re.escape(f"unable to find network with name or ID {name}: network not found")
        with pytest.raises(NetworkNotFoundError, match=f"^{text}$"):
            config.load(name)
    write(directory, "one")
    write(directory, "two")
    with pytest.raises(InvalidError, match="more than one result"):
        config.load("470")
    (directory / "three.json").write_text("{")
    with pytest.raises(CorruptError, match="network three"):
        config.load("three")
    (directory / "three.json").write_text('{"name": "four"}')
    with pytest.raises(CorruptError, match="names another network"):
        config.load("three")


@pytest.mark.parametrize(
    ("change", "what"),
    [({"driver": "macvlan"}, "macvlan"), ({"internal": True}, "internal"), ({"ipv6_enabled": True}, "IPv6")],
)
def test_a_network_that_cannot_be_served_is_listed_and_refused(
    directory: Path, host: Host, change: dict[str, Any], what: str
) -> None:
    write(directory, "odd", **change)
    assert "odd" in [network.name for network in NetworkManager(host).list()]
    with pytest.raises(UnsupportedError, match=what):
        bridge.attach_request("/run/x/libpod/networks", config.load("odd"), Attachment("odd"))


def test_a_request_says_all_that_the_runtime_needs(directory: Path) -> None:
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


def test_filters_of_a_kind_are_alternatives_and_kinds_must_all_hold(directory: Path, host: Host) -> None:
    write(directory, "foo", labels={"a": "b"})

    def names(*filters: str) -> list[str]:
        return [network.name for network in NetworkManager(host).list(filters)]

    assert names("name=fo", "name=pod") == ["foo", "podman"]
    assert names("name=fo", "driver=macvlan") == []
    assert names("label=a") == names("label=a=b") == names("id=470") == ["foo"]
    with pytest.raises(InvalidError, match='invalid filter "foo"'):
        names("foo=bar")


@pytest.mark.parametrize("subnet", ["10.88.0.0", "10.88.0.0/31", "10.88.0/16", "10.88.0.256/16", "x/16", "10.0.0.0/x"])
def test_what_is_no_subnet_is_refused(subnet: str) -> None:
    with pytest.raises(InvalidError, match="invalid subnet"):
        config.first_address(subnet)
