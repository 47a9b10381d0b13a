"""Capabilities, seccomp, masked paths, kernel parameters and devices."""

from __future__ import annotations

import os

from libpod.arguments import host_path
from libpod.container import security
from libpod.errors import InvalidError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from libpod.container.options import DeviceOptions, SecurityOptions
    from libpod.container.settings import ContainerSettings

_SYSCTLS = frozenset(
    "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni"
    " kernel.shm_rmid_forced".split()
)


def judge_security(settings: ContainerSettings, options: SecurityOptions, defaults: Mapping[str, Any]) -> None:
    """Fill in what the first process may do. Raises: InvalidError in Podman's words, UnsupportedError."""
    _record(settings, options)
    settings.seccomp = options.seccomp or defaults["seccomp_profile"]
    if settings.seccomp:
        security.check_profile(settings.seccomp)
    settings.privileged = options.privileged
    settings.capabilities = security.choose_capabilities(
        defaults["default_capabilities"], options.cap_add, options.cap_drop, privileged=options.privileged
    )
    settings.cap_add = options.cap_add
    settings.no_new_privileges = options.no_new_privileges
    if options.privileged and not options.seccomp:
        settings.seccomp = "unconfined"
    if settings.seccomp != "unconfined":
        settings.seccomp = host_path(settings.seccomp)
    security.check_paths("mask", ":".join(options.masked), options.masked)
    if options.unmasked:
        security.check_patterns(":".join(options.unmasked), options.unmasked)
    settings.masked, settings.unmasked = options.masked, options.unmasked
    settings.proc_options = options.proc_options
    settings.sysctls = _sysctls(settings, options.sysctls, defaults["default_sysctls"])


def _record(settings: ContainerSettings, options: SecurityOptions) -> None:
    """Refuse labels and profiles that libpod would leave out, and record the others as Podman does."""
    # Podman accepts labels on a host without SELinux and does nothing with them; with SELinux they would matter.
    if any(label != "disable" for label in options.label) and os.path.exists("/sys/fs/selinux/enforce"):
        raise UnsupportedError("SELinux labels are not supported by this version of libpod")
    if options.apparmor not in (None, "", "unconfined"):
        raise UnsupportedError("AppArmor profiles are not supported by this version of libpod")
    said = {
        "label": ",label=".join(options.label) if options.label else None,
        "seccomp": options.seccomp,
        "apparmor": options.apparmor,
    }
    said = {name: value for name, value in said.items() if value is not None}
    settings.annotations.update(
        {f"io.podman.annotations.{name}": value for name, value in said.items() if value is not None}
    )
    settings.security_options = ["no-new-privileges"] if options.no_new_privileges else []
    settings.security_options += [f"{name}={value}" for name, value in said.items()]


def _sysctls(settings: ContainerSettings, given: Mapping[str, str], defaults: list[str]) -> dict[str, str]:
    sysctls = {}
    for text in defaults:
        name, _, value = text.partition("=")
        foreign = (name.startswith("net.") and settings.network.kind == "host") or (
            not name.startswith("net.") and settings.ipc.kind == "host"
        )
        if not foreign:
            sysctls[name] = value
    for name, value in given.items():
        if name not in _SYSCTLS and not name.startswith(("net.", "fs.mqueue.")):
            raise InvalidError(f"sysctl '{name}' is not allowed")
        if "" in name.split("."):
            raise InvalidError(f"sysctl '{name}' is malformed: a part of its name is empty")
        sort, namespace = ("Network", settings.network) if name.startswith("net.") else ("IPC", settings.ipc)
        if namespace.kind == "host":
            raise InvalidError(
                f"sysctl {name}={value} can't be set since {sort} Namespace set to host: invalid argument"
            )
        sysctls[name] = value
    return sysctls


def judge_devices(settings: ContainerSettings, options: DeviceOptions, defaults: Mapping[str, Any]) -> None:
    """Fill in the devices of `settings`; a privileged container has all of the host's. Raises: InvalidError."""
    if not options.devices and not options.rules and not defaults["devices"]:
        return
    from libpod.container.devices import checked_device, parse_device

    devices = [*map(parse_device, defaults["devices"]), *options.devices]
    settings.devices = [checked_device(device) for device in devices]
    settings.device_rules = [rule.to_oci() for rule in options.rules]
    if settings.privileged:
        settings.devices = []
