"""What `podman history` and `podman image inspect` tell about an image, as plain documents."""

from __future__ import annotations

from libpod import timestamp
from libpod.errors import UnsupportedError
from libpod.image.lookup import all_images
from libpod.image.manifest import DOCKER_MANIFEST, Manifest
from libpod.image.reference import split_stored
from libpod.image.storage import layer_chain, read_manifest
from libpod.image.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.image.lookup import Image
    from libpod.store import Store

#: Members of an image's `Config`, in the order in which Podman prints them.
_CONFIG_MEMBERS = (
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal",
)  # fmt: skip

#: Members of a history entry, in the order of the OCI type.
_HISTORY_MEMBERS = ("created", "created_by", "author", "comment", "empty_layer")

_HEALTHCHECK_MEMBERS = ("Test", "StartPeriod", "Interval", "Timeout", "Retries")


def history(store: Store, image: Image) -> list[dict[str, Any]]:
    """Tell the steps of an image, newest first.

    Each has id (of the first image that ends with the step's layer, named once; `<missing>` otherwise), created,
    CreatedBy, size, comment and tags (the names of all images that end with the step's layer).
    """
    tree, told = Tree(store, all_images(store)), set()
    waiting = layer_chain(store, image.top_layer)
    steps: list[dict[str, Any]] = []
    for entry in reversed(image.document.history):
        step: dict[str, Any] = {
            "id": "<missing>",
            "created": entry.get("created"),
            "CreatedBy": entry.get("created_by", ""),
            "size": 0,
            "comment": entry.get("comment", ""),
            "tags": [],
        }
        steps.append(step)
        if not waiting:
            continue
        layer = waiting[-1]
        owners = tree.with_top(layer["id"])
        step["tags"] = [name for owner in owners for name in owner.names]
        if owners and owners[0].id not in told:
            told.add(owners[0].id)
            step["id"] = owners[0].id
        if not entry.get("empty_layer"):
            step["size"] = layer["diff-size"]
            waiting.pop()
    return steps


def repo_digests(image: Image) -> list[str]:
    """List `repository@digest` for every repository of the image's names and every digest it is known by, sorted."""
    repositories = {split_stored(name)[0] for name in image.names}
    return sorted(f"{repository}@{digest}" for repository in repositories for digest in image.digests)


def inspect(store: Store, image: Image) -> dict[str, Any]:
    """Describe an image in the members that Podman prints, in its order."""
    manifest = read_manifest(store, image.record)
    if not isinstance(manifest, Manifest):
        raise UnsupportedError(f"{image.id} is a manifest list, not an image")
    document = image.document
    defaults = document.config
    parent = Tree(store, all_images(store)).parent(image)
    size = image.size
    is_docker = manifest.media_type == DOCKER_MANIFEST
    first = document.history[0] if document.history else {}
    created = document.created
    value: dict[str, Any] = {
        "Id": image.id,
        # Of the manifest of this platform; the record may have the digest of the index that it was chosen from.
        "Digest": str(manifest.digest),
        "RepoTags": image.tagged_names,
        "RepoDigests": repo_digests(image),
        "Parent": parent.id if parent is not None else "",
        "Comment": document.value.get("comment") or "" if is_docker else first.get("comment", ""),
        "Created": timestamp.rfc3339(timestamp.parse(created)) if created else timestamp.ZERO_TEXT,
        "Config": {name: _sorted(defaults[name]) for name in _CONFIG_MEMBERS if defaults.get(name)},
        "Version": document.value.get("docker_version") or "" if is_docker else "",
        "Author": document.value.get("author") or "",
        "Architecture": document.value.get("architecture") or "",
        "Os": document.value.get("os") or "",
        "Size": size,
        "VirtualSize": size,
        "GraphDriver": {"Name": "overlay", "Data": _graph_data(store.graphroot, layer_chain(store, image.top_layer))},
        "RootFS": {"Type": "layers", "Layers": [str(diff_id) for diff_id in document.diff_ids]},
        "Labels": _sorted(defaults.get("Labels")) or None,
        "Annotations": _sorted(manifest.annotations),
        "ManifestType": manifest.media_type,
        "User": defaults.get("User") or "",
        "History": [_history_entry(entry) for entry in document.history],
        "NamesHistory": image.record["names-history"] or None,
    }
    check = defaults.get("Healthcheck")
    if is_docker and isinstance(check, dict):
        value["HealthCheck"] = {name: check[name] for name in _HEALTHCHECK_MEMBERS if check.get(name)}
    return value


def _sorted(value: Any) -> Any:
    """A map in the order of its keys, as Podman writes it; anything else as it is."""
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def _history_entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in _HISTORY_MEMBERS if entry.get(name)}


def _graph_data(graphroot: str, chain: list[dict[str, Any]]) -> dict[str, str]:
    if not chain:
        return {}
    home = f"{graphroot}/overlay"
    top, lowers = chain[-1]["id"], [layer["id"] for layer in reversed(chain[:-1])]
    data = {"LowerDir": ":".join(f"{home}/{layer}/diff" for layer in lowers)} if lowers else {}
    data["UpperDir"] = f"{home}/{top}/diff"
    data["WorkDir"] = f"{home}/{top}/work"
    return data
