"""The document that `podman container inspect` prints.

Start reading at `inspect`. Every member is derived when it is asked for; the members that libpod has nothing to say about are
there with the value that Podman gives them.
"""

from __future__ import annotations

import os

from libpod import timestamp
from libpod.container import networking, security, spec
from libpod.container.exec import session_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.model import Container, ContainerState
    from libpod.container.mounts import Mount
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host


def inspect(host: Host, container: Container, *, size: bool = False) -> dict[str, Any]:
    """Describe a container. size: add SizeRw and SizeRootFs, which walks what it wrote."""
    settings, state = container.settings, container.state
    caps = _capabilities(container, settings)
    argv = spec.arguments(settings)
    document: dict[str, Any] = {
        "Id": container.id,
        "Created": settings.created,
        "Path": argv[0],
        # As with Podman: a command that is alone is its own argument.
        "Args": argv[1:] or argv,
        "State": _state(container, state),
        "Image": settings.image_id,
        "ImageDigest": settings.image_digest,
        "ImageName": settings.image,
        "Rootfs": "",
        "Pod": "",
        "ResolvConfPath": _boot_file(container, "resolv.conf"),
        "HostnamePath": _boot_file(container, "hostname"),
        "HostsPath": _boot_file(container, "hosts"),
        "StaticDir": container.user_directory,
        **({"OCIConfigPath": config} if (config := _existing(container.user_directory + "/config.json")) else {}),
        "OCIRuntime": "libpod-runtime",
        "ConmonPidFile": container.conmon_pidfile,
        "PidFile": container.pidfile,
        "Name": container.name,
        "RestartCount": 0,
        "Driver": "overlay",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "EffectiveCaps": caps.get("effective"),
        "BoundingCaps": caps["bounding"],
        "ExecIDs": session_ids(state, container),
        "GraphDriver": _graph_driver(host, container),
        "Mounts": [_mount(host, mount) for mount in settings.mounts if mount.kind in ("bind", "volume")],
        "Dependencies": _dependencies(settings),
        "NetworkSettings": _network(host, container, state),
        "Namespace": "",
        "IsInfra": False,
        "IsService": False,
        "KubeExitCodePropagation": "invalid",
        # libpod needs no numbered locks.
        "lockNumber": 0,
        "Config": _config(container, settings, started=state.status != "created"),
        "HostConfig": _host_config(host, container, settings, started=state.status != "created"),
        "UseImageHosts": False,
        "UseImageHostname": False,
    }
    if size:
        from libpod.container.listing import container_size

        document["SizeRw"], document["SizeRootFs"] = container_size(host, container)
    return document


def _capabilities(container: Container, settings: ContainerSettings) -> dict[str, list[str]]:
    """The sets of the first process. Who that is, the spec of the last start knows; before it, the settings decide."""
    uid = 0
    text = settings.user.partition(":")[0]
    if text not in ("", "0", "root"):
        from libpod.document import read_document, require

        path = container.user_directory + "/config.json"
        last = read_document(path)
        if last is not None:
            require(last, {"process": {"user": {"uid": int}}}, path)
        user = last.get("process", {}).get("user", {}) if last else {}
        uid = user.get("uid", 1)
    return security.capability_sets(settings, uid)


def _state(container: Container, state: ContainerState) -> dict[str, Any]:
    return {
        "OciVersion": spec.OCI_VERSION,
        "Status": state.status,
        "Running": state.status == "running",
        "Paused": state.status == "paused",
        "Restarting": False,
        "OOMKilled": state.oom_killed,
        "Dead": False,
        "Pid": state.pid,
        **({"ConmonPid": state.monitor[0] if state.monitor else 0} if state.is_running else {}),
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": _utc(state.started_at),
        "FinishedAt": _utc(state.finished_at),
        **({"CgroupPath": state.cgroup} if state.is_running else {}),
        "CheckpointedAt": timestamp.ZERO_TEXT,
        "RestoredAt": timestamp.ZERO_TEXT,
    }


def _utc(text: str) -> str:
    return timestamp.rfc3339(timestamp.parse(text)) if text else timestamp.ZERO_TEXT


def _boot_file(container: Container, name: str) -> str:
    return _existing(f"{container.boot_directory}/{name}")


def _existing(path: str) -> str:
    return path if os.path.exists(path) else ""


def _graph_driver(host: Host, container: Container) -> dict[str, Any]:
    rootfs = host.store.rootfs(container.id)
    data = {
        "LowerDir": ":".join(map(_layer_directory, rootfs["lower"])),
        "UpperDir": rootfs["upper"] or "",
        "WorkDir": rootfs["work"] or "",
    }
    return {"Name": "overlay", "Data": data}


def _layer_directory(path: str) -> str:
    """The directory that a short link of the overlay driver leads to."""
    try:
        return os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    except OSError:
        return path


