"""Images made in memory, whole or wrong in one place, and the same small image made by real tools."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from libpod.digest import Digest
from tests.support.cli import Cli


def digest(data: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of bytes."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")


def tar(*members: tuple[str, bytes | str]) -> bytes:
    """A tar of files (bytes), directories (a name ending in `/`) and symlinks (a text that is the target)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mode = 0o644
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def config(*layers: bytes, **changes: Any) -> bytes:
    """The config of an image of these layers."""
    value = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "config": {"Cmd": ["/bin/sh"], "Labels": {"made": "by-test"}},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": [{"created_by": f"layer {place}"} for place, _ in enumerate(layers)],
    }
    return json.dumps(value | changes).encode()


def docker_archive(
    *layers: bytes, names: tuple[str, ...] = ("localhost/made:1",), image_config: bytes | None = None, **changes: Any
) -> bytes:
    """A docker-archive; changes replace members of its `manifest.json` item (None takes one away)."""
    text = image_config if image_config is not None else config(*layers)
    item = {
        "Config": "config.json",
        "RepoTags": list(names),
        "Layers": [f"layer{place}.tar" for place, _ in enumerate(layers)],
    }
    item = {name: value for name, value in (item | changes).items() if value is not None}
    members: list[tuple[str, bytes | str]] = [(f"layer{place}.tar", layer) for place, layer in enumerate(layers)]
    members += [("config.json", text), ("manifest.json", json.dumps([item]).encode())]
    return tar(*members)


def oci_layout(*layers: bytes, name: str = "localhost/made:1", **changes: bytes) -> dict[str, bytes]:
    """The files of an OCI layout; changes replace `config`, `manifest`, `index` after they were made."""
    text = changes.get("config", config(*layers))
    descriptors = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(layer), "size": len(layer)}
        for layer in layers
    ]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest(text),
                "size": len(text),
            },
            "layers": descriptors,
        }
    ).encode()
    manifest = changes.get("manifest", manifest)
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest(manifest),
        "size": len(manifest),
        "annotations": {"org.opencontainers.image.ref.name": name},
    }
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    files = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": changes.get("index", index),
        f"blobs/sha256/{digest(text)[7:]}": text,
        f"blobs/sha256/{digest(manifest)[7:]}": manifest,
    }
    return files | {f"blobs/sha256/{digest(layer)[7:]}": layer for layer in layers}


def write_layout(directory: Path, files: dict[str, bytes]) -> Path:
    """Write the files of a layout below a directory."""
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return directory


#: A shell script that turns the root directory `$1` into something with every kind of file that an image may hold.
FILL = """
set -e
cd "$1"; umask 022
mkdir -p bin etc usr/lib/deep/er tmp var/empty gone/inside replaced
cp /usr/bin/busybox bin/busybox; chmod 4755 bin/busybox
for name in sh true cat sleep echo; do ln -s busybox bin/$name; done
ln -s usr/lib lib
echo root:x:0:0:root:/root:/bin/sh > etc/passwd
echo one > usr/lib/deep/er/file; ln usr/lib/deep/er/file usr/lib/deep/link; ln usr/lib/deep/er/file etc/hard
chmod 1777 tmp; chmod 0500 var/empty
mkfifo var/fifo; mknod var/null c 1 3; mknod var/disk b 8 1; chmod 640 var/disk
touch gone/a gone/inside/b replaced/c 'etc/with space' "etc/$(printf 'caf\\303\\251')"
head -c 70000 /dev/zero > var/zeros; : > var/nothing
chown 1000:1001 etc/passwd; chown -h 7:8 lib
setfattr -n user.colour -v blue etc/hard
setcap cap_net_raw=ep bin/busybox
touch -d '2001-02-03 04:05:06.789012345' etc/hard usr/lib
"""

#: A second layer on it: a deleted directory, a replaced one, many files, a changed attribute.
CHANGE = """
set -e
cd "$1"; umask 022
rm -rf gone replaced; echo now a file > replaced
rm etc/hard; mkdir etc/hard; touch etc/hard/x
mkdir many; for number in $(seq 300); do echo $number > many/$number; done
rm usr/lib/deep/link; chmod 0700 usr/lib/deep; touch lib/through
"""


def buildah(podman: Cli, *words: str) -> str:
    """Run Buildah on the store of another program."""
    where = ["--root", str(podman.root), "--runroot", str(podman.runroot)]
    done = subprocess.run(["buildah", *where, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(podman: Cli, base: str, script: str, result: str, look: Callable[[Path], None] = lambda _: None) -> None:
    """Change an image with a shell script, whose `$1` is the mounted root, and commit what changed as one layer.

    `look` sees the mounted root as the script left it.
    """
    container = buildah(podman, "from", "--pull-never", base)
    root = Path(buildah(podman, "mount", container))
    subprocess.run(["sh", "-c", script, "-", root], check=True, timeout=60)
    look(root)
    buildah(podman, "config", "--cmd", "/bin/sh", "--env", "PATH=/bin", "--label", "kind=<test>&", container)
    buildah(podman, "commit", "-q", container, result)
    buildah(podman, "rm", container)


def build(podman: Cli, name: str = "localhost/built:1") -> None:
    """Make an image of two layers in a store with Buildah."""
    commit(podman, "scratch", FILL, "localhost/base:1")
    commit(podman, "localhost/base:1", CHANGE, name)
