"""`ps`: which containers, in which order, as which rows.

Start reading at `list_rows`. A row is a plain mapping with Podman's field names; how it is printed is the command line's
business.
"""

from __future__ import annotations

from libpod import arguments
from libpod.container.records import Records, Row, look
from libpod.errors import LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from libpod.container.model import Container
    from libpod.container.records import Damaged
    from libpod.host import Host

SORT_KEYS = ("command", "created", "id", "image", "names", "runningfor", "size", "status")


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
    test, names_a_state = None, False
    if texts:
        from libpod.container.filtering import names_state, row_test

        test, names_a_state = row_test(host, texts), names_state(texts)
    found = Records(host).list(all=True)
    rows = [Row(container, state) for container in found if (state := look(container, damaged)) is not None]
    # One without a single record looks as if it never ran, and so does one that was removed since it was listed.
    rows = [row for row in rows if row.state.status != "created" or row.container.exists]
    if not all and last < 0 and not names_a_state:
        rows = [row for row in rows if row.state.status == "running"]
    if test is not None:
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
