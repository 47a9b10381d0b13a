"""What can be asked of a new container, as values: the same for a Python caller and for the command line.

Start reading at `ContainerOptions`. The words of a command line become these in `words`; `judge` decides, with the image and
containers.conf, what they mean together. None stands for what was not said: the image or containers.conf decides.

The annotation is the only place where the type of an option stands: type checkers read it, and so does `Options.checked`, for the
callers that use none.
"""

from __future__ import annotations

import sys

from libpod import arguments
from libpod.errors import InvalidError
from libpod.record import Record, dataclass_transform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from libpod.address import Address
    from libpod.container.devices import Device, DeviceRule
    from libpod.container.limits import Limit
    from libpod.container.mounts import Mount
    from libpod.container.namespaces import Namespace
    from libpod.network.attachment import Attachment, ExposedPort, Port

#: The module of each class of values that a field may hold. One that is not loaded has no values.
_HOMES = {
    "Address": "libpod.address",
    "Attachment": "libpod.network.attachment",
    "Device": "libpod.container.devices",
    "DeviceRule": "libpod.container.devices",
    "ExposedPort": "libpod.network.attachment",
    "Limit": "libpod.container.limits",
    "Mount": "libpod.container.mounts",
    "Namespace": "libpod.container.namespaces",
    "Port": "libpod.network.attachment",
    "RestartPolicy": "libpod.container.options",
}


_PLAIN = frozenset((bool, int, str, type(None)))


@dataclass_transform(kw_only_default=True)
class Options(Record):
    """A part of a container's options.

    Lists may be any iterable, texts bytes or paths. What is kept is a copy, so that a caller's lists may change later.
    Raises: TypeError for an unknown option and for a value of another type than its field has, InvalidError for a NUL character
    and for a number of more than 64 bits; each names the field.
    """

    def __init__(self, **given: Any) -> None:
        name = type(self).__name__
        super().__init__(
            **{
                field: checked(f"{name}.{field}", self.TYPES[field], value) if field in self.TYPES else value
                for field, value in given.items()
            }
        )

    def checked(self) -> Self:
        """Return a copy whose fields all have their types, as attributes may have been set since it was made."""
        other = type(self).__new__(type(self))
        for field, default in self.FIELDS.items():
            value = getattr(self, field)
            kind = value.__class__
            # Most options are not said: what a class has for a default is of the right type.
            if not value and kind is default.__class__ and kind in (list, dict):
                value = kind()
            elif value is not default or kind not in _PLAIN:
                value = checked(f"{type(self).__name__}.{field}", self.TYPES[field], value)
            setattr(other, field, value)
        return other

    def copy(self) -> Self:
        """Return a copy with lists, mappings and parts of its own. Nothing is checked."""
        other = type(self).__new__(type(self))
        for field in self.FIELDS:
            value = getattr(self, field)
            if value.__class__ is list or value.__class__ is dict or isinstance(value, Record):
                value = value.copy()
            setattr(other, field, value)
        return other


def checked(name: str, kind: str, value: Any) -> Any:
    """Return a value in the form that a field of a type has.

    name: the field, for messages. kind: its annotation.
    Raises: TypeError, InvalidError.
    """
    if kind.endswith(" | None"):
        if value is None:
            return None
        kind = kind.removesuffix(" | None")
    if kind in _CHECKS:
        return _CHECKS[kind](name, value)
    if kind.startswith("list["):
        member = kind[5:-1]
        if isinstance(value, (str, bytes, Record)) or hasattr(value, "keys") or not hasattr(value, "__iter__"):
            raise TypeError(f"{name} must be a list of {member}s, not {type(value).__name__}")
        return [_value(f"{name}[{place}]", member, one) for place, one in enumerate(value)]
    return _value(name, kind, value)


def _value(name: str, kind: str, value: Any) -> Any:
    """Return a copy of a value of one of libpod's classes, its own fields checked likewise."""
    if isinstance(value, Options):
        if type(value).__name__ != kind:
            raise TypeError(f"{name} must be {kind}, not {type(value).__name__}")
        return value.checked()
    expected = getattr(sys.modules.get(_HOMES.get(kind, "")), kind, None)
    if expected is None or not isinstance(value, expected):
        raise TypeError(f"{name} must be a {kind}, not {type(value).__name__}")
    if not isinstance(value, Record):
        return value
    return type(value)(
        **{field: checked(f"{name}.{field}", said, getattr(value, field)) for field, said in value.TYPES.items()}
    )


