"""`ps`: which containers, in which order, as which rows.

Start reading at `list_rows`. A row is a plain mapping with Podman's field names; how it is printed is the command line's
business.
"""

from __future__ import annotations

from libpod import arguments, quantity, timestamp
from libpod import filters as filtering
from libpod.container.records import Records, look
from libpod.errors import InvalidError, LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from libpod.container.model import Container, ContainerState
    from libpod.container.records import Damaged
    from libpod.host import Host

    Predicate = Callable[["Row"], bool]

_RESTART_POLICIES = ("always", "no", "none", "on-failure", "unless-stopped")
#: Digits of an id that are enough to tell it from a name.
_SHORT_ID = 12
SORT_KEYS = ("command", "created", "id", "image", "names", "runningfor", "size", "status")


class Row:
    """A container with its state looked up once."""

    __slots__ = ("container", "size", "state")

    def __init__(self, container: Container, state: ContainerState) -> None:
        self.container = container
        self.state = state
        self.size: tuple[int, int] | None = None

    @property
    def created_ns(self) -> int:
        """When it was created, in nanoseconds since the epoch."""
        return timestamp.parse(self.container.settings.created)


def list_rows(
    host: Host,
    *,
    all: bool = False,
    filters: Iterable[str] = (),
    last: int = -1,
    size: bool = False,
    sort: str = "created",
    damaged: Damaged | None = None,
) -> list[Row]:
    """List containers: the running ones, or with `all`, with `last`, or with a filter by state those that match.

    One that is removed meanwhile is left out. damaged: gathers those whose records cannot be read, and why.
    Raises: InvalidError for a filter that is none; CorruptError for a damaged record, if nothing gathers them.
    """
    texts = arguments.strings("filters", filters)
    test = filtering.combined(
        texts,
        _makers(host),
        negatable=("label",),
        malformed='invalid filter "{}"',
        unknown="{} is an invalid filter",
        missing=("should-start-on-boot",),
    )
    names_a_state = any(text.partition("=")[0] in _NAMES_A_STATE for text in texts)
    found = Records(host).list(all=True)
    rows = [Row(container, state) for container in found if (state := look(container, damaged)) is not None]
    # One without a single record looks as if it never ran, and so does one that was removed since it was listed.
    rows = [row for row in rows if row.state.status != "created" or row.container.exists]
    if not all and last < 0 and not names_a_state:
        rows = [row for row in rows if row.state.status == "running"]
    rows = [row for row in rows if test(row)]
    rows.sort(key=lambda row: row.created_ns)
    if last >= 0:
        rows = rows[-last:] if last else []
    if size or sort == "size":
        rows = [row for row in rows if _has_size(host, row, damaged)]
    if sort != "created":
        rows.sort(key=_sort_key(sort))
    return rows


def _has_size(host: Host, row: Row, damaged: Damaged | None) -> bool:
    """Find out a row's size; False if the container was removed meanwhile, or is damaged and was gathered."""
    try:
        row.size = container_size(host, row.container)
    except (LibpodError, OSError) as error:
        if Records(host).exists(row.container.id):
            if damaged is None or not isinstance(error, LibpodError):
                raise
            damaged.append((row.container, error))
        return False
    return True


def _sort_key(name: str) -> Callable[[Row], Any]:
    return {
        "command": lambda row: " ".join(row.container.settings.command),
        "id": lambda row: row.container.id,
        "image": lambda row: row.container.settings.image,
        "names": lambda row: row.container.name,
        "runningfor": lambda row: row.state.started_at,
        "size": lambda row: (row.size or (0, 0))[1],
        "status": lambda row: row.state.status,
    }[name]


def container_size(host: Host, container: Container) -> tuple[int, int]:
    """Return the bytes that a container wrote, and those together with its image's."""
    written = host.store.content_size(container.layer_id)
    total = written
    parent = host.store.layer(container.layer_id)["parent"]
    while parent:
        layer = host.store.layer(parent)
        total += layer["diff-size"] if layer["diff-digest"] else host.store.content_size(parent)
        parent = layer["parent"]
    return written, total


#: Filters that also find containers that do not run.
_NAMES_A_STATE = ("status", "pod")


def _makers(host: Host) -> dict[str, Callable[[str], Predicate]]:
    """What makes a test of a row from the value of each filter."""
    return {
        "ancestor": _ancestor,
        "before": lambda value: _created_before(host, value),
        "command": filtering.expression("command", lambda row: (row.container.settings.command or [""])[0]),
        "exited": _exited,
        # libpod runs no health checks yet: no container has a state of health.
        "health": lambda value: lambda row: False,
        "id": filtering.identity(lambda row: row.container.id),
        "label": filtering.label(lambda row: row.container.settings.labels),
        "name": filtering.expression("name", lambda row: row.container.name),
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
    search = filtering.expression("ancestor", lambda row: row.container.settings.image)(value)
    return lambda row: search(row) or row.container.image_id.startswith(value.removeprefix("sha256:"))


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
