"""From what a user asks, an image's config and containers.conf to the settings of one container.

Start reading at `resolve`: one step for each part of the settings. Everything that can be judged without the container's
file system is judged here, before anything is written.
"""

from __future__ import annotations

import os
from errno import ENOENT

from libpod import quantity
from libpod.arguments import host_path
from libpod.container import environment, mounts, security
from libpod.container.limits import merge_limits
from libpod.container.namespaces import Namespace, default_cgroup_namespace, parse_namespace, parse_networks
from libpod.container.resources import resolve_resources
from libpod.container.settings import ContainerSettings
from libpod.errors import InvalidError, UnsupportedError
from libpod.network.attachment import Attachment
from libpod.quantity import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from libpod.config.containers import ContainersConf
    from libpod.container.request import ContainerRequest

_LOG_DRIVERS = {"": "k8s-file", "k8s-file": "k8s-file", "json-file": "k8s-file", "none": "none"}
_SYSCTLS = frozenset(
    "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni"
    " kernel.shm_rmid_forced".split()
)
#: Programs for which Podman's systemd mode is meant, besides those that are called systemd.
_INITS = ("/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init")
_LOG_OPTIONS = ("max-size", "path", "tag")


def resolve(
    request: ContainerRequest, image_config: Mapping[str, Any], argv: list[str], config: ContainersConf
) -> ContainerSettings:
    """Judge a request and fill in everything that an image and the configuration decide.

    image_config: the `config` object of the image. argv: the words behind the image's name. Names of other containers
    stay as they are (`container:NAME`); image name and id are the manager's to fill in.
    Raises: InvalidError in Podman's words; UnsupportedError for what libpod does not have.
    """
    settings = ContainerSettings(name=request.name, create_command=list(request.create_command))
    if request.name and not mounts.check_name(request.name):
        raise InvalidError(
            "running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
        )
    _check_configuration(config.containers)
    _process(settings, request, image_config, argv, config.containers)
    _environment(settings, request, image_config, config.containers)
    _namespaces(settings, request, config.containers)
    _init(settings, request, config.containers)
    _network(settings, request, config.containers)
    _published(settings, request, image_config)
    _mounts(settings, request, image_config, config.containers)
    resolve_resources(settings, request, config.containers["pids_limit"])
    settings.limits = merge_limits(config.containers["default_ulimits"], request.ulimit)
    settings.cgroup_parent = "/" + (request.cgroup_parent or "libpod_parent").strip("/")
    _security(settings, request, config.containers)
    _devices(settings, request, config.containers)
    _life(settings, request, image_config, config)
    return settings


def unheeded(request: ContainerRequest, image: Mapping[str, Any], settings: ContainerSettings) -> list[str]:
    """Say what a container has no use for, of its request or its image, and that is no error: a sentence each."""
    texts = []
    test = (image.get("Healthcheck") or {}).get("Test") or ()
    if test and list(test) != ["NONE"] and not request.no_healthcheck:
        texts.append(
            "the image's health check is not run: health checks are not supported by this version of libpod"
            " (--no-healthcheck: ignore it)"
        )
    if request.systemd != "false" and _is_systemd(settings.argv[0]):
        texts.append(
            f"{settings.argv[0]} gets no mounts of its own: the systemd mode is not supported by this version of libpod"
            " (--systemd=false: ignore it)"
        )
    for text in request.log_opt:
        name = text.partition("=")[0]
        if name not in _LOG_OPTIONS:
            texts.append(f"the log option {name} has no effect")
    return texts


def _is_systemd(program: str) -> bool:
    """Whether Podman's systemd mode is for this program when `--systemd` is true."""
    return program in _INITS or program.rpartition("/")[2] == "systemd"


def _check_configuration(defaults: Mapping[str, Any]) -> None:
    """Refuse what containers.conf asks for and libpod would silently leave out, where that makes a container less confined."""
    profile = defaults["apparmor_profile"]
    for key, wanted in (
        ("cgroups", defaults["cgroups"] != "enabled"),
        ("cgroup_conf", bool(defaults["cgroup_conf"])),
        ("apparmor_profile", profile not in ("", "unconfined") and os.path.exists("/sys/kernel/security/apparmor")),
        ("base_hosts_file", defaults["base_hosts_file"] == "image"),
    ):
        if wanted:
            value = defaults[key]
            raise UnsupportedError(f"`{key}` = {value!r} of containers.conf is not supported by this version of libpod")


