"""auth.json: order of files, most specific key, Docker's keys, helpers, and how it is written."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path

import pytest

from libpod.config import auth, lookup
from libpod.errors import InvalidError, NotFoundError
from libpod.identity import Identity


def entry(username: str, password: str = "p") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def test_files_are_tried_in_the_manuals_order(home: Path) -> None:
    runtime, config = home / "run/containers/auth.json", home / ".config/containers/auth.json"
    docker, old = home / ".docker/config.json", home / ".dockercfg"
    assert lookup.auth_files(Identity()) == [str(runtime), str(config), str(docker), str(old)]
    write(old, {"r.io": entry("old")})
    for path, user in ((docker, "docker"), (config, "config"), (runtime, "runtime")):
        write(path, {"auths": {"r.io": entry(user)}})
        found = auth.find_credentials("r.io/x")
        assert found is not None
        assert (found.username, found.source) == (user, str(path))


def test_environment_and_option_name_the_first_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/env.json")
    assert lookup.auth_file(Identity()) == "/env.json"
    assert lookup.auth_file(Identity(), "/option.json") == "/option.json"
    monkeypatch.delenv("REGISTRY_AUTH_FILE")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert lookup.auth_file(Identity()) == f"/run/containers/{os.getuid()}/auth.json"


@pytest.mark.parametrize(
    ("key", "user"),
    [
        ("r.io/a/b", "repository"),
        ("r.io/a/c", "namespace"),
        ("r.io/d", "host"),
        ("r.io", "host"),
        ("r.io:5000/a/b", None),
        ("s.io/a", None),
        ("r.io/a/bc", "namespace"),
    ],
)
def test_most_specific_key_wins(home: Path, key: str, user: str | None) -> None:
    auths = {"r.io": entry("host"), "r.io/a": entry("namespace"), "r.io/a/b": entry("repository")}
    path = write(home / "auth.json", {"auths": auths})
    found = auth.find_credentials(key, authfile=str(path))
    assert (found.username if found else None) == user


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("https://index.docker.io/v1/", "docker.io/library/x"),
        ("https://registry-1.docker.io", "docker.io"),
        ("https://r.io/v1/", "r.io/x"),
        ("http://r.io", "r.io"),
    ],
)
def test_dockers_keys_are_understood(home: Path, written: str, asked: str) -> None:
    path = write(home / "auth.json", {"auths": {written: entry("me")}})
    found = auth.find_credentials(asked, authfile=str(path))
    assert found is not None
    assert found.username == "me"


def test_identity_tokens_are_read_and_nothing_shows_secrets(home: Path) -> None:
    path = write(home / "auth.json", {"auths": {"r.io": {"identitytoken": "tok3n"}, "s.io": entry("me", "pa:ss")}})
    token, pair = (auth.find_credentials(key, authfile=str(path)) for key in ("r.io", "s.io"))
    assert token is not None
    assert pair is not None
    assert token.identity_token == "tok3n"
    assert pair.password == "pa:ss"
    assert "tok3n" not in repr(token)
    assert "pa:ss" not in repr(pair)


@pytest.mark.parametrize("bad", ["%%%", base64.b64encode(b"nocolon").decode()])
def test_malformed_entries_count_as_absent(home: Path, bad: str) -> None:
    path = write(home / "auth.json", {"auths": {"r.io/a": {"auth": bad}, "r.io": entry("host")}})
    found = auth.find_credentials("r.io/a", authfile=str(path))
    assert found is not None
    assert found.username == "host"


def test_a_password_that_is_not_utf8_keeps_its_bytes(home: Path) -> None:
    place = auth.set_credentials("r.io", auth.Credentials("caf\udce9", "p\udcff:"), authfile=str(home / "auth.json"))
    stored = json.loads(Path(place).read_text())["auths"]["r.io"]["auth"]
    assert base64.b64decode(stored) == b"caf\xe9:p\xff:"
    found = auth.find_credentials("r.io", authfile=place)
    assert found is not None
    assert (found.username, found.password) == ("caf\udce9", "p\udcff:")


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": []}', '{"credHelpers": 1}'])
def test_malformed_files_are_errors_with_their_path(home: Path, text: str) -> None:
    path = home / "auth.json"
    path.write_text(text)
    with pytest.raises(InvalidError, match=str(path)):
        auth.find_credentials("r.io", authfile=str(path))


def test_writing_is_private_atomic_and_keeps_what_others_wrote(home: Path) -> None:
    path = write(home / "deep/auth.json", {"auths": {"z.io": entry("z")}, "HttpHeaders": {"X": "1"}})
    inode = path.stat().st_ino
    auth.set_credentials("a.io/x", auth.Credentials("me", "päss"), authfile=str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_ino != inode, "the file is replaced, never written in place"
    document = json.loads(path.read_text())
    assert list(document["auths"]) == ["a.io/x", "z.io"]
    assert document["HttpHeaders"] == {"X": "1"}
    assert os.listdir(path.parent) == ["auth.json"]
    found = auth.find_credentials("a.io/x/y", authfile=str(path))
    assert found is not None
    assert found.password == "päss"


def test_directories_on_the_way_are_made_private(home: Path) -> None:
    path = home / "run/containers/auth.json"
    auth.set_credentials("a.io", auth.Credentials("me", "pw"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_removing_says_whether_there_was_something(home: Path) -> None:
    path = write(home / "auth.json", {"auths": {"a.io": entry("me"), "https://b.io/v1/": entry("me")}})
    assert auth.remove_credentials("a.io", authfile=str(path))
    assert not auth.remove_credentials("a.io", authfile=str(path))
    assert auth.remove_credentials("b.io", authfile=str(path))
    assert json.loads(path.read_text()) == {"auths": {}}


HELPER = """#!/bin/sh
cd "$(dirname "$0")" || exit 1
registry=$(cat | tee -a "log-$1")
case $1 in
get) [ "$registry" = helped.io ] && printf '{"Username": "%s", "Secret": "s3cret"}' "$(cat user)" && exit
     echo "credentials not found in native keychain"; exit 1 ;;
