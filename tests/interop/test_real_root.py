"""A whole system as an image: a root made by debootstrap and three layers committed by Buildah on it, saved by Podman, pushed
by Skopeo to a registry with TLS and passwords. Loaded and pulled by us and by Podman it is the same in every record, every
name, mode, owner, time, attribute, link and byte; what we give back is the same image again."""

from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from libpod.store import open_store
from tests.support import cli, debian, probe
from tests.support.compare import assert_equal_layers, assert_equal_records, records, two_trees
from tests.support.images import commit
from tests.support.registry import PASSWORD, USERNAME, Registry
from tests.support.tree import Entry, Tree

# The first test of a form waits for its making, and the first of all for debootstrap.
pytestmark = pytest.mark.timeout(400)

NAME = "localhost/real:3"

#: How the image is given to `load` or `pull`: as a file, or from the registry (as Docker has it).
FORMS = ("docker-archive", "oci-archive", "gzip")

#: Compressions as `layers.json` numbers them.
GZIP, ZSTD = 2, 4

#: A directory that is deleted, two that are replaced (one by itself with other content), links that change their kind.
DELETE = """
set -e
cd "$1"; umask 022
rm -rf usr/share/man/man3
rm -rf etc/apt; mkdir etc/apt; echo new > etc/apt/sources.list
rm -rf usr/share/tabset; echo now a file > usr/share/tabset
rm usr/share/zoneinfo/UTC; mkdir usr/share/zoneinfo/UTC; touch usr/share/zoneinfo/UTC/inside
rm etc/os-release; ln -s nowhere etc/os-release
rm usr/bin/ping; chmod 0700 usr/include/linux; chown 5:6 usr/include/asm-generic
mv var/lib/dpkg/info var/lib/dpkg/moved
"""

#: 4,000 small files of 40 directories, of all modes.
MANY = """
set -e
cd "$1"; umask 022
mkdir -p opt/many; cd opt/many
for tens in $(seq 40); do
  mkdir $tens
  for number in $(seq 100); do echo "$tens $number" > $tens/$number; done
  chown -R $tens:$((tens * 100000)) $tens
  chmod $(printf '%03o' $((tens * 12))) $tens/1*
done
"""

#: Attributes, hard links within the layer and to a file below, and each kind of file there is.
KINDS = """
set -e
cd "$1"; umask 022
mkdir -p srv/kinds/inner/$(printf 'long%.0s' $(seq 40))/$(printf 'name%.0s' $(seq 40)); cd srv/kinds
echo one > file; ln file inner/hard; ln file ../../etc/hard; ln ../../usr/bin/perl perl; ln -P ../../etc/localtime zone
cp ../../bin/true true; setcap cap_net_raw,cap_chown=eip true; ln true inner/true
setfattr -n user.colour -v blue file; setfattr -n user.binary -v 0x00ff0a3d00 inner
cp true setuid; chmod 6755 setuid; mkdir -m 1777 sticky; chmod 2750 inner; setfattr -n user.below -v x ../../usr/bin/dpkg
mkfifo -m 640 fifo; mknod char c 5 1; mknod block b 259 70000; chown 3000000:4 block
touch "$(printf 'not-\\377-utf8')" 'ünïcode' "$(printf 'new\\nline')" 'with space' "$(printf 'n%.0s' $(seq 255))"
touch inner/$(printf 'long%.0s' $(seq 40))/$(printf 'name%.0s' $(seq 40))/end
ln -s "$(printf 'target/%.0s' $(seq 60))" link; chown -h 7:8 link; ln -s "$(printf '\\377')" strange; ln -P link linked
truncate -s 20M sparse; printf end >> sparse; printf middle | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
: > empty; mkdir nothing
touch -d '2001-02-03 04:05:06.789012345' file nothing; touch -d '2250-01-01' empty; touch -hd '1999-12-31 23:59:59.5' link
"""


