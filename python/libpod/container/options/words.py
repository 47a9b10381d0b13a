"""From the words of `run` and `create`, or the keywords of `Engine.run`, to `ContainerOptions`.

`Words` holds what was typed, checked for its shape; a field is named as the option of the command line is. `parse_options` parses
each word, once; what the options mean together is for `judge`. A parser that few containers need is imported when its word was
given.
"""

from __future__ import annotations

from libpod import arguments, quantity
from libpod.container.limits import parse_ulimit
from libpod.container.namespaces import parse_namespace, parse_networks
from libpod.container.options import ContainerOptions, RestartPolicy
from libpod.errors import InvalidError, UnsupportedError
from libpod.network.attachment import Attachment
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from libpod.address import Address
    from libpod.container import options as parts
    from libpod.container.namespaces import Namespace

#: Options of Podman's that libpod does not have yet, with what kind of value they take (`cli/command.py`, `KINDS`).
UNSUPPORTED = {
    **dict.fromkeys(
        (
            "arch authfile blkio_weight cgroups cpu_rt_period cpu_rt_runtime env_merge group_entry"
            " health_cmd health_interval health_log_destination health_max_log_count health_max_log_size"
            " health_on_failure health_retries health_start_period health_startup_cmd health_startup_interval"
            " health_startup_retries health_startup_success health_startup_timeout health_timeout hosts_file init_ctr"
            " ip6 os passwd_entry personality platform pod pod_id_file preserve_fd preserve_fds rdt_class retry"
            " retry_delay sdnotify seccomp_policy secret shm_size_systemd signature_policy subgidname subuidname"
            " variant"
        ).split(),
        "string",
    ),
    **dict.fromkeys(
        (
            "blkio_weight_device cgroup_conf chrootdirs decryption_key device_read_bps device_read_iops device_write_bps"
            " device_write_iops gidmap gpus hostuser network_alias requires uidmap volumes_from"
        ).split(),
        "strings",
    ),
    **dict.fromkeys(("no_hostname", "rmi", "rootfs", "tls_verify"), "bool"),
}

#: How a field is checked, when that does not follow from its default.
_SPECIAL: dict[str, Callable[[str, object], Any]] = {
    "add_host": lambda name, value: arguments.pairs(name, value, ":"),
    "annotation": arguments.pairs,
    "cpu_period": arguments.integer,
    "cpu_quota": arguments.integer,
    "cpus": arguments.number,
    "detach_keys": arguments.text,
    "entrypoint": arguments.text_or_strings,
    "env_host": arguments.flag,
    "http_proxy": arguments.flag,
    "init": arguments.flag,
    "label": arguments.pairs,
    "log_opt": arguments.pairs,
    "memory": arguments.text_or_integer,
    "memory_reservation": arguments.text_or_integer,
    "memory_swap": arguments.text_or_integer,
    "no_hosts": arguments.flag,
    "oom_score_adj": arguments.integer,
    "pids_limit": arguments.integer,
    "shm_size": arguments.text_or_integer,
    "stop_timeout": arguments.integer,
    "sysctl": arguments.pairs,
    "tmpfs": arguments.tmpfs,
    "ulimit": arguments.pairs,
    "user": arguments.text_or_integer,
    "volume": arguments.volumes,
}
_BY_TYPE: dict[type, Callable[[str, object], Any]] = {
    bool: arguments.flag,
    dict: arguments.mapping,
    int: arguments.integer,
    list: arguments.strings,
    str: arguments.text,
}


