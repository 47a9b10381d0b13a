"""From the options of a new container, an image's config and containers.conf to its settings.

Start reading at `judge`: one step for each part of the settings. Everything that can be judged without the container's file system
is judged here, before anything is written; options that make no sense, alone or together, are refused. What containers.conf says
in words is parsed as the same words of the command line are.
"""

from __future__ import annotations

import os
from errno import ENOENT

from libpod.arguments import host_path
from libpod.container.judge.confinement import judge_devices, judge_resources, judge_security, whole
from libpod.container.judge.mounts import judge_mounts
from libpod.container.judge.network import judge_network
from libpod.container.limits import check_limit, merge_limits
from libpod.container.namespaces import check_namespace, default_cgroup_namespace, parse_namespace
from libpod.container.settings import ContainerSettings
from libpod.errors import InvalidError, UnsupportedError
from libpod.words import check_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from libpod.config.containers import ContainersConf
    from libpod.container.namespaces import Namespace
    from libpod.container.options import (
        ContainerOptions,
        IdentityOptions,
        LifeOptions,
        LogOptions,
        NamespaceOptions,
        ProcessOptions,
        RestartPolicy,
    )

_LOG_DRIVERS = {"": "k8s-file", "k8s-file": "k8s-file", "json-file": "k8s-file", "none": "none"}
#: Programs for which Podman's systemd mode is meant, besides those that are called systemd.
_INITS = ("/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init")
_MOST_SIGNALS = 64


def judge(
    options: ContainerOptions, image: Mapping[str, Any], argv: list[str], config: ContainersConf
) -> ContainerSettings:
    """Judge options and fill in everything that an image and the configuration decide.

    options: their types are right (`Options.checked`). image: the `config` object of the image. argv: the words behind the
    image's name. Names of other containers stay as they are (`container:NAME`); image name and id are the manager's to fill in.
    Raises: InvalidError in Podman's words; UnsupportedError for what libpod does not have.
    """
    settings = ContainerSettings(
        name=options.identity.name, create_command=options.identity.create_command, hostname=options.network.hostname
    )
    if settings.name and not check_name(settings.name):
        raise InvalidError(
            "running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
        )
    defaults = config.containers
    _check_configuration(defaults)
    _judge_process(settings, options.process, image, argv, defaults)
    _judge_environment(settings, options, image, defaults)
    _judge_identity(settings, options.identity, image, defaults)
    _judge_namespaces(settings, options.namespaces, defaults)
    _judge_init(settings, options.process, defaults)
    judge_network(settings, options.network, image, defaults)
    judge_mounts(settings, options.mounts, image, defaults)
    judge_resources(settings, options.resources, defaults)
    for limit in options.resources.limits:
        check_limit(limit)
    settings.limits = merge_limits(
        defaults["default_ulimits"], options.resources.limits, inherit=options.resources.inherit_limits
    )
    judge_security(settings, options.security, defaults)
    judge_devices(settings, options.devices, defaults)
    _judge_life(settings, options.life, image, config)
    _judge_log(settings, options.log, defaults)
    return settings


def unheeded(options: ContainerOptions, image: Mapping[str, Any], settings: ContainerSettings) -> list[str]:
    """Say what a container has no use for, of its options or its image, and that is no error: a sentence each."""
    texts = []
    test = (image.get("Healthcheck") or {}).get("Test") or ()
    if test and list(test) != ["NONE"] and not options.life.no_healthcheck:
        texts.append(
            "the image's health check is not run: health checks are not supported by this version of libpod"
            " (--no-healthcheck: ignore it)"
        )
    if options.life.systemd != "false" and _is_systemd(settings.argv[0]):
        texts.append(
            f"{settings.argv[0]} gets no mounts of its own: the systemd mode is not supported by this version of libpod"
            " (--systemd=false: ignore it)"
        )
    return texts + [f"the log option {name} has no effect" for name in options.log.others]


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


def _judge_process(
    settings: ContainerSettings,
    options: ProcessOptions,
    image: Mapping[str, Any],
    argv: list[str],
    defaults: Mapping[str, Any],
) -> None:
    settings.command = list(argv)
    settings.entrypoint = options.entrypoint
    if settings.entrypoint is None:
        # An entrypoint of the user's takes the image's command away with the image's entrypoint.
        settings.entrypoint = list(image.get("Entrypoint") or ())
        settings.command = settings.command or list(image.get("Cmd") or ())
    # As with Podman a container of nothing can be made; its start finds no command of that name.
    settings.argv = [*settings.entrypoint, *settings.command] or [""]
    settings.user = options.user or image.get("User") or ""
    settings.groups = options.groups
    if "keep-groups" in settings.groups:
        raise UnsupportedError("`--group-add keep-groups` is not supported by this version of libpod")
    settings.workdir = options.workdir or image.get("WorkingDir") or "/"
    settings.create_workdir = not options.workdir
    if not settings.workdir.startswith("/"):
        settings.workdir = "/" + settings.workdir
    umask = options.umask
    if umask is None:
        from libpod.container.options.words import parse_umask

        umask = parse_umask(defaults["umask"])
    if not 0 <= umask <= 0o7777:
        raise InvalidError(f"running container create option: invalid umask string {umask:o}: invalid argument")
    settings.umask = f"{umask:04o}"
    settings.terminal = options.terminal
    settings.stdin_open = options.stdin_open
    settings.passwd = options.passwd


