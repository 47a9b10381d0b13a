"""What a container will see at a place, and which of libpod's own mounts are left out because a directory is the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libpod import _core
from libpod.container.model import Container
from libpod.container.settings import ContainerSettings
from libpod.container.spec import Start, build_spec
from libpod.container.view import check_workdir, look
from libpod.errors import InvalidError
from libpod.places import Places
from tests.unit.test_container_spec import settings_of

OWN_FILES = {"/run/.containerenv": "/b/ce", "/etc/hosts": "/b/hosts", "/etc/hostname": "/b/hostname"}


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """An image's only layer."""
    layer = tmp_path / "layer"
    for name in ("etc", "dev", "run", "proc", "sys", "var/tmp", "tmp"):
        (layer / name).mkdir(parents=True)
    return layer


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory of the host."""
    host = tmp_path / "host"
    host.mkdir()
    return host


def see(layer: Path, settings: ContainerSettings) -> tuple[_core.View, list[str], Start]:
    """The view, and the destinations of the mounts that the spec then has."""
    start = Start("c" * 64, "/rootfs", settings)
    start.bind_files = dict(OWN_FILES)
    start.init_path = "/usr/bin/init"
    view = look(settings, start, [str(layer)])
    spec: dict[str, Any] = build_spec(settings, start)
    return view, [mount["destination"] for mount in spec["mounts"]], start


@pytest.mark.parametrize(
    ("destination", "options", "left_out"),
    [
        ("/etc", {}, {"/etc/hosts", "/etc/hostname"}),
        ("/sys", {}, {"/sys/fs/cgroup"}),
        ("/dev", {}, {"/dev/shm", "/dev/pts", "/dev/mqueue"}),
        ("/var", {"read_only": True}, {"/var/tmp"}),
        ("/run", {}, {"/run/.containerenv"}),
        ("/data", {}, set()),
    ],
)
def test_nothing_of_libpods_own_is_made_in_a_directory_of_the_host(
    layer: Path, host: Path, destination: str, options: dict[str, Any], left_out: set[str]
) -> None:
    _, plain, _ = see(layer, settings_of(**options))
    _, seen, _ = see(layer, settings_of(volume=[f"{host}:{destination}"], **options))
    assert set(plain) - set(seen) - {destination} == left_out
    # The same directory by way of a link of the image's.
    (layer / "link").symlink_to(destination)
    _, seen, start = see(layer, settings_of(volume=[f"{host}:/link"], **options))
    assert left_out - {"/dev/pts", "/dev/mqueue"} <= set(plain) - set(seen)
    assert not left_out & set(start.bind_files)


def test_what_is_there_is_bound_over(layer: Path, host: Path) -> None:
    (host / "hosts").write_text("the user's\n")
    (host / "shm").mkdir()
    _, seen, start = see(layer, settings_of(volume=[f"{host}:/etc"]))
    assert "/etc/hosts" in seen
    assert "/etc/hostname" not in seen
    assert set(start.bind_files) == {"/run/.containerenv", "/etc/hosts"}
    _, seen, _ = see(layer, settings_of(volume=[f"{host}:/dev"]))
    assert "/dev/shm" in seen


def test_volumes_and_tmpfs_are_the_containers_own(layer: Path, host: Path) -> None:
    settings = settings_of(tmpfs=["/etc", "/run"], mount=["type=tmpfs,dst=/sys,notmpcopyup"])
    assert {"/etc/hosts", "/run/.containerenv", "/sys/fs/cgroup"} <= set(see(layer, settings)[1])
    settings = settings_of(volume=["named:/etc"])
    start = Start("c" * 64, "/rootfs", settings)
    start.bind_files = dict(OWN_FILES)
    start.volumes = {"/etc": str(host)}
    look(settings, start, [str(layer)])
    assert set(start.bind_files) == set(OWN_FILES)


def test_mount_points_that_were_asked_for_are_made(layer: Path, host: Path) -> None:
    _, seen, _ = see(layer, settings_of(volume=[f"{host}:/src", "/tmp:/src/deep/er"], tmpfs=["/src/cache"]))
    assert {"/src", "/src/deep/er", "/src/cache"} <= set(seen)


def test_a_link_of_the_image_makes_no_mount_point_in_a_directory_of_the_host(layer: Path, host: Path) -> None:
    (layer / "work").symlink_to("/src/new")
    for options in ({"tmpfs": ["/work"]}, {"volume": ["/tmp:/work/deep"]}):
        words: dict[str, Any] = {**options, "volume": [f"{host}:/src", *options.get("volume", [])]}
        with pytest.raises(InvalidError, match="a link of the image leads into a directory of the host"):
            see(layer, settings_of(**words))
        see(layer, settings_of(**options))
    (host / "new").mkdir()
    assert "/work" in see(layer, settings_of(volume=[f"{host}:/src"], tmpfs=["/work"]))[1]


def test_init_moves_out_of_the_users_directory(layer: Path, host: Path) -> None:
    _, seen, start = see(layer, settings_of(init=True, volume=[f"{host}:/run"]))
    assert start.init_inside == "/dev/podman-init"
    assert "/dev/podman-init" in seen
    spec = build_spec(settings_of(init=True, volume=[f"{host}:/run"]), start)
    assert spec["process"]["args"][0] == "/dev/podman-init"
    with pytest.raises(InvalidError, match="the init program has no place"):
        see(layer, settings_of(init=True, volume=[f"{host}:/run", f"{host}:/dev"]))
    _, _, start = see(layer, settings_of(init=True, volume=[f"{host}:/data"]))
    assert start.init_inside == "/run/podman-init"


def makes_workdir(layer: Path, *, by_image: str = "", **options: Any) -> bool:
    image = {"WorkingDir": by_image} if by_image else {}
    settings = settings_of(image, **options)
    record = {"id": "c" * 64, "names": ["c"]}
    view, _, start = see(layer, settings)
    return check_workdir(Container(record, Places("/g", "/r")), settings, start, view)


def test_a_working_directory_is_made_where_podman_makes_it(layer: Path, host: Path) -> None:
    (layer / "file").write_text("")
    file = host / "file"
    file.write_text("")
    assert makes_workdir(layer, by_image="/work/dir")
    assert not makes_workdir(layer, by_image="/etc")
    # A mount makes the directories that lead to it, and a volume or tmpfs gets what is missing from the runtime.
    assert not makes_workdir(layer, workdir="/var/www", volume=[f"{file}:/var/www/a/index.txt"])
    assert not makes_workdir(layer, workdir="/cache/deep", tmpfs=["/cache"])
    # So it does in libpod's own mounts, with other mounts and without.
    for volumes in ([], [f"{host}:/data"]):
        for inside in ("/proc/self", "/sys/kernel", "/dev/shm", "/dev/shm/x"):
            assert not makes_workdir(layer, workdir=inside, volume=volumes)
    assert makes_workdir(layer, by_image="/var/www/other", volume=[f"{file}:/var/www/index.txt"])


@pytest.mark.parametrize("way", ["user", "image"])
def test_a_working_directory_is_never_made_in_a_directory_of_the_host(layer: Path, host: Path, way: str) -> None:
    options = {"by_image": "/src/new"} if way == "image" else {"workdir": "/src/new"}
    with pytest.raises(InvalidError, match='workdir "/src/new" does not exist') as caught:
        makes_workdir(layer, volume=[f"{host}:/src"], **options)
    assert caught.value.hint
    assert "directory of the host" in caught.value.hint
    (host / "new").mkdir()
    assert not makes_workdir(layer, volume=[f"{host}:/src"], **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workdir": "/nosuch"}, 'workdir "/nosuch" does not exist on container'),
        ({"workdir": "/file"}, 'workdir "/file" exists on container c+, but is not a directory'),
        ({"by_image": "/file"}, 'workdir "/file" exists on container c+, but is not a directory'),
        ({"workdir": "/var/wwwroot", "tmpfs": ["/var/www"]}, 'workdir "/var/wwwroot" does not exist'),
    ],
)
def test_what_is_no_working_directory_is_refused(layer: Path, options: dict[str, Any], message: str) -> None:
    (layer / "file").write_text("")
    with pytest.raises(InvalidError, match=message):
        makes_workdir(layer, **options)


def test_users_are_those_of_the_mounted_files(layer: Path, host: Path) -> None:
    (layer / "etc/passwd").write_text("root:x:0:0::/root:\nimage:x:5:5::/:\n")
    (host / "passwd").write_text("mounted:x:7:8::/home/mounted:\n")
    (host / "group").write_text("more:x:9:mounted\n")
    for volumes in ([f"{host}:/etc"], [f"{host}/passwd:/etc/passwd", f"{host}/group:/etc/group"]):
        view, _, _ = see(layer, settings_of(volume=volumes))
        found = view.find_user("mounted")
        assert (found["uid"], found["gid"], found["additional_gids"], found["home"]) == (7, 8, [9], "/home/mounted")
        assert view.find_group("more") == 9
        with pytest.raises(InvalidError, match="unable to find user image"):
            view.find_user("image")
    view, _, _ = see(layer, settings_of(tmpfs=["/etc"]))
    assert view.find_user("image")["uid"] == 5
