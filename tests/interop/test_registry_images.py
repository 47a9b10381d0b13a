"""Pull, push, login against a real registry with TLS and passwords, by us and by Podman: same images, same words, same codes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from libpod.errors import CorruptError
from libpod.host import Host
from libpod.image.manager import ImageManager
from libpod.image.transport import Options
from libpod.store import open_store
from tests.support import cli, images, probe
from tests.support.registry import PASSWORD, USERNAME, Registry
from tests.support.tree import Tree


def run(*words: str | Path, code: int = 0) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, f"{words}: {done.stderr}"
    return done.stdout


class Published:
    """One image in the registry in several forms, each under a tag: gzip (Docker), zstd and oci (gzip)."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def name(self, tag: str) -> str:
        return f"{self.registry.address}/team/app:{tag}"

    def layers(self, tag: str) -> list[dict[str, str]]:
        """The layers that the manifest lists."""
        listed: list[dict[str, str]] = json.loads(self.raw(self.name(tag)))["layers"]
        return listed

    def raw(self, name: str) -> bytes:
        """The manifest as the registry has it, read by Skopeo."""
        flags = [flag for flag in self.registry.flags if not flag.startswith("--creds")]
        credentials = f"--creds={USERNAME}:{PASSWORD}"
        words = ["skopeo", "inspect", "--raw", *flags, credentials, f"docker://{name}"]
        return subprocess.run(words, capture_output=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def published(secure_registry: Registry) -> Iterator[Published]:
    """An image made by Buildah and pushed by Skopeo."""
    probe.needs_root()
    probe.needs_programs("podman", "buildah", "skopeo", "runc", "conmon", "setfattr", "setcap")
    directory = Path(tempfile.mkdtemp(prefix="pp-", dir="/tmp"))
    program = cli.real_podman(directory)
    made = Published(secure_registry)
    try:
        images.build(program, "localhost/built:1")
        source = f"containers-storage:[overlay@{program.root}+{program.runroot}]localhost/built:1"
        for tag, form in {"gzip": ("v2s2", "gzip"), "zstd": ("oci", "zstd"), "oci": ("oci", "gzip")}.items():
            # By way of an archive: Skopeo remembers the blobs of a registry, and would take a layer in the form it sent before.
            archive = f"oci-archive:{directory / tag}.tar:built"
            run("skopeo", "copy", "--format", "oci", "--dest-compress-format", form[1], source, archive)
            how = ["--preserve-digests"] if form[0] == "oci" else ["--format", form[0]]
            run("skopeo", "copy", *how, *secure_registry.skopeo("dest"), archive, f"docker://{made.name(tag)}")
            kinds = {layer["mediaType"].rpartition(".tar")[2].lstrip("+.") for layer in made.layers(tag)}
            assert kinds == {form[1]}, tag
        yield made
    finally:
        program.remove_all()
        shutil.rmtree(directory, ignore_errors=True)


def real_on(program: cli.Cli) -> cli.Cli:
    """Real Podman on the store of another program."""
    return cli.real_podman(program.root.parent)


def mounted_tree(program: cli.Cli, name: str) -> Tree:
    where = program("image", "mount", name).stdout.strip()
    try:
        return Tree(Path(where))
    finally:
        program("image", "unmount", "-f", name)


def layer_records(program: cli.Cli) -> list[dict[str, object]]:
    """What both tools must agree on in `layers.json`."""
    keys = ("id", "parent", "diff-digest", "diff-size", "compressed-diff-digest", "compressed-size", "compression")
    records = json.loads((program.root / "overlay-layers" / "layers.json").read_text())
    return [{key: record.get(key) for key in keys} for record in records]


@pytest.mark.parametrize("tag", ["gzip", "zstd", "oci"])
def test_pulled_image_equals_podmans(podman: cli.Cli, peer: cli.Cli, published: Published, tag: str) -> None:
    name = published.name(tag)
    ours, theirs = (program("pull", *published.registry.flags, name) for program in (podman, peer))
    assert ours.stdout == theirs.stdout
    assert sorted(ours.stderr.splitlines()) == sorted(theirs.stderr.splitlines())
    assert layer_records(podman) == layer_records(peer)
    real = real_on(podman)
    shown = ("image", "inspect", "--format", "{{.Id}} {{.Digest}} {{.RepoTags}} {{.RepoDigests}} {{.RootFS.Layers}}")
    assert real(*shown, name).stdout == peer(*shown, name).stdout
    assert mounted_tree(real, name).differences(mounted_tree(peer, name)) == []


def test_layers_that_are_there_are_not_fetched(podman: cli.Cli, published: Published) -> None:
    flags = published.registry.flags
    podman("pull", "-q", *flags, published.name("gzip"))
    blobs = published.registry.data / "docker/registry/v2/blobs"
    hidden = blobs.with_name("hidden")
    layers = [layer["digest"] for layer in json.loads(published.raw(published.name("gzip")))["layers"]]
    hidden.mkdir()
    try:
        for digest in layers:
            (blobs / "sha256" / digest[7:9] / digest[7:]).rename(hidden / digest[7:])
        podman("pull", "-q", *flags, published.name("gzip"))
    finally:
        for digest in layers:
            (hidden / digest[7:]).rename(blobs / "sha256" / digest[7:9] / digest[7:])
        hidden.rmdir()


def test_pulled_image_pushed_again_keeps_its_digest(podman: cli.Cli, published: Published) -> None:
    flags = published.registry.flags
    for tag in ("gzip", "zstd", "oci"):
        podman("pull", "-q", *flags, published.name(tag))
        target = f"{published.registry.address}/other/{tag}:1"
        digest_file = podman.root.parent / "digest"
        pushed = podman("push", *flags, "--digestfile", str(digest_file), published.name(tag), target)
        assert pushed.stdout == ""
        raw = published.raw(target)
        assert raw == published.raw(published.name(tag))
        assert digest_file.read_text() == "sha256:" + hashlib.sha256(raw).hexdigest()
        podman("rmi", "-f", published.name(tag))


@pytest.mark.parametrize("form", [[], ["--format", "oci"], ["--format", "oci", "--compression-format", "zstd"]])
def test_what_we_push_podman_pulls_with_the_same_tree(
    podman: cli.Cli, peer: cli.Cli, published: Published, plain_registry: Registry, form: list[str]
) -> None:
    podman("pull", "-q", *published.registry.flags, published.name("gzip"))
    target = f"{plain_registry.address}/ours/app:{len(form)}"
    podman("push", *form, *plain_registry.flags, published.name("gzip"), target)
    peer("pull", "-q", *plain_registry.flags, target)
    real = real_on(podman)
    assert mounted_tree(real, published.name("gzip")).differences(mounted_tree(peer, target)) == []
    manifest = json.loads(run("skopeo", "inspect", "--raw", *plain_registry.flags, f"docker://{target}"))
    endings = {layer["mediaType"].rpartition("+" if form else ".")[2] for layer in manifest["layers"]}
    assert endings == ({"zstd"} if "zstd" in form else {"gzip"})


def test_push_makes_the_same_bytes_every_time(podman: cli.Cli, published: Published, plain_registry: Registry) -> None:
    podman("pull", "-q", *published.registry.flags, published.name("zstd"))
    raw = []
    for number in (1, 2):
        target = f"{plain_registry.address}/same{number}/app:1"
        podman("push", "-q", "--format", "v2s2", *plain_registry.flags, published.name("zstd"), target)
        raw.append(run("skopeo", "inspect", "--raw", *plain_registry.flags, f"docker://{target}"))
    assert raw[0] == raw[1]


# Words and codes ----------------------------------------------------------------------------------------------------

#: {plain}, {secure}: registries with the image `team/app:gzip` in the secure one; {flags}, {open}: how to reach them.
WRONG = [
    "pull {secure}/team/app:gzip",
    "pull {cert} {secure}/team/app:gzip",
    "pull {cert} --creds bad:bad {secure}/team/app:gzip",
    "pull --tls-verify=false --creds someone {secure}/team/app:gzip",
    "pull {flags} {secure}/team/app:nope",
    "pull {flags} {secure}/team/nope",
    "pull {flags} {secure}/team/app@sha256:" + "ab" * 32,
    "pull {plain}/x",
    "pull {open} {plain}/x {plain}/y",
    "pull {open} -q {plain}/x",
    "pull --authfile /nonexistent/auth.json {plain}/x",
    "pull --platform linux/arm64 --arch arm {plain}/x",
    "pull Upper",
    "pull localhost/Upper",
    "pull nosuchname:x",
    "pull a:b:c",
    "pull x@sha256:12",
    "pull x@md5:d41d8cd98f00b204e9800998ecf8427e",
    "pull " + "ab" * 32,
    "pull",
    "pull --nonesuch x",
    "push nosuch {plain}/x",
    "push",
    "push a b c",
    "push --format bad a b",
    "push --compression-format bad a b",
    "login --get-login {plain}",
    "login --get-login",
    "login {plain} {plain}",
    "login -u a -p b --password-stdin {plain}",
    "login --password-stdin {plain}",
    "login {cert} -u bad -p bad {secure}",
    "login -u a -p b {secure}",
    "login -u a --tls-verify=false {plain}",
    "login -u a -p b --tls-verify=false {plain}/x:tag",
    "logout {plain}",
    "logout -a {plain}",
    "logout",
    "logout --authfile /nonexistent/auth.json {plain}",
]


@pytest.mark.parametrize("line", WRONG)
def test_refusals_are_podmans(
    podman: cli.Cli, peer: cli.Cli, published: Published, plain_registry: Registry, line: str
) -> None:
    secure = published.registry
    places = {"plain": plain_registry.address, "secure": secure.address, "cert": f"--cert-dir={secure.certificates}"}
    words: list[str] = []
    for word in line.split():
        if word in ("{flags}", "{open}"):
            words += secure.flags if word == "{flags}" else plain_registry.flags
        else:
            words.append(word.format(**places))
    for program in (podman, peer):
        program.environment["HOME"] = str(program.root.parent)
        program.environment["XDG_RUNTIME_DIR"] = str(program.root.parent)
    ours, theirs = (program(*words, code=None) for program in (podman, peer))
    assert ours.returncode == theirs.returncode
    assert ours.stdout == theirs.stdout
    assert ours.stderr == theirs.stderr


def test_login_writes_podmans_file_and_is_used(podman: cli.Cli, peer: cli.Cli, published: Published) -> None:
    secure, files = published.registry, {}
    for program in (podman, peer):
        path = program.root.parent / "auth.json"
        own, host = [f"--authfile={path}"], secure.address
        certificates = f"--cert-dir={secure.certificates}"
        login = ["login", *own, certificates, "-u", USERNAME]
        said = program(*login, "-p", PASSWORD, host).stdout
        said += program("login", *own, certificates, host).stdout
        said += program("login", *own, "--get-login", host).stdout
        said += program(*login, "--password-stdin", f"{host}/team", stdin=PASSWORD.encode() + b"\n").stdout
        files[program] = (said.replace(str(path), "FILE"), path.read_bytes(), oct(path.stat().st_mode))
        program("pull", "-q", *own, certificates, published.name("gzip"))
        said = program("logout", *own, host).stdout + program("logout", *own, "--all").stdout
        files[program] += (said, path.read_bytes())
        program("pull", "-q", *own, certificates, published.name("zstd"), code=125)
    assert files[podman] == files[peer]


def test_password_is_asked_for_without_echo(podman: cli.Cli, published: Published) -> None:
    import pty

    secure = published.registry
    authfile = podman.root.parent / "auth.json"
    words = ["login", f"--authfile={authfile}", f"--cert-dir={secure.certificates}", secure.address]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(podman.command(*words)[0], podman.command(*words), podman.environment)
    seen = b""
    for prompt, text in ((b"Username: ", USERNAME), (b"Password: ", PASSWORD)):
        while prompt not in seen:
            seen += os.read(terminal, 1000)
        os.write(terminal, text.encode() + b"\n")
    try:
        while chunk := os.read(terminal, 1000):
            seen += chunk
    except OSError:
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"Login Succeeded!" in seen
    assert PASSWORD.encode() not in seen


# Choosing -----------------------------------------------------------------------------------------------------------


def publish_index(registry: Registry, repository: str) -> dict[str, str]:
    """Push an index of two images, amd64 and arm64/v8; return the ids by architecture."""
    from libpod import _core

    client = _core.RegistryClient(registry.address, insecure=True, push=True)
    ids, members = {}, []
    for architecture, variant in (("amd64", ""), ("arm64", "v8")):
        layer = images.tar(("arch", architecture.encode()))
        config = images.config(layer, architecture=architecture)
        ids[architecture] = images.digest(config)[7:]
        manifest = images.oci_layout(layer, config=config)
        raw = next(data for data in manifest.values() if data.startswith(b'{"schemaVersion": 2, "mediaType"'))
        for blob in (layer, config):
            client.upload(repository, _core.bytes_blob(blob))
        digest = client.put_manifest(repository, images.digest(raw), raw, "application/vnd.oci.image.manifest.v1+json")
        platform = {"architecture": architecture, "os": "linux"} | ({"variant": variant} if variant else {})
        kind = "application/vnd.oci.image.manifest.v1+json"
        members.append({"mediaType": kind, "digest": digest, "size": len(raw), "platform": platform})
    kind = "application/vnd.oci.image.index.v1+json"
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": members}).encode()
    client.put_manifest(repository, "latest", index, kind)
    return ids


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--arch", "arm64"],
        ["--arch", "aarch64"],
        ["--platform", "linux/arm64"],
        ["--platform", "linux/arm64/v8"],
        ["--arch", "arm64", "--variant", "v8"],
        ["--arch", "s390x"],
        ["--os", "windows"],
    ],
)
def test_member_of_an_index_is_chosen_as_by_podman(
    podman: cli.Cli, peer: cli.Cli, plain_registry: Registry, flags: list[str]
) -> None:
    ids = publish_index(plain_registry, "many/app")
    name = f"{plain_registry.address}/many/app"
    ours, theirs = (program("pull", *plain_registry.flags, *flags, name, code=None) for program in (podman, peer))
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    if ours.returncode == 0:
        assert ours.stdout.strip() == ids["arm64" if flags else "amd64"]
    shown = ("images", "--digests", "--no-trunc", "--format", "{{.ID}} {{.Digest}} {{.Repository}}")
    assert podman(*shown).stdout == peer(*shown).stdout


