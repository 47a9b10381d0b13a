"""The slow side on the host: making a network's bridge, with pyroute2.

Nothing on the way of a `run` whose bridge stands imports this module.
"""

from __future__ import annotations

import errno
import os
import random

from pyroute2 import IPRoute  # type: ignore[import-untyped]
from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]

from libpod.address import parse_subnet
from libpod.errors import DeniedError
from libpod.network.config import Network


def create_bridge(network: Network) -> None:
    """Make the bridge of `network` with its address and bring it up, last of all; another process may do the same at once.

    Its hardware address is fixed: a bridge without one takes over its ports', and containers would lose their gateway
    whenever a port comes or goes.
    Raises: DeniedError.
    """
    subnet = parse_subnet(network.subnet)
    try:
        with IPRoute() as host:
            _tolerate(errno.EEXIST, host.link, "add", ifname=network.interface, kind="bridge", address=_random_mac())
            index = host.link_lookup(ifname=network.interface)[0]
            _tolerate(
                errno.EEXIST, host.addr, "add", index=index, address=network.gateway, prefixlen=subnet.prefix,
                broadcast=str(subnet.broadcast),
            )  # fmt: skip
            if network.mtu is not None:
                host.link("set", index=index, mtu=network.mtu)
            host.link("set", index=index, state="up")
    except NetlinkError as error:
        message = f"network {network.name}: creating bridge {network.interface}: {os.strerror(error.code)}"
        raise DeniedError(message, op="create bridge", errno=error.code) from error


def _tolerate(code: int, call: object, *args: object, **kwargs: object) -> None:
    try:
        call(*args, **kwargs)  # type: ignore[operator]
    except NetlinkError as error:
        if error.code != code:
            raise


def _random_mac() -> str:
    """Draw a unicast address of local administration."""
    first, *rest = random.SystemRandom().randbytes(6)
    return ":".join(f"{byte:02x}" for byte in (first & 0xFE | 0x02, *rest))
