"""Text of images that would steer a terminal: no command shows it raw, and none lets it begin a line of its own.

JSON and templates into a pipe are for programs and stay exact; a test of that stands here, too.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libpod.cli import registry as commands
from libpod.cli.print.escape import printable
from tests.support import cli, container_images, images, probe

#: A title, a cleared screen, a forged line, an overwritten line, a C1 control, a turned direction.
ATTACK = "\x1b]0;owned\x07\x1b[2J\nFORGED line\rFORGED \x9b31m\u202egpj.exe\x7f"

#: What an honest image leaves out and this one fills, each member with a value of its type.
HOSTILE_CONFIG: dict[str, Any] = {
    "Cmd": ["/bin/sh", "-c", "exit 0", ATTACK],
    "Env": [f"A={ATTACK}", "PATH=/bin"],
    "Labels": {ATTACK: ATTACK, "plain": ATTACK},
    "OnBuild": [ATTACK],
    "Hostname": ATTACK,
    "Domainname": ATTACK,
    "Shell": [ATTACK],
}

#: Members that a container cannot be made or started with; each in an image of its own.
REFUSED: dict[str, dict[str, Any]] = {
    "user": {"User": ATTACK},
    "group": {"User": f"0:{ATTACK}"},
    "workdir": {"WorkingDir": f"/bin/sh/{ATTACK}"},
    "volume": {"Volumes": {f"/bin/sh/{ATTACK}": {}}},
    "relative": {"Volumes": {ATTACK: {}}},
    "signal": {"StopSignal": ATTACK},
    "port": {"ExposedPorts": {ATTACK: {}}},
    "env": {"Env": [ATTACK]},
    "entrypoint": {"Entrypoint": [f"/{ATTACK}"]},
    "noexec": {"Entrypoint": ["/etc/passwd", ATTACK]},
    "command": {"Cmd": [ATTACK]},
    "health": {"Healthcheck": {"Test": ["CMD", ATTACK]}},
}

#: Command → the words that it is run with; `I` is the hostile image, `C` a container of it that runs, `E` one that ended.
WORDS: dict[str, list[list[str]]] = {
    "attach": [["E"]],
    "cleanup": [["E"]],
    "create": [["--name", "made", "I"], ["--platform", "linux/arm64", "--pull", "never", "I"]],
    "exec": [["C", ATTACK], ["-w", ATTACK, "C", "true"], ["-u", ATTACK, "C", "true"]],
    "exists": [["I"], ["C"], ["podman"]],
    "history": [["I"], ["--no-trunc", "I"], ["--format", "table {{.CreatedBy}} {{.Comment}}", "I"], ["-q", "I"]],
    "images": [[], ["-a", "--digests", "--history", "--no-trunc"], ["--format", "table {{.Labels}} {{.Names}}"]],
    "import": [["-c", f"LABEL a={ATTACK}", "/nosuch"]],
    "info": [[]],
    "inspect": [["I"], ["C"], [ATTACK], ["--format", "{{.Nosuch}}", "I"]],
    "kill": [["E"]],
    "load": [["-i", "ARCHIVE"], ["-i", ATTACK]],
    "logs": [["E"], ["nosuch"]],
    "ls": [[]],
    "list": [[]],
    "pause": [["E"]],
    "port": [["C"], ["-a"]],
    "prune": [["-f"]],
    "ps": [
        [],
        ["-a"],
        ["-a", "--no-trunc"],
        ["-a", "--size"],
        ["--ns"],
        ["-a", "--format", "table {{.Command}} {{.Labels}}"],
    ],
    "pull": [[ATTACK], ["oci:/nosuch"]],
    "push": [["I", "oci:/proc/nosuch"], [ATTACK, "oci:/x"]],
    "rename": [["E", ATTACK]],
    "restart": [["-t", "0", "C"]],
    "rm": [[ATTACK], ["nosuch"]],
    "rmi": [["I"], [ATTACK]],
    "run": [["--rm", "--network", "none", "I"], ["--rm", "--network", "none", "I", ATTACK]],
    "save": [["-o", "/nosuch/x", "I"], ["-o", "/nosuch/x", ATTACK]],
    "start": [["E"], ["-a", "E"]],
    "stop": [["nosuch"]],
    "tag": [["I", ATTACK]],
    "top": [["C"], ["C", "args", "comm"]],
    "unpause": [["E"]],
    "untag": [["I", ATTACK]],
    "version": [[]],
    "wait": [["E"]],
}

#: They touch neither an image nor a container.
WITHOUT_IMAGES = {"completion", "login", "logout"}


def archive_of(root: bytes, name: str, **config: Any) -> bytes:
    """A docker-archive of one image whose documents say ATTACK wherever they may say something."""
    document = json.loads(images.config(root))
    document["config"] = HOSTILE_CONFIG | config
    document.update(author=ATTACK, comment=ATTACK, docker_version=ATTACK, container=ATTACK, variant=ATTACK)
    document["history"] = [
        {"created_by": ATTACK, "author": ATTACK, "comment": ATTACK, "created": "2026-01-02T03:04:05Z"},
    ]
    return images.docker_archive(root, names=(name,), image_config=json.dumps(document).encode())


class Attacked:
    """A store that holds the hostile images, and containers of the one that can run."""

    def __init__(self, directory: Path) -> None:
        self.podman = cli.ours(directory)
        self.archive = directory / "hostile.tar"
        root = directory / "root.tar"
        container_images.write_root(root)
        self.root = root.read_bytes()
        self.archive.write_bytes(archive_of(self.root, "localhost/hostile:1"))
        self.load("hostile")
        self.podman("run", "-d", "--name", "C", "--network", "none", "hostile:1", "sh", "-c", "sleep 1000; :", ATTACK)
        self.podman("run", "--name", "E", "--network", "none", "hostile:1", code=None)

    def load(self, name: str, **config: Any) -> subprocess.CompletedProcess[str]:
        """Load one hostile image; it may be refused."""
        path = self.archive.with_name("one.tar")
        path.write_bytes(archive_of(self.root, f"localhost/{name}:1", **config))
        return self.podman("load", "-i", str(path), code=None)

    def words(self, words: list[str]) -> list[str]:
        """The words with this store's names in them."""
        return [{"I": "hostile:1", "ARCHIVE": str(self.archive)}.get(word, word) for word in words]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    probe.needs_root()
    attacked = Attacked(Path(os.path.realpath(tmp_path_factory.mktemp("at"))))
    yield attacked
    attacked.podman.remove_all()