def _process(
    settings: ContainerSettings,
    request: ContainerRequest,
    image: Mapping[str, Any],
    argv: list[str],
    defaults: Mapping[str, Any],
) -> None:
    entrypoint = parse_entrypoint(request.entrypoint)
    settings.entrypoint = list(image.get("Entrypoint") or ()) if entrypoint is None else entrypoint
    settings.command = list(argv)
    # An entrypoint of the user's takes the image's command away with the image's entrypoint.
    if not argv and entrypoint is None:
        settings.command = list(image.get("Cmd") or ())
    # As with Podman a container of nothing can be made; its start finds no command of that name.
    settings.argv = [*settings.entrypoint, *settings.command] or [""]
    settings.user = request.user or image.get("User") or ""
    settings.groups = list(request.group_add)
    if "keep-groups" in settings.groups:
        raise UnsupportedError("`--group-add keep-groups` is not supported by this version of libpod")
    settings.workdir = request.workdir or image.get("WorkingDir") or "/"
    settings.create_workdir = not request.workdir
    if not settings.workdir.startswith("/"):
        settings.workdir = "/" + settings.workdir
    settings.umask = request.umask or defaults["umask"]
    if len(settings.umask) > 4 or not set("01234567").issuperset(settings.umask):
        raise InvalidError(f"running container create option: invalid umask string {settings.umask}: invalid argument")
    settings.terminal = request.tty
    settings.stdin_open = request.interactive
    settings.passwd = request.passwd


def parse_entrypoint(text: str | list[str] | None) -> list[str] | None:
    """Parse `--entrypoint`: a JSON list of strings, or one word; None where it was not given, [] where it is empty."""
    if text is None:
        return None
    if not isinstance(text, str):
        return list(text)
    if text.startswith("["):
        from libpod import _core

        try:
            words = _core.parse_json(text)
        except InvalidError:
            return [text]
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [text] if text else []


def _init(settings: ContainerSettings, request: ContainerRequest, defaults: Mapping[str, Any]) -> None:
    settings.init = defaults["init"] if request.init is None else request.init
    if not settings.init:
        return
    if settings.pid.kind != "private":
        raise InvalidError("cannot add init binary as PID 1 (PID namespace isn't private)")
    settings.init_path = host_path(request.init_path or defaults["init_path"])
    if settings.init_path and not os.path.exists(settings.init_path):
        raise InvalidError(
            f"container-init binary not found on the host: stat {settings.init_path}: no such file or directory",
            path=settings.init_path,
            errno=ENOENT,
        )


