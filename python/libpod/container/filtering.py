"""The filters of `ps`, and of every verb that takes them: texts to a test of a row.

Start reading at `row_test`. Loaded for a command that filters, and for no other.
"""

from __future__ import annotations

from libpod import filters, quantity, timestamp
from libpod.container.records import Records
from libpod.errors import InvalidError
from libpod.image.reference import bare_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from libpod.container.records import Row
    from libpod.host import Host

    Predicate = Callable[[Row], bool]

_RESTART_POLICIES = ("always", "no", "none", "on-failure", "unless-stopped")
#: Digits of an id that are enough to tell it from a name.
_SHORT_ID = 12
#: Filters that also find containers that do not run.
_NAMES_A_STATE = ("status", "pod")


def row_test(host: Host, texts: Iterable[str]) -> Predicate:
    """Make the test that a row passes if it passes all `key=value` texts; those of one key are alternatives.

    Raises: InvalidError for a filter that is none, or for a value that it does not take.
    """
    return filters.combined(
        texts,
        _makers(host),
        negatable=("label",),
        malformed='invalid filter "{}"',
        unknown="{} is an invalid filter",
        missing=("should-start-on-boot",),
    )


def names_state(texts: Iterable[str]) -> bool:
    """Whether one of the filters also finds containers that do not run."""
    return any(text.partition("=")[0] in _NAMES_A_STATE for text in texts)


def _makers(host: Host) -> dict[str, Callable[[str], Predicate]]:
    """What makes a test of a row from the value of each filter."""
    return {
        "ancestor": _ancestor,
        "before": lambda value: _created_before(host, value),
        "command": filters.expression("command", lambda row: (row.container.settings.command or [""])[0]),
        "exited": _exited,
        # libpod runs no health checks yet: no container has a state of health.
        "health": lambda value: lambda row: False,
        "id": filters.identity(lambda row: row.container.id),
        "label": filters.label(lambda row: row.container.settings.labels),
        "name": filters.expression("name", lambda row: row.container.name),
        "network": lambda value: _network(host, value),
        # There are no pods: no container is in one.
        "pod": lambda value: lambda row: False,
        "restart-policy": _restart_policy,
        "since": lambda value: _created_since(host, value),
        "status": _status_filter,
        "until": _until,
        "volume": _volume,
    }


def _ancestor(value: str) -> Predicate:
    search = filters.expression("ancestor", lambda row: row.container.settings.image)(value)
    return lambda row: search(row) or row.container.image_id.startswith(bare_id(value))


def _created_before(host: Host, value: str) -> Predicate:
    other = timestamp.parse(Records(host).lookup(value).settings.created)
    return lambda row: row.created_ns < other


def _created_since(host: Host, value: str) -> Predicate:
    other = timestamp.parse(Records(host).lookup(value).settings.created)
    return lambda row: row.created_ns > other


def _until(value: str) -> Predicate:
    moment = timestamp.parse_filter_moment(value)
    return lambda row: row.created_ns < moment


def _volume(value: str) -> Predicate:
    return lambda row: any(value in (m.volume, m.source, m.destination) for m in row.container.settings.mounts)


def _network(host: Host, value: str) -> Predicate:
    """By the name of a network or by its id."""
    from libpod.network.manager import NetworkManager

    default = host.conf.network["default_network"]
    names = {value, *(network.name for network in NetworkManager(host).list() if _is_id_of(value, network.id))}
    return lambda row: any((network.name or default) in names for network in row.container.settings.networks)


def _is_id_of(value: str, identity: str) -> bool:
    return len(value) >= _SHORT_ID and identity.startswith(value)


def _restart_policy(value: str) -> Predicate:
    if value not in _RESTART_POLICIES:
        raise InvalidError(f"{value} invalid restart policy")
    # libpod restarts no container yet.
    return lambda row: value in ("no", "none")


def _exited(value: str) -> Predicate:
    try:
        code = quantity.parse_integer(value, bits=32, function="Atoi")
    except InvalidError as error:
        raise InvalidError(f'exited code out of range "{value}": {error.message}') from None
    return lambda row: row.state.status == "exited" and row.state.exit_code == code


def _status_filter(value: str) -> Predicate:
    known = ("created", "running", "paused", "exited", "unknown", "stopped", "stopping", "removing", "initialized")
    if value not in known:
        raise InvalidError(f"unknown container state: {value}: invalid argument")
    status = "exited" if value == "stopped" else value
    return lambda row: row.state.status == status
