"""All containers of a store: create, look up, list, rename, remove.

Start reading at `ContainerManager`. The record in containers.json is the one commit point of a container: it reserves the
name, protects the image, and is the first thing made and the last thing removed. What happens to a container between is in
`lifecycle`.
"""

from __future__ import annotations

import time

from libpod import _core, arguments, timestamp
from libpod.container import names
from libpod.container.model import Container, remove_tree
from libpod.container.resolve import resolve
from libpod.document import write_document
from libpod.errors import ContainerNotFoundError, ExistsError, InvalidError, LibpodError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from libpod.config.containers import ContainersConf
    from libpod.container.request import ContainerRequest
    from libpod.container.settings import ContainerSettings
    from libpod.engine import Engine
    from libpod.image.lookup import Image

    Predicate = Callable[[Container], bool]

#: As often as a random name that is taken is replaced by another one.
_NAME_ATTEMPTS = 50


class ContainerManager:
    """The containers of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.store

    @property
    def _conf(self) -> ContainersConf:
        return self._engine.conf

    def _container(self, record: dict[str, Any]) -> Container:
        return Container(record, self._engine.graphroot, self._engine.runroot)

    def create(self, request: ContainerRequest, image: Image, argv: list[str], *, image_name: str = "") -> Container:
        """Create a container of `image`; nothing of it runs.

        image_name: how the container names its image. On error nothing is left behind.
        Raises: InvalidError, UnsupportedError (bad request), ExistsError (name in use), ContainerNotFoundError (a container
        whose namespace shall be shared).
        """
        words = arguments.strings("argv", argv)
        for directory in (self._engine.graphroot, self._engine.runroot):
            arguments.storable(directory)
        settings = resolve(request, self._image_defaults(image), words, self._conf)
        settings.created = timestamp.rfc3339(timestamp.now())
        settings.image_id = image.id
        settings.image = image_name or (image.names[0] if image.names else image.id)
        settings.image_digest = image.digest or ""
        self._resolve_joined(settings)
        if settings.network_name:
            self._engine.check_network(settings.network_name)
        if request.replace and request.name:
            self.replace(request.name)
        if not settings.mounts:
            return self._record(settings, image.top_layer)
        from libpod.container.volumes import Volumes

        volumes = Volumes(self._engine)
        volumes.choose_names(settings)
        container = self._record(settings, image.top_layer)
        try:
            volumes.make(settings)
        except BaseException:
            volumes.remove_anonymous(settings)
            self.drop(container)
            raise
        return container

    def _image_defaults(self, image: Image) -> dict[str, Any]:
        """Return what an image says about running it, on the short way: its id is the digest of its config."""
        try:
            config = _core.parse_json(self._store.image_data(image.id, f"sha256:{image.id}"))
        except NotFoundError:
            # An image whose config was made up from older documents.
            return image.defaults
        defaults: dict[str, Any] = config.get("config") or {}
        return defaults

    def _resolve_joined(self, settings: ContainerSettings) -> None:
        """Replace the names in `container:NAME` by ids."""
        for kind, shown in (("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("network", "net")):
            mode: str = getattr(settings, kind)
            if not mode.startswith("container:"):
                continue
            try:
                other = self.lookup(mode.removeprefix("container:"))
            except ContainerNotFoundError as error:
                raise ContainerNotFoundError(
                    f"looking up container to share {shown} namespace with: {error.message}"
                ) from None
            if kind == "ipc" and other.is_ours and other.settings.ipc in ("private", "none"):
                raise InvalidError(
                    f"joining IPC of container {other.id} is not allowed: non-shareable IPC (hint: use IpcMode:shareable for"
                    " the donor container)"
                )
            setattr(settings, kind, f"container:{other.id}")

    def replace(self, name: str) -> bool:
        """Remove the container of that name, whatever its state; answer whether there was one."""
        try:
            old = self.lookup_exact(name)
        except ContainerNotFoundError:
            return False
        from libpod.container.removal import remove

        remove(self._engine, old, force=True)
        return True

    def _record(self, settings: ContainerSettings, layer: str | None) -> Container:
        """Create the record, with container.json in place before it; a random name is tried again where it is taken."""
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
            " container to be able to reuse that name: that name is already in use"
        )

    def lookup(self, name_or_id: str) -> Container:
        """Find a container by name, id or a unique beginning of its id.

        Raises: ContainerNotFoundError; InvalidError where several ids begin so.
        """
        found = self._find(arguments.text("name_or_id", name_or_id))
        if found is None:
            raise ContainerNotFoundError(f'no container with name or ID "{name_or_id}" found: no such container')
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
        matches = []
        for record in self._store.containers():
            if record["id"] == text or text in (record.get("names") or ()):
                return self._container(record)
            if text and record["id"].startswith(text):
                matches.append(record)
        if len(matches) > 1:
            raise InvalidError(f"more than one result for container name or ID {text}: container already exists")
        return self._container(matches[0]) if matches else None

    def exists(self, name_or_id: str) -> bool:
        """Whether `lookup` would find a container."""
        return self._find(arguments.text("name_or_id", name_or_id)) is not None

    def list(self, *, all: bool = False, foreign: bool = False) -> list[Container]:
        """List containers, oldest first: the running ones, or all. foreign: those that other tools made, too."""
        found = [self._container(record) for record in self._store.containers()]
        if not foreign:
            found = [container for container in found if container.is_ours]
        if not all:
            found = [container for container in found if container.state.is_running]
        return found

    def rename(self, container: Container, name: str) -> None:
        """Give a container another name.

        Raises: InvalidError for a malformed name, ExistsError where it is taken.
        """
        from libpod.container.locking import Lock
        from libpod.container.mounts import check_name

        if not check_name(arguments.text("name", name)):
            raise InvalidError("names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument")
        with Lock(container):
            settings = container.settings
            try:
                self._store.set_container_names(container.id, [name])
            except ExistsError:
                raise ExistsError(f"name {name} is in use: container already exists") from None
            settings.name = name
            write_document(container.settings_path, settings.to_document())

    def latest(self) -> Container:
        """Return the container that was created last.

        Raises: ContainerNotFoundError where there is none.
        """
        found = self.list(all=True)
        if not found:
            raise ContainerNotFoundError("no containers")
        return max(found, key=lambda container: timestamp.parse(container.settings.created))

    def inspect(self, name_or_id: str, *, size: bool = False) -> dict[str, Any]:
        """Describe a container in the members that `podman container inspect` prints.

        Raises: ContainerNotFoundError, also for a container that another tool made, or that is removed meanwhile.
        """
        from libpod.container.inspect import inspect

        container = self.lookup(name_or_id)
        if container.is_ours:
            try:
                return inspect(self._engine, container, size=size)
            except (LibpodError, OSError):
                if self.exists(container.id):
                    raise
        raise ContainerNotFoundError(f'no container with name or ID "{name_or_id}" found: no such container')

    def remove(
        self, name_or_id: str, *, force: bool = False, timeout_s: int | None = None, volumes: bool = False
    ) -> None:
        """Remove a container; with `force` from every state. volumes: its anonymous volumes, too.

        Raises: ContainerNotFoundError, StateError for a running container without `force`.
        """
        from libpod.container.removal import remove

        remove(self._engine, self.lookup(name_or_id), force=force, timeout_s=timeout_s, volumes=volumes)

    def drop(self, container: Container) -> None:
        """Remove the record, the layer and the directories of a container that does not run."""
        self._store.remove_container(container.id)
        # The store removes its own directories; the monitor's is beside them.
        remove_tree(container.run_directory)
        remove_tree(container.ended_directory)
