"""Images made by real tools: loaded by us and by Podman they are equal in every record and every file; what we write,
Podman, Skopeo and umoci read. Each image holds all kinds of files (see `tests/support/images.py`)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

import libpod
from tests.support import cli, probe
from tests.support.compare import assert_equal_stores, records
from tests.support.images import build
from tests.support.tree import Tree

NAME = "localhost/built:1"

#: A form of the same image: how a real tool made it, and what `load` or `pull` is given.
FORMS = ("docker-archive", "docker-archive-multi", "oci-archive", "oci-zstd", "oci-dir", "docker-dir", "umoci")


def run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the image in every form, written by Podman, Skopeo and umoci from what Buildah built."""
    probe.needs_root()
    probe.needs_programs("podman", "buildah", "skopeo", "umoci", "setfattr", "setcap", "busybox")
    directory = tmp_path_factory.mktemp("made")
    podman = cli.real_podman(directory)
    build(podman, NAME)
    podman("save", "-q", "-o", str(directory / "docker-archive"), NAME)
    podman("save", "-q", "-m", "-o", str(directory / "docker-archive-multi"), NAME, "localhost/base:1")
    podman("save", "-q", "--format", "oci-archive", "-o", str(directory / "oci-archive"), NAME)
    podman("save", "-q", "--format", "oci-dir", "-o", str(directory / "oci-dir"), NAME)
    podman("save", "-q", "--format", "docker-dir", "--compress", "-o", str(directory / "docker-dir"), NAME)
    zstd = directory / "zstd"
    run(
        "skopeo", "copy", "-q", "--dest-compress-format", "zstd", "--dest-compress",
        f"docker-archive:{directory}/docker-archive", f"oci:{zstd}:{NAME}",
    )  # fmt: skip
    run("tar", "cf", directory / "oci-zstd", "-C", zstd, ".")
    umoci = directory / "umoci-layout"
    run("skopeo", "copy", "-q", f"oci:{directory}/oci-dir:{NAME}", f"oci:{umoci}:latest")
    run("umoci", "config", "--image", f"{umoci}:latest", "--author", "umoci <>&", "--no-history")
    run("tar", "cf", directory / "umoci", "-C", umoci, ".")
    return directory


@pytest.mark.parametrize("form", FORMS)
def test_load_leaves_the_same_store_as_podman(podman: cli.Cli, peer: cli.Cli, made: Path, form: str) -> None:
    ours = podman("load", "-q", "-i", str(made / form))
    theirs = peer("load", "-q", "-i", str(made / form))
    assert ours.stdout == theirs.stdout
    assert_equal_stores(podman, peer)
    for words in (
        ("images", "--digests", "--no-trunc", "--format", "{{.Names}} {{.ID}} {{.Digest}} {{.Size}} {{.CreatedAt}}"),
        ("images", "-a", "-q"),
    ):
        assert podman(*words).stdout == peer(*words).stdout
    # The order of members is the newer Podman's (test_image_verbs); what they say is the same.
    for words in (("images", "--format", "json"), ("history", "--format", "json", records(podman, "images")[0]["id"])):
        mine, other = (json.loads(program(*words).stdout) for program in (podman, peer))
        assert [{key: value for key, value in row.items() if key in other[0]} for row in mine] == other


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_load_reads_a_pipe(podman: cli.Cli, peer: cli.Cli, made: Path, form: str) -> None:
    data = (made / form).read_bytes()
    with subprocess.Popen(["cat", str(made / form)], stdout=subprocess.PIPE) as cat:
        done = subprocess.run(
            podman.command("load", "-q"), stdin=cat.stdout, capture_output=True, check=True, timeout=60
        )
    assert done.stdout.decode() == peer("load", "-q", stdin=data).stdout
    assert_equal_stores(podman, peer)
    assert not [path for path in podman.root.iterdir() if path.name.startswith(".libpod")]


@pytest.mark.parametrize("compress", [["gzip", "-1"], ["xz", "-0"], ["bzip2", "-1"], ["zstd", "-q", "-1"]])
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_load_reads_a_compressed_archive(
    podman: cli.Cli, made: Path, tmp_path: Path, compress: list[str], form: str
) -> None:
    probe.needs_programs(compress[0])
    packed = tmp_path / "packed"
    with packed.open("wb") as out, (made / form).open("rb") as source:
        subprocess.run([*compress, "-c"], stdin=source, stdout=out, check=True)
    assert podman("load", "-q", "-i", str(packed)).stdout == f"Loaded image: {NAME}\n"