class Words(Record):
    """What was typed, or given by keyword. None for an option is the same as leaving it out.

    environment: variables as a mapping; `env` has them in the words of the command line, or is a mapping, too.
    Raises: TypeError for an unknown option and for a value of the wrong shape; UnsupportedError for an option of
    Podman's that libpod does not have; InvalidError for a NUL character.
    """

    # Of so many fields, slots would cost more than all instances that one process makes.
    __slots__ = ("__dict__",)

    add_host: list[str] = []
    annotation: list[str] = []
    cap_add: list[str] = []
    cap_drop: list[str] = []
    cgroup_parent: str = ""
    cgroupns: str = ""
    cidfile: str = ""
    conmon_pidfile: str = ""
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpu_shares: int = 0
    cpus: float | None = None
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    create_command: list[str] = []
    detach_keys: str | None = None
    device: list[str] = []
    device_cgroup_rule: list[str] = []
    dns: list[str] = []
    dns_option: list[str] = []
    dns_search: list[str] = []
    entrypoint: str | list[str] | None = None
    env: list[str] = []
    env_file: list[str] = []
    env_host: bool | None = None
    environment: dict[str, str] = {}
    expose: list[str] = []
    group_add: list[str] = []
    hostname: str = ""
    http_proxy: bool | None = None
    image_volume: str = "bind"
    init: bool | None = None
    init_path: str = ""
    interactive: bool = False
    ip: str = ""
    ipc: str = ""
    label: list[str] = []
    label_file: list[str] = []
    log_driver: str = ""
    log_opt: list[str] = []
    mac_address: str = ""
    memory: str = ""
    memory_reservation: str = ""
    memory_swap: str = ""
    memory_swappiness: int = -1
    mount: list[str] = []
    name: str = ""
    network: list[str] = []
    no_healthcheck: bool = False
    no_hosts: bool | None = None
    oom_kill_disable: bool = False
    oom_score_adj: int | None = None
    passwd: bool = True
    pid: str = ""
    pidfile: str = ""
    pids_limit: int | None = None
    privileged: bool = False
    publish: list[str] = []
    publish_all: bool = False
    read_only: bool = False
    read_only_tmpfs: bool = True
    replace: bool = False
    restart: str = ""
    rm: bool = False
    security_opt: list[str] = []
    shm_size: str = ""
    stop_signal: str = ""
    stop_timeout: int | None = None
    sysctl: list[str] = []
    systemd: str = ""
    timeout: int = 0
    tmpfs: list[str] = []
    tty: bool = False
    tz: str = ""
    ulimit: list[str] = []
    umask: str = ""
    unsetenv: list[str] = []
    unsetenv_all: bool = False
    user: str = ""
    userns: str = ""
    uts: str = ""
    volume: list[str] = []
    workdir: str = ""

    def __init__(self, **given: Any) -> None:
        if hasattr(given.get("env"), "keys"):
            given["environment"] = {**arguments.mapping("env", given.pop("env")), **given.get("environment", {})}
        words = {}
        for name in [name for name in given if name in self.FIELDS]:
            value = given.pop(name)
            if value is not None:
                check = _SPECIAL.get(name) or _BY_TYPE[self.FIELDS[name].__class__]
                words[name] = check(name, value)
        for name in given:
            if name not in UNSUPPORTED:
                raise TypeError(f"no such option of a container: {name}")
        for name in given:
            raise UnsupportedError(f"the option {name} is not supported by this version of libpod")
        super().__init__(**words)


def parse_options(words: Words) -> ContainerOptions:
    """Parse all words of one container.

    Raises: InvalidError in Podman's words; UnsupportedError for what Podman knows and libpod lacks.
    """
    options = ContainerOptions()
    _parse_identity(options.identity, words)
    _parse_process(options.process, words)
    _parse_environment(options.environment, words)
    _parse_namespaces(options.namespaces, words)
    _parse_network(options.network, words)
    _parse_mounts(options.mounts, words)
    _parse_resources(options.resources, words)
    _parse_security(options.security, words)
    if words.device or words.device_cgroup_rule:
        from libpod.container.devices import parse_cgroup_rule, parse_device

        options.devices.devices = [parse_device(text) for text in words.device]
        options.devices.rules = [parse_cgroup_rule(text) for text in words.device_cgroup_rule]
    _parse_life(options.life, words)
    _parse_log(options.log, words)
    return options


def _parse_identity(identity: parts.IdentityOptions, words: Words) -> None:
    identity.name = words.name
    identity.replace = words.replace
    identity.create_command = words.create_command
    if words.label or words.label_file or words.annotation:
        from libpod.container import environment

        identity.labels = environment.parse_labels(words.label, words.label_file)
        identity.annotations = environment.parse_annotations(words.annotation)


def _parse_process(process: parts.ProcessOptions, words: Words) -> None:
    process.entrypoint = parse_entrypoint(words.entrypoint)
    process.user = words.user or None
    process.groups = words.group_add
    process.workdir = words.workdir or None
    process.umask = parse_umask(words.umask) if words.umask else None
    process.terminal = words.tty
    process.stdin_open = words.interactive
    process.init = words.init
    process.init_path = words.init_path or None
    process.passwd = words.passwd


