"""`ps`: which containers, in which order, as which rows.

Start reading at `list_rows`. A row is a plain mapping with Podman's field names; how it is printed is the command line's
business.
"""

from __future__ import annotations

from libpod import arguments, quantity, timestamp
from libpod.container.records import Records
from libpod.errors import InvalidError, LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from libpod.container.model import Container, ContainerState
    from libpod.host import Host

    Predicate = Callable[["Row"], bool]

SORT_KEYS = ("command", "created", "id", "image", "names", "runningfor", "size", "status")


class Row:
    """A container with its state looked up once."""

    __slots__ = ("container", "size", "state")

    def __init__(self, container: Container) -> None:
        self.container = container
        self.state: ContainerState = container.state
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
) -> list[Row]:
    """List containers: the running ones, or with `all`, with `last`, or with a filter by state those that match.

    One that is removed meanwhile is left out.
    Raises: InvalidError for a filter that is none.
    """
    predicates, names_a_state = parse_filters(host, arguments.strings("filters", filters))
    rows = [Row(container) for container in Records(host).list(all=True)]
    # One without a single record looks as if it never ran, and so does one that was removed since it was listed.
    rows = [row for row in rows if row.state.status != "created" or row.container.exists]
    if not all and last < 0 and not names_a_state:
        rows = [row for row in rows if row.state.status == "running"]
    rows = [row for row in rows if all_of(predicates, row)]
    rows.sort(key=lambda row: row.created_ns)
    if last >= 0:
        rows = rows[-last:] if last else []
        rows.reverse()
    if size or sort == "size":
        rows = [row for row in rows if _has_size(host, row)]
    if sort != "created":
        rows.sort(key=_sort_key(sort))
    return rows


def _has_size(host: Host, row: Row) -> bool:
    """Find out a row's size; False where the container was removed meanwhile."""
    try:
        row.size = container_size(host, row.container)
    except (LibpodError, OSError):
        if Records(host).exists(row.container.id):
            raise
        return False
    return True


def all_of(predicates: dict[str, list[Predicate]], row: Row) -> bool:
    """Whether a row passes: filters of one key are alternatives, those of different keys all count; labels all count."""
    for key, alternatives in predicates.items():
        judge = builtin_all if key == "label" else any
        if not judge(predicate(row) for predicate in alternatives):
            return False
    return True


builtin_all = all


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


def parse_filters(host: Host, texts: Iterable[str]) -> tuple[dict[str, list[Predicate]], bool]:
    """Turn `--filter key=value` texts into predicates by key; the second value says whether one of them names a state.

    Raises: InvalidError in Podman's words.
    """
    predicates: dict[str, list[Predicate]] = {}
    names_a_state = False
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise InvalidError(f'invalid filter "{text}"')
        names_a_state = names_a_state or key in ("status", "exited", "pod")
        predicates.setdefault(key, []).append(_predicate(host, key, value))
    return predicates, names_a_state


def _predicate(host: Host, key: str, value: str) -> Predicate:
    if key == "id":
        return lambda row: row.container.id.startswith(value)
    if key == "name":
        return _name_filter(value)
    if key == "label":
        name, equals, wanted = value.partition("=")
        return lambda row: name in (labels := row.container.settings.labels) and (not equals or labels[name] == wanted)
    if key == "status":
        return _status_filter(value)
    if key == "exited":
        code = _exit_code(value)
        return lambda row: row.state.status == "exited" and row.state.exit_code == code
    if key == "ancestor":
        # As with Podman a name counts as it stands in the listing; only `:latest` may be left away.
        names = (value, value + ":latest")
        return lambda row: row.container.settings.image in names or row.container.image_id.startswith(value)
    if key in ("before", "since"):
        other = timestamp.parse(Records(host).lookup(value).settings.created)
        if key == "before":
            return lambda row: row.created_ns < other
        return lambda row: row.created_ns > other
    if key == "volume":
        return lambda row: any(value in (m.volume, m.source, m.destination) for m in row.container.settings.mounts)
    if key == "network":
        default = host.conf.network["default_network"]
        return lambda row: (
            row.container.settings.network.kind == "bridge"
            and value == (row.container.settings.network_name or default)
        )
    if key == "until":
        moment = timestamp.parse_moment(value, timestamp.now())
        return lambda row: row.created_ns < moment
    raise InvalidError(f"{key} is an invalid filter")


def _name_filter(value: str) -> Predicate:
    import re

    try:
        pattern = re.compile(value)
    except re.error as error:
        raise InvalidError(f"invalid name filter `{value}`: {error}") from None
    return lambda row: pattern.search(row.container.name) is not None


def _status_filter(value: str) -> Predicate:
    known = ("created", "running", "paused", "exited", "unknown", "stopped", "stopping", "removing", "initialized")
    if value not in known:
        raise InvalidError(f"unknown container state: {value}: invalid argument")
    status = "exited" if value == "stopped" else value
    return lambda row: row.state.status == status


def _exit_code(text: str) -> int:
    try:
        return quantity.parse_integer(text, bits=32, function="Atoi")
    except InvalidError as error:
        raise InvalidError(f'exited code out of range "{text}": {error.message}') from None