def test_all_tags_are_pulled_and_one_that_is_missing_is_told(
    podman: cli.Cli, published: Published, plain_registry: Registry
) -> None:
    # Podman 4.3 asks for the tags without --cert-dir and --creds, so it cannot be compared here.
    repository = f"{published.registry.address}/team/app"
    printed = podman("pull", "-q", "--all-tags", *published.registry.flags, repository).stdout.split()
    assert len(printed) == 3
    shown = podman("images", "--no-trunc", "--format", "{{.Tag}} {{.ID}}").stdout.splitlines()
    assert sorted(line.split()[0] for line in shown) == ["gzip", "oci", "zstd"]
    assert {line.split()[1] for line in shown} == {f"sha256:{image_id}" for image_id in printed}
    missing = podman("pull", "-a", *plain_registry.flags, f"{plain_registry.address}/nope", code=125)
    assert missing.stderr.startswith("Error: fetching tags list: ")
    wrong = podman("pull", "-a", "oci:/nonexistent", code=125)
    assert wrong.stderr == "Error: pulling all tags is not supported for oci transport\n"


def test_short_names_and_mirrors_lead_where_registries_conf_says(
    podman: cli.Cli, published: Published, plain_registry: Registry, tmp_path: Path
) -> None:
    publish_index(plain_registry, "mirror/app")
    conf = tmp_path / "registries.conf"
    conf.write_text(
        f'unqualified-search-registries = ["{plain_registry.address}"]\n'
        f'[[registry]]\nlocation = "{plain_registry.address}"\ninsecure = true\n'
        '[[registry]]\nprefix = "away.example"\nlocation = "127.0.0.1:1"\n'
        f'[[registry.mirror]]\nlocation = "{plain_registry.address}/mirror"\ninsecure = true\n'
        '[[registry]]\nlocation = "shut.example"\nblocked = true\n'
        f'[aliases]\n"tool" = "{plain_registry.address}/mirror/app"\n'
    )
    podman.environment["CONTAINERS_REGISTRIES_CONF"] = str(conf)
    assert "Resolving " in podman("pull", "mirror/app").stderr
    assert "Resolved " in podman("pull", "tool").stderr
    podman("pull", "-q", "away.example/app:latest")
    names = podman("images", "--format", "{{.Repository}}").stdout.split()
    assert sorted(names) == [
        "127.0.0.1:" + plain_registry.address.partition(":")[2] + "/mirror/app",
        "away.example/app",
    ]
    failed = podman("pull", "-q", "away.example/nope", code=125).stderr
    assert "Mirrors also failed" in failed
    assert "shut.example is blocked" in podman("pull", "-q", "shut.example/x", code=125).stderr