def _judge_init(settings: ContainerSettings, options: ProcessOptions, defaults: Mapping[str, Any]) -> None:
    settings.init = defaults["init"] if options.init is None else options.init
    if not settings.init:
        return
    if settings.pid.kind != "private":
        raise InvalidError("cannot add init binary as PID 1 (PID namespace isn't private)")
    settings.init_path = host_path(options.init_path or defaults["init_path"])
    if settings.init_path and not os.path.exists(settings.init_path):
        raise InvalidError(
            f"container-init binary not found on the host: stat {settings.init_path}: no such file or directory",
            path=settings.init_path,
            errno=ENOENT,
        )


def _judge_environment(
    settings: ContainerSettings, options: ContainerOptions, image: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    from libpod.container.environment import merge_environment

    given = options.environment
    for name in given.variables:
        if not name or "=" in name:
            raise InvalidError(f"environment: {name!r} cannot be the name of a variable")
    settings.env = merge_environment(
        defaults=defaults["env"],
        image=image.get("Env") or (),
        given=given.variables,
        unset=given.unset,
        unset_all=given.unset_all,
        http_proxy=defaults["http_proxy"] if given.http_proxy is None else given.http_proxy,
        host=defaults["env_host"] if given.host is None else given.host,
        terminal=options.process.terminal,
    )


def _judge_identity(
    settings: ContainerSettings, options: IdentityOptions, image: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    from libpod.container.environment import parse_annotations

    settings.labels = {**(image.get("Labels") or {}), **options.labels}
    settings.annotations = {**parse_annotations(defaults["annotations"]), **options.annotations}


def _judge_namespaces(settings: ContainerSettings, options: NamespaceOptions, defaults: Mapping[str, Any]) -> None:
    def choose(sort: str, given: Namespace | None, text: str) -> Namespace | None:
        return parse_namespace(sort, text) if given is None else check_namespace(sort, given)

    settings.pid = choose("pid", options.pid, defaults["pidns"]) or settings.pid
    settings.ipc = choose("ipc", options.ipc, defaults["ipcns"]) or settings.ipc
    settings.uts = choose("uts", options.uts, defaults["utsns"]) or settings.uts
    settings.cgroup_namespace = choose("cgroup", options.cgroup, defaults["cgroupns"]) or default_cgroup_namespace(
        unified=os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    )
    choose("user", options.user, defaults["userns"])
    if settings.hostname and settings.uts.kind != "private":
        raise InvalidError(
            "invalid config provided: cannot set hostname when running in the host UTS namespace: invalid configuration"
        )


def _judge_life(
    settings: ContainerSettings, options: LifeOptions, image: Mapping[str, Any], config: ContainersConf
) -> None:
    stop_signal = options.stop_signal
    if stop_signal is None and image.get("StopSignal"):
        from libpod.signals import parse_signal

        stop_signal = parse_signal(image["StopSignal"])
    if stop_signal is not None:
        if not 1 <= stop_signal <= _MOST_SIGNALS:
            raise InvalidError(f"valid signals are 1 through {_MOST_SIGNALS}")
        settings.stop_signal = stop_signal
    settings.stop_timeout = config.engine["stop_timeout"] if options.stop_timeout is None else options.stop_timeout
    settings.timeout = whole("timeout", options.timeout)
    settings.remove = options.remove
    settings.cidfile, settings.pidfile = options.cidfile, host_path(options.pidfile)
    settings.conmon_pidfile = host_path(options.conmon_pidfile)
    settings.detach_keys = config.engine["detach_keys"] if options.detach_keys is None else options.detach_keys
    _check_restart(options.restart, remove=options.remove)
    if options.systemd not in (None, "true", "false", "always"):
        raise InvalidError(
            'invalid config provided: --systemd values must be one of "true, false, always": invalid configuration'
        )
    if options.systemd == "always" or (options.systemd == "true" and _is_systemd(settings.argv[0])):
        raise UnsupportedError(f"`--systemd {options.systemd}` is not supported by this version of libpod")


def _check_restart(policy: RestartPolicy, *, remove: bool) -> None:
    if remove and policy.name != "no":
        raise InvalidError('the --rm option conflicts with --restart, when the restartPolicy is not "" and "no"')
    if policy.retries and policy.name != "on-failure":
        raise InvalidError("restart policy retries can only be specified with on-failure restart policy")
    if policy.retries < 0:
        raise InvalidError("must specify restart policy retry count as a number greater than 0")
    if policy.name in ("always", "on-failure", "unless-stopped"):
        raise UnsupportedError(f"the restart policy `{policy.name}` is not supported by this version of libpod")
    if policy.name != "no":
        raise InvalidError(
            f'running container create option: "{policy.name}" is not a valid restart policy: invalid argument'
        )


def _judge_log(settings: ContainerSettings, options: LogOptions, defaults: Mapping[str, Any]) -> None:
    driver = options.driver or defaults["log_driver"]
    if driver in ("journald", "passthrough"):
        if options.driver:
            raise UnsupportedError(f"the log driver `{driver}` is not supported by this version of libpod")
        driver = ""
    if driver not in _LOG_DRIVERS:
        raise InvalidError("running container create option: invalid log driver: invalid argument")
    settings.log_driver = _LOG_DRIVERS[driver]
    settings.log_path = host_path(options.path)
    if options.max_size is None:
        settings.log_max_size = max(defaults["log_size_max"], 0)
    else:
        settings.log_max_size = whole("max_size", options.max_size)
