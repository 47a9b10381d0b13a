"""What a user asks of a new container: the words of `run` and `create`, or the keywords of `Engine.run`.

A `ContainerRequest` holds words as they were typed, not yet judged; `resolve` judges them against an image and
containers.conf. Fields are named as the options of the command line are.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
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


class ContainerRequest:
    """One request. `environment` is a mapping beside the texts of `env`, for callers that have one."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    __slots__ = tuple(FIELDS)

    def __init__(self, **given: Any) -> None:
        for field, default in FIELDS.items():
            setattr(self, field, given.pop(field, default))
        if given:
            raise TypeError(f"no such option of a container: {', '.join(given)}")
