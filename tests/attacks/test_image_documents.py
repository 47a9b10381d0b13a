"""Configs and manifests with members that Go's types refuse, and records of a store that somebody damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod.errors import InvalidError
from tests.support import cli, probe
from tests.support.images import config, digest, docker_archive, oci_layout, tar, write_layout

LAYER = tar(("etc/", ""), ("etc/x", b"x"))

#: Members of a config that are refused, with what the error names. Podman takes none of these, or cannot list its images
#: once such an image is in the store.
BAD_CONFIGS: list[tuple[dict[str, Any], str]] = [
    *[({"created": text}, "`created` is the string") for text in (
        "yesterday", "", "2024-02-30T00:00:00Z", "2024-01-02T24:00:00Z", "2024-01-02T00:00:60Z", "2024-01-02T00:00:00z",
        "2024-01-02t00:00:00Z", "2024-01-02T00:00:00", "12024-01-02T00:00:00Z", "2024-01-02T00:00:00+24:00",
    )],
    *[({name: 5}, f"`{name}` is the number 5, not a string") for name in (
        "id", "parent", "comment", "container", "docker_version", "author", "architecture", "variant", "os", "os.version",
    )],
    ({"created": 5}, "`created`"), ({"CREATED": "yesterday", "created": None}, "`created` stands there twice"),
    ({"Size": "x"}, "`Size` is the string \"x\", not an integer"), ({"os.features": "x"}, "`os.features`"),
    ({"container_config": {"Tty": "x"}}, "`container_config.Tty`"), ({"container_config": 5}, "`container_config`"),
    ({"rootfs": {"type": 5, "diff_ids": [digest(LAYER)]}}, "`rootfs.type`"),
    ({"history": 5}, "`history`"), ({"history": [5]}, "`history[0]`"),
    ({"history": [{"created": "yesterday"}]}, "`history[0].created`"), ({"history": [{"created": ""}]}, "`history[0].created`"),
    ({"history": [{}, {"empty_layer": "x"}]}, "`history[1].empty_layer`"), ({"history": [{"comment": 5}]}, "`history[0].comment`"),
    *[({"config": {name: 5}}, f"`config.{name}` is the number 5, not a string") for name in (
        "Hostname", "Domainname", "User", "Image", "WorkingDir", "MacAddress", "StopSignal", "Cpuset",
    )],
    *[({"config": {name: "x"}}, f"`config.{name}` is the string \"x\", not true or false") for name in (
        "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "ArgsEscaped", "NetworkDisabled",
    )],
    *[({"config": {name: "x"}}, f"`config.{name}` is the string \"x\", not a list") for name in ("Env", "Cmd", "Entrypoint", "OnBuild")],
    *[({"config": {name: "x"}}, f"`config.{name}` is the string \"x\", not an integer") for name in ("StopTimeout", "Memory", "MemorySwap", "CpuShares")],
    ({"config": {"Shell": [5]}}, "`config.Shell[0]`"), ({"config": {"Labels": {"a": 5}}}, "`config.Labels.a`"),
    ({"config": {"Volumes": {"/a": 5}}}, "`config.Volumes./a`"), ({"config": {"ExposedPorts": {"80/tcp": []}}}, "`config.ExposedPorts.80/tcp`"),
    ({"config": {"hostname": 5}}, "`config.Hostname`"), ({"config": 5}, "`config`"),
    ({"config": {"Healthcheck": 5}}, "`config.Healthcheck`"), ({"config": {"Healthcheck": {"Test": "x"}}}, "`config.Healthcheck.Test`"),
    *[({"config": {"Healthcheck": {name: "5s"}}}, f"`config.Healthcheck.{name}`") for name in ("StartPeriod", "StartInterval", "Interval", "Timeout", "Retries")],
    ({"config": {"Healthcheck": {"Interval": 1.5}}}, "`config.Healthcheck.Interval` is the number 1.5"),
    ({"config": {"Healthcheck": {"Interval": 2**63}}}, "`config.Healthcheck.Interval`"),
]  # fmt: skip


def ids(case: object) -> str:
    return json.dumps(case)[:60] if isinstance(case, dict) else ""


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[cli.Cli, cli.Cli, Path]]:
    """We and Podman on one store, which has one good image."""
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon")
    directory = Path(tempfile.mkdtemp(prefix="id-", dir="/tmp"))
    ours, theirs = cli.ours(directory), cli.real_podman(directory)
    (directory / "good.tar").write_bytes(docker_archive(LAYER, names=("localhost/good:1",)))
    ours("load", "-q", "-i", str(directory / "good.tar"))
    yield ours, theirs, directory
    subprocess.run(["umount", "-l", str(theirs.root / "overlay")], capture_output=True, check=False)
    shutil.rmtree(directory)


def assert_only_good(ours: cli.Cli, theirs: cli.Cli) -> None:
    """Both programs list the good image, can look at it, and nothing else is there."""
    for program in (ours, theirs):
        assert program("images", "-a", "--format", "{{.Repository}}:{{.Tag}}").stdout.split() == ["localhost/good:1"]
    assert len(json.loads((ours.root / "overlay-images/images.json").read_bytes())) == 1
    assert len(json.loads((ours.root / "overlay-layers/layers.json").read_bytes())) == 1


@pytest.mark.parametrize(("changes", "named"), BAD_CONFIGS, ids=ids)
def test_a_config_that_podman_cannot_read_is_refused(
    shared: tuple[cli.Cli, cli.Cli, Path], changes: dict[str, Any], named: str
) -> None:
    ours, theirs, directory = shared
    text = config(LAYER, **changes)
    layout = directory / "layout"
    shutil.rmtree(layout, ignore_errors=True)
    write_layout(layout, oci_layout(LAYER, config=text))
    (directory / "bad.tar").write_bytes(docker_archive(LAYER, image_config=text))
    (directory / "oci.tar").write_bytes(tar(*oci_layout(LAYER, config=text).items()))
    refused = ours("load", "-q", "-i", f"{directory}/bad.tar", code=125).stderr
    assert refused.startswith("Error: ")
    assert refused.count("\n") == 1
    assert named in refused
    with libpod.Engine(ours.root, ours.runroot) as engine:
        for bring_in in (
            lambda: engine.images.load(f"{directory}/oci.tar"),
            lambda: engine.images.load(str(layout)),
            lambda: engine.images.pull(f"oci:{layout}"),
            lambda: engine.images.pull(f"docker-archive:{directory}/bad.tar"),
        ):
            with pytest.raises(InvalidError) as caught:
                bring_in()
            assert named in caught.value.message
    assert_only_good(ours, theirs)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schemaVersion": "2"}, "`schemaVersion`"),
        ({"mediaType": 5}, "`mediaType`"),
        ({"artifactType": 5}, "`artifactType`"),
        ({"annotations": {"a": 5}}, "`annotations.a`"),
        ({"annotations": []}, "`annotations`"),
        ({"subject": 5}, "`subject`"),
        ({"config": 5}, "`config`"),
        ({"config": {"digest": 5}}, "`config.digest`"),
        ({"config": {"size": "5"}}, "`config.size`"),
        ({"config": {"mediaType": 5}}, "`config.mediaType`"),
        ({"config": {"data": "?"}}, "`config.data`"),
        ({"layers": {}}, "`layers`"),
        ({"layers": [{"size": 1.5}]}, "`layers[0].size`"),
        ({"layers": [{"urls": "x"}]}, "`layers[0].urls`"),
        ({"layers": [{"urls": [5]}]}, "`layers[0].urls[0]`"),
        ({"layers": [{"platform": {"os": 5}}]}, "`layers[0].platform.os`"),
        ({"layers": [{"platform": {"os.features": "x"}}]}, "`layers[0].platform.os.features`"),
        ({"LAYERS": []}, "`layers` stands there twice"),
    ],
    ids=ids,
)
def test_a_manifest_that_podman_cannot_read_is_refused(
    shared: tuple[cli.Cli, cli.Cli, Path], change: dict[str, Any], named: str
) -> None:
    ours, theirs, directory = shared
    manifest = next(
        json.loads(data) for data in oci_layout(LAYER).values() if b'"layers"' in data and b"digest" in data
    )
    layout = directory / "manifest"
    shutil.rmtree(layout, ignore_errors=True)
    write_layout(layout, oci_layout(LAYER, manifest=json.dumps(manifest | change).encode()))
    refused = ours("load", "-q", "-i", str(layout), code=125)
    assert named in refused.stderr
    assert_only_good(ours, theirs)


GOOD_DATES = {
    "2024-01-02T0:00:00,50Z": "2024-01-02T00:00:00.5Z",
    "2024-01-02T00:00:00+02:60": "2024-01-02T00:00:00+03:00",
    "9999-12-31T23:59:59.999999999-01:00": "9999-12-31T23:59:59.999999999-01:00",
    "0000-01-01T00:00:00.000Z": "0000-01-01T00:00:00Z",
}


@pytest.mark.parametrize("created", [*GOOD_DATES, "0001-01-01T00:00:00Z", None])
def test_odd_dates_that_go_takes_are_recorded_as_go_writes_them(tmp_path: Path, created: str | None) -> None:
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon")
    (tmp_path / "image.tar").write_bytes(docker_archive(LAYER, image_config=config(LAYER, created=created)))
    found = []
    for number, make in enumerate((cli.ours, cli.real_podman)):
        directory = Path(tempfile.mkdtemp(prefix=f"d{number}-", dir="/tmp"))
        program = make(directory)
        program("load", "-q", "-i", str(tmp_path / "image.tar"))
        (record,) = json.loads((program.root / "overlay-images/images.json").read_bytes())
        found.append(record["created"])
        for reader in (cli.ours(directory), cli.real_podman(directory)):
            assert reader("images", "-q").stdout
            assert json.loads(reader("image", "inspect", "made:1").stdout)
        subprocess.run(["umount", "-l", str(program.root / "overlay")], capture_output=True, check=False)
        shutil.rmtree(directory)
    if created in GOOD_DATES:
        assert found == [GOOD_DATES[created]] * 2
    else:
        # No time at all: as old as the record.
        assert all(text > "2026" for text in found)


# What somebody changed in the store -----------------------------------------------------------------------------------


@pytest.fixture
def program(store_directory: Path) -> cli.Cli:
    """A store of its own with two images."""
    probe.needs_root()
    ours = cli.ours(store_directory)
    for name in ("good", "bad"):
        path = store_directory / f"{name}.tar"
        path.write_bytes(docker_archive(LAYER, tar((name, b"")), names=(f"localhost/{name}:1",)))
        ours("load", "-q", "-i", str(path))
    return ours


def edit(ours: cli.Cli, change: Callable[[dict[str, Any]], None]) -> str:
    """Change the record of the bad image and return its id."""
    path = ours.root / "overlay-images/images.json"
    records = json.loads(path.read_bytes())
    (record,) = (record for record in records if record["names"] == ["localhost/bad:1"])
    image: str = record["id"]
    change(record)
    path.write_text(json.dumps(records))
    return image


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("created", "yesterday"),
        ("created", 5),
        ("names", [5]),
        ("digest", "x"),
        ("big-data-digests", {"a": "x"}),
        ("layer", {}),
    ],
)
def test_one_bad_record_hides_no_image_and_can_be_removed(program: cli.Cli, member: str, value: object) -> None:
    image = edit(program, lambda record: record.update({member: value}))
    table = (program.root / "overlay-images/images.json").read_bytes()
    for words in (("images", "-q"), ("images", "-a", "--format", "json"), ("inspect", "good:1"), ("history", "good:1")):
        listed = program(*words)
        assert listed.stdout
        assert f"images.json: the record of image {image} cannot be read and is left aside" in listed.stderr
        assert f"`podman rmi {image}` removes it" in listed.stderr
        assert listed.stderr.count("\n") == 1
    assert "bad" not in program("images").stdout
    assert (program.root / "overlay-images/images.json").read_bytes() == table
    program("tag", "good:1", "other:1")
    assert json.loads(table)[-1] in json.loads((program.root / "overlay-images/images.json").read_bytes())
    assert program("rmi", image).stdout == f"Deleted: {image}\n"
    assert program("images").stderr == ""
    if Path("/usr/bin/podman").exists():
        theirs = cli.real_podman(program.root.parent)
        assert "good" in theirs("images").stdout
        subprocess.run(["umount", "-l", str(theirs.root / "overlay")], capture_output=True, check=False)


def test_rmi_of_all_takes_damaged_images_too(program: cli.Cli) -> None:
    image = edit(program, lambda record: record.update({"created": "yesterday"}))
    program("images")
    assert image in program("rmi", "-a").stdout
    assert json.loads((program.root / "overlay-images/images.json").read_bytes()) == []
    assert not list((program.root / "overlay").glob("?" * 64))


def change_config(ours: cli.Cli, change: Callable[[bytes], bytes], *, record_too: bool) -> str:
    """Change the bytes of the bad image's config in the store; `record_too`: the digest in images.json with them."""
    found = ""

    def rewrite(record: dict[str, Any]) -> None:
        nonlocal found
        found = record["id"]
        directory = ours.root / "overlay-images" / found
        for path in directory.iterdir():
            data = path.read_bytes()
            if data.startswith(b"{") and b"diff_ids" in data:
                path.write_bytes(change(data))
                if record_too:
                    record["big-data-digests"][f"sha256:{found}"] = digest(change(data))

    edit(ours, rewrite)
    return found