def test_a_second_load_changes_nothing(podman: cli.Cli, made: Path) -> None:
    podman("load", "-q", "-i", str(made / "docker-archive-multi"))
    images, layers = records(podman, "images"), records(podman, "layers")
    podman("load", "-q", "-i", str(made / "docker-archive-multi"))
    assert (records(podman, "images"), records(podman, "layers")) == (images, layers)


def test_layers_that_are_there_are_not_extracted_again(podman: cli.Cli, made: Path) -> None:
    podman("load", "-q", "-i", str(made / "docker-archive"))
    before = [(layer["id"], layer["created"]) for layer in records(podman, "layers")]
    podman("load", "-q", "-i", str(made / "oci-zstd"))
    podman("load", "-q", "-i", str(made / "docker-archive-multi"))
    assert [(layer["id"], layer["created"]) for layer in records(podman, "layers")] == before


def test_saved_docker_archives_are_podmans_byte_for_byte(podman: cli.Cli, made: Path, tmp_path: Path) -> None:
    podman("load", "-q", "-i", str(made / "docker-archive-multi"))
    for form, words in (
        ("docker-archive", (NAME,)),
        ("docker-archive-multi", ("-m", NAME, "localhost/base:1")),
    ):
        podman("save", "-q", "-o", str(tmp_path / form), *words)
        assert (tmp_path / form).read_bytes() == (made / form).read_bytes()
        done = subprocess.run(podman.command("save", "-q", *words), capture_output=True, check=True, timeout=60)
        assert done.stdout == (made / form).read_bytes()


@pytest.mark.parametrize("format", ["docker-archive", "oci-archive", "oci-dir", "docker-dir"])
def test_what_we_save_podman_skopeo_and_umoci_read(
    podman: cli.Cli, peer: cli.Cli, made: Path, tmp_path: Path, format: str
) -> None:
    podman("load", "-q", "-i", str(made / "oci-archive"))
    image = records(podman, "images")[0]
    saved = tmp_path / "saved"
    podman("save", "-q", "--format", format, "-o", str(saved), NAME)
    transport = {"oci-dir": "oci", "docker-dir": "dir"}.get(format, format)
    copied = tmp_path / "copied"
    run("skopeo", "copy", "-q", f"{transport}:{saved}", f"oci:{copied}:x")
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{copied}:x"))
    wanted = json.loads(run("skopeo", "inspect", "--config", f"oci-archive:{made}/oci-archive"))
    assert config["rootfs"] == wanted["rootfs"]
    run("umoci", "unpack", "--image", f"{copied}:x", tmp_path / "bundle")
    assert (tmp_path / "bundle/rootfs/many/300").read_text() == "300\n"
    peer("load", "-q", "-i", str(saved))
    assert [layer["diff-digest"] for layer in records(peer, "layers")] == [
        layer["diff-digest"] for layer in records(podman, "layers")
    ]
    assert [record["id"] for record in records(peer, "images")] == [image["id"]]


def test_oci_archives_we_write_are_equal_each_time(podman: cli.Cli, made: Path, tmp_path: Path) -> None:
    podman("load", "-q", "-i", str(made / "docker-archive"))
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        podman("save", "-q", "--format", "oci-archive", "-o", str(path), NAME)
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as archive:
        names = [name for name in archive.getnames() if name.startswith("blobs/sha256/")]
        assert len(names) == 4
        for name in names:
            member = archive.extractfile(name)
            assert member is not None
            assert hashlib.sha256(member.read()).hexdigest() == name.rpartition("/")[2]


