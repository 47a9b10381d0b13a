"""Where each file of the configuration is looked up, that no other module knows it, and that no file is waited for."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import libpod
from libpod.config import auth, lookup
from libpod.config.containers import load_containers_conf
from libpod.config.policy import load_policy
from libpod.config.registries import read
from libpod.config.storage import load_storage
from libpod.errors import InvalidError
from libpod.identity import Identity
from libpod.network import config as networks

PACKAGE = Path(libpod.__file__).parent
HOME = {"HOME": "/home/u"}
SYSTEM, USER = "/etc/containers", "/home/u/.config/containers"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without any file of the configuration."""
    monkeypatch.setattr(os.path, "exists", lambda _path: False)
    monkeypatch.setattr(os, "listdir", lambda _path: [])


@pytest.mark.usefixtures("bare")
def test_containers_conf() -> None:
    system = ["/usr/share/containers/containers.conf", f"{SYSTEM}/containers.conf"]
    assert lookup.containers_conf(Identity(HOME, 0)) == (system, False)
    assert lookup.containers_conf(Identity(HOME, 7)) == ([*system, f"{USER}/containers.conf"], False)
    xdg = HOME | {"XDG_CONFIG_HOME": "/x"}
    assert lookup.containers_conf(Identity(xdg, 7)) == ([*system, "/x/containers/containers.conf"], False)
    assert lookup.containers_conf(Identity({"CONTAINERS_CONF": "/c"}, 7)) == (["/c"], True)
    assert lookup.containers_conf(Identity({"CONTAINERS_CONF": ""}, 0)) == ([], True)


def test_drop_ins_come_after_their_file(tmp_path: Path) -> None:
    directory = tmp_path / "containers" / "containers.conf.d"
    directory.mkdir(parents=True)
    for name in ("20.conf", "10.conf", "30.txt"):
        (directory / name).touch()
    found, _ = lookup.containers_conf(Identity({"XDG_CONFIG_HOME": str(tmp_path)}, 7))
    assert found[-3:] == [f"{tmp_path}/containers/containers.conf", f"{directory}/10.conf", f"{directory}/20.conf"]
    assert lookup.drop_ins(str(tmp_path / "nosuch")) == lookup.drop_ins(str(directory / "10.conf")) == []


@pytest.mark.usefixtures("bare")
def test_the_others() -> None:
    user = Identity(HOME, 7)
    assert lookup.storage_conf(user) == (None, False)
    assert lookup.storage_conf(Identity({"CONTAINERS_STORAGE_CONF": "/s"}, 7)) == ("/s", True)
    drop_ins = [f"{SYSTEM}/registries.conf.d", f"{USER}/registries.conf.d"]
    assert lookup.registries_conf(user) == (f"{SYSTEM}/registries.conf", drop_ins)
    for name in ("CONTAINERS_REGISTRIES_CONF", "REGISTRIES_CONFIG_PATH"):
        assert lookup.registries_conf(Identity(HOME | {name: "/r"}, 7)) == ("/r", drop_ins)
    assert lookup.recorded_aliases(user) == "/home/u/.cache/containers/short-name-aliases.conf"
    assert lookup.recorded_aliases(Identity(HOME, 0)) == "/var/cache/containers/short-name-aliases.conf"
    assert lookup.policy(user) == f"{SYSTEM}/policy.json"
    assert lookup.NETWORKS == networks.DIRECTORY == f"{SYSTEM}/networks"
    assert lookup.certificate_directories(user) == [f"{USER}/certs.d", f"{SYSTEM}/certs.d", "/etc/docker/certs.d"]