def _mount(host: Host, mount: Mount) -> dict[str, Any]:
    document = {
        "Type": mount.kind,
        "Source": mount.source,
        "Destination": mount.destination,
        "Driver": "",
        "Mode": "",
        "Options": mount.other_options,
        "RW": mount.is_writable,
        "Propagation": mount.propagation,
    }
    if mount.kind == "volume":
        from libpod.volume.manager import VolumeManager

        document["Source"] = VolumeManager(host).path(mount.volume)
        document = {"Type": "volume", "Name": mount.volume, **document, "Driver": "local"}
    return document


def _dependencies(settings: ContainerSettings) -> list[str]:
    namespaces = (settings.pid, settings.ipc, settings.uts, settings.network)
    return sorted({namespace.target for namespace in namespaces if namespace.kind == "container"})


def _network(host: Host, container: Container, state: ContainerState) -> dict[str, Any]:
    settings = container.settings
    empty: dict[str, Any] = {
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": "",
    }
    got = {network["network"]: _addresses(network) for network in (state.networks if state.is_running else ())}
    names = networking.network_names(host, settings)
    document = {
        **empty,
        **(got.get(names[0], {}) if names else {}),
        "Bridge": "",
        "SandboxID": "",
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": _ports(settings),
        "SandboxKey": f"/proc/{state.pid}/ns/net" if state.is_running and settings.network.kind != "host" else "",
    }
    if settings.network.kind == "bridge":
        document["Networks"] = {
            name: {
                **_attachment({**empty, **got.get(name, {})}, attachment.id or _network_id(host, name)),
                "Aliases": [*attachment.aliases, container.id[:12]],
            }
            for name, attachment in zip(names, settings.networks, strict=True)
        }
    elif settings.network.kind in ("none", "host"):
        name = settings.network.kind
        document["Networks"] = {name: _attachment(empty, name)}
    return document


def _addresses(attached: dict[str, Any]) -> dict[str, Any]:
    address, _, prefix = attached["address"].partition("/")
    return {
        "Gateway": attached["gateway"],
        "IPAddress": address,
        "IPPrefixLen": int(prefix or 0),
        "MacAddress": attached["mac"],
    }


def _attachment(addresses: dict[str, Any], identity: str) -> dict[str, Any]:
    return {**addresses, "NetworkID": identity, "DriverOpts": None, "IPAMConfig": None, "Links": None}


def _network_id(host: Host, name: str) -> str:
    """The id of a network, or its name when it is gone: a container outlives the file of its network."""
    from libpod.errors import LibpodError
    from libpod.network.manager import NetworkManager

    try:
        return NetworkManager(host).lookup(name).id
    except LibpodError:
        return name


def port_bindings(settings: ContainerSettings) -> dict[str, list[dict[str, str]]]:
    """Map `80/tcp` to the host addresses and ports that lead there."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in settings.ports:
        for outside, inside in port.pairs():
            host = {"HostIp": port.shown_ip, "HostPort": str(outside)}
            bindings.setdefault(f"{inside}/{port.protocol}", []).append(host)
    return _sorted(bindings) or {}


def _exposed(settings: ContainerSettings) -> dict[str, dict[str, Any]]:
    """Ports that are published or exposed, as the set that Podman writes as a map."""
    return {key: {} for key in sorted({*settings.exposed, *port_bindings(settings)})}


def _ports(settings: ContainerSettings) -> dict[str, list[dict[str, str]] | None]:
    """The bindings, and the exposed ports that have none; the host's network has neither."""
    if settings.network.kind == "host":
        return {}
    bindings = port_bindings(settings)
    return {key: bindings.get(key) for key in _exposed(settings)}


def _sorted(value: dict[str, Any]) -> dict[str, Any] | None:
    """A map in the order of its keys, as Podman writes it; None for an empty one."""
    return dict(sorted(value.items())) if value else None


def _annotations(settings: ContainerSettings, *, started: bool) -> dict[str, Any] | None:
    return _sorted(spec.annotations_of(settings) if started else spec.created_annotations(settings))


def _config(container: Container, settings: ContainerSettings, *, started: bool) -> dict[str, Any]:
    name = spec.hostname(settings, container.id)
    environment = [f"{key}={value}" for key, value in settings.env.items()]
    if "HOSTNAME" not in settings.env:
        environment.append(f"HOSTNAME={name}")
    return {
        "Hostname": name,
        "Domainname": "",
        "User": settings.user,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": settings.terminal,
        "OpenStdin": settings.stdin_open,
        "StdinOnce": False,
        "Env": environment,
        "Cmd": settings.command or None,
        "Image": settings.image,
        "Volumes": None,
        "WorkingDir": settings.workdir,
        "Entrypoint": settings.entrypoint or None,
        "OnBuild": None,
        "Labels": _sorted(settings.labels),
        "Annotations": _annotations(settings, started=started),
        "StopSignal": _signal_name(settings.stop_signal),
        "HealthcheckOnFailureAction": "none",
        "HealthLogDestination": "local",
        "HealthcheckMaxLogCount": 5,
        "HealthcheckMaxLogSize": 500,
        "CreateCommand": settings.create_command or None,
        "Umask": settings.umask,
        "Timeout": settings.timeout,
        "StopTimeout": settings.stop_timeout,
        "Passwd": settings.passwd,
        "sdNotifyMode": "container",
        **({"ExposedPorts": exposed} if (exposed := _exposed(settings)) else {}),
    }