class Made:
    """The image as Podman saved it and where Skopeo pushed it to, and how its mounted root looked before it was committed."""

    def __init__(self, directory: Path, registry: Registry) -> None:
        self.directory = directory
        self.registry = registry
        self.root: Tree

    def look(self, root: Path) -> None:
        """Keep the tree of the mounted root."""
        self.root = Tree(root)

    def pushed(self, form: str, repository: str = "real") -> str:
        """The name of a form of the image in the registry."""
        return f"{self.host(form)}/{repository}/{form}:1"

    def host(self, form: str) -> str:
        """The registry, under one of its two names: Skopeo keeps in mind by host which layers a registry has in which
        compression, and would not send a layer as zstd to where it had sent it as gzip."""
        return self.registry.address.replace("127.0.0.1", "localhost" if form == "zstd" else "127.0.0.1")

    def build(self, podman: cli.Cli) -> None:
        """Make the image in Podman's store."""
        root, tar = self.directory / "debian", self.directory / "debian.tar"
        debian.make_root(root)
        # This form of tar keeps attributes and times to the nanosecond, and Podman imports it as it is.
        run("tar", "-C", root, "--format=posix", "--xattrs", "--numeric-owner", "-cf", tar, ".")
        shutil.rmtree(root)
        podman("import", "-q", str(tar), "localhost/real:0")
        tar.unlink()
        commit(podman, "localhost/real:0", DELETE, "localhost/real:1")
        commit(podman, "localhost/real:1", MANY, "localhost/real:2")
        commit(podman, "localhost/real:2", KINDS, NAME, self.look)

    def publish(self, podman: cli.Cli) -> None:
        """Save it in both forms, and push each to the registry."""
        for form in ("docker-archive", "oci-archive"):
            podman("save", "-q", "--format", form, "-o", str(self.directory / form), NAME)
        to = self.registry.skopeo("dest")
        for source, form, kind in (("docker-archive", "gzip", "v2s2"), ("oci-archive", "zstd", "oci")):
            how = ["--format", kind, "--dest-compress-format", form]
            run(
                "skopeo",
                "copy",
                "-q",
                *how,
                *to,
                f"{source}:{self.directory / source}",
                f"docker://{self.pushed(form)}",
            )

    def give(self, form: str, program: cli.Cli) -> str:
        """Load or pull a form; a pull finds the authority and the password in the home directory."""
        if form.endswith("archive"):
            return program("load", "-q", "-i", str(self.directory / form)).stdout
        home, host, trusted = program.root.parent, self.host(form), self.registry.certificates
        assert trusted is not None
        shutil.copytree(trusted, home / ".config/containers/certs.d" / host)
        program.environment |= {"HOME": str(home), "REGISTRY_AUTH_FILE": str(home / "auth.json")}
        program("login", "-u", USERNAME, "--password-stdin", host, stdin=PASSWORD.encode())
        return program("pull", "-q", self.pushed(form)).stdout


class Pair:
    """The image in a store of ours and in a store of Podman's, got from the same form."""

    def __init__(self, form: str, made: Made) -> None:
        self.form = form
        self.made = made
        self.name = NAME if form.endswith("archive") else made.pushed(form)
        self.place = made.directory / f"from-{form}"
        self.ours = cli.ours(self.place / "ours")
        self.theirs = cli.real_podman(self.place / "peer")
        self.said = [made.give(form, program) for program in (self.ours, self.theirs)]


def run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    probe.needs_root()
    probe.needs_programs("podman", "runc", "buildah", "skopeo", "setfattr", "setcap")
    made = Path(tempfile.mkdtemp(prefix="pp-", dir=probe.roomy_directory()))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def made(directory: Path, secure_registry: Registry) -> Made:
    """The image in every form."""
    image, podman = Made(directory, secure_registry), cli.real_podman(directory / "maker")
    try:
        image.build(podman)
        image.publish(podman)
    finally:
        podman.remove_all()
        shutil.rmtree(podman.root.parent, ignore_errors=True)
    return image


@pytest.fixture(scope="module", params=FORMS)
def pair(request: pytest.FixtureRequest, made: Made) -> Iterator[Pair]:
    """The image of one form, got by us and by Podman."""
    both = Pair(request.param, made)
    yield both
    shutil.rmtree(both.place, ignore_errors=True)


def test_records_are_podmans(pair: Pair) -> None:
    assert pair.said[0] == pair.said[1]
    assert_equal_records(pair.ours, pair.theirs)
    layers = records(pair.ours, "layers")
    assert len(layers) == 4
    # Only the gzip of the two other forms is something to note.
    assert {layer.get("compression") for layer in layers} == {None if pair.form == "docker-archive" else GZIP}


