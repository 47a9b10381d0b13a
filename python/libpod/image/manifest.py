"""Manifests, indexes and image configs: from raw bytes to checked values, and back to the bytes Podman would write.

`parse_manifest` is the way in: it takes the raw document and answers a `Manifest` or an `Index`, which keep the raw
bytes, because a digest is over those and never over a re-encoding. `parse_config` does the same for an image config.
A document larger than 4 MiB, one that carries the members of two types, a malformed digest or a negative size is
refused; a digest that does not match is the caller's to find (`Digest.check`). Docker schema 1 is not supported.

The types of all members are judged by the extension (`rust/image`), in the way of the Go programs that share the store.
`value` of a config is the document as those understand it: a member's name in another case is that member, times are
written in one form.
"""

from __future__ import annotations

from libpod import _core
from libpod.digest import Digest
from libpod.document import go_json
from libpod.errors import CorruptError, InvalidError, LibpodError, NotFoundError, UnsupportedError
from libpod.image.descriptor import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"

#: What a registry is asked for, in the order of preference of the field's tools.
ACCEPTED = (OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST)

#: Manifests, configs and signatures larger than this are refused; Docker, containers/image and registries agree on it.
DOCUMENT_LIMIT = 4 << 20

#: Overlay takes at most 500 lower directories, so an image of more layers could never be mounted.
LAYER_LIMIT = 500

#: How an uncompressed layer type says its compression, by the field's two families.
_DOCKER_SUFFIXES = {"none": "", "gzip": ".gzip"}
_OCI_SUFFIXES = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}

#: Variants of an architecture that a newer one runs, best first.
_VARIANTS = {"arm": ("v8", "v7", "v6", "v5"), "arm64": ("v8",)}

_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i686": "386",
    "i386": "386",
    "riscv64": "riscv64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "loongarch64": "loong64",
    "mips64": "mips64le",
}


class Platform:
    """What an image must run on. An empty variant takes any of the architecture, plain ones first."""

    __slots__ = ("architecture", "os", "variant")

    def __init__(self, os: str = "", architecture: str = "", variant: str = "") -> None:
        self.os = os or "linux"
        self.architecture = architecture
        self.variant = variant
        if not architecture:
            self.architecture, self.variant = host_architecture(variant)

    def wanted_variants(self) -> list[str]:
        """List the acceptable variants, best first."""
        known = _VARIANTS.get(self.architecture, ())
        if not self.variant:
            return ["", *known]
        if self.variant in known:
            return [*known[known.index(self.variant) :], ""]
        return [self.variant]


def host_architecture(variant: str = "") -> tuple[str, str]:
    """Return this machine's architecture and variant in the field's names."""
    from os import uname

    machine = uname().machine
    architecture = _MACHINES.get(machine, machine)
    if not variant and architecture == "arm":
        variant = "v6" if machine.startswith("armv6") else "v7"
    return architecture, variant


class Manifest:
    """One image: the raw bytes, their sha256 and media type, the config and the layers (base first)."""

    __slots__ = ("annotations", "config", "digest", "layers", "media_type", "raw")

    def __init__(self, raw: bytes, media_type: str, value: Mapping[str, Any]) -> None:
        self.raw = raw
        self.media_type = media_type
        self.digest = Digest.of(raw)
        self.config = parse_descriptor(value.get("config"), "config")
        layers = value.get("layers") or []
        if len(layers) > LAYER_LIMIT:
            raise InvalidError(f"the manifest lists {len(layers)} layers, more than the limit of {LAYER_LIMIT}")
        self.layers = [parse_descriptor(layer, f"layers[{place}]") for place, layer in enumerate(layers)]
        self.annotations: dict[str, str] = value.get("annotations") or {}

    @property
    def is_oci(self) -> bool:
        """Say whether the document is of the OCI family, as against Docker's."""
        return self.media_type == OCI_MANIFEST


class Index:
    """A list of manifests for several platforms: the raw bytes, their sha256 and media type, and the members."""

    __slots__ = ("annotations", "digest", "media_type", "members", "raw")

    def __init__(self, raw: bytes, media_type: str, value: Mapping[str, Any]) -> None:
        self.raw = raw
        self.media_type = media_type
        self.digest = Digest.of(raw)
        members = value.get("manifests") or []
        self.members = [parse_descriptor(member, f"manifests[{place}]") for place, member in enumerate(members)]
        self.annotations: dict[str, str] = value.get("annotations") or {}

    def choose(self, platform: Platform) -> Descriptor:
        """Pick the member for `platform`: variants in order of preference, then the first in the list.

        Raises: NotFoundError where no member fits.
        """
        for variant in platform.wanted_variants():
            for member in self.members:
                offered = member.platform or {}
                if (
                    offered.get("os", "") == platform.os
                    and offered.get("architecture", "") == platform.architecture
                    and (offered.get("variant") or "") == variant
                ):
                    return member
        raise NotFoundError(
            f'no image found in manifest list for architecture {platform.architecture}, variant "{platform.variant}", '
            f"OS {platform.os}"
        )