def _environment(
    settings: ContainerSettings, request: ContainerRequest, image: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    given = environment.parse_variables(request.env, request.env_file)
    given.update(request.environment)
    settings.env = environment.merge_environment(
        defaults=defaults["env"],
        image=image.get("Env") or (),
        given=given,
        unset=request.unsetenv,
        unset_all=request.unsetenv_all,
        http_proxy=defaults["http_proxy"] if request.http_proxy is None else request.http_proxy,
        host=defaults["env_host"] if request.env_host is None else request.env_host,
        terminal=request.tty,
    )
    settings.labels = {**(image.get("Labels") or {}), **environment.parse_labels(request.label, request.label_file)}
    settings.annotations = environment.parse_annotations((*defaults["annotations"], *request.annotation))


def _namespaces(settings: ContainerSettings, request: ContainerRequest, defaults: Mapping[str, Any]) -> None:
    settings.pid = _namespace("pid", request.pid or defaults["pidns"])
    settings.ipc = _namespace("ipc", request.ipc or defaults["ipcns"])
    settings.uts = _namespace("uts", request.uts or defaults["utsns"])
    settings.cgroup_namespace = _namespace("cgroup", request.cgroupns or defaults["cgroupns"])
    parse_namespace("user", request.userns or defaults["userns"])
    settings.hostname = request.hostname
    if settings.hostname and settings.uts.kind != "private":
        raise InvalidError(
            "invalid config provided: cannot set hostname when running in the host UTS namespace: invalid configuration"
        )


def _namespace(sort: str, text: str) -> Namespace:
    return parse_namespace(sort, text) or default_cgroup_namespace(
        unified=os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    )


def _network(settings: ContainerSettings, request: ContainerRequest, defaults: Mapping[str, Any]) -> None:
    settings.network, name, options = parse_networks(request.network or [defaults["netns"]])
    attachment = Attachment(name)
    _network_options(attachment, options)
    _addresses(settings, attachment, request)
    if settings.network.kind == "bridge":
        settings.networks = [attachment]
    _name_resolution(settings, request, defaults)


def _network_options(attachment: Attachment, text: str) -> None:
    for option in text.split(",") if text else ():
        name, _, value = option.partition("=")
        if name == "ip":
            attachment.address = _parse_address(value, f'invalid ip address "{value}"')
        elif name == "mac":
            attachment.mac = _mac(value)
        elif name in ("alias", "interface_name", "ip6"):
            raise UnsupportedError(f"the network option `{name}` is not supported by this version of libpod")
        else:
            raise InvalidError(f"unknown bridge network option: {name}")


def _addresses(settings: ContainerSettings, attachment: Attachment, request: ContainerRequest) -> None:
    address = _parse_address(request.ip, f'"{request.ip}" is not an ip address') if request.ip else ""
    mac = _mac(request.mac_address) if request.mac_address else ""
    if address or mac:
        if settings.network.kind != "bridge":
            option = "--ip" if request.ip else "--mac-address"
            raise InvalidError(f"{option} can only be set when the network mode is bridge: invalid argument")
        attachment.address, attachment.mac = address or attachment.address, mac or attachment.mac


# Most containers name no address, and do without the parsers.


def _mac(text: str) -> str:
    from libpod.address import parse_mac

    return parse_mac(text)


def _is_address(text: str) -> bool:
    from libpod.address import is_address

    return is_address(text)


def _parse_address(text: str, problem: str) -> str:
    from libpod.address import parse_address

    try:
        return str(parse_address(text))
    except InvalidError:
        raise InvalidError(problem) from None


def _published(settings: ContainerSettings, request: ContainerRequest, image: Mapping[str, Any]) -> None:
    exposed = [*(image.get("ExposedPorts") or ()), *request.expose]
    settings.publish_all = request.publish_all
    if not (request.publish or exposed):
        return
    from libpod.network.ports import parse_exposed, parse_ports

    settings.exposed = parse_exposed(exposed)
    settings.ports = parse_ports(request.publish, exposed=settings.exposed if request.publish_all else ())


def _name_resolution(settings: ContainerSettings, request: ContainerRequest, defaults: Mapping[str, Any]) -> None:
    settings.dns = list(request.dns or defaults["dns_servers"])
    _check_servers(settings.dns, request)
    mode = settings.network.kind
    if mode in ("none", "container") and (request.dns or request.dns_search or request.dns_option):
        raise InvalidError(f"conflicting options: dns and the network mode: {mode}")
    if mode == "container" and request.add_host:
        raise InvalidError(
            "invalid config provided: cannot set extra host entries when the container is joined to another containers"
            " network namespace: invalid configuration"
        )
    settings.dns_search = list(request.dns_search or defaults["dns_searches"])
    settings.dns_options = list(request.dns_option or defaults["dns_options"])
    settings.no_hosts = defaults["no_hosts"] if request.no_hosts is None else request.no_hosts
    if request.no_hosts and request.add_host:
        raise InvalidError("--no-hosts and --add-host cannot be set together")
    for text in request.add_host:
        name, colon, address = text.partition(":")
        if not name or not colon:
            raise InvalidError(f'bad format for add-host: "{text}"')
        if not _is_address(address):
            raise InvalidError(f'invalid IP address in add-host: "{address}"')
    settings.hosts = list(request.add_host)


def _check_servers(servers: list[str], request: ContainerRequest) -> None:
    """Refuse what is no address; `none` alone keeps the image's resolv.conf."""
    if servers == ["none"]:
        for given, name in ((request.dns_search, "DNSSearch"), (request.dns_option, "DNSOption")):
            if given:
                raise InvalidError(
                    f"invalid config provided: UseImageResolvConf and {name} are mutually exclusive options"
                )
        return
    if "none" in servers:
        raise InvalidError("none is not allowed to be specified with other DNS ip addresses")
    for server in servers:
        if not _is_address(server):
            raise InvalidError(f"{server} is not an ip address")


def _mounts(
    settings: ContainerSettings, request: ContainerRequest, image: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    # Podman called it `bind` first, and takes both.
    image_volume = request.image_volume or "anonymous"
    if image_volume not in ("bind", "anonymous", "tmpfs", "ignore"):
        raise InvalidError(
            f'invalid image volume mode "{request.image_volume}" required value: anonymous, tmpfs, ignore'
        )
    settings.mounts = mounts.merge_mounts(
        (*defaults["volumes"], *request.volume),
        request.mount,
        request.tmpfs,
        () if image_volume == "ignore" else sorted(image.get("Volumes") or ()),
        image_kind="tmpfs" if image_volume == "tmpfs" else "bind",
    )
    settings.read_only = request.read_only
    settings.read_only_tmpfs = request.read_only_tmpfs
    if request.shm_size and settings.ipc.kind == "host":
        raise InvalidError("invalid config provided: cannot set shmsize when running in the {host } IPC Namespace")
    text = request.shm_size or defaults["shm_size"]
    try:
        # Podman reads its configuration with decimal units and the command line with binary ones.
        settings.shm_size = parse_size(text, base=1024 if request.shm_size else 1000)
    except InvalidError as error:
        raise InvalidError(f"unable to translate --shm-size: {error.message}") from None
    settings.timezone = request.tz or defaults["tz"]
    _check_timezone(settings.timezone)


def _check_timezone(name: str) -> None:
    """Refuse what is no name of a time zone of the host. Raises: InvalidError in Podman's words."""
    if name in ("", "local"):
        return
    if name.startswith(("/", "\\")) or ".." in name or "\0" in name:
        # The rule of Go's time.LoadLocation: a name leads to no other file.
        reason = "time: invalid location name"
    elif os.path.isfile(zone_file(name)):
        return
    else:
        reason = "is a directory" if os.path.isdir(zone_file(name)) else f"unknown time zone {name}"
    raise InvalidError(f"running container create option: finding timezone: {reason}")


def zone_file(timezone: str) -> str:
    """Return the file of a time zone, on the host and in an image."""
    return os.path.realpath("/etc/localtime") if timezone == "local" else host_path(f"/usr/share/zoneinfo/{timezone}")


def _security(settings: ContainerSettings, request: ContainerRequest, defaults: Mapping[str, Any]) -> None:
    options = security.parse_security_options(request.security_opt)
    settings.privileged = request.privileged
    settings.capabilities = security.choose_capabilities(
        defaults["default_capabilities"], request.cap_add, request.cap_drop, privileged=request.privileged
    )
    settings.cap_add = list(request.cap_add)
    settings.no_new_privileges = options.no_new_privileges
    settings.seccomp = options.seccomp or defaults["seccomp_profile"]
    if not options.seccomp and settings.seccomp:
        security.check_profile(settings.seccomp)
    if settings.seccomp != "unconfined":
        settings.seccomp = host_path(settings.seccomp)
    if request.privileged and not options.seccomp:
        settings.seccomp = "unconfined"
    settings.masked, settings.unmasked = options.masks, options.unmasks
    settings.proc_options = options.proc_options
    settings.security_options = list(request.security_opt)
    settings.annotations.update(options.annotations)
    settings.sysctls = _sysctls(settings, request, defaults["default_sysctls"])


def _sysctls(settings: ContainerSettings, request: ContainerRequest, defaults: list[str]) -> dict[str, str]:
    sysctls = {}
    for text in defaults:
        name, _, value = text.partition("=")
        foreign = (name.startswith("net.") and settings.network.kind == "host") or (
            not name.startswith("net.") and settings.ipc.kind == "host"
        )
        if not foreign:
            sysctls[name] = value
    for text in request.sysctl:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidError(f"{text} is invalid, sysctl values must be in the form of KEY=VALUE")
        if name not in _SYSCTLS and not name.startswith(("net.", "fs.mqueue.")):
            raise InvalidError(f"sysctl '{name}' is not allowed")
        if "" in name.split("."):
            raise InvalidError(f"sysctl '{name}' is malformed: a part of its name is empty")
        sort, namespace = ("Network", settings.network) if name.startswith("net.") else ("IPC", settings.ipc)
        if namespace.kind == "host":
            raise InvalidError(f"sysctl {text} can't be set since {sort} Namespace set to host: invalid argument")
        sysctls[name] = value
    return sysctls


def _devices(settings: ContainerSettings, request: ContainerRequest, defaults: Mapping[str, Any]) -> None:
    if not request.device and not request.device_cgroup_rule and not defaults["devices"]:
        return
    from libpod.container.devices import parse_cgroup_rule, parse_device

    settings.devices = [parse_device(text) for text in (*defaults["devices"], *request.device)]
    settings.device_rules = [parse_cgroup_rule(text) for text in request.device_cgroup_rule]
    if request.privileged:
        settings.devices = []


def _life(
    settings: ContainerSettings, request: ContainerRequest, image: Mapping[str, Any], config: ContainersConf
) -> None:
    stop_signal = request.stop_signal or image.get("StopSignal")
    if stop_signal:
        from libpod.signals import parse_signal

        settings.stop_signal = parse_signal(stop_signal)
    settings.stop_timeout = config.engine["stop_timeout"] if request.stop_timeout is None else request.stop_timeout
    settings.timeout = request.timeout
    settings.remove = request.rm
    settings.cidfile, settings.pidfile = request.cidfile, host_path(request.pidfile)
    settings.conmon_pidfile = host_path(request.conmon_pidfile)
    settings.detach_keys = config.engine["detach_keys"] if request.detach_keys is None else request.detach_keys
    _restart(request.restart, remove=request.rm)
    if request.systemd not in ("", "true", "false", "always"):
        raise InvalidError(
            'invalid config provided: --systemd values must be one of "true, false, always": invalid configuration'
        )
    if request.systemd == "always" or (request.systemd == "true" and _is_systemd(settings.argv[0])):
        raise UnsupportedError(f"`--systemd {request.systemd}` is not supported by this version of libpod")
    driver = request.log_driver or config.containers["log_driver"]
    if driver in ("journald", "passthrough"):
        if request.log_driver:
            raise UnsupportedError(f"the log driver `{driver}` is not supported by this version of libpod")
        driver = ""
    if driver not in _LOG_DRIVERS:
        raise InvalidError("running container create option: invalid log driver: invalid argument")
    settings.log_driver = _LOG_DRIVERS[driver]
    settings.log_max_size = max(config.containers["log_size_max"], 0)
    for text in request.log_opt:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidError(f'invalid log option "{text}"')
        if name == "max-size":
            # With decimal units, unlike every other size.
            settings.log_max_size = parse_size(value, base=1000)
        elif name == "path":
            settings.log_path = host_path(value)
        elif name == "tag":
            raise UnsupportedError("the log option `tag` is not supported by this version of libpod")


def _restart(policy: str, *, remove: bool) -> None:
    if remove and policy not in ("", "no"):
        raise InvalidError('the --rm option conflicts with --restart, when the restartPolicy is not "" and "no"')
    name, *retries = policy.split(":")
    if len(retries) > 1:
        raise InvalidError("invalid restart policy: may specify retries at most once")
    if retries and name != "on-failure":
        raise InvalidError("restart policy retries can only be specified with on-failure restart policy")
    if retries:
        try:
            count = quantity.parse_integer(retries[0], function="Atoi")
        except InvalidError as error:
            raise InvalidError(f"parsing restart policy retry count: {error.message}") from None
        if count < 0:
            raise InvalidError("must specify restart policy retry count as a number greater than 0")
    if name in ("always", "on-failure", "unless-stopped"):
        raise UnsupportedError(f"the restart policy `{name}` is not supported by this version of libpod")
    if name not in ("", "no"):
        raise InvalidError(f'running container create option: "{name}" is not a valid restart policy: invalid argument')
