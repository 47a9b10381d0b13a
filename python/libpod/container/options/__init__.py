"""What can be asked of a new container, as values: the same for a Python caller and for the command line.

Start reading at `ContainerOptions`. The words of a command line become these in `parsing`; `judge` decides, with the image and
containers.conf, what they mean together. None stands for what was not said: the image or containers.conf decides.
"""

from __future__ import annotations

from libpod.container.options.base import Options
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.address import Address
    from libpod.container.devices import Device, DeviceRule
    from libpod.container.limits import Limit
    from libpod.container.mounts import Mount
    from libpod.container.namespaces import Namespace
    from libpod.network.attachment import Attachment, ExposedPort, Port


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
