"""The words of `run` and `create`, or the keywords of `Engine.run`: checked for their shape, and not yet for their meaning.

A field is named as the option of the command line is; `parsing` makes `ContainerOptions` of them.
"""

from __future__ import annotations

from libpod import arguments
from libpod.errors import UnsupportedError
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

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
