"""Containers that use a namespace of another one, which must not be removed before them.

What a container joins stands in its own settings, and nowhere else. A mark beside the settings of the container that was
joined only says that it is worth looking: the others, which are nearly all, pay nothing for this when they are removed.
Start reading at `refuse`.
"""

from __future__ import annotations

import os

from libpod.container.locking import Lock
from libpod.container.records import Records
from libpod.errors import ContainerNotFoundError, CorruptError, ExistsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host

    Made = TypeVar("Made")


def with_joined(host: Host, settings: ContainerSettings, make: Callable[[], Made]) -> Made:
    """Make a container; those that it joins are locked meanwhile and marked, so that none is removed just now.

    Raises: ContainerNotFoundError if one is gone, and what `make` raises.
    """
    # In one order everywhere, so that nobody waits for a lock in a circle.
    found = [Records(host).lookup(container_id) for container_id in sorted(settings.joined_ids)]
    return _within(found, make)


def _within(found: Sequence[Container], make: Callable[[], Made]) -> Made:
    if not found:
        return make()
    with Lock(found[0]):
        os.close(os.open(found[0].joined_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return _within(found[1:], make)


def refuse(host: Host, container: Container) -> None:
    """Refuse to remove a container that others depend on.

    Raises: ExistsError that names them.
    """
    found = dependents(host, container)
    if found:
        raise ExistsError(
            f"container {container.id} has dependent containers which must be removed before it:"
            f" {', '.join(other.id for other in found)}: container already exists"
        )


def dependents(host: Host, container: Container) -> list[Container]:
    """The containers that use a namespace of this one, oldest first."""
    if not container.is_joined:
        return []
    return [other for other in Records(host).list(all=True) if container.id in _joined_ids(other)]


def _joined_ids(container: Container) -> set[str]:
    """Ids of the containers that one depends on; none for one that is gone or cannot start, as its settings are damaged."""
    try:
        return container.settings.joined_ids
    except (ContainerNotFoundError, CorruptError):
        return set()


def groups(host: Host, containers: Iterable[Container], *, depend: bool) -> list[list[Container]]:
    """Order containers for removal: each stands in a later group than the ones that depend on it.

    depend: dependents that are not among them come along.
    """
    wanted = {container.id: container for container in containers}
    levels: dict[str, int] = {}

    def level(container: Container) -> int:
        if container.id not in levels:
            found = dependents(host, container)
            if depend:
                wanted.update((other.id, other) for other in found if other.id not in wanted)
            levels[container.id] = max(
                (1 + level(wanted[other.id]) for other in found if other.id in wanted), default=0
            )
        return levels[container.id]

    for container in list(wanted.values()):
        level(container)
    ordered: list[list[Container]] = [[] for _ in range(1 + max(levels.values(), default=0))]
    for container_id, number in levels.items():
        ordered[number].append(wanted[container_id])
    return ordered