@pytest.mark.parametrize(
    "reference",
    ["docker-archive:{0}/docker-archive", "oci-archive:{0}/oci-zstd", "oci:{0}/oci-dir", "dir:{0}/docker-dir"],
)
def test_an_opened_image_shows_what_podman_mounts(peer: cli.Cli, made: Path, tmp_path: Path, reference: str) -> None:
    peer("load", "-q", "-i", str(made / "docker-archive"))
    mounted = Path(peer("image", "mount", NAME).stdout.strip())
    with libpod.open_image(reference.format(made)) as image:
        seen = {entry.path_bytes.lstrip(b"/"): entry for entry in image.walk()}
        tree = Tree(mounted)
        assert sorted(seen) == sorted(tree.entries)
        for path, (mode, uid, gid, mtime, _, size, _, attributes) in tree.entries.items():
            entry = seen[path]
            shown = (entry.mode, entry.uid, entry.gid, entry.size if entry.kind == "file" else 0, entry.mtime_ns)
            assert shown == (mode & 0o7777, uid, gid, size, mtime), path
            assert {name.decode() for name in entry.xattrs} == {name for name, _ in attributes}, path
        assert image.read("/usr/lib/deep/er/file") == image.read("lib/deep/er/file") == b"one\n"
        image.extract("/", tmp_path / "all", owner=True, devices=True)
        assert Tree(tmp_path / "all").differences(tree) == []
        image.extract("/etc", tmp_path / "some")
        assert sorted(path.name for path in (tmp_path / "some").iterdir()) == ["etc"]
        assert (tmp_path / "some/etc/passwd").read_text() == "root:x:0:0:root:/root:/bin/sh\n"
    peer("image", "unmount", NAME)


def test_import_gives_the_image_that_podman_makes(podman: cli.Cli, peer: cli.Cli, made: Path, tmp_path: Path) -> None:
    run("tar", "czf", tmp_path / "root.tgz", "-C", "/usr/share", "misc")
    words = ("-q", "-m", "why", "-c", 'CMD ["a", "b"]', "-c", "ENV X=y z", "-c", "EXPOSE 80", "-c", "WORKDIR /w",
             "-c", "LABEL l=m", "-c", "USER 5", "-c", "VOLUME /v", "-c", "ENTRYPOINT run it")  # fmt: skip
    ours, theirs = (program("import", *words, str(tmp_path / "root.tgz"), "imp:1").stdout for program in (podman, peer))
    assert ours == theirs
    assert_equal_stores(podman, peer)
    with (tmp_path / "root.tgz").open("rb") as file:
        again = podman("import", "-q", "-", stdin=file.read()).stdout
    assert again != ours
    assert len(records(podman, "layers")) == 1


def test_a_pulled_image_pushed_again_keeps_its_digest(podman: cli.Cli, made: Path, plain_registry: Any) -> None:
    first, again = (f"{plain_registry.address}/again/built:{tag}" for tag in ("first", "again"))
    run("skopeo", "copy", "-q", *plain_registry.skopeo("dest"), f"oci-archive:{made}/oci-archive", f"docker://{first}")
    podman("pull", "-q", *plain_registry.flags, first)
    podman("tag", first, again)
    podman("push", "-q", *plain_registry.flags, again)
    digests = [
        run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{name}")
        for name in (first, again)
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("form", ["gzip", "zstd", "docker", "list"])
def test_pull_leaves_the_same_store_as_podman(
    podman: cli.Cli, peer: cli.Cli, made: Path, plain_registry: Any, form: str
) -> None:
    name = f"{plain_registry.address}/pulled/{form}:1"
    sources = {"gzip": "oci-archive:{0}/oci-archive", "zstd": "oci:{0}/zstd", "docker": "dir:{0}/docker-dir"}
    source = sources.get(form, sources["gzip"]).format(made)
    run("skopeo", "copy", "-q", *plain_registry.skopeo("dest"), source, f"docker://{name}")
    if form == "list":
        where = ["--root", made / "root", "--runroot", made / "run"]
        run("buildah", *where, "manifest", "create", "localhost/list")
        run("buildah", *where, "manifest", "add", "--tls-verify=false", "localhost/list", f"docker://{name}")
        run(
            "buildah",
            *where,
            "manifest",
            "push",
            "-q",
            "--all",
            "--tls-verify=false",
            "localhost/list",
            f"docker://{name}",
        )
        run("buildah", *where, "rmi", "localhost/list")
    assert (
        podman("pull", "-q", *plain_registry.flags, name).stdout
        == peer("pull", "-q", *plain_registry.flags, name).stdout
    )
    assert_equal_stores(podman, peer)
    digest = run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{name}").strip()
    pinned = f"{name.removesuffix(':1')}@{digest}"
    assert (
        podman("pull", "-q", *plain_registry.flags, pinned).stdout
        == peer("pull", "-q", *plain_registry.flags, pinned).stdout
    )
    assert_equal_stores(podman, peer)