def _integer(name: str, value: object) -> int:
    number = arguments.integer(name, value)
    if not -(1 << 63) <= number < 1 << 64:
        raise InvalidError(f"{name}: {number} has more than 64 bits")
    return number


def _texts(name: str, value: Any) -> dict[str, str]:
    if not hasattr(value, "keys"):
        raise TypeError(f"{name} must be a mapping, not {type(value).__name__}")
    return {
        arguments.text(f"the key {key!r} of {name}", key): arguments.text(f"{name}[{key!r}]", value[key])
        for key in value
    }


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, (str, bytes)) or hasattr(value, "keys") or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} must be a list of pairs of strings, not {type(value).__name__}")
    pairs = []
    for place, pair in enumerate(value):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"{name}[{place}] must be a pair of strings, not {pair!r}")
        first, second = arguments.strings(f"{name}[{place}]", pair)
        pairs.append((first, second))
    return pairs


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "bool": arguments.flag,
    "dict[str, str]": _texts,
    "float": arguments.number,
    "int": _integer,
    "list[str]": arguments.strings,
    "list[tuple[str, str]]": _pairs,
    "str": arguments.text,
}


class IdentityOptions(Options):
    """What a container is called, and what is written on it.

    name: "" has one made up. replace: a container of that name goes first. create_command: what `inspect` shows as the command
    that made it.
    """

    name: str = ""
    replace: bool = False
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    create_command: list[str] = []


class ProcessOptions(Options):
    """The first process.

    entrypoint: the words before the command; an empty list takes the image's away. user: `NAME|UID[:GROUP|GID]`. groups: more
    groups of the process. workdir: a directory that must be there; the image's is made. umask: `0o022`. terminal: it has
    one. stdin_open: its input can be written to. init: a small init runs as process 1, libpod's own or that of init_path.
    passwd: /etc/passwd and /etc/group get entries for the user.
    """

    entrypoint: list[str] | None = None
    user: str | None = None
    groups: list[str] = []
    workdir: str | None = None
    umask: int | None = None
    terminal: bool = False
    stdin_open: bool = False
    init: bool | None = None
    init_path: str | None = None
    passwd: bool = True


class EnvironmentOptions(Options):
    """Environment variables.

    variables: they win over all others. unset: names that the image or containers.conf set. unset_all: all of these. http_proxy: the
    host's proxy settings are passed on. host: the host's whole environment is.
    """

    variables: dict[str, str] = {}
    unset: list[str] = []
    unset_all: bool = False
    http_proxy: bool | None = None
    host: bool | None = None


class MountOptions(Options):
    """The root file system, and what is mounted on it.

    mounts: their options are completed as those of `-v` and `--tmpfs` are. image_volumes: what the image's volumes become:
    `anonymous` volumes, `tmpfs`, or `ignore`. read_only: the root is. read_only_tmpfs: then /run, /tmp, /var/tmp are tmpfs.
    shm_size: of /dev/shm, in bytes. timezone: a name below /usr/share/zoneinfo, or `local`.
    """

    mounts: list[Mount] = []
    image_volumes: str = "anonymous"
    read_only: bool = False
    read_only_tmpfs: bool = True
    shm_size: int | None = None
    timezone: str | None = None


class NamespaceOptions(Options):
    """Which namespaces a container has of its own, shares with the host, or joins; that of the network is in `NetworkOptions`."""

    pid: Namespace | None = None
    ipc: Namespace | None = None
    uts: Namespace | None = None
    cgroup: Namespace | None = None
    user: Namespace | None = None