esac
"""


@pytest.fixture
def helper(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = home / "bin"
    directory.mkdir()
    program = directory / "docker-credential-tester"
    program.write_text(HELPER)
    program.chmod(0o755)
    (directory / "user").write_text("helper")
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory


def test_helpers_answer_where_a_file_or_registries_conf_names_them(home: Path, helper: Path) -> None:
    path = write(home / "auth.json", {"credHelpers": {"helped.io": "tester", "other.io": "tester"}})
    found = auth.find_credentials("helped.io/x", authfile=str(path))
    assert found is not None
    assert (found.username, found.password, found.source) == ("helper", "s3cret", "docker-credential-tester")
    assert auth.find_credentials("other.io/x", authfile=str(path)) is None
    assert auth.find_credentials("helped.io", helpers=[auth.FILE_HELPER, "tester"]) is not None
    (helper / "user").write_text("<token>")
    token = auth.find_credentials("helped.io", helpers=["tester"])
    assert token is not None
    assert (token.username, token.identity_token) == ("", "s3cret")


def test_secrets_go_to_helpers_by_stdin(home: Path, helper: Path) -> None:
    path = write(home / "auth.json", {"credHelpers": {"helped.io": "tester"}})
    assert (
        auth.set_credentials("helped.io", auth.Credentials("me", "pw"), authfile=str(path))
        == "docker-credential-tester"
    )
    stored = json.loads((helper / "log-store").read_text())
    assert stored == {"ServerURL": "helped.io", "Username": "me", "Secret": "pw"}
    assert "auths" not in json.loads(path.read_text())
    assert auth.remove_credentials("helped.io", authfile=str(path))
    assert (helper / "log-erase").read_text() == "helped.io"


def test_helpers_cannot_be_paths_and_missing_ones_are_named(home: Path) -> None:
    for helper, error in (("../../tmp/x", InvalidError), ("nonesuch", NotFoundError)):
        path = write(home / "auth.json", {"credHelpers": {"r.io": helper}})
        with pytest.raises(error):
            auth.find_credentials("r.io", authfile=str(path))
