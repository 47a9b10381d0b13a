"""An image whose parts go by digests of chosen algorithms, and a registry that takes content by any digest.

Debian's docker-registry knows content by sha256 alone.
"""

from __future__ import annotations

import gzip
import json
from urllib.parse import parse_qs, urlsplit

from libpod.digest import Digest
from tests.support.hostile import Handler, Request
from tests.support.images import config, digest, tar

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Mixed:
    """An image of two layers, gzip, in memory; each argument says the algorithm by which such parts are named."""

    def __init__(
        self, manifest: str = "sha256", config: str = "sha256", layers: str = "sha256", diff_ids: str = "sha256"
    ) -> None:
        # The algorithms are in the content, so that no two images share a layer.
        mark = f"{manifest} {config} {layers} {diff_ids}".encode()
        tars = [tar(("one", mark)), tar(("two", mark))]
        self.config = _config(tars, diff_ids)
        self.layers = [gzip.compress(data, mtime=0) for data in tars]
        self.config_digest = digest(self.config, config)
        self.layer_digests = [digest(data, layers) for data in self.layers]
        self.manifest = _manifest(self)
        self.digest = digest(self.manifest, manifest)

    @property
    def blobs(self) -> dict[Digest, bytes]:
        """Config and layers."""
        return {self.config_digest: self.config, **dict(zip(self.layer_digests, self.layers, strict=True))}

    def layout(self, name: str = "made:1") -> dict[str, bytes]:
        """The files of an OCI layout that holds the image."""
        entry = {"mediaType": MANIFEST, "digest": self.digest, "size": len(self.manifest)}
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
        files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        blobs = {**self.blobs, self.digest: self.manifest}
        return files | {f"blobs/{name.replace(':', '/')}": data for name, data in blobs.items()}


def _config(tars: list[bytes], algorithm: str) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [digest(data, algorithm) for data in tars]}
    return config(*tars, rootfs=rootfs)


def _manifest(image: Mixed) -> bytes:
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": image.config_digest}
    layers = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": name, "size": len(data)}
        for name, data in zip(image.layer_digests, image.layers, strict=True)
    ]
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {**described, "size": len(image.config)}}
    return json.dumps({**value, "layers": layers}).encode()


class AnyDigest:
    """A registry of one repository: what is put under a digest of any algorithm is found under it, and under its tag."""

    def __init__(self, *images: Mixed) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[bytes, str]] = {}
        self._uploads: dict[str, bytes] = {}
        for number, image in enumerate(images, 1):
            self.blobs.update(image.blobs)
            self.manifests[f"{number}"] = self.manifests[image.digest] = (image.manifest, MANIFEST)

    def __call__(self, request: Request, answer: Handler) -> None:
        place = urlsplit(request.path)
        parts = place.path.split("/")
        if "uploads" in parts:
            self._upload(request, answer, parts[-1], parse_qs(place.query).get("digest", [""])[0])
        elif parts[-2] == "manifests":
            self._manifest(request, answer, parts[-1])
        elif parts[-1] in self.blobs:
            answer.send(200, self.blobs[parts[-1]])
        else:
            answer.send(404)

    def _manifest(self, request: Request, answer: Handler, name: str) -> None:
        if request.method == "PUT":
            if ":" in name and not Digest(name).names(request.body):
                answer.send(400, b"{}")
                return
            self.manifests[name] = (request.body, request.headers["content-type"])
            answer.send(201)
        elif name in self.manifests:
            data, media_type = self.manifests[name]
            answer.send(200, data, Content_Type=media_type)
        else:
            answer.send(404)

    def _upload(self, request: Request, answer: Handler, name: str, wanted: str) -> None:
        if request.method == "POST":
            name = f"u{len(self._uploads)}"
            self._uploads[name] = b""
            answer.send(202, Location=f"/v2/a/blobs/uploads/{name}")
        elif request.method == "PATCH":
            self._uploads[name] += request.body
            answer.send(202, Location=f"/v2/a/blobs/uploads/{name}")
        elif request.method == "PUT" and Digest(wanted).names(self._uploads[name] + request.body):
            self.blobs[wanted] = self._uploads[name] + request.body
            answer.send(201, Location=f"/v2/a/blobs/{wanted}")
        else:
            answer.send(400, b"{}")