class NetworkOptions(Options):
    """Network, ports and names.

    namespace: `bridge`, `none`, `host` or `container`. attachments: the networks of a bridge; without one, the default
    network. ports: those whose host_port is 0 get free ones. exposed: ports beside the image's. publish_all: exposed ports get
    free ones of the host. dns, dns_search, dns_options: of /etc/resolv.conf; image_resolv_conf: the image's file stays. hosts: more lines
    of /etc/hosts, each a name and an address. no_hosts: /etc/hosts is the image's.
    """

    namespace: Namespace | None = None
    attachments: list[Attachment] = []
    ports: list[Port] = []
    exposed: list[ExposedPort] = []
    publish_all: bool = False
    hostname: str = ""
    dns: list[Address] = []
    dns_search: list[str] = []
    dns_options: list[str] = []
    image_resolv_conf: bool = False
    hosts: list[tuple[str, str]] = []
    no_hosts: bool | None = None


class ResourceOptions(Options):
    """Limits.

    memory, memory_reservation: bytes. memory_swap: memory and swap together, in bytes; -1 for no limit. cpus: processors, in
    place of cpu_quota and cpu_period (microseconds). cpuset_cpus, cpuset_mems: `0-3,5`. pids_limit: at most so many processes; 0 or less
    for any number. limits: of each process; inherit_limits: those of this process for what limits does not say.
    """

    memory: int | None = None
    memory_swap: int | None = None
    memory_reservation: int | None = None
    memory_swappiness: int | None = None
    oom_kill_disable: bool = False
    oom_score_adj: int | None = None
    cpus: float | None = None
    cpu_shares: int = 0
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: int | None = None
    limits: list[Limit] = []
    inherit_limits: bool = False
    cgroup_parent: str = ""


class SecurityOptions(Options):
    """What the first process may do.

    seccomp: `unconfined`, or the path of a profile. masked: more paths to hide. unmasked: patterns of paths to leave open; `ALL`
    opens all. proc_options: mount options of /proc in place of the usual ones. label, apparmor: of SELinux and AppArmor, which
    libpod can only leave alone.
    """

    cap_add: list[str] = []
    cap_drop: list[str] = []
    privileged: bool = False
    no_new_privileges: bool = False
    seccomp: str | None = None
    masked: list[str] = []
    unmasked: list[str] = []
    proc_options: list[str] = []
    label: list[str] = []
    apparmor: str | None = None
    sysctls: dict[str, str] = {}


class DeviceOptions(Options):
    """Devices of the host, and rules for the device cgroup."""

    devices: list[Device] = []
    rules: list[DeviceRule] = []


class LogOptions(Options):
    """Where the output is kept.

    driver: `k8s-file`, `json-file` (the same) or `none`. path: a file in place of the container's own. max_size: bytes. others:
    options that have no effect; the container's warnings tell so.
    """

    driver: str | None = None
    path: str = ""
    max_size: int | None = None
    others: list[str] = []


class RestartPolicy(Record):
    """Whether a container is started again when it ends: name `no`, `always`, `on-failure` or `unless-stopped`."""

    name: str = "no"
    retries: int = 0


class LifeOptions(Options):
    """From its start to its end.

    remove: it is removed when it ends. stop_signal: 1 to 64. stop_timeout: seconds that it has to end when it is stopped; negative
    for ever. timeout: seconds after which it is killed, 0 for never. systemd: `false` or `true`. cidfile: recorded only.
    pidfile, conmon_pidfile: receive the numbers of its process and of its monitor. detach_keys: "" for none.
    """

    remove: bool = False
    restart: RestartPolicy = RestartPolicy()
    stop_signal: int | None = None
    stop_timeout: int | None = None
    timeout: int = 0
    systemd: str | None = None
    no_healthcheck: bool = False
    detach_keys: str | None = None
    cidfile: str = ""
    pidfile: str = ""
    conmon_pidfile: str = ""


class ContainerOptions(Options):
    """All that can be asked of a new container, in parts.

    A container of `ContainerOptions()` is what `podman create IMAGE` makes.
    """

    identity: IdentityOptions = IdentityOptions()
    process: ProcessOptions = ProcessOptions()
    environment: EnvironmentOptions = EnvironmentOptions()
    mounts: MountOptions = MountOptions()
    namespaces: NamespaceOptions = NamespaceOptions()
    network: NetworkOptions = NetworkOptions()
    resources: ResourceOptions = ResourceOptions()
    security: SecurityOptions = SecurityOptions()
    devices: DeviceOptions = DeviceOptions()
    log: LogOptions = LogOptions()
    life: LifeOptions = LifeOptions()
