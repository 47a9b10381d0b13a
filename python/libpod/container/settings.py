"""Everything a container was created with.

`ContainerSettings` is written to container.json once and never changed (but for the name): what a container *is* (running,
exited) is derived elsewhere (`model`). Start reading at `FIELDS`: each name is an option, spelled three times in this project: in
its declaration on the command line, here, and in the line of `spec` that consumes it.

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.devices import Device

#: Field → value of a container for which nothing was said. Lists and mappings are copied for each container.
FIELDS: dict[str, Any] = {
    # Identity.
    "name": "",
    "image": "",
    "image_id": "",
    "image_digest": "",
    "created": "",
    "create_command": [],
    "labels": {},
    "annotations": {},
    # The process. argv is what runs; entrypoint and command are what it was made of.
    "argv": [],
    "entrypoint": None,
    "command": [],
    "env": {},
    "user": "",
    "groups": [],
    "workdir": "/",
    "create_workdir": False,
    "umask": "0022",
    "terminal": False,
    "stdin_open": False,
    "init": False,
    "init_path": "",
    "stop_signal": 15,
    "stop_timeout": 10,
    "timeout": 0,
    "passwd": True,
    # The root file system and what is mounted on it.
    "read_only": False,
    "read_only_tmpfs": True,
    "mounts": [],
    "shm_size": 65536000,
    "timezone": "",
    "pid": Namespace("private"),
    "ipc": Namespace("shareable"),
    "uts": Namespace("private"),
    "cgroup_namespace": Namespace("host"),
    "network": Namespace("bridge"),
    "hostname": "",
    # Network.
    "networks": [],
    "ports": [],
    "exposed": [],
    "publish_all": False,
    "dns": [],
    "dns_search": [],
    "dns_options": [],
    "hosts": [],
    "no_hosts": False,
    # Resources.
    "memory": 0,
    "memory_swap": 0,
    "memory_reservation": 0,
    "memory_swappiness": -1,
    "oom_kill_disable": False,
    "oom_score_adj": None,
    "cpu_shares": 0,
    "cpu_period": 0,
    "cpu_quota": 0,
    "cpuset_cpus": "",
    "cpuset_mems": "",
    "pids_limit": 2048,
    "limits": [],
    "cgroup_parent": "/libpod_parent",
    # Security.
    "capabilities": [],
    "cap_add": [],
    "privileged": False,
    "no_new_privileges": False,
    "seccomp": "",
    "masked": [],
    "unmasked": [],
    "proc_options": [],
    "security_options": [],
    "sysctls": {},
    "devices": [],
    "device_rules": [],
    # Life.
    "log_driver": "k8s-file",
    "log_path": "",
    "log_max_size": 0,
    "remove": False,
    "cidfile": "",
    "conmon_pidfile": "",
    "pidfile": "",
    "detach_keys": "ctrl-p,ctrl-q",
}

#: Version of container.json.
VERSION = 1
_NAMESPACES = frozenset(field for field, value in FIELDS.items() if isinstance(value, Namespace))
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


def _shape(field: str) -> Any:
    """What container.json holds in a field: by the class of its default, if nothing else is said."""
    if field in _SHAPES:
        return _SHAPES[field]
    kind = str if field in _NAMESPACES else FIELDS[field].__class__
    return [str] if kind is list else {str: str} if kind is dict else kind


#: Field → what container.json holds in it.
_DOCUMENT = {"version": int, **{field: _shape(field) for field in FIELDS}}


class ContainerSettings:
    """The options of one container, with defaults for all that was not said."""

    __slots__ = tuple(FIELDS)

    name: str
    image: str
    image_id: str
    image_digest: str
    created: str
    create_command: list[str]
    labels: dict[str, str]
    annotations: dict[str, str]
    argv: list[str]
    entrypoint: list[str] | None
    command: list[str]
    env: dict[str, str]
    user: str
    groups: list[str]
    workdir: str
    create_workdir: bool
    umask: str
    terminal: bool
    stdin_open: bool
    init: bool
    init_path: str
    stop_signal: int
    stop_timeout: int
    timeout: int
    passwd: bool
    read_only: bool
    read_only_tmpfs: bool
    mounts: list[Mount]
    shm_size: int
    timezone: str
    pid: Namespace
    ipc: Namespace
    uts: Namespace
    cgroup_namespace: Namespace
    network: Namespace
    hostname: str
    networks: list[Attachment]
    ports: list[Port]
    exposed: list[str]
    publish_all: bool
    dns: list[str]
    dns_search: list[str]
    dns_options: list[str]
    hosts: list[str]
    no_hosts: bool
    memory: int
    memory_swap: int
    memory_reservation: int
    memory_swappiness: int
    oom_kill_disable: bool
    oom_score_adj: int | None
    cpu_shares: int
    cpu_period: int
    cpu_quota: int
    cpuset_cpus: str
    cpuset_mems: str
    pids_limit: int
    limits: list[Limit]
    cgroup_parent: str
    capabilities: list[str]
    cap_add: list[str]
    privileged: bool
    no_new_privileges: bool
    seccomp: str
    masked: list[str]
    unmasked: list[str]
    proc_options: list[str]
    security_options: list[str]
    sysctls: dict[str, str]
    devices: list[Device]
    device_rules: list[dict[str, Any]]
    log_driver: str
    log_path: str
    log_max_size: int
    remove: bool
    cidfile: str
    conmon_pidfile: str
    pidfile: str
    detach_keys: str

    def __init__(self, **given: Any) -> None:
        for field, value in FIELDS.items():
            if field in given:
                value = given.pop(field)
            elif value.__class__ is list or value.__class__ is dict:
                value = value.copy()
            setattr(self, field, value)
        if given:
            raise TypeError(f"no such setting of a container: {', '.join(given)}")

    @property
    def joined_ids(self) -> set[str]:
        """Ids of the containers whose namespaces this one uses."""
        return {space.target for space in (self.pid, self.ipc, self.uts, self.network) if space.kind == "container"}

    def to_document(self) -> dict[str, Any]:
        """Return the version and every field as plain data for container.json."""
        document: dict[str, Any] = {"version": VERSION}
        for field in FIELDS:
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
        if document.keys() != _DOCUMENT.keys():
            unknown = [f"`{field}` is unknown" for field in document if field not in _DOCUMENT]
            missing = [f"`{field}` is missing" for field in _DOCUMENT if field not in document]
            raise CorruptError(f"{path}: {(unknown + missing)[0]}", path=path)
        require(document, _DOCUMENT, path)
        try:
            return cls._of({field: document[field] for field in FIELDS})
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
