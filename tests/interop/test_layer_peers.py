"""Layers made by GNU tar, Podman, Buildah and umoci, and ours read by them: trees, bytes and digests must be the same."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from libpod import _core
from libpod.errors import UnsupportedError
from tests.support import probe
from tests.support.cli import Cli

Tree = dict[str, tuple[object, ...]]


@pytest.fixture(autouse=True)
def needs_root() -> None:
    probe.needs_root()


def describe(root: Path) -> Tree:
    """All that matters of every file below `root`; of several names of one file, each names the first."""
    found: Tree = {}
    first: dict[int, str] = {}
    for directory, directories, files in os.walk(root):
        directories.sort()
        for name in sorted([*directories, *files]):
            path = os.path.join(directory, name)
            meta = os.lstat(path)
            shown = os.path.relpath(path, root)
            content: object = None
            if stat.S_ISREG(meta.st_mode):
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            elif stat.S_ISLNK(meta.st_mode):
                content = os.readlink(path)
            xattrs = {
                key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)
            }
            is_whiteout = stat.S_ISCHR(meta.st_mode) and meta.st_rdev == 0
            found[shown] = (
                oct(meta.st_mode),
                meta.st_uid,
                meta.st_gid,
                None if is_whiteout else meta.st_mtime_ns,
                meta.st_rdev,
                content,
                xattrs,
                first.setdefault(meta.st_ino, shown) if not stat.S_ISDIR(meta.st_mode) else None,
            )
    return found


def seconds(tree: Tree) -> Tree:
    """With times cut to whole seconds, as formats before POSIX and new layers have them."""
    return {name: (*line[:3], line[3] // 10**9 * 10**9, *line[4:]) for name, line in tree.items()}  # type: ignore[operator]


def after_1970(tree: Tree) -> Tree:
    """Podman sets an earlier time to the epoch when it unpacks; we keep it."""
    return {name: (*line[:3], line[3] and max(line[3], 0), *line[4:]) for name, line in tree.items()}  # type: ignore[call-overload]


def without_links(tree: Tree) -> Tree:
    return {name: line[:7] for name, line in tree.items()}


def make_tree(root: Path) -> None:
    """Some of everything that a layer may hold."""
    (root / "d/inner").mkdir(parents=True)
    (root / "d/file").write_bytes(os.urandom(100_000))
    (root / "d/inner/empty").touch()
    long = root / ("long-directory-name-" * 6) / ("n" * 120)
    long.parent.mkdir()
    long.write_text("long")
    os.link(root / "d/file", root / "hard")
    os.symlink("x" * 150, root / "link")
    os.link(root / "link", root / "hardlink-to-link", follow_symlinks=False)
    os.mkfifo(root / "pipe", 0o600)
    os.mknod(root / "device", stat.S_IFCHR | 0o620, os.makedev(5, 1))
    with open(root / "sparse", "wb") as file:
        for offset in range(40):
            file.seek(offset * 300_000)
            file.write(b"data %02d" % offset)
        file.truncate(20_000_000)
    (root / os.fsdecode(b"not-\xff-utf8")).write_text("name")
    (root / "ünïcode").write_text("name")
    os.setxattr(root / "d/file", "user.note", b"\0=\n binary")
    os.setxattr(root / "d", "user.directory", b"yes")
    os.chown(root / "d/inner/empty", 1000, 2000)
    os.chmod(root / "d/inner/empty", 0o4755)
    os.chown(root / "sparse", 3_000_000, 70_000)
    os.chmod(root / "d/inner", 0o555)
    os.chmod(root / "d", 0o2775)
    for index, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, ns=(0, 1_500_000_000_123_456_789 + index), follow_symlinks=False)


class Unpacked:
    """A layer as the store keeps it."""

    def __init__(self, base: Path) -> None:
        self.root = base / "diff"
        self.split = base / "split"
        self.root.mkdir(parents=True)

    def apply(self, data: bytes) -> dict[str, Any]:
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        split = os.open(self.split, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            return _core.apply_layer(_core.bytes_blob(data), fd, split)
        finally:
            os.close(fd)
            os.close(split)

    def rebuild(self) -> bytes:
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        split = os.open(self.split, os.O_RDONLY)
        try:
            return _core.rebuild_layer(fd, split).read_all(1 << 30)
        finally:
            os.close(fd)
            os.close(split)

    def diff(self, out: Path) -> dict[str, Any]:
        """A new layer from the directory."""
        return diff(self.root, out)


def diff(root: Path, out: Path, compression: str = "none") -> dict[str, Any]:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    target = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return _core.diff_layer(fd, target, compression)
    finally:
        os.close(fd)
        os.close(target)


POSIX, SPARSE = "--format=posix --xattrs", "--sparse --sparse-version="


@pytest.mark.parametrize(
    "options",
    [
        POSIX,
        f"{POSIX} {SPARSE}0.0",
        f"{POSIX} {SPARSE}0.1",
        f"{POSIX} {SPARSE}1.0",
        "--format=gnu",
        "--format=gnu --sparse",
        "--format=oldgnu",
        "--format=oldgnu --sparse",
    ],
)
def test_tree_of_gnu_tar_is_the_tree_again(tmp_path: Path, options: str) -> None:
    source = tmp_path / "source"
    make_tree(source)
    made = subprocess.run(
        ["tar", "-C", source, *options.split(), "--numeric-owner", "-c", "."], check=True, capture_output=True
    )
    layer = Unpacked(tmp_path / "layer")
    applied = layer.apply(made.stdout)
    assert applied["diff_id"] == "sha256:" + hashlib.sha256(made.stdout).hexdigest()
    wanted, found = describe(source), describe(layer.root)
    if not options.startswith(POSIX):
        # These formats have whole seconds and no attributes.
        wanted = {name: (*line[:6], {}, line[7]) for name, line in seconds(wanted).items()}
    assert found == wanted
    assert layer.rebuild() == made.stdout


def test_diff_of_a_tree_is_the_tree_again(tmp_path: Path) -> None:
    source = tmp_path / "source"
    make_tree(source)
    first = diff(source, tmp_path / "a.tar")
    assert diff(source, tmp_path / "b.tar") == first
    layer = Unpacked(tmp_path / "layer")
    assert layer.apply((tmp_path / "a.tar").read_bytes())["diff_id"] == first["diff_id"]
    # A new layer has whole seconds, as Podman's has.
    wanted = seconds(describe(source))
    assert describe(layer.root) == wanted
    assert layer.diff(tmp_path / "c.tar") == first


def test_what_podman_loses_is_kept(peer: Cli, tmp_path: Path) -> None:
    source, names = tmp_path / "source", ("before", "after", "attribute")
    source.mkdir()
    for name, second in zip(names, (-1, 2**33 + 2**31, 0), strict=True):
        (source / name).touch()
        os.utime(source / name, (second, second))
    os.setxattr(source / "attribute", "user.empty", b"")
    made = diff(source, tmp_path / "layer.tar")
    layer = Unpacked(tmp_path / "layer")
    assert layer.apply((tmp_path / "layer.tar").read_bytes())["diff_id"] == made["diff_id"]
    (tmp_path / "gnu").mkdir()
    subprocess.run(["tar", "-C", tmp_path / "gnu", "--xattrs", "-xf", tmp_path / "layer.tar"], check=True)
    for root in (layer.root, tmp_path / "gnu"):
        assert describe(root) == describe(source)
    peer("import", "-q", str(tmp_path / "layer.tar"), "localhost/loses:1")
    mounted = describe(Path(peer("image", "mount", "localhost/loses:1").stdout.strip()))
    peer("image", "umount", "localhost/loses:1")
    assert [mounted[name][3] for name in names] == [0, 0, 0]
    assert mounted["attribute"][6] == {}


@pytest.fixture
def changed(peer: Cli, tmp_path: Path) -> tuple[bytes, Path]:
    """A changed container of Podman: the tar that Podman commits, and the container's upper directory."""
    source = tmp_path / "base"
    make_tree(source)
    base = subprocess.run(
        ["tar", "-C", source, "--format=posix", "--numeric-owner", "-c", "."], check=True, capture_output=True
    ).stdout
    (tmp_path / "base.tar").write_bytes(base)
    peer("import", "-q", str(tmp_path / "base.tar"), "localhost/base:1")
    container = peer("create", "localhost/base:1", "true").stdout.strip()
    mounted = Path(peer("mount", container).stdout.strip())
    shutil.rmtree(mounted / "d")
    (mounted / "d").mkdir()
    (mounted / "d/new").write_text("new")
    os.unlink(mounted / "hard")
    deep = mounted / ("p" * 90) / ("q" * 80)
    deep.mkdir(parents=True)
    (deep / "f").write_text("1")
    (deep / ("r" * 110)).write_text("2")
    os.utime(deep / "f", (0, -86400))
    os.link(deep / "f", mounted / "ahead")
    os.setxattr(deep / "f", "user.a", b"b")
    os.chown(deep, 3_000_000, 4)
    os.chmod(deep / "f", 0o4711)
    upper = Path(json.loads(peer("inspect", container).stdout)[0]["GraphDriver"]["Data"]["UpperDir"])
    peer("umount", container)
    peer("commit", "-q", container, "localhost/changed:1")
    peer("save", "-q", "-o", str(tmp_path / "changed.tar"), "localhost/changed:1")
    with tarfile.open(tmp_path / "changed.tar") as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest
        member = archive.extractfile(json.load(manifest)[0]["Layers"][-1])
        assert member
        committed = member.read()
    return committed, upper


