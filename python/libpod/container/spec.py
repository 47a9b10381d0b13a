"""From settings to the OCI runtime spec, as Podman 4.3 generates it.

Start reading at `build_spec`. Plain data in, plain data out: nothing is read from the container's file system and nothing
is written. What depends on the state of the host (paths of other containers' namespaces, the numbers of a user, mounts that
have no place) comes in through `StartContext`. Source: OCI runtime-spec, config.md and config-linux.md; podman-run(1).
"""

from __future__ import annotations

import os

from libpod.container import security
from libpod.container.mounts import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.settings import ContainerSettings

OCI_VERSION = "1.0.2-dev"
_NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
#: Where the init program appears in a container: the first place that is not in a directory of the host.
INIT_PATHS = ("/run/podman-init", "/dev/podman-init")
_TMPFS_OPTIONS = ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]


class StartContext:
    """What the host adds at start.

    container_id; rootfs: path that stands for the root in the spec. run_directory: where hosts, hostname, resolv.conf and
    .containerenv of this boot are; bind_files: destination → source of such files that exist. user: what `View.find_user`
    found. joined: namespace type → path to join. volumes: destination → directory on the host. shm: directory to show at
    /dev/shm instead of a tmpfs of its own. init_path: the init program on the host; init_inside: its place in the container.
    unplaced: places of libpod's own mounts that are left out, because nothing is there in a directory of the host.
    """

    __slots__ = (
        "bind_files",
        "container_id",
        "home",
        "init_inside",
        "init_path",
        "joined",
        "rootfs",
        "shm",
        "unplaced",
        "user",
        "volumes",
    )

    def __init__(self, container_id: str, rootfs: str) -> None:
        self.container_id = container_id
        self.rootfs = rootfs
        self.bind_files: dict[str, str] = {}
        self.user: dict[str, Any] = {"uid": 0, "gid": 0}
        self.home = "/"
        self.joined: dict[str, str] = {}
        self.volumes: dict[str, str] = {}
        self.shm = ""
        self.init_path = ""
        self.init_inside = INIT_PATHS[0]
        self.unplaced: set[str] = set()


def build_spec(settings: ContainerSettings, context: StartContext) -> dict[str, Any]:
    """Build the runtime spec of one start of a container."""
    spec: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": _process(settings, context),
        "root": {"path": context.rootfs, "readonly": settings.read_only},
        "mounts": [mount.to_oci() for mount in mounts_of(settings, context)],
        "annotations": annotations_of(settings),
        "linux": _linux(settings, context),
    }
    if settings.uts.kind == "private":
        spec["hostname"] = hostname(settings, context.container_id)
    return spec


def layers_of(rootfs: dict[str, Any]) -> list[str]:
    """List the directories of a root file system, the uppermost first."""
    upper = rootfs.get("upper")
    return [upper, *rootfs["lower"]] if upper else rootfs["lower"]


def oci_user(found: dict[str, Any]) -> dict[str, Any]:
    """Return what `lookup_user` found as a user of the runtime spec; the primary group is the first of the others."""
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


def _process(settings: ContainerSettings, context: StartContext) -> dict[str, Any]:
    argv = arguments(settings, context.init_inside)
    environment = [f"{name}={value}" for name, value in settings.env.items()]
    if "HOME" not in settings.env:
        environment.append(f"HOME={context.home}")
    if "HOSTNAME" not in settings.env:
        environment.append(f"HOSTNAME={hostname(settings, context.container_id)}")
    process: dict[str, Any] = {
        "terminal": settings.terminal,
        "user": {**context.user, "umask": int(settings.umask, 8)},
        "args": argv,
        "env": environment,
        "cwd": settings.workdir,
        "capabilities": capabilities(settings, context.user["uid"]),
        "rlimits": [limit.to_oci() for limit in settings.limits],
        "noNewPrivileges": settings.no_new_privileges,
    }
    if settings.oom_score_adj is not None:
        process["oomScoreAdj"] = settings.oom_score_adj
    return process


def capabilities(settings: ContainerSettings, uid: int) -> dict[str, list[str]]:
    """Return the five sets of a process: root holds all of the container's, another user those that were added by name."""
    bounding = settings.capabilities
    if uid == 0:
        return {"bounding": bounding, "effective": bounding, "permitted": bounding}
    if not settings.cap_add or settings.privileged:
        return {"bounding": bounding}
    added = security.choose_capabilities((), settings.cap_add, ())
    return {
        "bounding": bounding,
        "effective": added,
        "inheritable": added,
        "permitted": added,
        "ambient": added,
    }


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


def mounts_of(settings: ContainerSettings, context: StartContext) -> list[Mount]:
    """All mounts, parents before children; the user's replace libpod's own of the same destination.

    As in Podman, a mount of the user's at /dev takes pts and mqueue below it away.
    """
    takes_dev = any(mount.place == "/dev" for mount in settings.mounts)
    chosen = {
        mount.place: mount
        for mount in _own_mounts(settings, context)
        if mount.place not in context.unplaced and not (takes_dev and mount.place in ("/dev/pts", "/dev/mqueue"))
    }
    for mount in settings.mounts:
        chosen[mount.place] = mount.shows(context.volumes[mount.destination]) if mount.kind == "volume" else mount
    return sorted(chosen.values(), key=lambda mount: mount.place.count("/"))


