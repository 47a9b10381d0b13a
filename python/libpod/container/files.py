"""The small files that a container sees of its host: hosts, hostname, resolv.conf, .containerenv, passwd, group.

They live below the run root, are written anew at every start, and are bind-mounted by the spec. What the host's own files
mean is `libpod.network`'s knowledge. Start reading at `write_files`.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.container.spec import Start
    from libpod.host import Host
    from libpod.network.config import Network


def write_files(
    host: Host, container: Container, start: Start, *, owner: Container | None, network: Network | None
) -> list[str]:
    """Write the files of one start and enter them into `start.bind_files`, but for those that the user mounts over.

    owner: the container whose network it uses. network: the first of its own.
    Returns the names that its address shall have in /etc/hosts, once it has one; none where nobody will write them.
    """
    settings = container.settings
    taken = {mount.place for mount in settings.mounts}
    if any(mount.place == "/run" and mount.kind == "bind" for mount in settings.mounts):
        # As in Podman: a directory of the host at /run stays as it is.
        taken.add("/run/.containerenv")
    directory = container.boot_directory
    os.makedirs(directory, mode=0o700, exist_ok=True)
    # As in Podman: the host's name comes with the host's network, not with its UTS namespace.
    own_name = start.hostname if settings.network.kind == "host" else settings.hostname or container.id[:12]
    files = {
        "/run/.containerenv": _environment_text(host, settings, container),
        "/etc/hostname": own_name + "\n",
    }
    # Names of a container in its own /etc/hosts; the host's name is the host's, even if both share it.
    names, own_names = [settings.hostname or container.id[:12], container.name], list[str]()
    if owner is not None:
        files |= _joined_files(owner, settings)
    else:
        texts, own_names = _network_files(host, settings, names, network)
        files |= texts
    for path, text in files.items():
        if path not in taken:
            target = f"{directory}/{path.rpartition('/')[2]}"
            write_file(target, text)
            start.bind_files[path] = target
    return own_names if "/etc/hosts" in start.bind_files else []


def _environment_text(host: Host, settings: ContainerSettings, container: Container) -> str:
    """What .containerenv says: nothing, but who and what a privileged container is, and whether it can see this store."""
    text = ""
    if settings.privileged:
        from libpod.release import PODMAN_VERSION

        text = (
            f'engine="podman-{PODMAN_VERSION}"\nname="{container.name}"\nid="{container.id}"\nimage="{settings.image}"\n'
            f'imageid="{settings.image_id}"\nrootless={int(Identity().is_rootless)}\n'
        )
    store = host.places.graphroot + "/"
    if any(mount.kind == "bind" and store.startswith(mount.source.rstrip("/") + "/") for mount in settings.mounts):
        text += "graphRootMounted=1"
    return text


def _network_files(
    host: Host, settings: ContainerSettings, names: list[str], network: Network | None
) -> tuple[dict[str, str], list[str]]:
    """Return the files, and those of the names that the container's address still has to get in its /etc/hosts."""
    from libpod.network import dns

    files = {}
    if not settings.no_hosts:
        files["/etc/hosts"] = dns.hosts_text(
            mode=settings.network.kind,
            names=names,
            extra=settings.hosts,
            gateway=host.conf.containers["host_containers_internal_ip"] or (network.gateway if network else None),
            base=host.conf.containers["base_hosts_file"],
        )
    if settings.network.kind != "none" and settings.dns != ["none"]:
        files["/etc/resolv.conf"] = dns.resolv_conf_text(
            servers=settings.dns,
            search=settings.dns_search,
            options=settings.dns_options,
            mode=settings.network.kind,
        )
    if settings.network.kind != "bridge" or settings.no_hosts:
        return files, []
    return files, dns.own_names(files["/etc/hosts"], names)


def _joined_files(owner: Container, settings: ContainerSettings) -> dict[str, str]:
    """What the other container was given for its network: names mean the same; this one's own are not among them."""
    from libpod.network import dns

    files = {}
    if not settings.no_hosts:
        files["/etc/hosts"] = dns.read_text(owner.boot_directory + "/hosts")
    if os.path.exists(owner.boot_directory + "/resolv.conf"):
        files["/etc/resolv.conf"] = dns.read_text(owner.boot_directory + "/resolv.conf")
    return files


def set_timezone(
    container: Container, settings: ContainerSettings, start: Start, layers: list[str]
) -> list[dict[str, Any]]:
    """Give a container its time zone: a link to the image's own file if the image has it, else a copy of the host's.

    Returns what is to be changed in the root: the link, or a link of the image's that a bind would follow.
    """
    mounted = {mount.place for mount in settings.mounts}
    if "/etc/localtime" in mounted:
        return []
    from libpod.container.timezone import zone_file

    path = zone_file(settings.timezone)
    in_root = "/etc" not in mounted
    in_image = path.startswith("/usr/share/zoneinfo/") and _core.View(layers).place(path)[0] == "file"
    if in_root and in_image:
        return [{"kind": "link", "path": "/etc/localtime", "target": ".." + path}]
    target = f"{container.boot_directory}/localtime"
    with open(path, "rb") as file:
        write_file(target, file.read())
    start.bind_files["/etc/localtime"] = target
    return [{"kind": "unlink", "path": "/etc/localtime"}] if in_root else []


def write_file(path: str, text: str | bytes) -> None:
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    _core.replace_file(path, data, mode=0o644)