def test_diff_is_byte_for_byte_what_podman_commits(changed: tuple[bytes, Path], tmp_path: Path) -> None:
    committed, upper = changed
    ours = diff(upper, tmp_path / "ours.tar")
    assert (tmp_path / "ours.tar").read_bytes() == committed
    assert ours["digest"] == "sha256:" + hashlib.sha256(committed).hexdigest()


def test_tree_and_tar_split_are_those_podman_makes(changed: tuple[bytes, Path], peer: Cli, tmp_path: Path) -> None:
    committed, _ = changed
    graph = Path(json.loads(peer("info", "--format", "json").stdout)["store"]["graphRoot"])
    digest = "sha256:" + hashlib.sha256(committed).hexdigest()
    records = json.loads((graph / "overlay-layers/layers.json").read_text())
    theirs = next(record for record in records if record.get("diff-digest") == digest)
    layer = Unpacked(tmp_path / "ours")
    applied = layer.apply(committed)
    assert applied["diff_size"] == theirs["diff-size"]
    assert after_1970(describe(layer.root)) == after_1970(describe(graph / "overlay" / theirs["id"] / "diff"))
    split = gzip.decompress((graph / "overlay-layers" / (theirs["id"] + ".tar-split.gz")).read_bytes())
    assert parts(gzip.decompress(layer.split.read_bytes())) == parts(split)
    # Each rebuilds from the other's.
    layer.split.write_bytes(gzip.compress(split))
    assert layer.rebuild() == committed