def assert_tame(text: str, *, keep: str = "\n\t") -> None:
    """Nothing in the text steers a terminal, and no line is the image's."""
    wild = [
        character for character in text if character in "\x7f\x9b\u202e" or (character < " " and character not in keep)
    ]
    assert not wild, text
    assert not any(line.startswith("FORGED") for line in text.splitlines()), text


def assert_all_tame(done: subprocess.CompletedProcess[str]) -> None:
    # `Cli` has written bad bytes as escapes already: only what is left counts.
    assert_tame(done.stderr)
    if done.stdout.startswith(("[", "{")):
        json.loads(done.stdout)
    else:
        assert_tame(done.stdout)


def test_the_hostile_image_is_there_and_runs(attacked: Attacked) -> None:
    assert attacked.podman("container", "inspect", "-f", "{{.State.Status}}", "C").stdout == "running\n"
    assert attacked.podman("inspect", "-f", "{{.Author}}", "hostile:1").stdout == ATTACK + "\n"


def test_every_command_is_tried() -> None:
    known = set(commands.COMMANDS) | {verb for table in commands.GROUPS.values() for verb in table}
    assert known <= set(WORDS) | WITHOUT_IMAGES


@pytest.mark.parametrize("command", sorted(commands.COMMANDS))
def test_a_command_shows_no_text_of_an_image_raw(attacked: Attacked, command: str) -> None:
    for words in WORDS.get(command, []):
        assert_all_tame(attacked.podman(command, *attacked.words(words), code=None))
    if command == "restart":
        attacked.podman("rm", "-f", "-t", "0", "made", code=None)


