"""What a start hands to the monitor, and what it writes: settings in, documents out. No container runs, nothing is mounted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from libpod import _core
from libpod.container.manager import ContainerManager
from libpod.container.model import Container
from libpod.container.mounts import Mount
from libpod.container.namespaces import Namespace
from libpod.container.records import Records
from libpod.container.settings import ContainerSettings
from libpod.container.starting import prepare
from libpod.errors import ContainerNotFoundError, InvalidError, StateError
from libpod.host import Host
from libpod.network import bridge
from libpod.network.attachment import Attachment


@pytest.fixture
def host(tmp_path: Path, networks: Path) -> Host:
    """A host with an empty store and no networks but the default one."""
    return Host(tmp_path / "root", tmp_path / "run")


def make(host: Host, **given: Any) -> Container:
    """A container of an empty root file system."""
    given = {"name": "c", "argv": ["true"], "created": "2026-01-01T00:00:00Z", "network": Namespace("none"), **given}
    return Records(host).add(ContainerSettings(**given), None)


def launched(host: Host, *, detach: bool = False, **given: Any) -> tuple[dict[str, Any], dict[str, Any], Container]:
    """The launch document, the runtime spec beside it, and their container."""
    container = make(host, **given)
    document = prepare(host, container, detach=detach, initial_size=None)
    return document, _core.parse_json(Path(document["bundle"], "config.json").read_text()), container


def root_of(container: Container, host: Host) -> Path:
    """Where what is in the container's own root lies."""
    return Path(host.store.rootfs(container.id)["upper"])


def sources(spec: dict[str, Any]) -> dict[str, str]:
    return {mount["destination"]: mount["source"] for mount in spec["mounts"]}


def test_the_document_of_a_plain_container(host: Host) -> None:
    document, spec, container = launched(host, terminal=True, stdin_open=True, timeout=7, seccomp="unconfined")
    assert document == {
        "version": 2,
        "id": container.id,
        "run_dir": container.run_directory,
        "exit_file": container.exit_path,
        "bundle": container.user_directory,
        "rootfs": host.store.rootfs(container.id),
        "root_changes": [],
        "stdin_open": True,
        "terminal": True,
        "log": {"driver": "k8s-file", "path": container.log_path, "max_size": None},
        "networks": [],
        "hosts": None,
        "client_cleans_up": False,
        "exit_command": None,
        "seccomp": "unconfined",
        "seccomp_cache": host.places.seccomp_cache,
        "conmon_pidfile": container.conmon_pidfile,
        "pidfile": container.pidfile,
        "timeout": 7,
        "initial_size": None,
    }
    assert spec["process"]["args"] == ["true"]
    assert spec["root"] == {"path": host.places.merged(container.layer_id), "readonly": False}
    assert spec["hostname"] == container.id[:12]


@pytest.mark.parametrize("detach", [True, False])
def test_who_removes_a_container_is_settled_before_it_starts(host: Host, detach: bool) -> None:
    document, _, container = launched(host, remove=True, detach=detach)
    assert document["client_cleans_up"] is not detach
    assert document["exit_command"] == host.exit_command(container.id)
    assert document["exit_command"][-1] == container.id


def test_its_own_files_lie_below_the_run_root(host: Host) -> None:
    _, spec, container = launched(host, hostname="name", hosts=["other:10.0.0.9"])
    files = {
        place: source
        for place, source in sources(spec).items()
        if place in ("/etc/hosts", "/etc/hostname", "/run/.containerenv")
    }
    assert files == {place: f"{container.boot_directory}/{os.path.basename(place)}" for place in files}
    assert len(files) == 3
    assert Path(files["/etc/hostname"]).read_text() == "name\n"
    assert Path(files["/run/.containerenv"]).read_text() == ""
    hosts = Path(files["/etc/hosts"]).read_text().splitlines()
    assert hosts[0] == "10.0.0.9\tother"
    assert hosts[-1] == "127.0.0.1\tname c", "without a network the loopback has its names"
    assert {os.stat(source).st_mode & 0o777 for source in files.values()} == {0o644}


def test_a_privileged_container_is_told_what_it_is(host: Host) -> None:
    _, spec, container = launched(host, privileged=True, image="i:latest")
    text = Path(sources(spec)["/run/.containerenv"]).read_text()
    assert f'name="c"\nid="{container.id}"\nimage="i:latest"\nimageid=""\n' in text


def test_a_network_is_attached_and_names_its_gateway(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "ensure", lambda network: None)
    document, spec, container = launched(host, network=Namespace("bridge"), networks=[Attachment("podman")])
    (network,) = document["networks"]
    assert (network["network"], network["interface"]) == ("podman", "eth0")
    # The monitor adds the container's own line when it knows the address.
    assert document["hosts"] == {"path": sources(spec)["/etc/hosts"], "names": [container.id[:12], "c"]}
    hosts = Path(sources(spec)["/etc/hosts"]).read_text()
    assert "\n10.88.0.1\thost.containers.internal host.docker.internal\n" in hosts
    assert container.id[:12] not in hosts
    other, _, _ = launched(
        host, name="d", network=Namespace("bridge"), networks=[Attachment("podman")], hosts=["d:10.0.0.9"]
    )
    assert other["hosts"]["names"] != ["d"]
    assert "d" not in other["hosts"]["names"], "the user gave its name to another address"


