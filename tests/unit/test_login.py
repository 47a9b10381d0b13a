"""Logins of the library: which key is meant, what is found, what is forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from libpod import LoginManager
from libpod.config import auth
from libpod.errors import InvalidError, NotFoundError


@pytest.fixture
def authfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of credentials; the user has no other one."""
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "auth.json"
    for key in ("r.io", "r.io/team", "s.io"):
        auth.set_credentials(key, auth.Credentials(f"user of {key}", "p"), authfile=str(path))
    return path


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("r.io", "r.io"),
        ("r.io:5000", "r.io:5000"),
        ("https://r.io/v1/", "r.io"),
        ("r.io/team/app", "r.io/team/app"),
        ("r.io/team/app:1", None),
        ("team/app", None),
    ],
)
def test_the_key_that_is_meant(text: str, key: str | None) -> None:
    if key is None:
        with pytest.raises(InvalidError):
            LoginManager().key(text)
    else:
        assert LoginManager().key(text) == key


def test_what_is_found_and_forgotten(authfile: Path) -> None:
    logins = LoginManager(str(authfile))
    found = logins.find("r.io/team/app")
    assert found is not None
    assert found.username == "user of r.io/team"
    assert logins.logout("r.io/team")
    found = logins.find("r.io/team/app")
    assert found is not None
    assert found.username == "user of r.io"
    with pytest.raises(NotFoundError, match="not logged into"):
        logins.logout("t.io")
    logins.logout_all()
    assert json.loads(authfile.read_text()) == {"auths": {}}
    assert logins.find("s.io") is None


def test_what_another_tool_keeps_stays(authfile: Path, tmp_path: Path) -> None:
    docker = tmp_path / ".docker" / "config.json"
    docker.parent.mkdir()
    authfile.rename(docker)
    assert not LoginManager(str(authfile)).logout("r.io")
    assert "r.io" in json.loads(docker.read_text())["auths"]
