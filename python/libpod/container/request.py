"""What a user asks of a new container: the words of `run` and `create`, or the keywords of `Engine.run`.

A `ContainerRequest` holds words as they were typed, checked for their shape and not yet for their
meaning; `resolve` judges them against an image and containers.conf. Fields are named as the options of
the command line are.
"""

from __future__ import annotations

from libpod import arguments
from libpod.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Field → value where nothing was asked. None: not given, the default depends on image and configuration.
FIELDS: dict[str, Any] = {
    "add_host": [],
    "annotation": [],
    "cap_add": [],
    "cap_drop": [],
    "cgroup_parent": "",
    "cgroupns": "",
    "cidfile": "",
    "conmon_pidfile": "",
    "cpu_period": None,
    "cpu_quota": None,
    "cpu_shares": 0,
    "cpus": None,
    "cpuset_cpus": "",
    "cpuset_mems": "",
    "create_command": [],
    "detach_keys": None,
    "device": [],
    "device_cgroup_rule": [],
    "dns": [],
    "dns_option": [],
    "dns_search": [],
    "entrypoint": None,
    "env": [],
    "env_file": [],
    "env_host": None,
    "environment": {},
    "expose": [],
    "group_add": [],
    "hostname": "",
    "http_proxy": None,
    "image_volume": "bind",
    "init": None,
    "init_path": "",
    "interactive": False,
    "ip": "",
    "ipc": "",
    "label": [],
    "label_file": [],
    "log_driver": "",
    "log_opt": [],
    "mac_address": "",
    "memory": "",
    "memory_reservation": "",
    "memory_swap": "",
    "memory_swappiness": -1,
    "mount": [],
    "name": "",
    "network": [],
    "no_healthcheck": False,
    "no_hosts": None,
    "oom_kill_disable": False,
    "oom_score_adj": None,
    "passwd": True,
    "pid": "",
    "pidfile": "",
    "pids_limit": None,
    "privileged": False,
    "publish": [],
    "publish_all": False,
    "read_only": False,
    "read_only_tmpfs": True,
    "replace": False,
    "restart": "",
    "rm": False,
    "security_opt": [],
    "shm_size": "",
    "stop_signal": "",
    "stop_timeout": None,
    "sysctl": [],
    "systemd": "",
    "timeout": 0,
    "tmpfs": [],
    "tty": False,
    "tz": "",
    "ulimit": [],
    "umask": "",
    "unsetenv": [],
    "unsetenv_all": False,
    "user": "",
    "userns": "",
    "uts": "",
    "volume": [],
    "workdir": "",
}


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


class ContainerRequest:
    """One request. None for an option is the same as leaving it out.

    environment: variables as a mapping; `env` has them in the words of the command line, or is a mapping, too.
    Raises: TypeError for an unknown option and for a value of the wrong shape; UnsupportedError for an option of
    Podman's that libpod does not have; InvalidError for a NUL character.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    __slots__ = tuple(FIELDS)

    def __init__(self, **given: Any) -> None:
        if hasattr(given.get("env"), "keys"):
            given["environment"] = {**arguments.mapping("env", given.pop("env")), **given.get("environment", {})}
        for field, default in FIELDS.items():
            value = given.pop(field, None)
            if value is not None:
                check = _SPECIAL.get(field) or _BY_TYPE[default.__class__]
                value = check(field, value)
            elif default.__class__ is list or default.__class__ is dict:
                value = default.copy()
            else:
                value = default
            setattr(self, field, value)
        for name in given:
            if name not in UNSUPPORTED:
                raise TypeError(f"no such option of a container: {name}")
        for name in given:
            raise UnsupportedError(f"the option {name} is not supported by this version of libpod")