def test_auth_json() -> None:
    docker = ["/home/u/.docker/config.json", "/home/u/.dockercfg"]
    own = f"{USER}/auth.json"
    assert lookup.auth_files(Identity(HOME, 7)) == ["/run/containers/7/auth.json", own, *docker]
    runtime = Identity(HOME | {"XDG_RUNTIME_DIR": "/run/user/7"}, 7)
    assert lookup.auth_files(runtime) == ["/run/user/7/containers/auth.json", own, *docker]
    named = Identity(HOME | {"DOCKER_CONFIG": "/d"}, 7)
    assert lookup.auth_files(named) == ["/d/config.json", own, "/d/config.json", docker[1]]
    named = Identity(HOME | {"DOCKER_CONFIG": "/d", "REGISTRY_AUTH_FILE": "/a"}, 7)
    assert lookup.auth_file(named) == "/a"
    assert lookup.auth_file(named, "/option") == lookup.named_auth_file(named, "/option") == "/option"


#: What only these two modules may know.
NAMES = (
    "/etc/containers",
    "/usr/share/containers",
    "/etc/docker",
    ".config/",
    ".cache/",
    ".docker/",
    "XDG_",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "REGISTRIES_CONFIG_PATH",
    "REGISTRY_AUTH_FILE",
    "DOCKER_CONFIG",
)
#: A list of options that name it to the user is no look-up.
HELP = ("cli/login.py", "cli/logout.py", "cli/image/remote.py")


def _texts(path: Path) -> list[str]:
    """The texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]


def test_no_other_module_knows_where() -> None:
    for path in PACKAGE.rglob("*.py"):
        name = str(path.relative_to(PACKAGE))
        texts = [text for text in _texts(path) if any(word in text for word in NAMES)]
        if name in ("config/lookup.py", "identity.py"):
            assert texts, name
        else:
            assert name in HELP or not texts, f"{name}: {texts}"


READERS: dict[str, Callable[[str], object]] = {
    "CONTAINERS_CONF": lambda _path: load_containers_conf(),
    "CONTAINERS_STORAGE_CONF": lambda _path: load_storage(),
    "registries.conf": lambda path: read(path, []),
    "drop-in of registries.conf": lambda path: read("/nosuch", [os.path.dirname(path)]),
    "policy.json": load_policy,
    "auth.json read": lambda path: auth.find_credentials("r.io", authfile=path),
    "auth.json written": lambda path: auth.set_credentials("r.io", auth.Credentials("u", "p"), authfile=path),
    "auth.json cleared": lambda path: auth.remove_credentials("r.io", authfile=path),
    "auth.json emptied": lambda path: auth.remove_all(authfile=path),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["directory", "fifo", "large"])
def test_a_file_that_is_none_is_an_error_with_its_path(
    reader: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.conf"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with path.open("wb") as file:
            file.truncate(lookup.MAX_BYTES + 1)
    monkeypatch.setenv(reader, str(path))
    with pytest.raises(InvalidError, match=f"{path}.*(not a regular file|more than)") as caught:
        READERS[reader](str(path))
    assert caught.value.path == str(path)
    assert path.exists()


@pytest.mark.parametrize("reader", READERS)
def test_what_may_not_be_read_is_an_error(reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: str, _limit: int) -> bytes | None:
        if path == str(tmp_path / "x.conf"):
            raise PermissionError(13, "Permission denied", path)
        return None

    (tmp_path / "x.conf").touch()
    monkeypatch.setattr(lookup._core, "read_file", denied)
    monkeypatch.setenv(reader, str(tmp_path / "x.conf"))
    with pytest.raises(PermissionError) as caught:
        READERS[reader](str(tmp_path / "x.conf"))
    assert caught.value.filename == str(tmp_path / "x.conf")


def test_the_null_device_is_an_empty_file_and_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lookup.read("/dev/null") == b""
    monkeypatch.setenv("CONTAINERS_CONF", "/dev/null")
    assert load_containers_conf().engine["stop_timeout"] == 10
    assert auth.find_credentials("r.io", authfile="/dev/null") is None
    with pytest.raises(InvalidError, match="/dev/null: not a regular file"):
        auth.set_credentials("r.io", auth.Credentials("u", "p"), authfile="/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(InvalidError, match="/dev/zero"):
        lookup.read("/dev/zero")
