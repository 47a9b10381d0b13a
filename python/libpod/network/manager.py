"""The networks of the host: look one up, list them."""

from __future__ import annotations

from libpod import arguments
from libpod.errors import InvalidError
from libpod.network import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libpod.host import Host
    from libpod.network.config import Network


class NetworkManager:
    """The networks of one host."""

    def __init__(self, host: Host) -> None:
        conf = host.conf.network
        # The network that needs no file.
        self._default: str = conf["default_network"]
        self._subnet: str = conf["default_subnet"]

    def lookup(self, name: str) -> Network:
        """Find a network by name, id or the beginning of its id; "" is the default one.

        Raises: NetworkNotFoundError, InvalidError for an ambiguous id, CorruptError.
        """
        return config.load(name or self._default, default=self._default, default_subnet=self._subnet)

    def list(self, filters: Sequence[str] = ()) -> list[Network]:
        """Return the networks that pass every kind of filter: `name=`, `id=`, `driver=`, `label=`; several of a kind are alternatives.

        Raises: InvalidError.
        """
        wanted: dict[str, list[str]] = {}
        for text in arguments.strings("filters", filters):
            kind, equals, value = text.partition("=")
            if not equals:
                raise InvalidError(f'invalid filter "{text}"')
            if kind not in ("name", "id", "driver", "label"):
                raise InvalidError(f'invalid filter "{kind}"')
            wanted.setdefault(kind, []).append(value)
        networks = config.load_all(default=self._default, default_subnet=self._subnet)
        return [network for network in networks if all(_passes(network, *item) for item in wanted.items())]


def _passes(network: Network, kind: str, values: list[str]) -> bool:
    if kind == "name":
        import re

        return any(re.search(value, network.name) for value in values)
    if kind == "id":
        return any(network.id.startswith(value) for value in values)
    if kind == "driver":
        return network.driver in values
    labels = network.document.get("labels") or {}
    return any(
        name in labels and (not equals or labels[name] == text)
        for name, equals, text in (value.partition("=") for value in values)
    )
