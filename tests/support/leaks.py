"""What tests may leave behind on a host, listed with ids, so that before and after can be compared.

Every line names one thing that cannot come back under the same name: a mount by its id, a process by its number and start
time, a link by its index. Start with `snapshot`; `in_store` looks at one store instead of the host.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

#: Programs that outlive the command that started them.
_PROGRAMS = (b"libpod-runtime", b"podman-init", b"conmon", b"catatonit")
#: Parents that stay: of all containers, of Podman's monitors, of tests without an engine.
_LASTING = ("libpod_parent", "conmon", "libpod-tests")
_LINKS = re.compile(r"veth|podman|cni|br-")
_LEASE = re.compile(r"[0-9.]+|[0-9a-f:]+:[0-9a-f:]+")


def mounts() -> set[str]:
    """The mounts that this process sees."""
    lines = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return {f"mount {words[0]} at {words[4]}" for words in lines}


def processes() -> set[str]:
    """The processes that containers need beside them."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            stat = (path.parent / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if words and words[0].rpartition(b"/")[2] in _PROGRAMS and stat[0] not in ("Z", "X"):
            command = b" ".join(words).decode(errors="replace").strip()
            found.add(f"process {path.parent.name} since {stat[19]}: {command}")
    return found


def cgroups() -> set[str]:
    """All cgroups but those that an engine makes once and leaves."""
    # os.walk and not a glob: directories vanish while it looks, and a glob then leaves its iterator open.
    tree = os.walk("/sys/fs/cgroup")
    return {f"cgroup {parent}/{name}" for parent, names, _ in tree for name in names if name not in _LASTING}


def links() -> set[str]:
    """Interfaces as container engines make them, in this network namespace, but the bridge that an engine makes once and leaves."""
    found = set()
    for path in Path("/sys/class/net").iterdir():
        if _LINKS.match(path.name) and path.name != "podman0":
            try:
                found.add(f"link {(path / 'ifindex').read_text().strip()}: {path.name}")
            except OSError:
                continue
    return found


def namespaces() -> set[str]:
    """Network namespaces that have names."""
    found = set()
    for directory in ("/run/netns", "/var/run/netns"):
        if os.path.isdir(directory):
            found |= {f"network namespace {name}" for name in os.listdir(directory)}
    return found


def rules() -> set[str]:
    """Published ports in libpod's table, and what Podman left in its chains."""
    if os.geteuid() != 0 or shutil.which("nft") is None:
        return set()
    done = subprocess.run(["nft", "-j", "list", "table", "inet", "libpod"], capture_output=True, check=False)
    if done.returncode != 0:
        return set()
    found = set()
    for item in json.loads(done.stdout)["nftables"]:
        for element in item.get("map", {}).get("elem", ()):
            found.add(f"published port {json.dumps(element)}")
    return found


def loop_devices() -> set[str]:
    """Loop devices that have a file."""
    found = set()
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            found.add(f"loop device {path.parent.parent.name} of {path.read_text().strip()}")
        except OSError:
            continue
    return found


def snapshot() -> set[str]:
    """Everything of these kinds that is on the host now."""
    return mounts() | processes() | cgroups() | links() | namespaces() | rules() | loop_devices()


def in_store(root: Path, runroot: Path) -> set[str]:
    """What a store holds for containers although it has none: directories, staged layers, leases, notes of changes.

    Image layers are no leak: tests leave images, and remove their stores.
    """
    if not (root / "overlay-containers" / "containers.json").exists():
        return set()
    containers = json.loads((root / "overlay-containers" / "containers.json").read_bytes() or b"[]")
    assert not containers, f"the store still has {len(containers)} containers"
    layers = {layer["id"] for layer in _table(root / "overlay-layers" / "layers.json")}
    layers |= {layer["id"] for layer in _table(root / "overlay-layers" / "volatile-layers.json")}
    known = layers | {"l", "staging", "tempdirs", ".has-mount-program"}
    found = {f"{path}" for path in _entries(root / "overlay") if path.name not in known}
    found |= {f"{path}" for path in _entries(root / "overlay" / "staging")}
    found |= {f"{path}" for path in _entries(root / "overlay-containers") if path.is_dir()}
    found |= {f"{path}" for path in _entries(root / "libpod" / "pending")}
    found |= {f"{path}" for path in _entries(runroot / "overlay-containers")}
    found |= {f"{path}" for path in _entries(runroot / "libpod") if re.fullmatch(r"[0-9a-f]{64}", path.name)}
    found |= {f"{path}" for pattern in ("*.tmp", ".tmp-*") for path in root.rglob(pattern)} if root.exists() else set()
    for network in _entries(runroot / "libpod" / "networks"):
        found |= {f"lease {path}" for path in _entries(network) if _LEASE.fullmatch(path.name) and _lives(path)}
    return found


def _lives(lease: Path) -> bool:
    """Whether a lease's process still has it: one that was given back goes with the next attach."""
    return os.readlink(lease).split(" ")[1] != "0"


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _table(path: Path) -> list[dict[str, str]]:
    try:
        found: list[dict[str, str]] = json.loads(path.read_bytes() or b"[]")
    except FileNotFoundError:
        return []
    return found
