"""IP addresses, subnets and hardware addresses: one parser each, with Go's rules.

Start reading at `parse_address`. IPv4 is four decimal numbers without leading zeros, which other
programs take for octal ones; an IPv6 address has no zone. Nothing here is resolved or asked of the host.
Source: Go, package net, ParseIP, ParseCIDR, ParseMAC; RFC 5952 for the text of IPv6.
"""

from __future__ import annotations

from libpod import quantity
from libpod.errors import InvalidError

_HEX = frozenset("0123456789abcdefABCDEF")


class Address:
    """One IP address. packed: its 4 or 16 bytes in network order. Addresses are equal when their bytes are."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes) -> None:
        self.packed = packed

    @property
    def is_ipv6(self) -> bool:
        """Whether it is an IPv6 address."""
        return len(self.packed) == 16

    def __str__(self) -> str:
        if not self.is_ipv6:
            return ".".join(str(byte) for byte in self.packed)
        groups = [f"{self.packed[at] << 8 | self.packed[at + 1]:x}" for at in range(0, 16, 2)]
        # The longest run of two or more zeros is left out, the first of equally long ones.
        best, length = 0, 1
        for start in range(8):
            end = start
            while end < 8 and groups[end] == "0":
                end += 1
            if end - start > length:
                best, length = start, end - start
        if length < 2:
            return ":".join(groups)
        return ":".join(groups[:best]) + "::" + ":".join(groups[best + length :])

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and other.packed == self.packed

    def __hash__(self) -> int:
        return hash(self.packed)


class Subnet:
    """A range of addresses. address: the one that was written, host bits included. prefix: number of network bits."""

    __slots__ = ("address", "prefix")

    def __init__(self, address: Address, prefix: int) -> None:
        self.address = address
        self.prefix = prefix

    @property
    def network(self) -> Address:
        """The first address of the range, all host bits zero."""
        return self._of(0)

    @property
    def broadcast(self) -> Address:
        """The last address of the range, all host bits one."""
        return self._of((1 << self._host_bits) - 1)

    def host(self, number: int) -> Address:
        """Return the address `number` places behind the network's; the caller keeps it within the range."""
        return self._of(number)

    def __contains__(self, address: Address) -> bool:
        return len(address.packed) == len(self.address.packed) and (
            int.from_bytes(address.packed, "big") >> self._host_bits
            == int.from_bytes(self.address.packed, "big") >> self._host_bits
        )

    @property
    def _host_bits(self) -> int:
        return 8 * len(self.address.packed) - self.prefix

    def _of(self, host: int) -> Address:
        size, bits = len(self.address.packed), self._host_bits
        number = (int.from_bytes(self.address.packed, "big") >> bits << bits) + host
        return Address(number.to_bytes(size, "big"))

    def __str__(self) -> str:
        return f"{self.network}/{self.prefix}"

    def __repr__(self) -> str:
        return f"Subnet({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subnet) and (other.network, other.prefix) == (self.network, self.prefix)

    def __hash__(self) -> int:
        return hash((self.network, self.prefix))


def parse_address(text: str) -> Address:
    """Parse an IPv4 or IPv6 address; an IPv4 address in the form of IPv6 (`::ffff:10.0.0.1`) is the IPv4 one.

    Raises: InvalidError `invalid IP address: …`. Callers know better what the text was for, and say so.
    """
    packed = _ipv6(text) if ":" in text else _ipv4(text)
    if packed is None:
        raise InvalidError(f"invalid IP address: {text}")
    mapped = len(packed) == 16 and packed[:12] == bytes(10) + b"\xff\xff"
    return Address(packed[12:] if mapped else packed)


def is_address(text: str) -> bool:
    """Whether `parse_address` takes `text`."""
    return (_ipv6(text) if ":" in text else _ipv4(text)) is not None


def parse_subnet(text: str) -> Subnet:
    """Parse `ADDRESS/PREFIX`.

    Raises: InvalidError `invalid CIDR address: …`.
    """
    written, _, bits = text.partition("/")
    packed = _ipv6(written) if ":" in written else _ipv4(written)
    if packed is None or not quantity.is_decimal(bits) or len(bits) > 3 or int(bits) > 8 * len(packed):
        raise InvalidError(f"invalid CIDR address: {text}")
    if len(bits) > 1 and bits[0] == "0":
        raise InvalidError(f"invalid CIDR address: {text}")
    return Subnet(Address(packed), int(bits))


def parse_mac(text: str) -> str:
    """Parse a hardware address of six bytes: `aa:bb:…`, `aa-bb-…` or `aabb.ccdd.eeff`; return it as `aa:bb:…`.

    Raises: InvalidError `address …: invalid MAC address`.
    """
    for separator, width in ((":", 2), ("-", 2), (".", 4)):
        parts = text.split(separator)
        if len(parts) * width == 12 and all(len(part) == width and _HEX.issuperset(part) for part in parts):
            digits = "".join(parts).lower()
            return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    raise InvalidError(f"address {text}: invalid MAC address")


def _ipv4(text: str) -> bytes | None:
    parts = text.split(".")
    if len(parts) != 4:
        return None
    for part in parts:
        if not quantity.is_decimal(part) or len(part) > 3 or int(part) > 255 or (part[0] == "0" and part != "0"):
            return None
    return bytes(int(part) for part in parts)


def _ipv6(text: str) -> bytes | None:
    front, gap, back = text.partition("::")
    halves = [_groups(front, last=not gap), _groups(back, last=True)] if gap else [_groups(front, last=True)]
    sizes = [0 if half is None else len(half) for half in halves]
    if None in halves or (sum(sizes) > 14 if gap else sizes != [16]):
        return None
    return (halves[0] or b"") + bytes(16 - sum(sizes)) + (halves[-1] or b"" if gap else b"")


def _groups(text: str, *, last: bool) -> bytes | None:
    """Read groups of up to four hexadecimal digits; the last one of an address may be an IPv4 address."""
    packed = b""
    groups = text.split(":") if text else []
    for place, group in enumerate(groups):
        if "." in group and last and place == len(groups) - 1:
            ipv4 = _ipv4(group)
            if ipv4 is None:
                return None
            packed += ipv4
        elif 1 <= len(group) <= 4 and _HEX.issuperset(group):
            packed += int(group, 16).to_bytes(2, "big")
        else:
            return None
    return packed