def parse_entrypoint(text: str | list[str] | None) -> list[str] | None:
    """Parse `--entrypoint`: a JSON list of strings, or one word; None where it was not given, [] where it is empty."""
    if text is None:
        return None
    if not isinstance(text, str):
        return text
    if text.startswith("["):
        from libpod import _core

        try:
            words = _core.parse_json(text)
        except InvalidError:
            return [text]
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [text] if text else []


def parse_umask(text: str) -> int:
    """Parse up to four octal digits. Raises: InvalidError."""
    if not text or len(text) > 4 or not set("01234567").issuperset(text):
        raise InvalidError(f"running container create option: invalid umask string {text}: invalid argument")
    return int(text, 8)


def _parse_environment(environment: parts.EnvironmentOptions, words: Words) -> None:
    if words.env or words.env_file:
        from libpod.container.environment import parse_variables

        environment.variables = parse_variables(words.env, words.env_file)
    environment.variables.update(words.environment)
    environment.unset = words.unsetenv
    environment.unset_all = words.unsetenv_all
    environment.http_proxy = words.http_proxy
    environment.host = words.env_host


def _parse_namespaces(namespaces: parts.NamespaceOptions, words: Words) -> None:
    def parse(sort: str, text: str) -> Namespace | None:
        return parse_namespace(sort, text) if text else None

    namespaces.pid = parse("pid", words.pid)
    namespaces.ipc = parse("ipc", words.ipc)
    namespaces.uts = parse("uts", words.uts)
    namespaces.cgroup = parse("cgroup", words.cgroupns)
    namespaces.user = parse("user", words.userns)


def _parse_network(network: parts.NetworkOptions, words: Words) -> None:
    network.hostname = words.hostname
    if words.network:
        network.namespace, attachment = parse_network(words.network)
    else:
        attachment = Attachment()
    # Most containers name no address, and do without the parsers.
    if words.ip:
        attachment.address = _parse_address(words.ip, f'"{words.ip}" is not an ip address')
    if words.mac_address:
        from libpod.address import parse_mac

        attachment.mac = parse_mac(words.mac_address)
    if attachment != Attachment():
        network.attachments = [attachment]
    network.publish_all = words.publish_all
    if words.publish or words.expose:
        from libpod.network.ports import parse_exposed, parse_port

        network.exposed = parse_exposed(words.expose)
        network.ports = [parse_port(text) for text in words.publish]
    network.dns, network.image_resolv_conf = parse_servers(words.dns)
    network.dns_search = words.dns_search
    network.dns_options = words.dns_option
    network.no_hosts = words.no_hosts
    network.hosts = [_parse_host(text) for text in words.add_host]


def parse_network(texts: list[str]) -> tuple[Namespace, Attachment]:
    """Parse `--network`: the namespace, and of a bridge the network, "" for the default one, with its addresses.

    Raises: InvalidError, UnsupportedError.
    """
    namespace, name, options = parse_networks(texts)
    attachment = Attachment(name)
    for option in options.split(",") if options else ():
        key, _, value = option.partition("=")
        if key == "ip":
            attachment.address = _parse_address(value, f'invalid ip address "{value}"')
        elif key == "mac":
            from libpod.address import parse_mac

            attachment.mac = parse_mac(value)
        elif key in ("alias", "interface_name", "ip6"):
            raise UnsupportedError(f"the network option `{key}` is not supported by this version of libpod")
        else:
            raise InvalidError(f"unknown bridge network option: {key}")
    return namespace, attachment


def _parse_address(text: str, problem: str) -> str:
    from libpod.address import parse_address

    try:
        return str(parse_address(text))
    except InvalidError:
        raise InvalidError(problem) from None


def parse_servers(texts: list[str]) -> tuple[list[Address], bool]:
    """Parse the name servers of `--dns`; `none` alone keeps the image's resolv.conf, and the second value says so.

    Raises: InvalidError.
    """
    if not texts or texts == ["none"]:
        return [], bool(texts)
    from libpod.address import parse_address

    servers = []
    for text in texts:
        if text == "none":
            raise InvalidError("none is not allowed to be specified with other DNS ip addresses")
        try:
            servers.append(parse_address(text))
        except InvalidError:
            raise InvalidError(f"{text} is not an ip address") from None
    return servers, False


def _parse_host(text: str) -> tuple[str, str]:
    name, colon, address = text.partition(":")
    if not name or not colon:
        raise InvalidError(f'bad format for add-host: "{text}"')
    return name, address