class ImageConfig:
    """An image's config document: `value` is all of it, `config` the part about running a container.

    digest: of the raw bytes; the hex of a sha256 is the image id. diff_ids: digests of the uncompressed layers, base first.
    history: entries oldest first, each with `empty_layer` where it brought no layer.
    """

    __slots__ = ("diff_ids", "digest", "raw", "value")

    def __init__(self, raw: bytes, value: dict[str, Any], diff_ids: list[Digest], digest: Digest) -> None:
        self.raw = raw
        self.value = value
        self.digest = digest
        self.diff_ids = diff_ids

    @property
    def config(self) -> dict[str, Any]:
        """Return the defaults for a container: Env, Cmd, Entrypoint, User, WorkingDir, Labels and so on."""
        return self.value.get("config") or {}

    @property
    def history(self) -> list[dict[str, Any]]:
        """Return the history, oldest first."""
        return list(self.value.get("history") or ())

    @property
    def created(self) -> str | None:
        """Return the creation time as the document says it (RFC 3339)."""
        return self.value.get("created") or None


def parse_manifest(raw: bytes, claimed: str = "") -> Manifest | Index:
    """Parse a manifest or an index from its raw bytes.

    claimed: the media type that the transport gave, "" if none; the document must be of it.
    Raises: InvalidError (size, JSON, members of two types, fields), UnsupportedError (schema 1, an unknown type).
    """
    value = _core.read_document(raw, "manifest")
    media_type = detect_type(value, claimed)
    if media_type in (DOCKER_MANIFEST, OCI_MANIFEST):
        return Manifest(raw, media_type, value)
    return Index(raw, media_type, value)


def detect_type(value: Mapping[str, Any], claimed: str = "") -> str:
    """Name the media type of a parsed document and refuse one that could be read as two.

    Raises: InvalidError (members of two types, or a type that contradicts them), UnsupportedError.
    Source: OCI image-spec manifest.md, "mediaType"; CVE-2021-41190 for why both readings must not exist.
    """
    is_image = "config" in value or "layers" in value
    is_index = "manifests" in value
    is_schema1 = "fsLayers" in value or ("history" in value and not is_image)
    if is_image + is_index + is_schema1 > 1:
        raise InvalidError("rejecting ambiguous manifest: it has members of more than one type")
    version = value.get("schemaVersion")
    if version == 1 or is_schema1:
        raise UnsupportedError("Docker manifest schema 1 is not supported", hint="convert the image to schema 2 or OCI")
    if version != 2:
        raise InvalidError(f"unsupported manifest schemaVersion {version!r}")
    if not is_image and not is_index:
        raise InvalidError("the document is neither an image manifest nor an index")
    kinds = (DOCKER_MANIFEST, OCI_MANIFEST) if is_image else (DOCKER_LIST, OCI_INDEX)
    stated = value.get("mediaType") or ""
    if stated and stated not in kinds:
        raise _wrong_type(stated)
    if claimed and claimed not in kinds:
        raise InvalidError(f"the manifest was said to be of type {claimed!r}, and its members are not")
    if stated and claimed and stated != claimed:
        raise InvalidError(f"the manifest was said to be of type {claimed!r}, and says itself that it is {stated!r}")
    # OCI documents may leave `mediaType` out, Docker's may not.
    return str(stated or claimed or kinds[1])


def _wrong_type(stated: object) -> Exception:
    if stated in (DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX):
        return InvalidError(f"rejecting ambiguous manifest: its members do not belong to its media type {stated}")
    return UnsupportedError(f"unsupported manifest media type {stated!r}")


def parse_config(raw: bytes, digest: Digest | None = None) -> ImageConfig:
    """Parse an image config from its raw bytes; what the types of Podman refuse is refused.

    digest: what names it, proven by the caller; its sha256 without.
    Raises: InvalidError naming the member.
    """
    value = _core.read_document(raw, "config")
    texts = (value.get("rootfs") or {}).get("diff_ids") or ()
    diff_ids = [_digest(text, f"rootfs.diff_ids[{place}]") for place, text in enumerate(texts)]
    return ImageConfig(raw, value, diff_ids, digest or Digest.of(raw))