def test_the_users_own_file_is_left_to_the_user(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "ensure", lambda network: None)
    mine = tmp_path / "hosts"
    mine.write_text("mine\n")
    document, spec, _ = launched(
        host,
        network=Namespace("bridge"),
        networks=[Attachment("podman")],
        mounts=[Mount("bind", "/etc/hosts", str(mine), ["rbind"])],
    )
    assert document["hosts"] is None
    assert sources(spec)["/etc/hosts"] == str(mine)
    assert mine.read_text() == "mine\n"


def test_a_user_without_an_entry_gets_one_in_copies(host: Host) -> None:
    container = make(host, user="1234:99")
    etc = root_of(container, host) / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh")
    (etc / "group").write_text("root:x:0:\n")
    document = prepare(host, container, detach=False, initial_size=None)
    spec = _core.parse_json(Path(document["bundle"], "config.json").read_text())
    passwd, group = (Path(sources(spec)[f"/etc/{kind}"]) for kind in ("passwd", "group"))
    assert passwd.read_text() == "root:x:0:0::/root:/bin/sh\n1234:*:1234:99:container user:/:/bin/sh\n"
    assert group.read_text() == "root:x:0:\n99:x:99:1234\n"
    assert (etc / "passwd").read_text() == "root:x:0:0::/root:/bin/sh", "the image's own file stays as it is"
    assert spec["process"]["user"] == {"uid": 1234, "gid": 99, "additionalGids": [99], "umask": 0o022}
    assert spec["process"]["capabilities"].keys() == {"bounding"}


def test_a_group_that_is_nowhere_is_named(host: Host) -> None:
    container = make(host, groups=["nosuch"])
    with pytest.raises(
        InvalidError, match=f"looking up supplemental groups for container {container.id}: Unable to find"
    ):
        prepare(host, container, detach=False, initial_size=None)


def test_a_time_zone_of_the_hosts_is_copied(host: Host) -> None:
    document, spec, container = launched(host, timezone="UTC")
    assert sources(spec)["/etc/localtime"] == container.boot_directory + "/localtime"
    # A link of the image's would lead the mount to another file.
    assert document["root_changes"] == [{"kind": "unlink", "path": "/etc/localtime"}]
    inside = make(host, name="d", timezone="UTC")
    zone = root_of(inside, host) / "usr/share/zoneinfo"
    zone.mkdir(parents=True)
    (zone / "UTC").write_text("the image's")
    document = prepare(host, inside, detach=False, initial_size=None)
    assert document["root_changes"] == [
        {"kind": "link", "path": "/etc/localtime", "target": "../usr/share/zoneinfo/UTC"}
    ]


def test_a_start_that_fails_makes_no_bridge(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(bridge, "ensure", lambda network: made.append(network.name))
    networked = {"network": Namespace("bridge"), "networks": [Attachment("podman")]}
    for fault in ({"workdir": "/nosuch"}, {"user": "nosuch"}):
        with pytest.raises(InvalidError):
            launched(host, name=f"no{len(fault)}{next(iter(fault))}", **networked, **fault)
    assert made == []
    launched(host, **networked)
    assert made == ["podman"]


def test_a_working_directory_is_made_for_its_user(host: Host) -> None:
    document, _, _ = launched(host, workdir="/work", create_workdir=True, user="5:6")
    assert document["root_changes"] == [{"kind": "directory", "path": "/work", "uid": 5, "gid": 6}]


def test_an_empty_volume_is_for_the_containers_user(host: Host) -> None:
    _, spec, _ = launched(host, user="5:6", mounts=[Mount("volume", "/data", volume="v", copy_up=True)])
    volume = Path(host.places.volumes, "v", "_data")
    assert sources(spec)["/data"] == str(volume)
    if os.geteuid() == 0:
        assert (volume.stat().st_uid, volume.stat().st_gid) == (5, 6)


def test_an_init_program_is_mounted_and_runs_the_command(host: Host) -> None:
    _, spec, _ = launched(host, init=True)
    assert spec["process"]["args"] == ["/run/podman-init", "--", "true"]
    assert sources(spec)["/run/podman-init"] == host.helper_path


def test_a_namespace_of_a_container_that_does_not_run_is_refused(host: Host) -> None:
    owner = make(host, name="owner")
    container = make(host, ipc=Namespace("container", owner.id))
    with pytest.raises(StateError, match=f"cannot get namespace path unless container {owner.id} is running"):
        prepare(host, container, detach=False, initial_size=None)
    gone = make(host, name="d", pid=Namespace("container", "f" * 64))
    with pytest.raises(ContainerNotFoundError):
        prepare(host, gone, detach=False, initial_size=None)


def test_verbs_of_a_container_that_never_ran(host: Host) -> None:
    container, containers = make(host, name="one", labels={"a": "b"}), ContainerManager(host)
    assert container.state.status == "created"
    assert [one.id for one in containers.list(all=True)] == [container.id]
    assert containers.list() == []
    assert containers.exists("one")
    document = containers.inspect(container)
    assert (document["Id"], document["State"]["Status"], document["Config"]["Labels"]) == (
        container.id,
        "created",
        {"a": "b"},
    )
    assert containers.inspect("one") == document
    containers.rename("one", "other")
    assert not containers.exists("one")
    assert containers.lookup("other").settings.name == "other"
    with pytest.raises(StateError, match="can only kill running containers"):
        containers.kill(containers.lookup("other"))
    containers.remove(containers.lookup("other"))
    assert containers.list(all=True) == []
    assert not os.path.exists(container.user_directory)