def parts(split: bytes) -> list[object]:
    """The lines of a tar-split file; neighbouring segments are one, as versions of the format differ in where they cut."""
    found: list[object] = [b""]
    for line in map(json.loads, split.splitlines()):
        if line["type"] == 2:
            payload = base64.b64decode(line["payload"])
            last = found.pop()
            found += [last + payload] if isinstance(last, bytes) else [last, payload]
        else:
            found += [{key: value for key, value in line.items() if key != "position"}, b""]
    return found


def test_our_layer_is_taken_by_podman_and_umoci(tmp_path: Path, peer: Cli) -> None:
    probe.needs_programs("umoci")
    source = tmp_path / "source"
    make_tree(source)
    for compression in ("gzip", "zstd"):
        packed = diff(source, tmp_path / f"layer.{compression}", compression)
        image = tmp_path / f"image-{compression}"
        write_layout(image, tmp_path / f"layer.{compression}", packed, compression)
        loaded = peer("pull", "-q", f"oci:{image}:latest").stdout.strip()
        assert json.loads(peer("image", "inspect", loaded).stdout)[0]["RootFS"]["Layers"] == [packed["diff_id"]]
        mounted = Path(peer("image", "mount", loaded).stdout.strip())
        # An overlay mount does not show which names are one file's.
        assert without_links(describe(mounted)) == without_links(seconds(describe(source)))
        peer("image", "umount", loaded)
    unpacked = subprocess.run(
        ["umoci", "unpack", "--image", f"{tmp_path}/image-gzip:latest", tmp_path / "bundle"],
        capture_output=True,
        check=False,
    )
    assert unpacked.returncode == 0, unpacked.stderr.decode()
    assert (tmp_path / "bundle/rootfs/d/file").read_bytes() == (source / "d/file").read_bytes()


def write_layout(folder: Path, layer: Path, packed: dict[str, Any], compression: str) -> None:
    """An OCI layout of one image with one layer."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    kind = "application/vnd.oci.image."
    layer_descriptor = put(layer.read_bytes(), f"{kind}layer.v1.tar+{compression}")
    assert (layer_descriptor["digest"], layer_descriptor["size"]) == (packed["digest"], packed["size"])
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [packed["diff_id"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}manifest.v1+json",
        "config": put(json.dumps(config).encode(), f"{kind}config.v1+json"),
        "layers": [layer_descriptor],
    }
    entry = put(json.dumps(manifest).encode(), f"{kind}manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def test_upper_directory_that_needs_its_lowers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "upper/d").mkdir(parents=True)
    os.setxattr(tmp_path / "upper/d", "trusted.overlay.redirect", b"/e")
    with pytest.raises(UnsupportedError, match="redirect"):
        diff(tmp_path / "upper", tmp_path / "out.tar")
