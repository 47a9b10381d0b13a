"""Every option of every command with bytes that are not UTF-8 and with numbers too large: an answer, never a traceback.

What needs a container is in tests/privileged/test_hostile_words.py.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from libpod.cli.command import Command
from tests.support import hostile_words
from tests.support.cli import OURS, clean_environment
from tests.support.hostile_words import fault

#: What stands behind the options, so that the command gets beyond its parser and not to a network.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "completion": ("bash",),
    "create": ("--pull=never", "nosuch"),
    "import": ("/nonexistent/root.tar", "name"),
    "login": ("127.0.0.1:1",),
    "logout": ("127.0.0.1:1",),
    "pull": ("dir:/nonexistent",),
    "push": ("nosuch", "dir:/nonexistent/target"),
    "run": ("--pull=never", "nosuch"),
}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A home and a store of the test's own; the global options that name the store."""
    for name in list(os.environ):
        if name.startswith(("CONTAINERS_", "REGISTRY_", "STORAGE_", "XDG_", "HTTP", "http", "_PODMAN")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]


@pytest.mark.parametrize(
    ("path", "command"), hostile_words.commands(), ids=lambda value: str(value) if isinstance(value, str) else ""
)
def test_a_hostile_word_gets_an_answer(
    environment: list[str], monkeypatch: pytest.MonkeyPatch, path: str, command: Command
) -> None:
    behind = _ARGUMENTS.get(path, ("nosuch",) * max(command.least, 0 if command.most == 0 else 1))
    faults = {
        " ".join(words)[:120]: found
        for words in hostile_words.lines(path, command, behind)
        if (found := fault([*environment, *words], monkeypatch))
    }
    assert not faults, "\n".join(f"{words}: {found}" for words, found in faults.items())


def test_words_are_utf8_whatever_the_locale_says(tmp_path: Path) -> None:
    store = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
    for changes in (
        {},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ):
        for word, shown in ((b"caf\xe9", rb"caf\xe9"), ("café".encode(), "café".encode())):
            done = subprocess.run(
                [OURS, *store, "logs", word],
                capture_output=True,
                env=clean_environment(**changes),
                check=False,
                timeout=30,
            )
            assert done.stderr.startswith(b'Error: no container with name or ID "' + shown + b'"'), done.stderr
            assert done.returncode == 125


@pytest.mark.parametrize(
    ("variable", "name", "text"),
    [
        ("CONTAINERS_CONF", "containers.conf", b"[containers]\n# caf\xe9\nenv = []\n"),
        ("CONTAINERS_STORAGE_CONF", "storage.conf", b"[storage]\ndriver = 'caf\xe9'\n"),
        ("CONTAINERS_REGISTRIES_CONF", "registries.conf", b"unqualified-search-registries = ['caf\xe9']\n"),
        ("REGISTRY_AUTH_FILE", "auth.json", b'{"auths": {"caf\xe9": {}}}'),
    ],
)
def test_a_configuration_that_is_not_utf8_is_named(tmp_path: Path, variable: str, name: str, text: bytes) -> None:
    (tmp_path / name).write_bytes(text)
    environment = clean_environment(**{variable: str(tmp_path / name), "HOME": str(tmp_path)})
    line = {"auth.json": ["login", "--get-login", "r.io"], "containers.conf": ["info"], "storage.conf": ["images"]}.get(
        name, ["login", "--get-login"]
    )
    store = [] if name == "storage.conf" else ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
    done = subprocess.run(
        [OURS, *store, *line], capture_output=True, text=True, env=environment, check=False, timeout=30
    )
    assert done.returncode == 125
    assert done.stderr.startswith("Error: ")
    assert str(tmp_path / name) in done.stderr
