"""Everything a container was created with.

`ContainerSettings` is written to container.json once and never changed (but for the name): what a container *is* (running,
exited) is derived elsewhere (`model`). Start reading at `ContainerSettings`. `judge` fills in each field from the options, and the
line of `spec` that consumes it names it.

container.json has a version and holds every field, so that a later default, or a change of containers.conf, changes no container
that exists. A document of a newer version is refused and left as it is. One without a version was written by the release before
versions, which left out what was a default of its own (`before`).
"""

from __future__ import annotations

from libpod import timestamp
from libpod.container.limits import Limit
from libpod.container.mounts import Mount
from libpod.container.namespaces import Namespace
from libpod.document import require
from libpod.errors import CorruptError, InvalidError, UnsupportedError
from libpod.network.attachment import Attachment, Port
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.devices import Device

#: Version of container.json.
VERSION = 1
_NAMESPACES = frozenset(("pid", "ipc", "uts", "cgroup_namespace", "network"))
#: Fields of values that are documents of their own.
_ITEMS = frozenset(("devices", "limits", "mounts", "networks", "ports"))
_NO_VERSION = object()
#: What a document holds in fields whose default does not say so.
_SHAPES: dict[str, Any] = {
    "entrypoint": ([str], None),
    "oom_score_adj": (int, None),
    "mounts": [Mount.SHAPE],
    "limits": [[(str, int)]],
    "devices": [[str]],
    "networks": [Attachment.SHAPE],
    "ports": [Port.SHAPE],
    "device_rules": [{"allow": bool, "type": str, "major": int, "minor": int, "access": str}],
}


class ContainerSettings(Record):
    """The options of one container, with defaults for all that was not said."""

    # Identity.
    name: str = ""
    image: str = ""
    image_id: str = ""
    image_digest: str = ""
    created: str = ""
    create_command: list[str] = []
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    # The process. argv is what runs; entrypoint and command are what it was made of.
    argv: list[str] = []
    entrypoint: list[str] | None = None
    command: list[str] = []
    env: dict[str, str] = {}
    user: str = ""
    groups: list[str] = []
    workdir: str = "/"
    create_workdir: bool = False
    umask: str = "0022"
    terminal: bool = False
    stdin_open: bool = False
    init: bool = False
    init_path: str = ""
    stop_signal: int = 15
    stop_timeout: int = 10
    timeout: int = 0
    passwd: bool = True
    # The root file system and what is mounted on it.
    read_only: bool = False
    read_only_tmpfs: bool = True
    mounts: list[Mount] = []
    shm_size: int = 65536000
    timezone: str = ""
    pid: Namespace = Namespace("private")
    ipc: Namespace = Namespace("shareable")
    uts: Namespace = Namespace("private")
    cgroup_namespace: Namespace = Namespace("host")
    network: Namespace = Namespace("bridge")
    hostname: str = ""
    # Network.
    networks: list[Attachment] = []
    ports: list[Port] = []
    exposed: list[str] = []
    publish_all: bool = False
    dns: list[str] = []
    dns_search: list[str] = []
    dns_options: list[str] = []
    hosts: list[str] = []
    no_hosts: bool = False
    # Resources.
    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    memory_swappiness: int = -1
    oom_kill_disable: bool = False
    oom_score_adj: int | None = None
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: int = 2048
    limits: list[Limit] = []
    cgroup_parent: str = "/libpod_parent"
    # Security.
    capabilities: list[str] = []
    cap_add: list[str] = []
    privileged: bool = False
    no_new_privileges: bool = False
    seccomp: str = ""
    masked: list[str] = []
    unmasked: list[str] = []
    proc_options: list[str] = []
    security_options: list[str] = []
    sysctls: dict[str, str] = {}
    devices: list[Device] = []
    device_rules: list[dict[str, Any]] = []
    # Life.
    log_driver: str = "k8s-file"
    log_path: str = ""
    log_max_size: int = 0
    remove: bool = False
    cidfile: str = ""
    conmon_pidfile: str = ""
    pidfile: str = ""
    detach_keys: str = "ctrl-p,ctrl-q"

    @property
    def joined_ids(self) -> set[str]:
        """Ids of the containers whose namespaces this one uses."""
        return {space.target for space in (self.pid, self.ipc, self.uts, self.network) if space.kind == "container"}

    def to_document(self) -> dict[str, Any]:
        """Return the version and every field as plain data for container.json."""
        document: dict[str, Any] = {"version": VERSION}
        for field in self.FIELDS:
            value = getattr(self, field)
            if field in _NAMESPACES:
                value = value.to_document()
            elif field in _ITEMS:
                value = [item.to_document() for item in value]
            document[field] = value
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any], path: str) -> ContainerSettings:
        """Read what `to_document` wrote, or the release before versions.

        path: the file, for errors.
        Raises: CorruptError that names it and the field: of another type, unknown, or missing. UnsupportedError for a document of
        a newer version.
        """
        version = document.get("version", _NO_VERSION)
        if version.__class__ is int and version > VERSION:
            raise UnsupportedError(
                f"{path}: settings of a container of version {version}: this release of libpod reads versions up to"
                f" {VERSION}",
                path=path,
            )
        if version is _NO_VERSION:
            from libpod.container.before import completed

            document = {**completed(document, path), "version": 0}
        elif version.__class__ is not int or version < 1:
            raise CorruptError(f"{path}: `version` is no version", path=path)
        shapes = _shapes()
        if document.keys() != shapes.keys():
            unknown = [f"`{field}` is unknown" for field in document if field not in shapes]
            missing = [f"`{field}` is missing" for field in shapes if field not in document]
            raise CorruptError(f"{path}: {(unknown + missing)[0]}", path=path)
        require(document, shapes, path)
        try:
            return cls._of({field: document[field] for field in cls.FIELDS})
        except KeyError as error:
            raise CorruptError(f"{path}: {error} is missing", path=path) from None
        except ValueError as error:
            raise CorruptError(f"{path}: {error}", path=path) from None

    @classmethod
    def _of(cls, document: dict[str, Any]) -> ContainerSettings:
        settings = cls(**document)
        if not settings.argv:
            raise ValueError("`argv` is empty")
        try:
            timestamp.parse(settings.created)
        except InvalidError as error:
            raise ValueError(f"`created`: {error}") from None
        for field in _NAMESPACES:
            setattr(settings, field, Namespace.from_document(document[field]))
        settings.mounts = [Mount.from_document(mount) for mount in document["mounts"]]
        settings.networks = [Attachment.from_document(network) for network in document["networks"]]
        settings.ports = [Port.from_document(port) for port in document["ports"]]
        settings.limits = [Limit.from_document(limit) for limit in document["limits"]]
        if settings.devices:
            from libpod.container.devices import Device

            settings.devices = [Device.from_document(device) for device in document["devices"]]
        return settings


#: Field → what container.json holds in it. Filled when the first document is read: `run` reads none.
_DOCUMENT: dict[str, Any] = {}


def _shapes() -> dict[str, Any]:
    if not _DOCUMENT:
        _DOCUMENT["version"] = int
        for field, default in ContainerSettings.FIELDS.items():
            kind = str if field in _NAMESPACES else default.__class__
            usual = [str] if kind is list else {str: str} if kind is dict else kind
            _DOCUMENT[field] = _SHAPES.get(field, usual)
    return _DOCUMENT
