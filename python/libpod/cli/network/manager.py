"""The networks of a command."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context
    from libpod.network.manager import NetworkManager


def manager_of(context: Context) -> NetworkManager:
    """The networks of this host, with the default network that containers.conf names."""
    from libpod.network.manager import NetworkManager

    conf = context.engine.conf.network
    return NetworkManager(default=conf["default_network"], default_subnet=conf["default_subnet"])