def _own_mounts(settings: ContainerSettings, context: StartContext) -> list[Mount]:
    access = "rw" if settings.privileged else "ro"
    # --read-only-tmpfs=false: nothing in memory can be written either.
    memory = ["ro"] if settings.read_only and not settings.read_only_tmpfs else []
    proc = settings.proc_options or ["nosuid", "noexec", "nodev"]
    system = ["nosuid", "noexec", "nodev", access]
    if settings.privileged:
        system.insert(0, "rprivate")
    dev = ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k", *memory]
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    own = [
        Mount("proc", "/proc", "proc", proc),
        Mount("tmpfs", "/dev", "tmpfs", dev),
        Mount("sysfs", "/sys", "sysfs", system),
        Mount("devpts", "/dev/pts", "devpts", terminals),
        Mount("mqueue", "/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ]
    if settings.ipc.kind == "host" or context.shm:
        # The mount that is shared may be read-only for its owner; that says nothing here.
        shared = ["bind", "rprivate", *(memory or (["rw"] if context.shm else [])), "nosuid", "noexec", "nodev"]
        own.append(Mount("bind", "/dev/shm", context.shm or "/dev/shm", shared))
    elif settings.ipc.kind != "none":
        size = f"size={settings.shm_size}"
        own.append(Mount("tmpfs", "/dev/shm", "shm", ["nosuid", "noexec", "nodev", "mode=1777", size, *memory]))
    if settings.read_only and settings.read_only_tmpfs:
        own += [Mount("tmpfs", path, "tmpfs", _TMPFS_OPTIONS) for path in ("/run", "/tmp", "/var/tmp")]
    binds = ["bind", "rprivate"]
    if settings.read_only:
        binds += ["ro", "nosuid", "noexec", "nodev"]
    own += [Mount("bind", destination, source, binds) for destination, source in context.bind_files.items()]
    if settings.init:
        own.append(Mount("bind", context.init_inside, context.init_path, ["bind", "ro", "rprivate"]))
    cgroup = ["rprivate", "nosuid", "noexec", "nodev", "relatime", access]
    own.append(Mount("cgroup", "/sys/fs/cgroup", "cgroup", cgroup))
    return own


def _linux(settings: ContainerSettings, context: StartContext) -> dict[str, Any]:
    linux: dict[str, Any] = {
        "sysctl": settings.sysctls,
        "resources": _resources(settings),
        "cgroupsPath": f"{settings.cgroup_parent}/libpod-{context.container_id}",
        "namespaces": _namespaces(settings, context),
    }
    devices = _device_nodes(settings, linux["resources"])
    if devices:
        linux["devices"] = devices
    # What the user hides by name is hidden from a privileged container too.
    if settings.masked or not settings.privileged:
        defaults = [] if settings.privileged else security.default_masks(settings.unmasked)
        linux["maskedPaths"] = [*defaults, *settings.masked]
    if not settings.privileged:
        linux["readonlyPaths"] = security.readonly_paths(settings.unmasked)
    propagation = _root_propagation(settings)
    if propagation:
        linux["rootfsPropagation"] = propagation
    return linux


def _namespaces(settings: ContainerSettings, context: StartContext) -> list[dict[str, str]]:
    namespaces = {
        "pid": settings.pid,
        "network": settings.network,
        "ipc": settings.ipc,
        "uts": settings.uts,
        "cgroup": settings.cgroup_namespace,
    }
    chosen = []
    for kind in _NAMESPACES:
        if kind in context.joined:
            chosen.append({"type": kind, "path": context.joined[kind]})
        elif kind == "mount" or namespaces[kind].kind != "host":
            chosen.append({"type": kind})
    return chosen


def _root_propagation(settings: ContainerSettings) -> str:
    """A mount that shall receive or pass on mounts needs a root that lets them through."""
    asked = {mount.propagation for mount in settings.mounts if mount.kind == "bind"}
    if not asked.isdisjoint(("shared", "rshared")):
        return "shared"
    return next((word for word in ("rslave", "slave") if word in asked), "")


def _resources(settings: ContainerSettings) -> dict[str, Any]:
    resources: dict[str, Any] = {"devices": [{"allow": settings.privileged, "access": "rwm"}]}
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


def _device_nodes(settings: ContainerSettings, resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the extra device nodes, and add what they need to the device rules of `resources`."""
    if settings.privileged:
        from libpod.container.devices import host_devices

        return host_devices()
    nodes: list[dict[str, Any]] = []
    if settings.devices:
        from libpod.container.devices import expand_devices

        nodes, rules = expand_devices(settings.devices)
        resources["devices"] += rules
    resources["devices"] += settings.device_rules
    return nodes
