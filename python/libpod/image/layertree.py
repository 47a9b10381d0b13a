"""The names of layers as a tree, and the merging of two trees as overlayfs does it.

`read_layer` makes the tree of one layer, whiteouts as such; `merge` puts one on top of another. Names are bytes, as tar
and Linux have them. A name that would leave the root, or an entry without a meaning here, is left out: this is for
looking, and whoever unpacks goes through `rust/layer`, which refuses such layers.
"""

from __future__ import annotations

from libpod import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from libpod._core import Blob

_WHITEOUT = b".wh."
_OPAQUE = b".wh..wh..opq"
_BATCH = 4096
_LINK_LIMIT = 40


class Entry:
    """One file of an image.

    path_bytes: absolute. kind: file, directory, symlink, char, block or fifo. mode: permission bits with setuid, setgid
    and sticky. mtime_ns: nanoseconds since the epoch. link_bytes: target of a symlink, None for anything else. device:
    major and minor. xattrs: as in the layer. layer: index of the layer that brought it, base 0; ordinal: its place
    among the entries of that layer.
    """

    __slots__ = (
        "device", "gid", "kind", "layer", "link_bytes", "mode", "mtime_ns", "ordinal", "path_bytes", "size", "uid",
        "xattrs",
    )  # fmt: skip

    def __init__(self, path: bytes, kind: str, mode: int, layer: int, ordinal: int) -> None:
        self.path_bytes = path
        self.kind = kind
        self.mode = mode
        self.layer = layer
        self.ordinal = ordinal
        self.uid = self.gid = self.size = self.mtime_ns = 0
        self.link_bytes: bytes | None = None
        self.device: tuple[int, int] | None = None
        self.xattrs: dict[bytes, bytes] = {}

    @property
    def path(self) -> str:
        """The absolute path as text; bytes that are not UTF-8 are escaped as `os.fsdecode` does it."""
        return self.path_bytes.decode("utf-8", "surrogateescape")

    @property
    def link(self) -> str | None:
        """The target of a symlink as text, None for anything else."""
        return None if self.link_bytes is None else self.link_bytes.decode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"Entry({self.path!r}, {self.kind}, {self.mode:04o})"


class Node:
    """A name in a tree. entry: None for a directory that is only implied by what is below it.

    children: of a directory, else None. whiteout: the name hides one of a lower layer. opaque: so does the directory
    with everything below it.
    """

    __slots__ = ("children", "entry", "opaque", "whiteout")

    def __init__(self, *, whiteout: bool = False) -> None:
        self.entry: Entry | None = None
        self.children: dict[bytes, Node] | None = None
        self.opaque = False
        self.whiteout = whiteout

    def walk(self, path: bytes) -> Iterator[Entry]:
        """Go through everything below, each directory before its content, names sorted."""
        for name in sorted(self.children or ()):
            assert self.children is not None
            node = self.children[name]
            below = path + b"/" + name
            yield node.entry or Entry(below, "directory", 0o755, -1, -1)
            yield from node.walk(below)


def read_layer(blob: Blob, layer: int) -> Node:
    """Read the tree of one layer. Raises: CorruptError for what is no tar."""
    root, reader, ordinal = Node(), _core.walk_layer(blob), 0
    root.children = {}
    while found := reader.batch(_BATCH):
        for raw in found:
            _add(root, raw, layer, ordinal)
            ordinal += 1
    return root


def components(name: bytes) -> list[bytes] | None:
    """Split a name into its components; None for one that leaves the root."""
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                return None
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return parts


