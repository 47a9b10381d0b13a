"""Time zones of the host, by the names that `--tz` and containers.conf have for them."""

from __future__ import annotations

import os

from libpod.arguments import host_path
from libpod.errors import InvalidError


def check_timezone(name: str) -> None:
    """Refuse what is no name of a time zone of the host. Raises: InvalidError in Podman's words."""
    if name in ("", "local"):
        return
    if name.startswith(("/", "\\")) or ".." in name or "\0" in name:
        # The rule of Go's time.LoadLocation: a name leads to no other file.
        reason = "time: invalid location name"
    elif os.path.isfile(zone_file(name)):
        return
    else:
        reason = "is a directory" if os.path.isdir(zone_file(name)) else f"unknown time zone {name}"
    raise InvalidError(f"running container create option: finding timezone: {reason}")


def zone_file(timezone: str) -> str:
    """Return the file of a time zone, on the host and in an image."""
    return os.path.realpath("/etc/localtime") if timezone == "local" else host_path(f"/usr/share/zoneinfo/{timezone}")
