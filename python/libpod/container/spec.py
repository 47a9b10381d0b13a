"""From settings to the OCI runtime spec, as Podman 4.3 generates it.

Start reading at `build_spec`. Plain data in, plain data out: nothing is read from the container's file system and nothing
is written. What depends on the state of the host (paths of other containers' namespaces, the numbers of a user, the mounts that have
a place) comes in through `Start`. Source: OCI runtime-spec, config.md and config-linux.md; podman-run(1).
"""

from __future__ import annotations

import os

from libpod.container import security

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.mounts import Mount
    from libpod.container.settings import ContainerSettings

OCI_VERSION = "1.0.2-dev"
_NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
#: Where the init program appears in a container: the first place that is not in a directory of the host.
INIT_PATHS = ("/run/podman-init", "/dev/podman-init")


class Start:
    """What one start of a container adds to its settings.

    container_id; rootfs: path that stands for the root in the spec. hostname: the host name that the container sees. bind_files:
    destination → source of the files that libpod writes for it. mounts: all that is mounted. user: as `View.find_user` found it.
    joined: namespace type → path to join. volumes: destination → directory on the host. shm: directory to show at
    /dev/shm instead of a tmpfs of its own. init_path: the init program on the host; init_inside: its place in the container.
    """

    __slots__ = (
        "bind_files",
        "container_id",
        "hostname",
        "init_inside",
        "init_path",
        "joined",
        "mounts",
        "rootfs",
        "shm",
        "user",
        "volumes",
    )

    def __init__(self, container_id: str, rootfs: str, settings: ContainerSettings) -> None:
        self.container_id = container_id
        self.rootfs = rootfs
        self.hostname = hostname(settings, container_id)
        self.bind_files: dict[str, str] = {}
        self.mounts: list[Mount] = []
        self.user: dict[str, Any] = {"uid": 0, "gid": 0, "additional_gids": [], "home": "/"}
        self.joined: dict[str, str] = {}
        self.volumes: dict[str, str] = {}
        self.shm = ""
        self.init_path = ""
        self.init_inside = INIT_PATHS[0]


def build_spec(settings: ContainerSettings, start: Start) -> dict[str, Any]:
    """Build the runtime spec of one start of a container. Mounts come in the order of mounting, parents before children.

    Raises: OSError for a device that is gone since the container was created.
    """
    capabilities = security.capability_sets(settings, start.user["uid"])
    masked, readonly = ([], []) if settings.privileged else security.hidden_paths(settings.unmasked)
    nodes: list[dict[str, Any]] = []
    rules = settings.device_rules
    if settings.devices or settings.privileged:
        from libpod.container.devices import expand_devices, host_devices

        if settings.privileged:
            nodes, rules = host_devices(), []
        else:
            nodes, own = expand_devices(settings.devices)
            rules = own + rules
    linux: dict[str, Any] = {
        "sysctl": settings.sysctls,
        "resources": _resources(settings, rules),
        "cgroupsPath": f"{settings.cgroup_parent}/libpod-{start.container_id}",
        "namespaces": _namespaces(settings, start),
    }
    more = {
        "devices": nodes,
        # What the user hides by name is hidden from a privileged container too.
        "maskedPaths": masked + settings.masked,
        "readonlyPaths": readonly,
        "rootfsPropagation": _root_propagation(settings),
    }
    spec: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": _process(settings, start, capabilities),
        "root": {"path": start.rootfs, "readonly": settings.read_only},
        "mounts": [mount.to_oci() for mount in sorted(start.mounts, key=lambda mount: mount.place.count("/"))],
        "annotations": annotations_of(settings),
        "linux": linux | {name: value for name, value in more.items() if value},
    }
    if settings.uts.kind == "private":
        spec["hostname"] = start.hostname
    return spec


def oci_user(found: dict[str, Any]) -> dict[str, Any]:
    """Return what `View.find_user` found as a user of the runtime spec; the primary group is the first of the others."""
    more = [gid for gid in found["additional_gids"] if gid != found["gid"]]
    return {"uid": found["uid"], "gid": found["gid"], "additionalGids": [found["gid"], *more]}


