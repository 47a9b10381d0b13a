"""`-p` and `--expose`: what they mean, and Podman's words where they mean nothing."""

from __future__ import annotations

import socket

import pytest

from libpod.errors import InvalidError, UnsupportedError
from libpod.network.attachment import Port
from libpod.network.ports import parse_exposed, parse_port, publish


def mapping(host_port: int, container_port: int, *, protocol: str = "tcp", count: int = 1, host_ip: str = "") -> Port:
    return Port(host_ip, host_port, container_port, protocol, count)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("8080:80", mapping(8080, 80)),
        ("127.0.0.1:8080:80", mapping(8080, 80, host_ip="127.0.0.1")),
        ("0.0.0.0:8080:80", mapping(8080, 80)),
        ("8080:80/udp", mapping(8080, 80, protocol="udp")),
        ("8080:80/TCP", mapping(8080, 80)),
        ("8080-8082:80-82", mapping(8080, 80, count=3)),
        ("1.2.3.4:8080-8081:80-81/udp", mapping(8080, 80, protocol="udp", count=2, host_ip="1.2.3.4")),
        ("[::1]:8080:80", mapping(8080, 80, host_ip="::1")),
        ("080:080", mapping(80, 80)),
    ],
)
def test_a_mapping_is_read(text: str, wanted: Port) -> None:
    assert publish([parse_port(text)]) == [wanted]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8080-8082:80", "host and container port ranges have different lengths: 3 vs 1"),
        ("8080:80-82", "host and container port ranges have different lengths: 1 vs 3"),
        ("0:80", "parsing host port: port numbers must be between 1 and 65535 (inclusive), got 0"),
        ("8080:", "must provide a non-empty container port to publish"),
        ("abc", 'parsing container port: invalid port number: strconv.Atoi: parsing "abc": invalid syntax'),
        ("abc:80", 'parsing host port: invalid port number: strconv.Atoi: parsing "abc": invalid syntax'),
        (" 8080:80", 'parsing host port: invalid port number: strconv.Atoi: parsing " 8080": invalid syntax'),
        ("80:70000", "parsing container port: port numbers must be between 1 and 65535 (inclusive), got 70000"),
        ("80/foo", 'unrecognized protocol "foo" in port mapping'),
        ("8080:80/", "must provide a non-empty protocol to publish"),
        ("8080:80/tcp/udp", "invalid port format - protocol can only be specified once"),
        ("::1:8080:80", "invalid port format - format is [[hostIP:]hostPort:]containerPort"),
        ("1.2.3:8080:80", 'cannot parse "1.2.3" as an IP address'),
        ("localhost:80:80", 'cannot parse "localhost" as an IP address'),
        (
            "8082-8080:80-82",
            "parsing host port: the end port of a range must be higher than the start port - 8080 is not higher than 8082",
        ),
        ("-1:80", "parsing host port: port numbers cannot be negative"),
        ("8080-:80", "parsing host port: must provide ending number for port range"),
    ],
)
def test_what_is_no_mapping_is_told_in_podmans_words(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_port(text)
    assert str(caught.value) == message


def test_sctp_is_not_there_yet() -> None:
    with pytest.raises(UnsupportedError, match="sctp"):
        publish([parse_port("80:80/sctp")])


def test_without_a_host_port_free_ones_are_taken() -> None:
    (one,) = publish([parse_port("127.0.0.1::80-82/udp")])
    assert (one.container_port, one.count) == (80, 3)
    for port in range(one.host_port, one.host_port + 3):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", port))


def test_the_same_mapping_twice_is_one() -> None:
    assert publish(map(parse_port, ["80:80", "80:80", "80:81"])) == [mapping(80, 80), mapping(80, 81)]


def test_publish_all_takes_exposed_ports_that_are_not_published() -> None:
    found = publish([parse_port("5000:99")], parse_exposed(["99/tcp", "100/udp", "101/udp"]))
    assert [(one.container_port, one.protocol) for one in found] == [(99, "tcp"), (100, "udp"), (101, "udp")]
    assert all(one.host_port > 0 for one in found)


def test_exposed_ports_are_listed_once_with_their_protocol() -> None:
    found = parse_exposed(["99", "100-101/UDP", "99/tcp", "99/sctp"])
    assert list(map(str, found)) == ["99/tcp", "100/udp", "101/udp", "99/sctp"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", 'invalid range format for --expose: abc: strconv.ParseUint: parsing "abc": invalid syntax'),
        ("70000", 'invalid range format for --expose: 70000: strconv.ParseUint: parsing "70000": value out of range'),
        ("100-99", "invalid range format for --expose: 100-99: Invalid range specified for the Port: 100-99"),
        ("0", "port numbers must be between 1 and 65535 (inclusive), got 0"),
        ("0-5", "port numbers must be between 1 and 65535 (inclusive), got 0"),
        ("/", "invalid range format for --expose: /: Empty string specified for ports."),
        ("99/foo", 'validating protocols for exposed port 99: unrecognized protocol "foo" in port mapping'),
    ],
)
def test_what_cannot_be_exposed_is_told_in_podmans_words(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_exposed([text])
    assert str(caught.value) == message