def _add(root: Node, raw: Any, layer: int, ordinal: int) -> None:
    name, kind, mode, (uid, gid), mtime_ns, size, link, device, xattrs = raw
    parts = components(name)
    if not parts or kind in ("global", "other"):
        return
    place = _directory(root, parts[:-1])
    if place is None:
        return
    parent, parts = place[0], [*place[1], parts[-1]]
    assert parent.children is not None
    last = parts[-1]
    if last == _OPAQUE:
        parent.opaque = True
        return
    if last.startswith(_WHITEOUT):
        # A whiteout hides what lower layers have, never what this layer brought.
        parent.children.setdefault(last[len(_WHITEOUT) :], Node(whiteout=True))
        return
    if kind == "hardlink":
        _add_link(root, parent, parts, link, layer, ordinal)
        return
    entry = Entry(b"/" + b"/".join(parts), kind, mode, layer, ordinal)
    entry.uid, entry.gid, entry.mtime_ns, entry.size = uid, gid, mtime_ns, size
    entry.link_bytes, entry.device, entry.xattrs = link, device, xattrs or {}
    node = parent.children.get(last)
    if node is None or node.whiteout or kind != "directory" or node.children is None:
        opaque = node is not None and node.whiteout
        node = Node()
        # A directory in place of a whiteout shows nothing of the lower one.
        node.opaque = opaque
        parent.children[last] = node
    node.entry = entry
    if kind == "directory" and node.children is None:
        node.children = {}


def _add_link(root: Node, parent: Node, parts: list[bytes], link: bytes, layer: int, ordinal: int) -> None:
    """Add a hard link: the entry of its target under another name. A target of a lower layer cannot be linked to."""
    target = _find(root, components(link) or [])
    if target is None or target.entry is None or target.children is not None:
        return
    old = target.entry
    entry = Entry(b"/" + b"/".join(parts), old.kind, old.mode, layer, old.ordinal)
    entry.uid, entry.gid, entry.mtime_ns, entry.size = old.uid, old.gid, old.mtime_ns, old.size
    entry.link_bytes, entry.device, entry.xattrs = old.link_bytes, old.device, old.xattrs
    node = Node()
    node.entry = entry
    assert parent.children is not None
    parent.children[parts[-1]] = node


def _find(root: Node, parts: list[bytes]) -> Node | None:
    node = root
    for part in parts:
        child = (node.children or {}).get(part)
        if child is None or child.whiteout:
            return None
        node = child
    return node


def _directory(root: Node, parts: list[bytes]) -> tuple[Node, list[bytes]] | None:
    """Find or make the directory of an entry, following symlinks that the same layer brought before it.

    Returns the directory and its real path; None where a file or a loop of links is in the way.
    """
    path, names = [root], list[bytes]()
    waiting, links = list(reversed(parts)), 0
    while waiting:
        part = waiting.pop()
        if part == b"..":
            if names:
                path.pop()
                names.pop()
            continue
        node = path[-1]
        assert node.children is not None
        child = node.children.get(part)
        if child is not None and child.entry is not None and child.entry.kind == "symlink":
            links += 1
            target = child.entry.link_bytes or b""
            if links > _LINK_LIMIT:
                return None
            if target.startswith(b"/"):
                del path[1:]
                names.clear()
            waiting.extend(part for part in reversed(target.split(b"/")) if part not in (b"", b"."))
            continue
        if child is None or child.whiteout:
            opaque = child is not None
            child = node.children[part] = Node()
            child.children, child.opaque = {}, opaque
        if child.children is None:
            return None
        path.append(child)
        names.append(part)
    return path[-1], names


def merge(lower: Node, upper: Node) -> None:
    """Put `upper` on `lower`, which becomes the result: what overlayfs would show of the two."""
    if lower.children is None or upper.opaque:
        lower.children = {}
    if upper.entry is not None:
        lower.entry = upper.entry
    for name, node in (upper.children or {}).items():
        if node.whiteout:
            lower.children.pop(name, None)
            continue
        old = lower.children.get(name)
        if node.children is None or old is None or old.children is None:
            old = Node()
            old.children = None if node.children is None else {}
            lower.children[name] = old
        if node.children is None:
            old.entry = node.entry
        else:
            merge(old, node)
