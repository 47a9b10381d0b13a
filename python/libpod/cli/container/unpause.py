"""`podman unpause`: let paused containers go on."""

from __future__ import annotations

from libpod.cli.container.freezing import command

COMMAND = command(
    "unpause",
    status="paused",
    short="Unpause the processes in one or more containers",
    long="Unpauses one or more previously paused containers.  The container name or ID can be used.",
    everything="Unpause all paused containers",
    examples=("podman unpause ctrID", "podman unpause --all"),
)
