"""Whole command lines that never reach a store: help, versions, and what a mistyped line is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from libpod import __version__
from libpod.cli.system.version import PODMAN_VERSION
from tests.support.cli import OURS, clean_environment

LIBPOD = OURS.with_name("libpod")


def run(*words: str, program: Path = OURS, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words], capture_output=True, text=True, env=clean_environment(), stdin=stdin, check=False, timeout=30
    )


@pytest.mark.parametrize(
    ("words", "stderr"),
    [
        (["foo"], "Error: unrecognized command `podman foo`\nTry 'podman --help' for more information\n"),
        (
            ["versio"],
            "Error: unrecognized command `podman versio`\n\nDid you mean this?\n\tversion\n\n"
            "Try 'podman --help' for more information\n",
        ),
        (["--foo", "ps"], "Error: unknown flag: --foo\nSee 'podman --help'\n"),
        (["version", "--foo"], "Error: unknown flag: --foo\nSee 'podman version --help'\n"),
        (["version", "x"], "Error: `podman version` takes no arguments\n"),
        (["build", "."], "Error: `podman build` is not supported by this version of libpod\n"),
        (["--log-level", "debug", "ps"], "Error: the log level debug is not supported by this version of libpod\n"),
        (["--log-level", "loud", "ps"], None),
        (["--remote", "ps"], "Error: the option --remote is not supported by this version of libpod\n"),
        (["version", "-f", "{{.Foo}}"], None),
    ],
)
def test_mistyped_line_exits_125_and_says_why(words: list[str], stderr: str | None) -> None:
    done = run(*words)
    assert done.returncode == 125
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    if stderr is not None:
        assert done.stderr == stderr


@pytest.mark.parametrize("word", ["--version", "-v"])
def test_the_version_line_ends_with_the_version_alone(word: str) -> None:
    # Programs take what follows `podman version ` for the version.
    assert run(word).stdout == f"podman version {PODMAN_VERSION}\n"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.Client.Version}}", PODMAN_VERSION),
        ("{{.Version}} {{.APIVersion}} {{.OsArch}} {{.Os}}", f"{PODMAN_VERSION} {PODMAN_VERSION} linux/amd64 linux"),
        ("{{.Server.Version}} {{.Server.APIVersion}}", f"{PODMAN_VERSION} {PODMAN_VERSION}"),
        ("{{.Server}} {{if .Server}}a service{{else}}none{{end}}", "<nil> none"),
        ("{{.Client.Built}}|{{.Client.GitCommit}}|{{.Client.BuildOrigin}}", f"0||libpod {__version__}"),
        ("{{json .Client.Os}}", '"linux"'),
        ("", ""),
    ],
)
def test_version_by_template(template: str, text: str) -> None:
    assert run("version", "--format", template).stdout == text + "\n"


def test_version_as_json_and_as_text() -> None:
    document = json.loads(run("version", "-f", "json").stdout)
    assert set(document) == {"Client"}
    assert run("version", "-f", "{{json .}}").stdout == run("version", "-f", "json").stdout
    lines = dict(line.split(":", 1) for line in run("version").stdout.splitlines())
    assert lines["Version"].strip() == document["Client"]["Version"] == PODMAN_VERSION
    assert lines["OS/Arch"].strip() == "linux/amd64"


def test_an_unknown_field_of_the_version_is_an_error() -> None:
    done = run("version", "-f", "{{.Client.Foo}}")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == (
        'Error: template: version:1:9: executing "version" at <.Client.Foo>: '
        "can't evaluate field Client in type *define.Version\n"
    )


def test_both_names_are_one_program() -> None:
    assert run("version", program=LIBPOD).stdout == run("version").stdout


def test_every_command_has_help_and_every_visible_option_a_text() -> None:
    from libpod.cli.registry import COMMANDS, GROUPS, load

    homes = set(COMMANDS.values()) | {home for table in GROUPS.values() for home in table.values()}
    for home in homes:
        command = load(home)
        assert command.short, command.name
        names = [name for option in command.options for name in option.names]
        assert len(names) == len(set(names)), f"{command.name} declares an option twice"
        for option in command.options:
            assert option.hidden or option.help, f"{command.name} {option.names[0]} has no help"


def test_help_of_a_command_shows_usage_and_options() -> None:
    done = run("run", "--help")
    assert done.returncode == 0
    assert "podman run [options] IMAGE [COMMAND [ARG...]]" in done.stdout
    assert "--network" in done.stdout
    assert "--pod " not in done.stdout


@pytest.mark.parametrize("words", [[], ["image"], ["container"], ["network"], ["system"]])
def test_a_missing_command_is_answered_with_the_help_on_stdout(words: list[str]) -> None:
    done = run(*words)
    path = " ".join(["podman", *words])
    assert (done.returncode, done.stderr) == (125, f"Error: missing command '{path} COMMAND'\n")
    assert done.stdout == run(*words, "--help").stdout != ""
    assert f"Usage:\n  {path} " in done.stdout


def test_help_takes_a_command_and_knows_what_is_none() -> None:
    assert run("help", "ps").stdout == run("ps", "--help").stdout
    assert run("help", "image", "rm").stdout == run("image", "rm", "--help").stdout
    done = run("help", "nosuch")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Unknown help topic [`nosuch`]\nUsage:\n  podman [options] [command]\n")


def test_help_is_laid_out_as_podmans() -> None:
    assert run("network", "ls", "--help").stdout == (
        "List networks\n\nDescription:\n  List networks\n\nUsage:\n  podman network ls [options]\n\nAliases:\n  ls, list\n\n"
        "Examples:\n  podman network list\n\nOptions:\n"
        "  -f, --filter stringArray   Provide filter values (e.g. 'name=podman')\n"
        "      --format string        Pretty-print networks to JSON or using a Go template\n"
        "      --no-trunc             Do not truncate the network ID\n"
        "  -n, --noheading            Do not print headers\n"
        "  -q, --quiet                display only names\n\n"
    )


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    script = f"{OURS} --help | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=clean_environment(), check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closing", ["<&-", "2>&-", "<&- 2>&-"])
def test_a_closed_stdin_or_stderr_is_as_good_as_null(closing: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {OURS} version {closing}"],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
