"""containers.conf: the defaults of every container and of the engine.

Each file (`lookup.containers_conf`) overrides single keys of those before. Keys that libpod does not know are left alone; nothing is
ever written.
Start reading at `load_containers_conf`. Source: containers.conf(5).
"""

from __future__ import annotations

import os
from errno import ENOENT

from libpod import _core
from libpod.config import lookup
from libpod.errors import InvalidError
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Keys of `[containers]` that libpod honours, with Podman's built-in defaults.
_CONTAINERS: dict[str, Any] = {
    "annotations": [],
    "base_hosts_file": "",
    "apparmor_profile": "",
    "cgroup_conf": [],
    "cgroupns": "",
    "cgroups": "enabled",
    "default_capabilities": [
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ],
    "default_sysctls": [],
    "default_ulimits": [],
    "devices": [],
    "dns_options": [],
    "dns_searches": [],
    "dns_servers": [],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    "env_host": False,
    "host_containers_internal_ip": "",
    "http_proxy": True,
    "init": False,
    "init_path": "",
    "ipcns": "shareable",
    "log_driver": "k8s-file",
    "log_size_max": -1,
    "netns": "private",
    "no_hosts": False,
    "pidns": "private",
    "pids_limit": 2048,
    "seccomp_profile": "",
    "shm_size": "65536k",
    "tz": "",
    "umask": "0022",
    "userns": "",
    "utsns": "private",
    "volumes": [],
}

#: Keys of `[engine]` that libpod honours.
_ENGINE: dict[str, Any] = {
    "detach_keys": "ctrl-p,ctrl-q",
    "pull_policy": "missing",
    "stop_timeout": 10,
}

#: Keys of `[network]` that libpod honours.
_NETWORK: dict[str, Any] = {
    "default_network": "podman",
    "default_subnet": "10.88.0.0/16",
}


class ContainersConf:
    """The merged configuration: one mapping for each table, with a value for every key that libpod honours."""

    __slots__ = ("containers", "engine", "network")

    def __init__(self) -> None:
        self.containers = dict(_CONTAINERS)
        self.engine = dict(_ENGINE)
        self.network = dict(_NETWORK)

    @property
    def default_capabilities(self) -> list[str]:
        """Capabilities of a container without `--cap-add` and `--cap-drop`, sorted, with their `CAP_`."""
        names = (name.upper() for name in self.containers["default_capabilities"])
        return sorted(name if name.startswith("CAP_") else "CAP_" + name for name in names)

    def merge(self, document: dict[str, Any], path: str) -> None:
        """Take over the keys of one file.

        Raises: InvalidError where a key has a value of the wrong type.
        """
        for table in ("containers", "engine", "network"):
            known: dict[str, Any] = getattr(self, table)
            given = document.get(table)
            if given is None:
                continue
            if given.__class__ is not dict:
                raise InvalidError(f"{path}: `{table}` is not a table", path=path)
            for key, value in given.items():
                if key not in known:
                    continue
                if value.__class__ is not known[key].__class__:
                    raise InvalidError(f"{path}: `{table}.{key}` has a value of the wrong type", path=path)
                known[key] = value


def load_containers_conf() -> ContainersConf:
    """Read and merge the files.

    Raises: InvalidError naming the file for bad TOML and for what is no regular file; OSError if a file cannot be read, or
    the one that `CONTAINERS_CONF` names is missing.
    """
    config = ContainersConf()
    paths, required = lookup.containers_conf(Identity())
    for path in paths:
        text = lookup.read(path)
        if text is None and required:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), path)
        if text and b"=" in text:
            try:
                document = _core.parse_toml(text)
            except InvalidError as error:
                raise InvalidError(f"reading {path}: {error.message}", path=path) from None
            config.merge(document, path)
    return config