def _parse_mounts(mounts: parts.MountOptions, words: Words) -> None:
    # Podman called it `bind` first, and takes both.
    mounts.image_volumes = "anonymous" if words.image_volume in ("", "bind") else words.image_volume
    if words.mount or words.volume or words.tmpfs:
        from libpod.container.options.mounts import parse_mount, parse_tmpfs, parse_volume

        mounts.mounts = [parse_mount(text) for text in words.mount]
        mounts.mounts += [parse_volume(text) for text in words.volume]
        # Podman keeps --tmpfs in a map, so that a repeated destination is no error there: the last one wins.
        mounts.mounts += {text.partition(":")[0]: parse_tmpfs(text) for text in words.tmpfs}.values()
    mounts.read_only = words.read_only
    mounts.read_only_tmpfs = words.read_only_tmpfs
    if words.shm_size:
        try:
            mounts.shm_size = quantity.parse_size(words.shm_size)
        except InvalidError as error:
            raise InvalidError(f"unable to translate --shm-size: {error.message}") from None
    mounts.timezone = words.tz or None


def _parse_resources(resources: parts.ResourceOptions, words: Words) -> None:
    resources.memory = _parse_memory(words.memory)
    resources.memory_reservation = _parse_memory(words.memory_reservation)
    resources.memory_swap = -1 if words.memory_swap == "-1" else _parse_memory(words.memory_swap)
    resources.memory_swappiness = words.memory_swappiness
    resources.oom_kill_disable = words.oom_kill_disable
    resources.oom_score_adj = words.oom_score_adj
    resources.cpus = words.cpus
    resources.cpu_shares = words.cpu_shares
    resources.cpu_period = words.cpu_period
    resources.cpu_quota = words.cpu_quota
    resources.cpuset_cpus = words.cpuset_cpus
    resources.cpuset_mems = words.cpuset_mems
    resources.pids_limit = words.pids_limit
    resources.limits = [parse_ulimit(text) for text in words.ulimit if text != "host"]
    resources.inherit_limits = "host" in words.ulimit
    resources.cgroup_parent = words.cgroup_parent


def _parse_memory(text: str) -> int | None:
    if not text:
        return None
    try:
        return quantity.parse_size(text)
    except InvalidError as error:
        raise InvalidError(f"invalid value for memory: {error.message}") from None


def _parse_security(security: parts.SecurityOptions, words: Words) -> None:
    if words.security_opt:
        from libpod.container.options.security import parse_security_options

        parse_security_options(security, words.security_opt)
    security.cap_add = words.cap_add
    security.cap_drop = words.cap_drop
    security.privileged = words.privileged
    for text in words.sysctl:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidError(f"{text} is invalid, sysctl values must be in the form of KEY=VALUE")
        security.sysctls[name] = value


def _parse_life(life: parts.LifeOptions, words: Words) -> None:
    if words.stop_signal:
        from libpod.signals import parse_signal

        life.stop_signal = parse_signal(words.stop_signal)
    life.stop_timeout = words.stop_timeout
    life.timeout = words.timeout
    life.remove = words.rm
    life.cidfile, life.pidfile, life.conmon_pidfile = words.cidfile, words.pidfile, words.conmon_pidfile
    life.detach_keys = words.detach_keys
    if words.restart:
        # Beside --rm it is refused, whatever it says.
        life.restart = RestartPolicy(words.restart) if words.rm else _parse_restart(words.restart)
    life.systemd = words.systemd or None
    life.no_healthcheck = words.no_healthcheck


def _parse_restart(text: str) -> RestartPolicy:
    name, *retries = text.split(":")
    if len(retries) > 1:
        raise InvalidError("invalid restart policy: may specify retries at most once")
    if not retries:
        return RestartPolicy(name)
    if name != "on-failure":
        raise InvalidError("restart policy retries can only be specified with on-failure restart policy")
    try:
        return RestartPolicy(name, quantity.parse_integer(retries[0], function="Atoi"))
    except InvalidError as error:
        raise InvalidError(f"parsing restart policy retry count: {error.message}") from None


def _parse_log(log: parts.LogOptions, words: Words) -> None:
    log.driver = words.log_driver or None
    for text in words.log_opt:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidError(f'invalid log option "{text}"')
        if name == "max-size":
            # With decimal units, unlike every other size.
            log.max_size = quantity.parse_size(value, base=1000)
        elif name == "path":
            log.path = value
        elif name == "tag":
            raise UnsupportedError("the log option `tag` is not supported by this version of libpod")
        else:
            log.others.append(name)
