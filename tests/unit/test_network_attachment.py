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

ID = "470bed3479347149ceaf7168e7e2fc7ba05dc1100ab5c00f1bdfdd07da8a0cf8"
PORT = {"host_ip": "127.0.0.1", "host_port": 8080, "container_port": 80, "protocol": "tcp", "range": 2}
LEAST = {"name": "c", "argv": ["true"], "created": "2026-11-28T07:57:54Z"}


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
        "id": ID,
        "driver": "bridge",
        "network_interface": "podman9",
        "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}],
    } | changes
    (directory / f"{name}.json").write_text(json.dumps(document))


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


def test_name_and_id_of_a_network_are_written_down_at_creation(directory: Path, host: Host) -> None:
    write(directory, "n")
    for text, wanted in (("n", ("n", ID)), (ID[:7], ("n", ID)), ("", ("podman", config.load("podman").id))):
        settings = attached_to(text)
        networking.choose(host, settings)
        assert [(one.name, one.id) for one in settings.networks] == [wanted]
    write(directory, "odd", driver="macvlan")
    with pytest.raises(UnsupportedError, match="macvlan"):
        networking.choose(host, attached_to("odd"))
    with pytest.raises(NetworkNotFoundError):
        networking.choose(host, attached_to("nonet"))


def test_a_network_that_was_made_anew_is_not_taken_for_the_one_that_was_chosen(
    directory: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "ensure", lambda network: None)
    write(directory, "n")
    settings = attached_to("n")
    networking.choose(host, settings)
    (request,) = networking.attachments(host, settings)
    assert (request["network"], networking.gateway(host, settings)) == ("n", "10.89.0.1")
    write(directory, "n", id="5" * 64)
    for start in (networking.attachments, networking.gateway):
        with pytest.raises(StateError) as caught:
            start(host, settings)
        assert caught.value.message == (
            "network n was removed and made anew since the container was created (its id was 470bed347934, it is"
            " 555555555555): remove the container and create it again"
        )
    (directory / "n.json").unlink()
    write(directory, "other", id="n" * 64)
    with pytest.raises(NetworkNotFoundError, match="name or ID n: network not found"):
        networking.attachments(host, settings)
    old = attached_to("other")
    assert networking.attachments(host, old)[0]["network"] == "other", "an older record names no id"


def test_ports_are_published_on_the_first_network(directory: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "ensure", lambda network: None)
    write(directory, "n")
    networks = [Attachment("n", ID), Attachment("podman", interface="eth1")]
    settings = ContainerSettings(**LEAST, networks=networks, ports=[Port("", 8080, 80)])
    found = networking.attachments(host, settings)
    assert [(one["network"], one["interface"], len(one["ports"])) for one in found] == [
        ("n", "eth0", 1),
        ("podman", "eth1", 0),
    ]
