"""Which networks a container was given, and its ports: recorded whole, read from older records, found again at each start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libpod.container import networking
from libpod.container.settings import ContainerSettings
from libpod.errors import CorruptError, NetworkNotFoundError, StateError, UnsupportedError
from libpod.host import Host
from libpod.network import bridge, config
from libpod.network.attachment import Attachment, Port
from tests.support.networks import ID, write

PORT = {"host_ip": "127.0.0.1", "host_port": 8080, "container_port": 80, "protocol": "tcp", "range": 2}
LEAST = {"name": "c", "argv": ["true"], "created": "2026-11-28T07:57:54Z"}


def read(document: dict[str, Any]) -> ContainerSettings:
    return ContainerSettings.from_document(LEAST | document, "/x/container.json")


def attached_to(name: str) -> ContainerSettings:
    return ContainerSettings(**LEAST, networks=[Attachment(name)])


def test_attachments_and_ports_read_back_as_written() -> None:
    attachment = Attachment("n", ID, address="10.89.0.9", mac="02:00:00:00:00:01", aliases=["db"], interface="eth7")
    settings = ContainerSettings(**LEAST, networks=[attachment], ports=[Port("127.0.0.1", 8080, 80, "tcp", 2)])
    document = json.loads(json.dumps(settings.to_document()))
    assert document["ports"] == [PORT]
    assert document["networks"] == [
        {
            "name": "n",
            "id": ID,
            "address": "10.89.0.9",
            "mac": "02:00:00:00:00:01",
            "aliases": ["db"],
            "interface": "eth7",
        }
    ]
    again = read(document)
    assert (again.networks, again.ports) == (settings.networks, settings.ports)
    assert list(again.ports[0].pairs()) == [(8080, 80), (8081, 81)]


def test_the_one_network_of_an_older_record_is_read() -> None:
    settings = read({"network_name": "n", "address": "10.89.0.9", "mac": "02:00:00:00:00:01", "ports": [PORT]})
    assert settings.networks == [Attachment("n", address="10.89.0.9", mac="02:00:00:00:00:01")]
    assert settings.ports == [Port("127.0.0.1", 8080, 80, "tcp", 2)]
    assert read({}).networks == [Attachment()], "the default network"
    for namespace in ("none", "host", "container:abc"):
        assert read({"network": namespace}).networks == []


@pytest.mark.parametrize(
    ("document", "member"),
    [
        ({"network_name": 7}, "network_name"),
        ({"networks": [{"name": "n"}]}, "id"),
        ({"networks": "n"}, "networks"),
        ({"networks": [{"name": "n", "id": 7}]}, "networks"),
        ({"ports": [{"host_port": 80}]}, "host_ip"),
        ({"ports": [PORT | {"host_port": 65535}]}, "ports"),
        ({"ports": [PORT | {"container_port": 0}]}, "ports"),
    ],
)
def test_a_damaged_record_is_told_by_file_and_member(document: dict[str, Any], member: str) -> None:
    with pytest.raises(CorruptError, match=f"^/x/container.json: .*{member}"):
        read(document)


def test_name_and_id_of_a_network_are_written_down_at_creation(networks: Path, network_host: Host) -> None:
    write(networks, "n")
    for text, wanted in (("n", ("n", ID)), (ID[:7], ("n", ID)), ("", ("podman", config.load("podman").id))):
        settings = attached_to(text)
        networking.choose(network_host, settings)
        assert [(one.name, one.id) for one in settings.networks] == [wanted]
    write(networks, "odd", driver="macvlan")
    with pytest.raises(UnsupportedError, match="macvlan"):
        networking.choose(network_host, attached_to("odd"))
    with pytest.raises(NetworkNotFoundError):
        networking.choose(network_host, attached_to("nonet"))


def test_a_network_that_was_made_anew_is_not_taken_for_the_one_that_was_chosen(
    networks: Path, network_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "ensure", lambda network: None)
    write(networks, "n")
    settings = attached_to("n")
    networking.choose(network_host, settings)
    (found,) = networking.find(network_host, settings)
    assert (found.name, found.gateway) == ("n", "10.89.0.1")
    write(networks, "n", id="5" * 64)
    with pytest.raises(StateError) as caught:
        networking.find(network_host, settings)
    assert caught.value.message == (
        "network n was removed and made anew since the container was created (its id was 470bed347934, it is"
        " 555555555555): remove the container and create it again"
    )
    (networks / "n.json").unlink()
    write(networks, "other", id="n" * 64)
    with pytest.raises(NetworkNotFoundError, match="name or ID n: network not found"):
        networking.find(network_host, settings)
    old = attached_to("other")
    assert networking.find(network_host, old)[0].name == "other", "an older record names no id"


def test_ports_are_published_on_the_first_network(
    networks: Path, network_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "ensure", lambda network: None)
    write(networks, "n")
    attachments = [Attachment("n", ID), Attachment("podman", interface="eth1")]
    settings = ContainerSettings(**LEAST, networks=attachments, ports=[Port("", 8080, 80)])
    found = networking.attach_requests(network_host, settings, networking.find(network_host, settings))
    assert [(one["network"], one["interface"], len(one["ports"])) for one in found] == [
        ("n", "eth0", 1),
        ("podman", "eth1", 0),
    ]