def _signal_name(number: int) -> str:
    """The name of a signal, such as `SIGTERM`, or its number when it has none."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _host_config(host: Host, container: Container, settings: ContainerSettings, *, started: bool) -> dict[str, Any]:
    held, usual = set(settings.capabilities), set(host.conf.default_capabilities)
    tmpfs = {mount.destination: ",".join(mount.options) for mount in settings.mounts if mount.kind == "tmpfs"}
    if settings.read_only and settings.read_only_tmpfs:
        for path in ("/run", "/tmp", "/var/tmp"):
            tmpfs.setdefault(path, "rw,rprivate,nosuid,nodev,tmpcopyup")
    return {
        "Binds": [_bind(mount) for mount in settings.mounts if mount.kind in ("bind", "volume")],
        "CgroupManager": "cgroupfs",
        "CgroupMode": str(settings.cgroup_namespace),
        "ContainerIDFile": settings.cidfile,
        "LogConfig": {
            "Type": settings.log_driver,
            "Config": None,
            "Path": container.log_path if settings.log_driver != "none" else "",
            "Tag": "",
            "Size": _log_size(settings.log_max_size),
        },
        "NetworkMode": str(settings.network),
        "PortBindings": port_bindings(settings),
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "AutoRemove": settings.remove,
        "AutoRemoveImage": False,
        "Annotations": _annotations(settings, started=started),
        **({"Init": True} if settings.init else {}),
        "VolumeDriver": "",
        "VolumesFrom": None,
        "CapAdd": sorted(held - usual),
        "CapDrop": sorted(usual - held),
        "Dns": settings.dns,
        "DnsOptions": settings.dns_options,
        "DnsSearch": settings.dns_search,
        "ExtraHosts": settings.hosts,
        "HostsFile": "",
        "GroupAdd": settings.groups,
        "IpcMode": str(settings.ipc),
        "Cgroup": "",
        "Cgroups": "default",
        "Links": None,
        "OomScoreAdj": settings.oom_score_adj or 0,
        "PidMode": str(settings.pid),
        "Privileged": settings.privileged,
        "PublishAllPorts": settings.publish_all,
        "ReadonlyRootfs": settings.read_only,
        "SecurityOpt": settings.security_options,
        "Tmpfs": tmpfs,
        "UTSMode": str(settings.uts),
        "UsernsMode": "",
        "ShmSize": settings.shm_size,
        "Runtime": "oci",
        "ConsoleSize": [0, 0],
        "Isolation": "",
        **_resources(settings),
    }


def _bind(mount: Mount) -> str:
    source = mount.volume if mount.kind == "volume" else mount.source
    return f"{source}:{mount.place}:{','.join(mount.options)}"


def _log_size(size_bytes: int) -> str:
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit < 4:
        size, unit = size / 1000, unit + 1
    return f"{size:.4g}{('B', 'kB', 'MB', 'GB', 'TB')[unit]}"


def _resources(settings: ContainerSettings) -> dict[str, Any]:
    nano = settings.cpu_quota * 10**9 // settings.cpu_period if settings.cpu_period and settings.cpu_quota > 0 else 0
    # Without any memory option Podman reports 0 where it means "not set".
    swappiness = settings.memory_swappiness if settings.memory or settings.memory_swappiness >= 0 else 0
    return {
        "CpuShares": settings.cpu_shares,
        "Memory": settings.memory,
        "NanoCpus": nano,
        "CgroupParent": "" if settings.cgroup_parent == "/libpod_parent" else settings.cgroup_parent,
        "BlkioWeight": 0,
        "BlkioWeightDevice": None,
        "BlkioDeviceReadBps": None,
        "BlkioDeviceWriteBps": None,
        "BlkioDeviceReadIOps": None,
        "BlkioDeviceWriteIOps": None,
        "CpuPeriod": settings.cpu_period,
        "CpuQuota": settings.cpu_quota,
        "CpuRealtimePeriod": 0,
        "CpuRealtimeRuntime": 0,
        "CpusetCpus": settings.cpuset_cpus,
        "CpusetMems": settings.cpuset_mems,
        "Devices": [
            {"PathOnHost": device.source, "PathInContainer": device.path, "CgroupPermissions": ""}
            for device in settings.devices
        ],
        "DiskQuota": 0,
        "KernelMemory": 0,
        "MemoryReservation": settings.memory_reservation,
        "MemorySwap": max(settings.memory_swap, 0),
        "MemorySwappiness": swappiness,
        "OomKillDisable": settings.oom_kill_disable,
        "PidsLimit": max(settings.pids_limit, 0),
        "Ulimits": [{"Name": limit.kind, "Soft": limit.soft, "Hard": limit.hard} for limit in settings.limits],
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "CgroupConf": None,
    }
