"""What a container's first process may do: capabilities, seccomp profile, masked paths, no-new-privileges.

Start reading at `choose_capabilities`. Whether the kernel grants a capability is the runtime's business.
"""

from __future__ import annotations

import os
from errno import ENOENT

from libpod.arguments import host_path
from libpod.errors import CorruptError, InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from libpod.container.settings import ContainerSettings

#: In the order of their numbers (linux/capability.h).
CAPABILITIES = tuple(
    "CAP_" + name
    for name in (
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
        " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT"
        " SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP"
        " MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
    ).split()
)
#: What Podman's manual says for a capability of Podman's default list.
DEFAULT_CAPABILITIES = tuple(
    "CAP_" + name
    for name in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
    ).split()
)

#: What the newest Podman hides, and `/sys/dev/block`, which only older ones do: hiding more is the safe side.
MASKED_PATHS = (
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
    "/sys/dev/block",
)
#: A seccomp profile is some ten kilobytes long.
_MAX_PROFILE_BYTES = 4 << 20
#: Hidden for each processor that has it: how hot a processor is tells what others do on it.
_PROCESSORS, _THROTTLE = "/sys/devices/system/cpu", "/thermal_throttle"
READONLY_PATHS = ("/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def choose_capabilities(
    defaults: Sequence[str], add: Iterable[str], drop: Iterable[str], *, privileged: bool = False
) -> list[str]:
    """Compute the capabilities of a container, sorted by name; never more than this process could hand down.

    Raises: InvalidError for unknown names and for contradictions.
    """
    added, dropped = _normalise(add), _normalise(drop)
    if privileged:
        return sorted(_bounding_set())
    if "ALL" in added and "ALL" in dropped:
        raise InvalidError("adding all caps and removing all caps not allowed")
    for name in added:
        if name != "ALL" and name in dropped:
            raise InvalidError(f'capability "{name}" cannot be dropped and added')
    if "ALL" in dropped:
        chosen = set()
    elif "ALL" in added:
        chosen = _bounding_set()
    else:
        chosen = set(_normalise(defaults))
    if added:
        chosen |= {name for name in added if name != "ALL"} & _bounding_set()
    return sorted(chosen.difference(dropped))


def _normalise(names: Iterable[str]) -> list[str]:
    normal = []
    for name in names:
        upper = name.upper()
        if upper in ("ALL", "CAP_ALL"):
            normal.append("ALL")
            continue
        if not upper.startswith("CAP_"):
            upper = "CAP_" + upper
        if upper not in CAPABILITIES:
            raise InvalidError(f'"{upper}": unknown capability')
        normal.append(upper)
    return normal


def _bounding_set() -> set[str]:
    with open("/proc/self/status", "rb") as file:
        text = file.read().partition(b"CapBnd:")[2].split(None, 1)[0]
    bits = int(text, 16)
    return {name for number, name in enumerate(CAPABILITIES) if bits >> number & 1}


def check_paths(name: str, value: str, paths: Iterable[str]) -> None:
    """Refuse a path of `mask` or `unmask` that is empty or relative: it would hide or open nothing. Raises: InvalidError."""
    for path in paths:
        if not path.startswith("/"):
            fault = f'the path "{path}" is not absolute' if path else "a path is empty"
            raise InvalidError(
                f'invalid --security-opt "{name}={value}": {fault} (absolute paths are separated by `:` or `,`)'
            )


def check_patterns(value: str, patterns: Iterable[str]) -> None:
    """Refuse a pattern of `unmask` that can match nothing. Raises: InvalidError."""
    from libpod.pattern import is_pattern

    check_paths("unmask", value, [pattern for pattern in patterns if pattern != "ALL"])
    for pattern in patterns:
        if not is_pattern(pattern):
            raise InvalidError(f'invalid --security-opt "unmask={value}": syntax error in the pattern "{pattern}"')


def check_profile(path: str) -> None:
    """Refuse a seccomp profile that is not there or no document; what stands in it is judged at the start.

    path: `unconfined` is no profile. Raises: InvalidError.
    """
    from libpod import _core

    if path == "unconfined":
        return
    try:
        text = _core.read_file(host_path(path), _MAX_PROFILE_BYTES)
    except CorruptError as error:
        raise InvalidError(f"opening seccomp profile failed: open {error}") from None
    if text is None:
        raise InvalidError(
            f"opening seccomp profile failed: open {path}: no such file or directory", path=path, errno=ENOENT
        )
    try:
        _core.parse_json(text)
    except InvalidError as error:
        raise InvalidError(
            f"loading seccomp profile ({path}) failed: decoding seccomp profile failed: {error}"
        ) from None


def capability_sets(settings: ContainerSettings, uid: int) -> dict[str, list[str]]:
    """Return the five sets of a process: root holds all of the container's, another user those that were added by name."""
    bounding = settings.capabilities
    if uid == 0:
        return {"bounding": bounding, "effective": bounding, "permitted": bounding}
    if not settings.cap_add or settings.privileged:
        return {"bounding": bounding}
    added = choose_capabilities((), settings.cap_add, ())
    return {"bounding": bounding, "effective": added, "inheritable": added, "permitted": added, "ambient": added}


def hidden_paths(unmasks: Sequence[str]) -> tuple[list[str], list[str]]:
    """List the paths to hide in a container that is not privileged and those to make read-only, without the unmasked ones."""
    hidden = [*MASKED_PATHS, *_throttle_paths()], list(READONLY_PATHS)
    if not unmasks:
        return hidden
    if "ALL" in unmasks:
        return [], []
    from libpod.pattern import match_path

    masked, readonly = (
        [path for path in paths if not any(match_path(pattern, path) for pattern in unmasks)] for paths in hidden
    )
    return masked, readonly


def _throttle_paths() -> list[str]:
    """The directories of the host that tell how hot each processor is; virtual machines have none."""
    if not os.path.exists(f"{_PROCESSORS}/cpu0{_THROTTLE}"):
        return []
    names = [name for name in os.listdir(_PROCESSORS) if name.startswith("cpu") and name[3:].isdigit()]
    paths = [f"{_PROCESSORS}/{name}{_THROTTLE}" for name in sorted(names, key=lambda name: int(name[3:]))]
    return [path for path in paths if os.path.exists(path)]
