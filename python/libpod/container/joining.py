"""The namespaces of other containers that a container uses. Loaded only for a container that joins one."""

from __future__ import annotations

from libpod.container.records import Records
from libpod.errors import StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.container.spec import Start
    from libpod.host import Host


def join(host: Host, settings: ContainerSettings, start: Start) -> Container | None:
    """Enter the namespaces to join into `start`; return the container whose network is used, if it is another's.

    Raises: ContainerNotFoundError; StateError for a container that does not run.
    """
    owner = None
    for kind, namespace, name in (
        ("pid", settings.pid, "pid"),
        ("ipc", settings.ipc, "ipc"),
        ("uts", settings.uts, "uts"),
        ("network", settings.network, "net"),
    ):
        if namespace.kind != "container":
            continue
        other = Records(host).lookup(namespace.target)
        state = other.state
        if not state.is_running:
            raise StateError(f"cannot get namespace path unless container {other.id} is running: container is stopped")
        start.joined[kind] = f"/proc/{state.pid}/ns/{name}"
        if kind == "ipc":
            # The runtime copies that mount from the other's mount namespace.
            start.shm = f"/proc/{state.pid}/root/dev/shm"
        elif kind == "network":
            owner = other
    return owner