@pytest.mark.parametrize("group", sorted(commands.GROUPS))
def test_a_command_of_a_group_shows_no_text_of_an_image_raw(attacked: Attacked, group: str) -> None:
    for command in commands.GROUPS[group]:
        for words in WORDS[command]:
            if command not in ("prune", "rm"):
                assert_all_tame(attacked.podman(group, command, *attacked.words(words), code=None))


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_shows_no_text_of_an_image_raw(attacked: Attacked, name: str) -> None:
    loaded = attacked.load(name, **REFUSED[name])
    assert_all_tame(loaded)
    done = attacked.podman("run", "--rm", "--network", "none", "-P", f"{name}:1", code=None)
    assert_all_tame(done)
    assert_all_tame(attacked.podman("create", "--name", f"n-{name}", f"{name}:1", code=None))
    assert_all_tame(attacked.podman("start", f"n-{name}", code=None))
    assert_all_tame(attacked.podman("ps", "-a"))
    assert_all_tame(attacked.podman("rm", "-f", f"n-{name}", code=None))


@pytest.mark.parametrize("names", [[ATTACK], [f"localhost/{ATTACK}:1"], [f"localhost/x:{ATTACK}"]])
def test_a_name_in_an_archive_is_refused_tamely(attacked: Attacked, names: list[str]) -> None:
    path = attacked.archive.with_name("named.tar")
    path.write_bytes(images.docker_archive(attacked.root, names=tuple(names)))
    done = attacked.podman("load", "-i", str(path), code=None)
    assert_all_tame(done)


def test_programs_are_given_the_text_as_it_is(attacked: Attacked) -> None:
    documents = json.loads(attacked.podman("ps", "-a", "--format", "json").stdout)
    assert {document["Labels"]["plain"] for document in documents} == {ATTACK}
    assert attacked.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", "hostile:1").stdout == ATTACK + "\n"


@pytest.mark.parametrize(
    "words",
    [
        ("inspect", "--format", "{{.Author}} {{.Config.Labels}} {{println .Comment}}", "hostile:1"),
        ("history", "--no-trunc", "--format", "{{.CreatedBy}} {{.Comment}}", "hostile:1"),
        ("ps", "-a", "--no-trunc", "--format", "{{.Command}} {{.Labels}}"),
        ("images", "--format", "{{.Labels}}", "hostile:1"),
    ],
    ids=lambda words: words[0],
)
def test_a_template_on_a_terminal_is_for_a_person(attacked: Attacked, words: tuple[str, ...]) -> None:
    main, side = pty.openpty()
    with os.fdopen(main, "rb", buffering=0) as reader:
        done = subprocess.run(
            attacked.podman.command(*words), stdout=side, env=attacked.podman.environment, check=True, timeout=30
        )
        os.close(side)
        shown = b""
        try:
            while piece := reader.read(4096):
                shown += piece
        except OSError:
            pass  # every writer has closed the terminal
    assert done.returncode == 0
    text = shown.decode().replace("\r\n", "\n")
    assert "\\x1b]0;owned" in text
    assert_tame(text)


def test_printable_writes_out_what_steers_a_terminal() -> None:
    assert printable("plain \u00e9\u4e2d \U0001f468\u200d\U0001f469") == "plain \u00e9\u4e2d \U0001f468\u200d\U0001f469"
    assert printable("a\tb\nc\r\x00\x1b\x7f\x9b") == r"a\tb\nc\r\x00\x1b\x7f\x9b"
    assert printable("\u202e\u2066\u2028\udc9b\ud800") == r"\u202e\u2066\u2028\x9b\ud800"
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"
