"""The networks of the host: look one up, list them."""

from __future__ import annotations

from libpod import arguments, timestamp
from libpod import filters as filtering
from libpod.network import config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libpod.host import Host
    from libpod.network.config import Damaged, Network


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

    def list(self, filters: Sequence[str] = (), *, damaged: Damaged | None = None) -> list[Network]:
        """Return the networks that pass `name=`, `id=`, `driver=`, `label=`, `label!=` and `until=`.

        damaged: gathers the networks whose files cannot be read, each with its error.
        Raises: InvalidError for a filter that is none; UnsupportedError for `dangling`; CorruptError or OSError for a file
        that cannot be read, if nothing gathers them.
        """
        test = filtering.combined(
            arguments.strings("filters", filters),
            _MAKERS,
            negatable=("label",),
            malformed="filter input must be in the form of filter=value: {} is invalid",
            unknown='invalid filter "{}"',
            missing=("dangling",),
        )
        found = config.load_all(default=self._default, default_subnet=self._subnet, damaged=damaged)
        return [network for network in found if test(network)]


def _until(value: str) -> Callable[[Network], bool]:
    moment = timestamp.parse_filter_moment(value)
    return lambda network: timestamp.parse(network.document.get("created") or timestamp.ZERO_TEXT) < moment


_MAKERS: dict[str, Callable[[str], Callable[[Network], bool]]] = {
    "driver": lambda value: lambda network: network.driver == value,
    "id": filtering.identity(lambda network: network.id),
    "label": filtering.label(lambda network: network.document.get("labels") or {}),
    "name": filtering.expression("name", lambda network: network.name),
    "until": _until,
}
