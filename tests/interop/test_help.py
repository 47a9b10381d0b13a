"""`--help` beside the newer Podman's: the same to the byte, but for options that libpod does not have or that take other values."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from libpod.cli import help as helps
from libpod.cli.command import Option
from libpod.cli.registry import ALIASES, COMMANDS, GLOBAL_OPTIONS, GROUPS, load
from tests.support import newer
from tests.support.cli import Cli

#: Commands whose description or examples show what libpod does not have.
SHORTER = {"import", "top"}
#: Examples that Podman words or indents in another way behind `container` or `image`.
OWN_EXAMPLES = {"attach", "logs", "port", "run", "import", "top"}

#: Options whose values or defaults are libpod's own.
OTHER_VALUES = {
    "--cgroup-manager",
    "--change",
    "--compression-format",
    "--image-volume",
    "--log-level",
    "--restart",
    "--root",
    "--stop-timeout",
    "--systemd",
    "--time",
    "--userns",
}
#: Podman lists the fields in an order that changes from run to run, or words a shared option in its own way for one command.
UNSTEADY = {"images --sort", "image list --sort", "login --tls-verify", "push --cert-dir", "image push --cert-dir"}


@pytest.fixture(scope="module")
def podman() -> Iterator[Cli]:
    with (
        tempfile.TemporaryDirectory(prefix="hp-", dir="/tmp", ignore_cleanup_errors=True) as name,
        newer.podman(Path(name)) as program,
    ):
        yield program


def split(text: str) -> tuple[str, dict[str, str]]:
    """What stands before the options, and each option's text with its blanks made one."""
    head, _, listed = text.partition("\nOptions:\n")
    options: dict[str, str] = {}
    current = ""
    for line in listed.splitlines():
        named = re.match(r" {2}(?:-\w, | {4})(--[\w-]+)", line)
        if named:
            current = named.group(1)
        if current and line.strip():
            options[current] = f"{options.get(current, '')} {' '.join(line.split())}".strip()
    return head.rstrip("\n"), options


def commands() -> list[str]:
    groups = [
        f"{group} {name}" for group, table in GROUPS.items() for name in table if name not in ALIASES.get(group, {})
    ]
    return [name for name in COMMANDS if name != "completion"] + groups


@pytest.mark.parametrize("command", commands())
def test_help_is_podmans(podman: Cli, command: str) -> None:
    theirs, ours = podman(*command.split(), "--help").stdout, helps.help_of(command.split())
    their_head, their_options = split(theirs)
    our_head, our_options = split(ours)
    name = command.split()[-1]
    if name in SHORTER:
        their_head, our_head = (head.partition("\n")[0] for head in (their_head, our_head))
    elif " " in command and name in OWN_EXAMPLES:
        their_head, our_head = (head.partition("\nExamples:")[0] for head in (their_head, our_head))
    assert our_head == their_head
    for option, text in our_options.items():
        if option not in OTHER_VALUES and f"{command} {option}" not in UNSTEADY and option in their_options:
            assert text == their_options[option]
    if our_options == their_options and name not in SHORTER | OWN_EXAMPLES:
        assert ours == theirs


@pytest.mark.parametrize(
    "command", ["kill", "network ls", "network inspect", "version", "info", "history", "tag", "untag"]
)
def test_help_with_the_same_options_is_the_same_to_the_byte(podman: Cli, command: str) -> None:
    assert helps.help_of(command.split()) == podman(*command.split(), "--help").stdout


@pytest.mark.parametrize("group", ["", *GROUPS])
def test_the_help_of_a_group_lists_commands_as_podman_does(podman: Cli, group: str) -> None:
    theirs, ours = podman(*group.split(), "--help").stdout, helps.help_of(group.split())
    heads = [text.partition("Available Commands:")[0] for text in (ours, theirs)]
    assert heads[0] == heads[1]
    listed = [
        re.findall(r"(?m)^  ([a-z]\S*) +(.*)$", text.partition("Available Commands:")[2]) for text in (ours, theirs)
    ]
    assert set(listed[0]) <= set(listed[1])
    # The column of the texts is as wide as the longest name asks for.
    if group != "":
        assert all(line in theirs for line in ours.partition("Available Commands:\n")[2].splitlines())


@pytest.mark.parametrize("command", ["", *commands()])
def test_every_option_of_podmans_is_known(podman: Cli, command: str) -> None:
    """What libpod does not have is refused by its name, never called unknown."""
    _, theirs = split(podman(*command.split(), "--help").stdout)
    known = {name for option in declared(command) for name in option.names}
    assert set(theirs) - {"--help"} <= known


#: Older names that Podman's help leaves out.
HIDDEN = {
    "run": "--net --override-arch --override-os --override-variant --healthcheck-command --healthcheck-interval"
    " --healthcheck-retries --healthcheck-start-period --healthcheck-timeout --signature-policy",
    "create": "--net --healthcheck-command --signature-policy",
    "ps": "--notruncate --namespace --storage",
    "history": "--notruncate",
    "rm": "--storage",
    "stop": "--timeout",
    "logs": "--details",
    "pull": "--signature-policy",
    "push": "--signature-policy",
    "save": "--signature-policy",
    "load": "--signature-policy",
    "import": "--signature-policy",
    "": "--namespace --trace --cpu-profile --memory-profile --max-workers --default-mounts-file --registries-conf",
}


def declared(command: str) -> Sequence[Option]:
    names = command.split()
    if not names:
        return GLOBAL_OPTIONS
    return load(GROUPS[names[0]][names[1]] if len(names) > 1 else COMMANDS[names[0]]).options


@pytest.mark.parametrize("command", HIDDEN)
def test_hidden_options_of_podmans_are_known_to_both(podman: Cli, command: str) -> None:
    known = {name for option in declared(command) for name in (*option.names, *option.aliases)}
    for name in HIDDEN[command].split():
        assert name in known
        words = [*command.split(), f"{name}=1", "--help"] if command else [f"{name}=1", "version", "--help"]
        assert "unknown flag" not in podman(*words, code=None).stderr, name
