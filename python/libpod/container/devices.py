"""Device nodes of a container: `--device`, `--device-cgroup-rule`, and all of the host's for `--privileged`.

Start reading at `parse_device`.
"""

from __future__ import annotations

import os
import stat

from libpod import quantity
from libpod.arguments import host_path
from libpod.errors import InvalidError
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_MODES = frozenset("rwm")
#: Directories of /dev that are the container's own.
_SKIPPED_DIRECTORIES = frozenset(("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"))


class Device(Record):
    """A device of the host, where it appears in the container ("": in the same place), and what the device cgroup allows (`rwm`)."""

    source: str
    path: str = ""
    access: str = "rwm"

    def to_document(self) -> list[str]:
        """Return the device as plain data for container.json."""
        return [self.source, self.path, self.access]

    @classmethod
    def from_document(cls, document: list[str]) -> Device:
        """Read what `to_document` wrote."""
        if len(document) != 3:
            raise ValueError(f"`devices` holds {document}, which is no device")
        return cls(*document)


class DeviceRule(Record):
    """A rule of the device cgroup that allows more. type: `c`, `b` or `a`. major, minor: None for all numbers. access: of `rwm`."""

    type: str
    major: int | None = None
    minor: int | None = None
    access: str = "rwm"

    def to_oci(self) -> dict[str, Any]:
        """Return the rule as an entry of `linux.resources.devices` of the runtime spec. Raises: InvalidError if it is none."""
        if self.type not in ("a", "b", "c"):
            raise InvalidError(f"invalid device type in device-access-add: {self.type}")
        if not _is_access(self.access):
            raise InvalidError(f"invalid device access in device-access-add: {self.access}")
        numbers = {
            name: number for name, number in (("major", self.major), ("minor", self.minor)) if number is not None
        }
        for name, number in numbers.items():
            if not 0 <= number < 1 << 32:
                raise InvalidError(f"invalid device {name} number: {number}")
        return {"allow": True, "type": self.type, **numbers, "access": self.access}


def parse_device(text: str) -> Device:
    """Parse `--device SOURCE[:PATH][:ACCESS]`.

    Raises: InvalidError if it has another form, or an access that is not made of `r`, `w` and `m`.
    """
    parts = text.split(":")
    source, path, access = parts[0], parts[0], "rwm"
    if not source or len(parts) > 3:
        raise InvalidError(f"invalid device specification: {text}")
    if len(parts) > 1:
        if parts[1].startswith("/"):
            path = parts[1]
        elif not parts[1]:
            path = source
        elif len(parts) == 2 and _is_access(parts[1]):
            access = parts[1]
        else:
            raise InvalidError(f"invalid device mode: {parts[1]}")
    if len(parts) == 3:
        if not _is_access(parts[2]):
            raise InvalidError(f"invalid device mode: {parts[2]}")
        access = parts[2]
    return Device(source, path if path.startswith("/") else "", access)


def checked_device(device: Device) -> Device:
    """Return a device with absolute paths. Raises: InvalidError if the host has no such device, or for a malformed access."""
    source, place = device.source, device.path or host_path(device.source)
    if not source:
        raise InvalidError("invalid device specification: no device is named")
    if not place.startswith("/"):
        raise InvalidError(f"invalid device specification: {place} is not absolute")
    if not _is_access(device.access):
        raise InvalidError(f"invalid device mode: {device.access}")
    try:
        found = os.stat(host_path(source))
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InvalidError(f"stat {source}: {reason}", path=source, errno=error.errno) from None
    if stat.S_ISDIR(found.st_mode):
        if not any(True for _ in _nodes(source)):
            raise InvalidError(f"no devices found in {source}: invalid argument")
    elif not stat.S_ISCHR(found.st_mode) and not stat.S_ISBLK(found.st_mode):
        raise InvalidError(f"{source} is not a device node: invalid argument")
    return Device(host_path(source), place, device.access)


def _is_access(text: str) -> bool:
    return bool(text) and _MODES.issuperset(text)


def parse_cgroup_rule(text: str) -> DeviceRule:
    """Parse `--device-cgroup-rule "c 1:3 rwm"`; `c 1 rwm` is for every minor number.

    Raises: InvalidError in Podman's words.
    """
    parts = text.split(" ", 2)
    problem = f'invalid device cgroup rule requires type, major:Minor, and access rules: "{text}"'
    if len(parts) != 3:
        raise InvalidError(problem)
    kind, numbers, access = parts
    if kind not in ("a", "b", "c"):
        raise InvalidError(f"invalid device type in device-access-add: {kind}")
    rule = DeviceRule(kind, access=access)
    major, colon, minor = numbers.partition(":")
    for name, number in (("major", major), ("minor", minor if colon else "*")):
        if number == "*":
            continue
        setattr(rule, name, quantity.parse_integer(number, signed=False, bits=32))
    if not _is_access(access):
        raise InvalidError(f"invalid device access in device-access-add: {access}")
    return rule


def expand_devices(devices: list[Device]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Turn the settings' devices into OCI nodes and the rules that allow them; a directory stands for all nodes below.

    Raises: OSError where a device is gone since the container was created.
    """
    nodes, rules = [], []
    for device in devices:
        members = [(device.source, device.path)]
        if os.path.isdir(device.source):
            members = [(member, device.path + member.removeprefix(device.source)) for member in _nodes(device.source)]
        for member, inside in members:
            node = _node(inside, os.stat(member))
            nodes.append(node)
            rules.append(
                {
                    "allow": True,
                    "type": node["type"],
                    "major": node["major"],
                    "minor": node["minor"],
                    "access": device.access,
                }
            )
    return nodes, rules


def host_devices() -> list[dict[str, Any]]:
    """All device nodes of the host, for a privileged container."""
    return [_node(path, os.lstat(path)) for path in _nodes("/dev")]


def _nodes(top: str) -> Iterator[str]:
    for entry in sorted(os.scandir(top), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED_DIRECTORIES:
                yield from _nodes(entry.path)
        elif entry.name not in ("console", "ptmx") and not entry.is_symlink():
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                yield entry.path


def _node(path: str, found: os.stat_result) -> dict[str, Any]:
    return {
        "path": path,
        "type": "b" if stat.S_ISBLK(found.st_mode) else "c",
        "major": os.major(found.st_rdev),
        "minor": os.minor(found.st_rdev),
        "fileMode": found.st_mode & 0o7777,
        "uid": found.st_uid,
        "gid": found.st_gid,
    }