def test_policy_speaks_before_the_registry_is_asked(podman: cli.Cli, published: Published) -> None:
    home = podman.root.parent / "home"
    (home / ".config/containers").mkdir(parents=True)
    policy = home / ".config/containers/policy.json"
    podman.environment["HOME"] = str(home)
    policy.write_text('{"default": [{"type": "reject"}]}')
    name = published.name("gzip")
    refused = podman("pull", "-q", *published.registry.flags, name, code=125)
    assert refused.stderr.startswith(
        f"Error: Source image rejected: Running image docker://{name} is rejected by policy."
    )
    policy.write_text('{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/key"}]}')
    assert "signatures" in podman("pull", "-q", *published.registry.flags, name, code=125).stderr
    assert podman("images", "-q").stdout == ""


# Harm ---------------------------------------------------------------------------------------------------------------


def test_damaged_blob_publishes_nothing(podman: cli.Cli, published: Published, plain_registry: Registry) -> None:
    podman("pull", "-q", *published.registry.flags, published.name("gzip"))
    target = f"{plain_registry.address}/damaged/app:1"
    podman("push", "-q", *plain_registry.flags, published.name("gzip"), target)
    podman("rmi", "-a", "-f")
    manifest = json.loads(run("skopeo", "inspect", "--raw", *plain_registry.flags, f"docker://{target}"))
    layer = max(manifest["layers"], key=lambda layer: layer["size"])["digest"][7:]
    data = plain_registry.data / "docker/registry/v2/blobs/sha256" / layer[:2] / layer / "data"
    raw = bytearray(data.read_bytes())
    raw[len(raw) // 2] ^= 1
    data.write_bytes(raw)
    podman("pull", "-q", *plain_registry.flags, target, code=125)
    host = Host(podman.root, podman.runroot)
    with pytest.raises(CorruptError):
        ImageManager(host).pull(target, options=Options(tls_verify=False))
    assert host.store.images() == []
    assert host.store.layers() == []
    assert host.store.check(contents=True) == []


def test_parallel_pulls_of_one_image_are_one_image(podman: cli.Cli, published: Published) -> None:
    names = [published.name(tag) for tag in ("gzip", "zstd", "oci")] * 2
    running = [podman.spawn("pull", "-q", *published.registry.flags, name) for name in names]
    ended = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * len(names), ended
    store = open_store(str(podman.root), str(podman.runroot))
    assert sorted(name for image in store.images() for name in image["names"]) == sorted(set(names))
    assert store.check(contents=True) == []


def test_killed_pulls_leave_a_whole_store(podman: cli.Cli, published: Published) -> None:
    name, flags = published.name("gzip"), published.registry.flags
    start = time.monotonic()
    podman("pull", "-q", *flags, name)
    duration = time.monotonic() - start
    chance = random.Random(7)
    for _ in range(12):
        podman("rmi", "-a", "-f")
        process = podman.spawn("pull", "-q", *flags, name)
        time.sleep(chance.uniform(0.3, 1.0) * duration)
        process.kill()
        process.communicate()
        store = open_store(str(podman.root), str(podman.runroot))
        # What a dead process had half published is invisible to every tool, and the next writer takes it away.
        findings = store.check(contents=True)
        hidden = {line.split()[1].rstrip(":") for line in findings if line.endswith(": incomplete")}
        assert [line for line in findings if not any(layer in line for layer in hidden)] == []
        assert not hidden & {layer["id"] for layer in store.layers()}
        podman("pull", "-q", *flags, name)
        assert store.check(contents=True) == []
        assert real_on(podman)("images", "-q").stdout.strip()


def test_an_image_pulled_by_digest_shows_as_with_podman(podman: cli.Cli, peer: cli.Cli, published: Published) -> None:
    tagged = published.name("gzip")
    digest = "sha256:" + hashlib.sha256(published.raw(tagged)).hexdigest()
    by_digest = f"{tagged.rpartition(':')[0]}@{digest}"
    shown = (
        ("images", "--format", "table {{.Repository}} {{.Tag}} {{.Digest}} {{.ID}} {{.Size}}"),
        ("images", "--format", "{{.Repository}}|{{.Tag}}|{{.Digest}}|{{.Names}}|{{.RepoDigests}}|{{.History}}"),
        ("images", "-q"),
        ("inspect", "--format", "{{.RepoTags}}|{{.RepoDigests}}|{{.NamesHistory}}", by_digest),
        ("images", "--filter", "dangling=true", "-q"),
        ("images", tagged.rpartition(":")[0]),
    )
    for step in (
        ("pull", "-q", *published.registry.flags, by_digest),
        ("pull", "-q", *published.registry.flags, tagged),
        ("tag", tagged, "other:1"),
        ("rmi", by_digest),
        ("pull", "-q", *published.registry.flags, by_digest),
        ("untag", by_digest, tagged, "other:1"),
    ):
        done = [program(*step) for program in (podman, peer)]
        assert done[0].stdout == done[1].stdout
        for words in shown:
            # A second may pass between the two.
            mine, other = (
                re.sub(r"\d+ (seconds|minutes?) ago", "<AGO>", program(*words).stdout) for program in (podman, peer)
            )
            assert mine == other, (step, words)
