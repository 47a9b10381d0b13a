"""`-p`, `--publish-all` and `--expose`: from what users write to the ports of a container.

Start with `parse_port`. Errors are in Podman's words, Go's number parser's included.
Source: podman-run(1), "--publish", "--publish-all", "--expose".
"""

from __future__ import annotations

from libpod import _core, quantity
from libpod.address import parse_address
from libpod.errors import InvalidError, UnsupportedError
from libpod.network.attachment import ExposedPort, Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PROTOCOLS = ("tcp", "udp", "sctp")
#: What Podman takes for "no address given".
_ANY = "0.0.0.0"  # noqa: S104
_MAX_PORT = 65535


def parse_exposed(texts: Iterable[str]) -> list[ExposedPort]:
    """Return the ports that `--expose` or an image names, in their order and each once.

    texts: `port[/protocol]`, where the port may be a range.
    Raises: InvalidError.
    """
    return [ExposedPort(*port) for port in dict.fromkeys(port for text in texts for port in _parse_exposed(text))]


def publish(ports: Iterable[Port], exposed: Iterable[ExposedPort] = ()) -> list[Port]:
    """Return the published ports of a container, in the order given, with their ports of the host; the same mapping twice is one.

    ports: one whose host_port is 0 gets a free one of the host. exposed: more ports that get free ones.
    Raises: InvalidError for a port that cannot be; UnsupportedError for sctp.
    """
    mappings: list[Port] = []
    for port in ports:
        mapping = _checked(port)
        if mapping not in mappings:
            mappings.append(mapping)
    taken = {(inside, mapping.protocol) for mapping in mappings for _, inside in mapping.pairs()}
    for one in exposed:
        if (one.port, one.protocol) not in taken:
            taken.add((one.port, one.protocol))
            mappings.append(Port("", 0, one.port, one.protocol))
    for mapping in mappings:
        if mapping.protocol == "sctp":
            raise UnsupportedError("publishing sctp ports is not supported by this version of libpod")
        if not mapping.host_port:
            mapping.host_port = _core.free_port(mapping.host_ip, mapping.protocol, mapping.count)
    return mappings


def _checked(port: Port) -> Port:
    """Return a copy of a port, its address in the usual form and its protocol in small letters."""
    protocol, last = _protocol(port.protocol), max(port.count, 1) - 1
    check_number(port.container_port, "container port: ")
    if port.host_port:
        check_number(port.host_port, "host port: ")
    if port.count < 1 or max(port.container_port, port.host_port) + last > _MAX_PORT:
        raise InvalidError(f"{port} is no range of ports")
    return Port(_host_ip(port.host_ip or None), port.host_port, port.container_port, protocol, port.count)


def check_exposed(port: ExposedPort) -> None:
    """Refuse a port that cannot be. Raises: InvalidError."""
    check_number(port.port, "")
    if port.protocol not in _PROTOCOLS:
        raise InvalidError(
            f'validating protocols for exposed port {port.port}: unrecognized protocol "{port.protocol}" in port mapping'
        )


def parse_port(text: str) -> Port:
    """Parse one `--publish`: `[[ip:][hostPort]:]containerPort[/protocol]`, ports may be ranges.

    host_port is 0 if a free one is wanted. Raises: InvalidError.
    """
    rest, slash, protocol = text.partition("/")
    if "/" in protocol:
        raise InvalidError("invalid port format - protocol can only be specified once")
    host_ip, host_port, container_port = _split(rest)
    if not container_port:
        raise InvalidError("must provide a non-empty container port to publish")
    first, count = _range(container_port, "parsing container port: ")
    host_ip = _host_ip(host_ip)
    if slash and not protocol:
        raise InvalidError("must provide a non-empty protocol to publish")
    host_first = 0
    if host_port:
        host_first, host_count = _range(host_port, "parsing host port: ")
        if host_count != count:
            raise InvalidError(f"host and container port ranges have different lengths: {host_count} vs {count}")
    return Port(host_ip, host_first, first, _protocol(protocol if slash else "tcp"), count)