def hostname(settings: ContainerSettings, container_id: str) -> str:
    """Return the host name that a container sees: its own, or the host's where it shares the network or the name."""
    if settings.hostname:
        return settings.hostname
    if settings.uts.kind != "private" or settings.network.kind == "host":
        return os.uname().nodename
    return container_id[:12]


def arguments(settings: ContainerSettings, init: str = INIT_PATHS[0]) -> list[str]:
    """What is executed: the command, behind the init program if there is one."""
    return [init, "--", *settings.argv] if settings.init else settings.argv


def _process(settings: ContainerSettings, start: Start, capabilities: dict[str, list[str]]) -> dict[str, Any]:
    environment = [f"{name}={value}" for name, value in settings.env.items()]
    if "HOME" not in settings.env:
        environment.append(f"HOME={start.user['home']}")
    if "HOSTNAME" not in settings.env:
        environment.append(f"HOSTNAME={start.hostname}")
    process: dict[str, Any] = {
        "terminal": settings.terminal,
        "user": {**oci_user(start.user), "umask": int(settings.umask, 8)},
        "args": arguments(settings, start.init_inside),
        "env": environment,
        "cwd": settings.workdir,
        "capabilities": capabilities,
        "rlimits": [limit.to_oci() for limit in settings.limits],
        "noNewPrivileges": settings.no_new_privileges,
    }
    if settings.oom_score_adj is not None:
        process["oomScoreAdj"] = settings.oom_score_adj
    return process


def annotations_of(settings: ContainerSettings) -> dict[str, str]:
    """Return the annotations of the process's spec: those of its creation, and those that come with a start."""
    return {
        "io.container.manager": "libpod",
        "org.opencontainers.image.stopSignal": str(settings.stop_signal),
        **created_annotations(settings),
    }


def created_annotations(settings: ContainerSettings) -> dict[str, str]:
    """Return the annotations that a container has from its creation on: Podman's for some options, and the user's."""
    flags = {"autoremove": settings.remove, "init": settings.init, "privileged": settings.privileged}
    return {
        **{f"io.podman.annotations.{name}": "TRUE" for name, given in flags.items() if given},
        **({"io.podman.annotations.cid-file": settings.cidfile} if settings.cidfile else {}),
        **settings.annotations,
    }


def _namespaces(settings: ContainerSettings, start: Start) -> list[dict[str, str]]:
    namespaces = {
        "pid": settings.pid,
        "network": settings.network,
        "ipc": settings.ipc,
        "uts": settings.uts,
        "cgroup": settings.cgroup_namespace,
    }
    chosen = []
    for kind in _NAMESPACES:
        if kind in start.joined:
            chosen.append({"type": kind, "path": start.joined[kind]})
        elif kind == "mount" or namespaces[kind].kind != "host":
            chosen.append({"type": kind})
    return chosen


def _root_propagation(settings: ContainerSettings) -> str:
    """A mount that shall receive or pass on mounts needs a root that lets them through."""
    asked = {mount.propagation for mount in settings.mounts if mount.kind == "bind"}
    if not asked.isdisjoint(("shared", "rshared")):
        return "shared"
    return next((word for word in ("rslave", "slave") if word in asked), "")


def _resources(settings: ContainerSettings, device_rules: list[dict[str, Any]]) -> dict[str, Any]:
    everything = {"allow": settings.privileged, "access": "rwm"}
    resources: dict[str, Any] = {"devices": [everything, *device_rules]}
    if settings.pids_limit > 0:
        resources["pids"] = {"limit": settings.pids_limit}
    memory = {
        "limit": settings.memory,
        "reservation": settings.memory_reservation,
        "swap": max(settings.memory_swap, 0),
        "disableOOMKiller": settings.oom_kill_disable,
    }
    memory = {name: value for name, value in memory.items() if value}
    if settings.memory_swappiness >= 0:
        memory["swappiness"] = settings.memory_swappiness
    if memory:
        resources["memory"] = memory
    processors = {
        "shares": settings.cpu_shares,
        "quota": settings.cpu_quota,
        "period": settings.cpu_period,
        "cpus": settings.cpuset_cpus,
        "mems": settings.cpuset_mems,
    }
    processors = {name: value for name, value in processors.items() if value}
    if processors:
        resources["cpu"] = processors
    return resources
