"""All containers of a host, and what can be done with them.

Start reading at `ContainerManager`: each verb stands in one module beside this one, and here by its name.
"""

from __future__ import annotations

from libpod import _core, arguments, timestamp
from libpod.container.records import Records
from libpod.container.resolve import resolve
from libpod.document import write_document
from libpod.errors import ContainerNotFoundError, ExistsError, InvalidError, LibpodError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from libpod.container.model import Container
    from libpod.container.request import ContainerRequest
    from libpod.container.settings import ContainerSettings
    from libpod.image.lookup import Image

    Predicate = Callable[[Container], bool]


class ContainerManager(Records):
    """The containers of one host: their records, and every verb."""

    def create(self, request: ContainerRequest, image: Image, argv: list[str], *, image_name: str = "") -> Container:
        """Create a container of `image`; nothing of it runs.

        image_name: how the container names its image. On error nothing is left behind.
        Raises: InvalidError, UnsupportedError (bad request), ExistsError (name in use), ContainerNotFoundError (a container
        whose namespace shall be shared).
        """
        words = arguments.strings("argv", argv)
        for directory in (self._host.places.graphroot, self._host.places.runroot):
            arguments.storable(directory)
        settings = resolve(request, self._image_defaults(image), words, self._host.conf)
        settings.created = timestamp.rfc3339(timestamp.now())
        settings.image_id = image.id
        settings.image = image_name or (image.names[0] if image.names else image.id)
        settings.image_digest = image.digest or ""
        self._resolve_joined(settings)
        if settings.network_name:
            from libpod.network.manager import NetworkManager

            NetworkManager(self._host).lookup(settings.network_name).check()
        if request.replace and request.name:
            self.replace(request.name)
        if not settings.mounts:
            return self._create(settings, image.top_layer)
        from libpod.container.volumes import Volumes

        volumes = Volumes(self._host)
        volumes.choose_names(settings)
        container = self._create(settings, image.top_layer)
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

    def replace(self, name: str) -> Container | None:
        """Remove the container of that name, whatever its state; return it if it had to be killed after it was asked to end."""
        try:
            old = self.lookup_exact(name)
        except ContainerNotFoundError:
            return None
        from libpod.container.removal import remove

        return old if remove(self._host, old, force=True) else None

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

    def inspect(self, name_or_id: str, *, size: bool = False) -> dict[str, Any]:
        """Describe a container in the members that `podman container inspect` prints.

        Raises: ContainerNotFoundError, also for a container that another tool made, or that is removed meanwhile.
        """
        from libpod.container.inspect import inspect

        container = self.lookup(name_or_id)
        if container.is_ours:
            try:
                return inspect(self._host, container, size=size)
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

        remove(self._host, self.lookup(name_or_id), force=force, timeout_s=timeout_s, volumes=volumes)
