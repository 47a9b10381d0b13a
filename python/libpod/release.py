"""The release of Podman whose commands, output and documents libpod follows, see docs/compatibility.md."""

from __future__ import annotations

#: What `podman version` says, and what a privileged container reads in /run/.containerenv. Programs compare it.
PODMAN_VERSION = "5.4.2"
