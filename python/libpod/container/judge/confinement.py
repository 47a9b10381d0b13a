"""What a container may use and do: memory, processors, capabilities, seccomp, masked paths, kernel parameters, devices.

Start reading at `judge_resources` and `judge_security`. Which cgroup file a number lands in is the runtime's business.
"""

from __future__ import annotations

import os

from libpod import quantity
from libpod.arguments import host_path
from libpod.container import security
from libpod.errors import InvalidError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from libpod.container.options import DeviceOptions, ResourceOptions, SecurityOptions
    from libpod.container.settings import ContainerSettings

_PERIOD_MIN, _PERIOD_MAX, _QUOTA_MIN = 1000, 1000000, 1000
_DEFAULT_PERIOD = 100000
_MAX_QUOTA = 2.0**63
_PIDS_MAX = 2**32 - 1
_SYSCTLS = frozenset(
    "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni"
    " kernel.shm_rmid_forced".split()
)


def judge_resources(settings: ContainerSettings, options: ResourceOptions, defaults: Mapping[str, Any]) -> None:
    """Fill in the limits of `settings`, but for those of single processes.

    Raises: InvalidError for numbers out of range and combinations that make no sense.
    """
    _judge_memory(settings, options)
    _judge_processors(settings, options)
    limit = defaults["pids_limit"] if options.pids_limit is None else options.pids_limit
    if limit > _PIDS_MAX:
        raise InvalidError(f'strconv.ParseInt: parsing "{limit}": value out of range')
    settings.pids_limit = limit
    if options.oom_score_adj is not None and not -1000 <= options.oom_score_adj <= 1000:
        raise InvalidError(f"invalid value {options.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    settings.oom_score_adj = options.oom_score_adj
    settings.oom_kill_disable = options.oom_kill_disable
    settings.cgroup_parent = "/" + (options.cgroup_parent or "libpod_parent").strip("/")


def whole(name: str, number: int) -> int:
    """Refuse a number that is negative, which would mean no limit, or has more than 63 bits. Raises: InvalidError."""
    if not 0 <= number < 1 << 63:
        raise InvalidError(f"{name}: {number} is out of range")
    return number


def _judge_memory(settings: ContainerSettings, options: ResourceOptions) -> None:
    settings.memory = whole("memory", options.memory or 0)
    settings.memory_reservation = whole("memory_reservation", options.memory_reservation or 0)
    swap = options.memory_swap
    if swap is not None and swap != -1:
        if not settings.memory:
            raise InvalidError("you should always set a memory limit when using a memoryswap limit, see usage")
        if whole("memory_swap", swap) < settings.memory:
            raise InvalidError("minimum memoryswap limit should be larger than memory limit, see usage")
    if settings.memory and settings.memory < settings.memory_reservation:
        raise InvalidError("minimum memory limit cannot be less than memory reservation limit, see usage")
    settings.memory_swap = 2 * settings.memory if swap is None else swap
    swappiness = -1 if options.memory_swappiness is None else options.memory_swappiness
    if not -1 <= swappiness <= 100:
        raise InvalidError(f"invalid value: {swappiness}, valid memory swappiness range is 0-100")
    settings.memory_swappiness = swappiness


def _judge_processors(settings: ContainerSettings, options: ResourceOptions) -> None:
    if options.cpu_shares == 1:
        raise InvalidError("the minimum allowed cpu-shares is 2")
    settings.cpu_shares = whole("cpu_shares", options.cpu_shares)
    settings.cpu_period = options.cpu_period or 0
    settings.cpu_quota = options.cpu_quota or 0
    if options.cpus is not None:
        if options.cpu_period is not None:
            raise InvalidError("--cpu-period and --cpus cannot be set together")
        if options.cpu_quota is not None:
            raise InvalidError("--cpu-quota and --cpus cannot be set together")
        if options.cpus:
            quota = options.cpus * _DEFAULT_PERIOD
            if not -_MAX_QUOTA < quota < _MAX_QUOTA:
                raise InvalidError(f"--cpus {options.cpus:g} is no number of processors")
            settings.cpu_period = _DEFAULT_PERIOD
            settings.cpu_quota = int(quota) or 1
    if settings.cpu_period and not _PERIOD_MIN <= settings.cpu_period <= _PERIOD_MAX:
        raise InvalidError(
            f"CPU cfs period cannot be less than 1ms (i.e. {_PERIOD_MIN}) or larger than 1s (i.e. {_PERIOD_MAX})"
        )
    if not -_MAX_QUOTA <= settings.cpu_quota < _MAX_QUOTA or 0 < settings.cpu_quota < _QUOTA_MIN:
        raise InvalidError(f"CPU cfs quota cannot be less than 1ms (i.e. {_QUOTA_MIN})")
    settings.cpuset_cpus = _cpuset(options.cpuset_cpus, "cpus", "CPUs")
    settings.cpuset_mems = _cpuset(options.cpuset_mems, "mems", "memory nodes")


def _cpuset(text: str, kind: str, shown: str) -> str:
    if not text:
        return ""
    requested = _parse_list(text)
    if requested is None:
        raise InvalidError(f"invalid value {text} for cpuset {kind}")
    available_text = _available(kind)
    available = _parse_list(available_text)
    if available is not None:
        numbers = {number for first, last in available for number in range(first, last + 1)}
        # A range that the user wrote may be too long to be walked.
        if not all(last <= max(numbers) and numbers.issuperset(range(first, last + 1)) for first, last in requested):
            raise InvalidError(f"requested {shown} are not available - requested {text}, available: {available_text}")
    return text


def _available(kind: str) -> str:
    for path in (f"/sys/fs/cgroup/cpuset/cpuset.{kind}", f"/sys/fs/cgroup/cpuset.{kind}.effective"):
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                return file.read().strip()
    return ""


def _parse_list(text: str) -> list[tuple[int, int]] | None:
    """Parse `0-2,5` into ranges, first and last number; None when it is malformed or empty."""
    ranges = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            start = quantity.parse_integer(first, signed=False)
            end = quantity.parse_integer(last, signed=False) if dash else start
        except InvalidError:
            return None
        if end < start:
            return None
        ranges.append((start, end))
    return ranges


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
