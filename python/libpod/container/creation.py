"""A new container: its image found, its options judged, its record and volumes made, or nothing of it.

Start reading at `create`. Loaded for `run` and `create`, and for no other command: judging knows every option.
"""

from __future__ import annotations

from libpod import arguments, timestamp
from libpod.container import networking
from libpod.container.judge import judge, unheeded
from libpod.container.namespaces import Namespace
from libpod.container.records import Records
from libpod.errors import ContainerNotFoundError, InvalidError
from libpod.image.finding import find_or_pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.container.model import Container
    from libpod.container.options import ContainerOptions
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host
    from libpod.image.reference import Reference
    from libpod.image.transport import Progress


def create(
    host: Host,
    options: ContainerOptions,
    image: str | Reference,
    words: list[str],
    *,
    pull: str,
    progress: Callable[[], Progress] | None,
) -> Container:
    """Create a container as `ContainerManager.create` says."""
    found, name = find_or_pull(host, image, policy=pull, progress=progress)
    for directory in (host.places.graphroot, host.places.runroot):
        arguments.host_path(directory)
    # Read and proven once: every look is a digest over the image's config.
    defaults = found.defaults
    settings = judge(options, defaults, words, host.conf)
    settings.created = timestamp.rfc3339(timestamp.now())
    settings.image_id = found.id
    settings.image = str(name or (found.names[0] if found.names else found.id))
    settings.image_digest = found.record["digest"]
    records = Records(host)
    _resolve_joined(records, settings)
    networking.choose(host, settings)
    if options.identity.replace and settings.name:
        replace(host, settings.name)
    if settings.joined_ids:
        from libpod.container.dependents import with_joined

        container = with_joined(host, settings, lambda: _make(host, records, settings, found.top_layer))
    else:
        container = _make(host, records, settings, found.top_layer)
    container.warnings = unheeded(options, defaults, container.settings)
    return container


def replace(host: Host, name: str) -> Container | None:
    """Remove the container of that name, whatever its state; return it if it had to be killed after it was asked to end."""
    try:
        old = Records(host).lookup_exact(name)
    except ContainerNotFoundError:
        return None
    from libpod.container.removal import remove

    return old if remove(host, old, force=True) else None


def _make(host: Host, records: Records, settings: ContainerSettings, layer: str | None) -> Container:
    """Create the record and the volumes of a container, or nothing."""
    if not settings.mounts:
        return records.add(settings, layer)
    from libpod.container import volumes

    volumes.choose_names(settings)
    container = records.add(settings, layer)
    try:
        volumes.make(host, settings)
    except BaseException:
        volumes.remove_anonymous(host, settings)
        records.drop(container)
        raise
    return container


def _resolve_joined(records: Records, settings: ContainerSettings) -> None:
    """Replace the names in `container:NAME` by ids."""
    for kind, shown in (("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("network", "net")):
        namespace: Namespace = getattr(settings, kind)
        if namespace.kind != "container":
            continue
        try:
            other = records.lookup(namespace.target)
        except ContainerNotFoundError as error:
            raise ContainerNotFoundError(
                f"looking up container to share {shown} namespace with: {error.message}"
            ) from None
        if kind == "ipc" and other.is_ours and other.settings.ipc.kind in ("private", "none"):
            raise InvalidError(
                f"joining IPC of container {other.id} is not allowed: non-shareable IPC (hint: use IpcMode:shareable for"
                " the donor container)"
            )
        setattr(settings, kind, Namespace("container", other.id))
