"""Files of networks as Podman writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ID = "470bed3479347149ceaf7168e7e2fc7ba05dc1100ab5c00f1bdfdd07da8a0cf8"


def write(directory: Path, name: str, **changes: Any) -> None:
    """Write the file of a bridge network."""
    document = {
        "name": name,
        "id": ID,
        "driver": "bridge",
        "network_interface": "podman9",
        "created": "2026-11-24T14:38:05.929726021Z",
        "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": True,
        "ipam_options": {"driver": "host-local"},
    } | changes
    (directory / f"{name}.json").write_text(json.dumps(document))
