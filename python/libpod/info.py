"""Facts about the host and the store, as `podman info` names them. Slow side: imports and reads what it needs."""

from __future__ import annotations

import os

from libpod import __version__
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.records import Damaged
    from libpod.host import Host


def collect(host: Host, *, damaged: Damaged | None = None) -> dict[str, Any]:
    """Gather the `host`, `store`, `registries` and `plugins` parts of the document.

    damaged: gathers containers whose records cannot be read, each with its error.
    Raises: CorruptError for one of these, if nothing gathers them.
    """
    return {
        "host": _host(host),
        "store": _store(host, damaged),
        "registries": _registries(),
        "plugins": {
            "volume": ["local"],
            "network": ["bridge"],
            "log": ["k8s-file", "none"],
            "authorization": None,
        },
    }


def _host(host: Host) -> dict[str, Any]:
    machine = os.uname()
    memory = _memory()
    version, controllers = _cgroups()
    helper = {"package": "libpod", "path": host.helper_path, "version": f"libpod-runtime version {__version__}"}
    nothing = {"executable": "", "package": "", "version": ""}
    return {
        "arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine.machine, machine.machine),
        "buildahVersion": "",
        "cgroupManager": "cgroupfs",
        "cgroupVersion": version,
        "cgroupControllers": controllers,
        # libpod's own program does what conmon, the OCI runtime and the network backend do for Podman.
        "conmon": helper,
        "cpus": os.cpu_count() or 1,
        "cpuUtilization": _cpu_use(),
        "databaseBackend": "",
        "distribution": _distribution(),
        "eventLogger": "none",
        "hostname": machine.nodename,
        "idMappings": {"gidmap": None, "uidmap": None},
        "kernel": machine.release,
        "logDriver": "none" if host.conf.containers["log_driver"] == "none" else "k8s-file",
        "memFree": memory.get("MemFree", 0),
        "memTotal": memory.get("MemTotal", 0),
        "networkBackend": "libpod",
        "networkBackendInfo": {"backend": "libpod", **helper, "dns": {}},
        "ociRuntime": {"name": "libpod-runtime", **helper},
        "os": "linux",
        # No service listens there: libpod has none.
        "remoteSocket": {"path": "/run/podman/podman.sock", "exists": False},
        "rootlessNetworkCmd": "",
        "serviceIsRemote": False,
        "security": _security(host),
        "slirp4netns": nothing,
        "pasta": nothing,
        "swapFree": memory.get("SwapFree", 0),
        "swapTotal": memory.get("SwapTotal", 0),
        "uptime": _uptime(),
        "variant": "",
        "linkmode": "static",
    }


def _security(host: Host) -> dict[str, Any]:
    from libpod.config.containers import load_containers_conf

    capabilities = load_containers_conf().default_capabilities
    return {
        "apparmorEnabled": False,
        "capabilities": ",".join(sorted(capabilities)),
        "rootless": Identity().is_rootless,
        "seccompEnabled": os.path.exists("/proc/sys/kernel/seccomp/actions_avail"),
        "seccompProfilePath": host.conf.containers["seccomp_profile"],
        "selinuxEnabled": False,
    }


def _store(host: Host, damaged: Damaged | None) -> dict[str, Any]:
    from libpod.config.storage import config_file
    from libpod.container.records import Records, look

    store = host.store
    containers = Records(host).list(all=True)
    states = [state.status for container in containers if (state := look(container, damaged)) is not None]
    space = os.statvfs(_existing(store.graphroot))
    return {
        "configFile": config_file() or "",
        "containerStore": {
            "number": len(containers),
            "paused": states.count("paused"),
            "running": states.count("running"),
            "stopped": len(containers) - states.count("paused") - states.count("running"),
        },
        "graphDriverName": "overlay",
        "graphOptions": {},
        "graphRoot": store.graphroot,
        "graphRootAllocated": space.f_blocks * space.f_frsize,
        "graphRootUsed": (space.f_blocks - space.f_bfree) * space.f_frsize,
        "graphStatus": {"Supports d_type": "true", "Using metacopy": "false"},
        "imageCopyTmpDir": "",
        "imageStore": {"number": len(store.images())},
        "runRoot": store.runroot,
        "volumePath": host.places.volumes,
        "transientStore": False,
    }


def _existing(path: str) -> str:
    """The nearest directory that is there: a store that nothing was written to yet has none of its own."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _registries() -> dict[str, Any]:
    from libpod.config.registries import load_registries

    search = load_registries().unqualified_search
    return {"search": list(search)} if search else {}


def _cpu_use() -> dict[str, float]:
    """Shares of the time since boot, in percent."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, idle, *rest = (int(word) for word in file.readline().split()[1:8])
    total = user + nice + system + idle + sum(rest)
    return {
        "userPercent": round(user * 100 / total, 2),
        "systemPercent": round(system * 100 / total, 2),
        "idlePercent": round(idle * 100 / total, 2),
    }


def _memory() -> dict[str, int]:
    with open("/proc/meminfo", encoding="ascii") as file:
        return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in file)}


def _distribution() -> dict[str, str]:
    fields: dict[str, str] = {}
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                pairs = (line.rstrip("\n").partition("=") for line in file if "=" in line)
                fields = {key: value.strip("\"'") for key, _, value in pairs}
            break
    named = {"distribution": fields.get("ID", "unknown"), "version": fields.get("VERSION_ID", "unknown")}
    if "VERSION_CODENAME" in fields:
        named["codename"] = fields["VERSION_CODENAME"]
    return named


def _cgroups() -> tuple[str, list[str]]:
    unified = "/sys/fs/cgroup/cgroup.controllers"
    if os.path.exists(unified):
        with open(unified, encoding="ascii") as file:
            return "v2", file.read().split()
    with open("/proc/cgroups", encoding="ascii") as file:
        rows = [line.split() for line in file if not line.startswith("#")]
    return "v1", [row[0] for row in rows if row[3] == "1"]


def _uptime() -> str:
    with open("/proc/uptime", encoding="ascii") as file:
        seconds = float(file.read().split()[0])
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    days = f" (Approximately {hours / 24:.2f} days)" if hours >= 24 else ""
    return f"{hours}h {minutes}m {left:.2f}s{days}"
