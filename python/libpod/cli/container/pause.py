"""`podman pause`: freeze containers."""

from __future__ import annotations

from libpod.cli.container.freezing import command

COMMAND = command(
    "pause",
    status="running",
    short="Pause all the processes in one or more containers",
    long="Pauses one or more running containers.  The container name or ID can be used.",
    everything="Pause all running containers",
    examples=("podman pause mywebserver", "podman pause 860a4b23", "podman pause --all"),
)