@pytest.mark.parametrize("record_too", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"/bin/sh", b"/bin/no"),
        lambda data: data.replace(b'["/bin/sh"]', b'"/bin/sh"  '),
        lambda data: b"[]",
        lambda data: b"\xff",
        lambda data: b"",
    ],
    ids=["words", "type", "list", "bytes", "empty"],
)
def test_a_changed_config_is_not_run(program: cli.Cli, change: Callable[[bytes], bytes], record_too: bool) -> None:
    image = change_config(program, change, record_too=record_too)
    for words in (("run", "--rm", "bad:1"), ("create", "bad:1"), ("run", "--rm", "bad:1", "/bin/true")):
        refused = program(*words, code=125)
        assert refused.stderr.startswith(
            f"Error: image {image}: image config: digest mismatch: wanted sha256:{image}, got "
        )
        assert refused.stdout == ""
    assert program("ps", "-a", "-q").stdout == ""
    for words in (("inspect", "bad:1"), ("history", "bad:1"), ("save", "-o", "/dev/null", "bad:1")):
        assert "digest mismatch" in program(*words, code=125).stderr
    # The others are not concerned.
    assert program("images", "-q").stdout.count("\n") == 2
    assert program("images", "--filter", "label=made", "-q").stdout.count("\n") == 1


def test_a_changed_manifest_leads_to_no_other_config(program: cli.Cli) -> None:
    def rewrite(record: dict[str, Any]) -> None:
        directory = program.root / "overlay-images" / record["id"]
        (directory / "manifest").write_bytes((directory / "manifest").read_bytes() + b" ")

    edit(program, rewrite)
    for words in (("inspect", "bad:1"), ("history", "bad:1"), ("save", "-o", "/dev/null", "bad:1")):
        assert "manifest: digest mismatch" in program(*words, code=125).stderr