def _split(text: str) -> tuple[str | None, str | None, str]:
    """Split `[[ip:]hostPort:]containerPort`; None for what is not there."""
    address, bracket, rest = text.partition("]")
    if bracket:
        if not address.startswith("["):
            raise InvalidError("invalid port format - IPv6 addresses must be enclosed by []")
        if not rest.startswith(":"):
            raise InvalidError("invalid port format - IPv6 address must be followed by a colon (':')")
        parts = [address[1:], *rest[1:].split(":")]
        if len(parts) == 2:
            raise InvalidError("invalid port format - must provide host and destination port if specifying an IP")
        if len(parts) > 3:
            raise InvalidError("invalid port format - when v6 address specified, must be [ipv6]:hostPort:ctrPort")
    else:
        parts = text.split(":")
        if len(parts) > 3:
            raise InvalidError("invalid port format - format is [[hostIP:]hostPort:]containerPort")
    padded = [None] * (3 - len(parts)) + parts
    return padded[0], padded[1], parts[-1]


def _host_ip(text: str | None) -> str:
    if text is None or text == _ANY:
        return ""
    if not text:
        raise InvalidError("must provide a non-empty container host IP to publish")
    try:
        return str(parse_address(text))
    except InvalidError:
        raise InvalidError(f'cannot parse "{text}" as an IP address') from None


def _protocol(text: str) -> str:
    protocol = text.lower()
    if protocol not in _PROTOCOLS:
        raise InvalidError(f'unrecognized protocol "{text}" in port mapping')
    return protocol


def _range(text: str, what: str) -> tuple[int, int]:
    """Parse `80` or `80-90` into the first port and how many."""
    first, dash, last = text.partition("-")
    if "-" in last:
        raise InvalidError(f"{what}port ranges must be formatted as start-stop")
    if dash and not first:
        raise InvalidError(f"{what}port numbers cannot be negative")
    if dash and not last:
        raise InvalidError(f"{what}must provide ending number for port range")
    start = _number(first, what)
    if not dash:
        return start, 1
    end = _number(last, what)
    if end <= start:
        problem = f"the end port of a range must be higher than the start port - {end} is not higher than {start}"
        raise InvalidError(what + problem)
    return start, end - start + 1


def _number(text: str, what: str) -> int:
    try:
        number = quantity.parse_integer(text, function="Atoi")
    except InvalidError as error:
        raise InvalidError(f"{what}invalid port number: {error.message}") from None
    check_number(number, what)
    return number


def check_number(number: int, what: str) -> None:
    """Refuse what is no number of a port. what: stands in front of the message. Raises: InvalidError."""
    if not 1 <= number <= _MAX_PORT:
        raise InvalidError(f"{what}port numbers must be between 1 and 65535 (inclusive), got {number}")


def _parse_exposed(text: str) -> list[tuple[int, str]]:
    """Parse `80`, `80-90` or `80/udp`."""
    ports, _, protocol = text.partition("/")
    if not ports:
        raise InvalidError(f"invalid range format for --expose: {text}: Empty string specified for ports.")
    first, dash, last = ports.partition("-")
    start = _exposed_number(first, ports)
    end = _exposed_number(last, ports) if dash else start
    if end < start:
        raise InvalidError(f"invalid range format for --expose: {ports}: Invalid range specified for the Port: {ports}")
    if not start:
        raise InvalidError("port numbers must be between 1 and 65535 (inclusive), got 0")
    name = (protocol or "tcp").lower()
    if name not in _PROTOCOLS:
        raise InvalidError(
            f'validating protocols for exposed port {start}: unrecognized protocol "{protocol}" in port mapping'
        )
    return [(port, name) for port in range(start, end + 1)]


def _exposed_number(text: str, whole: str) -> int:
    try:
        return quantity.parse_integer(text, signed=False, bits=16)
    except InvalidError as error:
        raise InvalidError(f"invalid range format for --expose: {whole}: {error.message}") from None