def parse_descriptor(value: dict[str, Any] | None, name: str) -> Descriptor:
    """Return a descriptor of a document that was read by its types.

    Raises: InvalidError naming the member.
    """
    if value is None:
        raise InvalidError(f"{name} is missing")
    digest = _digest(value.get("digest"), f"{name}.digest")
    size = value.get("size")
    if size is None:
        raise InvalidError(f"{name}.size is missing")
    if size < 0:
        raise InvalidError(f"{name}.size is negative: {size}")
    return Descriptor(
        value.get("mediaType") or "",
        digest,
        size,
        annotations=value.get("annotations"),
        platform=value.get("platform"),
        urls=value.get("urls") or (),
    )


def _digest(text: str | None, name: str) -> Digest:
    """Parse the digest that a member holds. Raises: InvalidError, UnsupportedError, naming the member."""
    if text is None:
        raise InvalidError(f"{name} is not a digest")
    try:
        return Digest(text)
    except LibpodError as error:
        raise error.prefixed(f"{name}: ") from None


def check_content(data: bytes, descriptor: Descriptor, what: str) -> None:
    """Raise CorruptError unless `data` has the digest and the size of the descriptor."""
    descriptor.digest.check(data, what)
    if len(data) != descriptor.size:
        raise CorruptError(f"{what} {descriptor.digest} has {len(data)} bytes, not {descriptor.size}")


# Writing ------------------------------------------------------------------------------------------------------------


def layer_type(family: str, compression: str = "none") -> str:
    """Name the media type of a layer in the family of `family` (a manifest's media type), by its compression."""
    if family == OCI_MANIFEST:
        return OCI_LAYER + _OCI_SUFFIXES[compression]
    if compression not in _DOCKER_SUFFIXES:
        raise UnsupportedError(f"Docker manifests know no layers compressed with {compression}")
    return DOCKER_LAYER + _DOCKER_SUFFIXES[compression]


def build_manifest(
    media_type: str, config: Descriptor, layers: Iterable[Descriptor], annotations: Mapping[str, str] | None = None
) -> bytes:
    """Write a manifest of `media_type`, members in the order that the field's tools write them."""
    if media_type == OCI_MANIFEST:
        value: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.to_json()}
        value["layers"] = [layer.to_json() for layer in layers]
        if annotations:
            value["annotations"] = {name: annotations[name] for name in sorted(annotations)}
        return go_json(value)
    layers_json = [_docker_descriptor(layer) for layer in layers]
    value = {"schemaVersion": 2, "mediaType": media_type, "config": _docker_descriptor(config), "layers": layers_json}
    return go_json(value)


def _docker_descriptor(descriptor: Descriptor) -> dict[str, Any]:
    value: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "size": descriptor.size,
        "digest": descriptor.digest,
    }
    if descriptor.urls:
        value["urls"] = list(descriptor.urls)
    return value


#: Members of an OCI config and of its parts, in the order of the specification's Go types.
_OCI_MEMBERS = (
    "created", "author", "architecture", "variant", "os", "os.version", "os.features", "config", "rootfs", "history",
)  # fmt: skip
_OCI_CONFIG_MEMBERS = (
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal",
)  # fmt: skip
_OCI_HISTORY_MEMBERS = ("created", "created_by", "author", "comment", "empty_layer")
_ALWAYS = ("architecture", "os", "config", "rootfs")


def to_oci_config(config: ImageConfig) -> bytes:
    """Write a Docker config as an OCI one: only the members that OCI knows, so the image id may change.

    Source: OCI image-spec config.md, "Properties"; containers/image does the same when Docker images become OCI.
    """
    value = _pick(config.value, _OCI_MEMBERS, _ALWAYS)
    value["config"] = _pick(config.config, _OCI_CONFIG_MEMBERS)
    rootfs = config.value.get("rootfs") or {}
    value["rootfs"] = {"type": rootfs.get("type", "layers"), "diff_ids": config.diff_ids}
    if "history" in value:
        value["history"] = [_pick(entry, _OCI_HISTORY_MEMBERS) for entry in config.history]
    return go_json(value)


def _pick(value: Mapping[str, Any], names: Iterable[str], always: Sequence[str] = ()) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for name in names:
        member = value.get(name)
        if member:
            picked[name] = {key: member[key] for key in sorted(member)} if isinstance(member, dict) else member
        elif name in always:
            picked[name] = "" if name in ("architecture", "os") else {}
    return picked
