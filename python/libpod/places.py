"""Every path of libpod's own below the graph root and the run root, spelled once. Values: nothing is made or read here.

What containers/storage lays out (`overlay/`, `overlay-images/`, the records) is the store's; here are the directories beside it.
"""

from __future__ import annotations


class Places:
    """The paths of one pair of roots. graphroot: for good. runroot: for this boot, on a file system that a reboot empties."""

    __slots__ = ("graphroot", "runroot")

    def __init__(self, graphroot: str, runroot: str) -> None:
        self.graphroot = graphroot
        self.runroot = runroot

    def container(self, container_id: str) -> str:
        """Return what a container keeps for good: settings, specification, log, exit record."""
        return f"{self.graphroot}/overlay-containers/{container_id}/userdata"

    def boot(self, container_id: str) -> str:
        """Return what is written anew at each start: hosts, hostname, resolv.conf."""
        return f"{self.runroot}/overlay-containers/{container_id}/userdata"

    def run(self, container_id: str) -> str:
        """Return the directory of a container's monitor: pid.json, sockets, exec sessions."""
        return f"{self.runroot}/libpod/{container_id}"

    def merged(self, layer_id: str) -> str:
        """Return the mount point of a layer."""
        return f"{self.graphroot}/overlay/{layer_id}/merged"

    @property
    def volumes(self) -> str:
        """The directory of the volumes, one below it each."""
        return f"{self.graphroot}/volumes"

    @property
    def leases(self) -> str:
        """The directory of the addresses that are leased, one below it for each network."""
        return f"{self.runroot}/libpod/networks"

    @property
    def seccomp_cache(self) -> str:
        """The directory of compiled seccomp filters."""
        return f"{self.runroot}/libpod/seccomp"