def chain(program: cli.Cli) -> list[str]:
    """The ids of the image's layers, the lowest first."""
    above = {layer.get("parent"): str(layer["id"]) for layer in records(program, "layers")}
    found: list[str] = []
    while layer := above.get(found[-1] if found else None):
        found.append(layer)
    return found


def test_every_layers_files_are_podmans(pair: Pair) -> None:
    trees = assert_equal_layers(pair.ours, pair.theirs)
    system, deleted, many, kinds = (trees[layer] for layer in chain(pair.ours))
    # What the layers were made for is in them.
    assert len(system.entries) > 12_000
    assert system.links
    assert any(entry[3] % 10**9 for entry in system.entries.values())
    assert deleted.entries[b"usr/share/man/man3"][:2] == (stat.S_IFCHR, 0)
    assert (b"trusted.overlay.opaque", b"y") in names(deleted.entries[b"etc/apt"])
    assert len([path for path in many.entries if path.startswith(b"opt/many/")]) == 4_040
    assert b"security.capability" in dict(names(kinds.entries[b"srv/kinds/true"]))
    assert {b"srv/kinds/file", b"srv/kinds/inner/hard", b"etc/hard"} in kinds.links
    assert {b"srv/kinds/perl", b"usr/bin/perl"} in kinds.links
    assert {stat.S_IFMT(entry[0]) for entry in kinds.entries.values()} > {stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK}
    assert b"srv/kinds/not-\xff-utf8" in kinds.entries


def names(entry: Entry) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value) for name, value in entry[7]]


def whole_seconds(tree: Tree) -> dict[bytes, Entry]:
    """The entries with times as a layer of Buildah's has them."""
    return {path: (*entry[:3], entry[3] // 10**9, *entry[4:]) for path, entry in tree.entries.items()}


def test_mounted_roots_are_podmans_and_the_one_that_was_committed(pair: Pair) -> None:
    store = open_store(str(pair.ours.root), str(pair.ours.runroot))
    image = records(pair.ours, "images")[0]["id"]
    mine = Path(store.mount_image(image))
    try:
        theirs = Path(pair.theirs("image", "mount", pair.name).stdout.strip())
        tree, other = two_trees(mine, theirs)
    finally:
        store.unmount_image(image)
        pair.theirs("image", "unmount", pair.name)
        store.release_home()
    assert tree.differences(other) == []
    assert whole_seconds(tree) == whole_seconds(pair.made.root)


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("pair", ["docker-archive"], indirect=True)
def test_archive_that_we_save_is_the_one_that_we_loaded(pair: Pair, tmp_path: Path) -> None:
    pair.ours("save", "-q", "-o", str(tmp_path / "saved"), NAME)
    assert file_digest(tmp_path / "saved") == file_digest(pair.made.directory / "docker-archive")


@pytest.mark.parametrize("pair", ["gzip"], indirect=True)
class TestPulled:
    """What was pulled, given on."""

    def test_saved_it_is_the_same_image_to_podman(self, pair: Pair, tmp_path: Path) -> None:
        pair.ours("save", "-q", "-o", str(tmp_path / "saved"), pair.name)
        fresh = cli.real_podman(pair.place / "fresh")
        fresh("load", "-q", "-i", str(tmp_path / "saved"))
        wanted, found = records(pair.ours, "images")[0], records(fresh, "images")[0]
        assert (found["id"], found["layer"], found["names"]) == (wanted["id"], wanted["layer"], wanted["names"])
        assert chain(fresh) == chain(pair.ours)

    def test_pushed_it_keeps_its_digest(self, pair: Pair) -> None:
        target, file = pair.made.pushed("gzip", "again"), pair.place / "digest"
        pair.ours("push", "-q", "--digestfile", str(file), pair.name, target)
        assert file.read_text() == records(pair.ours, "images")[0]["digest"]
        flags = pair.made.registry.flags
        first, again = (run("skopeo", "inspect", "--raw", *flags, f"docker://{name}") for name in (pair.name, target))
        assert first == again

    def test_pulled_as_zstd_it_has_the_same_layers(self, pair: Pair) -> None:
        ours = cli.ours(pair.place / "zstd")
        pair.made.give("zstd", ours)
        assert {layer["compression"] for layer in records(ours, "layers")} == {ZSTD}
        assert chain(ours) == chain(pair.theirs)
        assert_equal_layers(ours, pair.theirs)
