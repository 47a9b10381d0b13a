"""The small files that a container sees of its host: hosts, hostname, resolv.conf, .containerenv, passwd, group.

They live below the run root, are written anew at every start, and are bind-mounted by the spec. What the host's own files
mean is `libpod.network`'s knowledge. Start reading at `write_files`.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.container import networking, spec
from libpod.container.records import Records
from libpod.container.resolve import zone_file
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import View
    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.container.spec import StartContext
    from libpod.host import Host


def write_files(host: Host, container: Container, settings: ContainerSettings, context: StartContext) -> list[str]:
    """Write the files of one start and enter them into `context.bind_files`, but for those that the user mounts over.

    Returns the names that its address shall have in /etc/hosts, once it has one; none where nobody will write them.
    """
    taken = {mount.place for mount in settings.mounts}
    if any(mount.place == "/run" and mount.kind == "bind" for mount in settings.mounts):
        # As in Podman: a directory of the host at /run stays as it is.
        taken.add("/run/.containerenv")
    directory = container.boot_directory
    os.makedirs(directory, mode=0o700, exist_ok=True)
    files = {
        "/run/.containerenv": _environment_text(host, settings, container),
        "/etc/hostname": _own_hostname(settings, container) + "\n",
    }
    owner = _network_owner(host, settings)
    if owner is None:
        files.update(_network_files(host, settings, container))
    else:
        files.update(_joined_files(owner, settings))
    for path, text in files.items():
        if path not in taken:
            target = f"{directory}/{path.rpartition('/')[2]}"
            _write(target, text)
            context.bind_files[path] = target
    if settings.network.kind != "bridge" or "/etc/hosts" not in context.bind_files:
        return []
    from libpod.network import dns

    return dns.own_names(files["/etc/hosts"], _names(settings, container))


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


def _own_hostname(settings: ContainerSettings, container: Container) -> str:
    # As Podman: the host's name comes with the host's network, not with its UTS namespace.
    if settings.network.kind == "host":
        return spec.hostname(settings, container.id)
    return settings.hostname or container.id[:12]


def _names(settings: ContainerSettings, container: Container) -> tuple[str, str]:
    """Names of a container in its own /etc/hosts; the host's name is the host's, even where both share it."""
    return settings.hostname or container.id[:12], container.name


def _network_owner(host: Host, settings: ContainerSettings) -> Container | None:
    if settings.network.kind != "container":
        return None
    return Records(host).lookup(settings.network.target)


def _network_files(host: Host, settings: ContainerSettings, container: Container) -> dict[str, str]:
    from libpod.network import dns

    files = {}
    if not settings.no_hosts:
        files["/etc/hosts"] = dns.hosts_text(
            mode=settings.network.kind,
            names=_names(settings, container),
            extra=settings.hosts,
            gateway=host.conf.containers["host_containers_internal_ip"] or networking.gateway(host, settings),
            base=host.conf.containers["base_hosts_file"],
        )
    if settings.network.kind != "none" and settings.dns != ["none"]:
        files["/etc/resolv.conf"] = dns.resolv_conf_text(
            servers=settings.dns,
            search=settings.dns_search,
            options=settings.dns_options,
            mode=settings.network.kind,
        )
    return files


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
    container: Container, settings: ContainerSettings, context: StartContext, layers: list[str]
) -> list[dict[str, Any]]:
    """Give a container its time zone: a link to the image's own file if the image has it, else a copy of the host's.

    Returns what is to be changed in the root: the link, or a link of the image's that a bind would follow.
    """
    mounted = {mount.place for mount in settings.mounts}
    if "/etc/localtime" in mounted:
        return []
    path = zone_file(settings.timezone)
    in_root = "/etc" not in mounted
    in_image = path.startswith("/usr/share/zoneinfo/") and _core.View(layers).place(path)[0] == "file"
    if in_root and in_image:
        return [{"kind": "link", "path": "/etc/localtime", "target": ".." + path}]
    target = f"{container.boot_directory}/localtime"
    with open(path, "rb") as file:
        _write(target, file.read())
    context.bind_files["/etc/localtime"] = target
    return [{"kind": "unlink", "path": "/etc/localtime"}] if in_root else []


def write_accounts(container: Container, context: StartContext, view: View, user: str) -> None:
    """Give a user and a group that the container does not know entries in copies of its passwd and group, as Podman does.

    user: the user as asked for, who becomes a member of the group. A container without such a file gets none, nor does one whose
    file comes with a mount: that is the user's own.
    """
    uid, gid = context.user["uid"], context.user["gid"]
    additions = {
        "passwd": (uid, f"{uid}:*:{uid}:{gid}:container user:/:/bin/sh\n"),
        "group": (gid, f"{gid}:x:{gid}:{user}\n"),
    }
    for kind, (number, line) in additions.items():
        if view.place(f"/etc/{kind}") != ("file", "root"):
            continue
        text = view.accounts(kind).decode(errors="surrogateescape")
        known = (entry.split(":") for entry in text.splitlines())
        if not text or any(len(fields) > 2 and fields[2] == str(number) for fields in known):
            continue
        target = f"{container.boot_directory}/{kind}"
        _write(target, text + ("" if text.endswith("\n") else "\n") + line)
        context.bind_files[f"/etc/{kind}"] = target


def _write(path: str, text: str | bytes) -> None:
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    _core.replace_file(path, data, mode=0o644)
