"""The records of a store's containers: find, list, create, drop.

The record in containers.json is the one commit point of a container: it reserves the name, protects the image, and is the
first thing made and the last thing removed. Start reading at `Records`. What happens to a container between is not decided here.
"""

from __future__ import annotations

import time

from libpod import _core, arguments, timestamp
from libpod.container.model import Container, remove_tree
from libpod.errors import ContainerNotFoundError, CorruptError, ExistsError, InvalidError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.model import ContainerState
    from libpod.container.settings import ContainerSettings
    from libpod.errors import LibpodError
    from libpod.host import Host
    from libpod.store import Store

    #: Containers that cannot be listed, with the errors that name their damaged files. The class's own `list` is a method.
    Damaged = list[tuple[Container, LibpodError]]

#: As often as a random name that is taken is replaced by another one.
_NAME_ATTEMPTS = 50


def look(container: Container, damaged: Damaged | None) -> ContainerState | None:
    """Look at a container's settings and state; None if it was removed meanwhile, or is damaged and was gathered.

    Raises: CorruptError for a damaged one, UnsupportedError for one of a newer release, if nothing gathers them.
    """
    try:
        _ = container.settings
        return container.state
    except ContainerNotFoundError:
        return None
    except (CorruptError, UnsupportedError) as error:
        if damaged is None:
            raise
        damaged.append((container, error))
        return None


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


class Records:
    """The containers of one store, as records."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def _store(self) -> Store:
        return self._host.store

    def _container(self, record: dict[str, Any]) -> Container:
        return Container(record, self._host.places)

    def lookup(self, name_or_id: str) -> Container:
        """Find a container by name, id or a unique beginning of its id.

        Raises: ContainerNotFoundError; InvalidError for an empty name, and where several ids begin so.
        """
        found = self._find(arguments.text("name_or_id", name_or_id))
        if found is None:
            raise ContainerNotFoundError(f'no container with name or ID "{name_or_id}" found: no such container')
        return found

    def own(self, container: Container | str) -> Container:
        """Return a container that libpod knows, found by its name or id if a text is given.

        Raises: ForeignContainerError for one of another tool; ContainerNotFoundError if there is none, or it is removed meanwhile.
        """
        found = self.lookup(container) if isinstance(container, str) else container
        if not found.is_ours:
            from libpod.container.locking import Lock

            try:
                # A removal that is under way takes the settings before the directory. One of libpod's that has lost its
                # settings has records of its run, or has none.
                with Lock(found):
                    if found.state.status == "created":
                        raise found.foreign()
            except ContainerNotFoundError:
                if self.exists(found.id):
                    raise found.foreign() from None
                raise
        return found

    def lookup_exact(self, name: str) -> Container:
        """Find a container by its full name or full id.

        Raises: ContainerNotFoundError.
        """
        for record in self._store.containers():
            if record["id"] == name or name in (record.get("names") or ()):
                return self._container(record)
        raise ContainerNotFoundError(f'no container with name or ID "{name}" found: no such container')

    def _find(self, text: str) -> Container | None:
        if not text:
            raise InvalidError("name or ID cannot be empty")
        matches = []
        for record in self._store.containers():
            if record["id"] == text or text in (record.get("names") or ()):
                return self._container(record)
            if record["id"].startswith(text):
                matches.append(record)
        if len(matches) > 1:
            raise InvalidError(f"more than one result for container name or ID {text}: container already exists")
        return self._container(matches[0]) if matches else None

    def exists(self, name_or_id: str, *, foreign: bool = True) -> bool:
        """Whether `lookup` would find a container. foreign: those that other tools made count, too."""
        found = self._find(arguments.text("name_or_id", name_or_id))
        return found is not None and (foreign or found.is_ours)

    def list(self, *, all: bool = False, foreign: bool = False, damaged: Damaged | None = None) -> list[Container]:
        """List containers, oldest first: the running ones, or all. foreign: those that other tools made, too.

        damaged: gathers those of which it cannot be said whether they run, and why. With `all` they are listed.
        Raises: CorruptError for one of these, if nothing gathers them.
        """
        found = [self._container(record) for record in self._store.containers()]
        if not foreign:
            found = [container for container in found if container.is_ours]
        if not all:
            found = [container for container in found if (state := look(container, damaged)) and state.is_running]
        return found

    def latest(self) -> Container:
        """Return the container that was created last; those whose settings are damaged do not count.

        Raises: ContainerNotFoundError where there is none.
        """
        created = []
        for container in self.list(all=True):
            try:
                created.append((timestamp.parse(container.settings.created), container))
            except (ContainerNotFoundError, CorruptError, UnsupportedError):
                continue
        if not created:
            raise ContainerNotFoundError("no containers")
        return max(created, key=lambda found: found[0])[1]

    def add(self, settings: ContainerSettings, layer: str | None) -> Container:
        """Create the record, with container.json in place before it; a random name is tried again where it is taken."""
        from libpod.container import names

        container_id, given = names.random_id(), settings.name
        for _ in range(_NAME_ATTEMPTS):
            name = settings.name = given or names.random_name()
            metadata = {
                "image-name": settings.image,
                "image-id": settings.image_id,
                "name": name,
                "created-at": int(time.time()),
            }
            try:
                record = self._store.create_container(
                    container_id,
                    names=[name],
                    image=settings.image_id,
                    layer_parent=layer,
                    metadata=_core.dump_json(metadata),
                    # Nobody will miss a container of --rm after a loss of power: nothing waits for its disk.
                    flags={"MountLabel": "", "ProcessLabel": "", **({"Volatile": True} if settings.remove else {})},
                    files={"container.json": _core.dump_json(settings.to_document()).encode()},
                )
            except ExistsError:
                if given:
                    raise self._name_in_use(given) from None
                continue
            container = self._container(record)
            container.settings = settings
            return container
        raise ExistsError("no free random name was found for the container")

    def _name_in_use(self, name: str) -> ExistsError:
        try:
            owner = self.lookup_exact(name).id
        except ContainerNotFoundError:
            owner = "another container"
        return ExistsError(
            f'creating container storage: the container name "{name}" is already in use by {owner}. You have to remove that'
            " container to be able to reuse that name: that name is already in use, or use --replace to instruct Podman to do so."
        )

    def drop(self, container: Container) -> None:
        """Remove the record, the layer and the directories of a container that does not run."""
        self._store.remove_container(container.id)
        # The store removes its own directories; the monitor's is beside them.
        remove_tree(container.run_directory)
        remove_tree(container.ended_directory)
