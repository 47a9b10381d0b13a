"""Addresses, subnets and hardware addresses: what Go's parsers take and refuse."""

from __future__ import annotations

import ipaddress
import random

import pytest

from libpod.address import Address, Subnet, is_address, parse_address, parse_mac, parse_subnet
from libpod.errors import InvalidError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("::1", "::1"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("::1.2.3.4", "::102:304"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::ffff:a00:1", "10.0.0.1"),
    ],
)
def test_an_address_has_one_text(text: str, canonical: str) -> None:
    assert str(parse_address(text)) == canonical
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.04",
        "1.2.3.256",
        "1.2.3.-4",
        "1.2.3. 4",
        "1.2.3.²",
        "1.2.3." + "9" * 5000,
        "0x1.2.3.4",
        ":",
        ":::",
        "::1::",
        "1:",
        ":1",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4::5:6:7:8",
        "1.2.3.4::",
        "::1.2.3.04",
        "fe80::1%eth0",
        "[::1]",
        "::1/64",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not is_address(text)
    with pytest.raises(InvalidError, match="invalid IP address"):
        parse_address(text)


def test_the_text_of_ipv6_is_that_of_rfc_5952() -> None:
    numbers = random.Random(5952)
    for _ in range(2000):
        value = numbers.getrandbits(128)
        for group in range(8):
            if numbers.random() < 0.5:
                value &= ~(0xFFFF << 16 * group)
        expected = ipaddress.IPv6Address(value)
        if expected.ipv4_mapped is None:
            assert str(parse_address(expected.exploded)) == str(parse_address(str(expected))) == str(expected)


def test_addresses_are_values() -> None:
    assert parse_address("::1") == parse_address("0:0::1")
    assert len({parse_address("10.0.0.1"), Address(b"\x0a\0\0\1"), parse_address("::ffff:10.0.0.1")}) == 1
    assert parse_address("::1").is_ipv6
    assert parse_address("::1") != "::1"
    assert repr(parse_address("::1")) == "Address('::1')"


def test_a_subnet_knows_its_ends() -> None:
    subnet = parse_subnet("10.88.3.4/22")
    assert (str(subnet), str(subnet.address)) == ("10.88.0.0/22", "10.88.3.4")
    assert (str(subnet.network), str(subnet.host(1)), str(subnet.broadcast)) == (
        "10.88.0.0",
        "10.88.0.1",
        "10.88.3.255",
    )
    assert parse_address("10.88.3.255") in subnet
    assert parse_address("10.88.4.0") not in subnet
    assert parse_address("::1") not in subnet
    assert subnet == parse_subnet("10.88.1.1/22") == Subnet(parse_address("10.88.0.9"), 22)
    assert str(parse_subnet("fd00:1::1/64")) == "fd00:1::/64"
    assert str(parse_subnet("1.2.3.4/0").broadcast) == "255.255.255.255"


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/²", "x/8"],
)
def test_what_is_no_subnet_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="invalid CIDR address"):
        parse_subnet(text)


def test_hardware_addresses() -> None:
    for text in ("92:d0:c6:0a:29:33", "92-D0-C6-0A-29-33", "92d0.c60a.2933"):
        assert parse_mac(text) == "92:d0:c6:0a:29:33"
    for text in (
        "",
        "92:d0:c6:0a:29",
        "92:d0:c6:0a:29:33:44:55",
        "92:d0-c6:0a:29:33",
        "92:d0:c6:0a:29:3g",
        "9:2d0:c6:0a:29:33",
    ):
        with pytest.raises(InvalidError, match="invalid MAC address"):
            parse_mac(text)
