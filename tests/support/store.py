"""Small images made by hand, so that tests of the store need neither a registry nor the copy pipeline."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from libpod import _core
from libpod.store import StagedLayer, Store, layer_id

BUSYBOX = Path("/bin/busybox")


def tar_of(files: dict[str, bytes], *, mode: int = 0o644) -> bytes:
    """A layer's tar of regular files; a name that ends in `/` is a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.rstrip("/"))
            member.mode, member.size = mode, len(content)
            if name.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def busybox_layers() -> list[bytes]:
    """Two layers that make a system which runs: busybox, and a file over it."""
    base = tar_of({"bin/": b"", "bin/busybox": BUSYBOX.read_bytes(), "etc/": b"", "gone": b"x"}, mode=0o755)
    return [base, tar_of({"etc/hello": b"hello from the store\n", ".wh.gone": b""})]


def sha256(data: bytes) -> str:
    """The digest of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layers_size(store: Store, layer: str) -> int:
    """Sum of the uncompressed sizes of an image's layers from the uppermost one down, each of which must be there."""
    record = store.layer(layer)
    below = layers_size(store, record["parent"]) if record["parent"] else 0
    return int(record["diff-size"]) + below


def add_image(store: Store, name: str, layers: list[bytes]) -> dict[str, Any]:
    """Stage and publish an OCI image of these layers under one name, as the copy pipeline does."""
    staged: list[tuple[StagedLayer, str, str | None]] = []
    parent: str | None = None
    diff_ids, descriptors = [], []
    for blob in layers:
        layer = store.stage_layer(_core.bytes_blob(blob))
        layer_name = layer_id(parent, layer.diff_id)
        staged.append((layer, layer_name, parent))
        parent = layer_name
        diff_ids.append(layer.diff_id)
        media_type = "application/vnd.oci.image.layer.v1.tar"
        descriptors.append({"mediaType": media_type, "digest": layer.digest, "size": layer.size})
    created = "2024-01-02T03:04:05Z"
    config = {
        "architecture": "amd64",
        "config": {"Cmd": ["/bin/busybox", "cat", "/etc/hello"]},
        "created": created,
        "history": [{"created": created} for _ in layers],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    raw = json.dumps(config).encode()
    config_digest = sha256(raw)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config_digest,
            "size": len(raw),
        },
        "layers": descriptors,
    }
    raw_manifest = json.dumps(manifest).encode()
    digest = sha256(raw_manifest)
    data = {config_digest: raw, f"manifest-{digest}": raw_manifest, "manifest": raw_manifest}
    return store.create_image(
        config_digest.removeprefix("sha256:"),
        names=[name],
        layer=parent,
        digest=digest,
        created=created,
        metadata="",
        data=data,
        layers=staged,
    )
