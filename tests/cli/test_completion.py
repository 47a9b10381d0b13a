"""`podman __complete` and the scripts of `podman completion`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import container_images, probe
from tests.support.cli import OURS, Cli, clean_environment

#: cobra's directives.
FILES, ERROR, NO_SPACE, NO_FILES = 0, 1, 2, 4


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OURS, *words], capture_output=True, text=True, env=clean_environment(), check=False, timeout=30
    )


def offered(*words: str) -> tuple[list[str], int]:
    """What is offered for an unfinished line, and the directive."""
    done = run("__completeNoDesc", *words)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    *offers, directive = done.stdout.splitlines()
    return offers, int(directive.removeprefix(":"))


@pytest.mark.parametrize(
    ("words", "offers", "directive"),
    [
        (["im"], ["image", "images", "import"], NO_FILES),
        (["image", "in"], ["inspect"], NO_FILES),
        (["nosuch", ""], [], FILES),
        (["ps", "--no"], ["--no-trunc", "--noheading"], NO_FILES),
        (["ps", "--noheading", "--no"], ["--no-trunc"], NO_FILES),
        (["ps", "-"], None, NO_FILES),
        (["ps", "x"], [], NO_FILES),
        (["ps", "--sort", "co"], ["command"], NO_FILES),
        (["ps", "--sort=co"], ["command"], NO_FILES),
        (["ps", "--filter", "h"], ["health="], NO_SPACE | NO_FILES),
        (["ps", "-f", "status=e"], ["status=exited"], NO_FILES),
        (["images", "--filter", "dangling="], ["dangling=true", "dangling=false"], NO_FILES),
        (["inspect", "--type", "n"], ["network"], NO_FILES),
        (["run", "--pull", "n"], ["never", "newer"], NO_FILES),
        (["run", "--ipc", "c"], ["container:"], NO_SPACE | NO_FILES),
        (["run", "--cap-add", "SYS_P"], ["SYS_PACCT", "SYS_PTRACE"], NO_FILES),
        (["kill", "-s", "SIGK"], ["SIGKILL"], NO_FILES),
        (["run", "--env", ""], [], NO_FILES),
        (["run", "-v", "/"], [], FILES),
        (["load", "-i", ""], [], FILES),
        (["--root", ""], [], FILES),
        (["run", "image", ""], [], FILES),
        (["exec", "c", ""], [], FILES),
        (["ps", "--format", "j"], ["json"], NO_FILES),
        (["ps", "--format", "{{.Na"], ["{{.Names}}", "{{.Namespaces."], NO_SPACE | NO_FILES),
        (["ps", "--format", "{{.ID}} {{.Pi"], ["{{.ID}} {{.PIDNS}}", "{{.ID}} {{.Pid}}"][1:], NO_SPACE | NO_FILES),
        (
            ["ps", "--format", "{{.Created.UnixM"],
            ["{{.Created.UnixMicro}}", "{{.Created.UnixMilli}}"],
            NO_SPACE | NO_FILES,
        ),
        (["inspect", "-f", "{{json .Config.La"], ["{{json .Config.Labels."], NO_SPACE | NO_FILES),
        (["inspect", "-f", "{{.Config.Labels."], [], NO_SPACE | NO_FILES),
        (["info", "-f", "{{.Host.OCI"], ["{{.Host.OCIRuntime."], NO_SPACE | NO_FILES),
        (["version", "-f", "{{.Client.Ve"], ["{{.Client.Version}}"], NO_SPACE | NO_FILES),
        (["completion", ""], ["bash", "fish", "zsh"], NO_FILES),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_offers(words: list[str], offers: list[str] | None, directive: int) -> None:
    found, told = offered(*words)
    assert told == directive
    if offers is None:
        assert {"--all", "--format", "--help"} <= set(found)
    else:
        assert found == offers


def test_descriptions_stand_behind_a_tab() -> None:
    done = run("__complete", "ps", "--noh")
    assert done.stdout == "--noheading\tDo not print headers\n:4\n"
    assert done.stderr == "Completion ended with directive: ShellCompDirectiveNoFileComp\n"
    assert run("__complete").returncode == 125


def test_names_come_from_the_store_that_the_line_names(podman: Cli, tmp_path: Path) -> None:
    container_images.import_root(podman, name="one")
    podman("create", "--name", "c1", "--network", "none", "one", "true")
    roots = ("--root", str(podman.root), "--runroot", str(podman.runroot))
    assert offered(*roots, "rm", "") == (["c1"], NO_FILES)
    assert offered(f"--root={podman.root}", f"--runroot={podman.runroot}", "rm", "c") == (["c1"], NO_FILES)
    assert offered(*roots, "run", "l") == (["localhost/one:latest"], NO_FILES)
    assert offered(*roots, "stop", "") == ([], NO_FILES)
    assert offered(*roots, "inspect", "") == (["c1", "localhost/one:latest", "podman"], NO_FILES)
    assert offered(*roots, "ps", "--filter", "name=") == (["name=c1"], NO_FILES)
    assert podman("__completeNoDesc", "start", "").stdout == "c1\n:4\n"
    other = ("--root", str(tmp_path / "r"), "--runroot", str(tmp_path / "rr"))
    assert offered(*other, "rm", "") == ([], NO_FILES)
    assert not (tmp_path / "r").exists()


def test_a_store_that_cannot_be_opened_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert offered("--root", str(tmp_path / "file"), "--runroot", str(tmp_path / "x"), "rmi", "")[0] == []
    assert offered("--storage-driver", "nosuch", "rmi", "") == ([], ERROR)


def in_bash(line: str) -> list[str]:
    """What the script makes bash offer for a line."""
    script = f"""
    PATH={OURS.parent}:$PATH
    source <({OURS} completion bash)
    compopt() {{ echo "compopt $*"; }}
    COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}
    _podman
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=clean_environment(), check=True)
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


def test_the_script_for_bash_completes() -> None:
    probe.needs_programs("bash")
    assert in_bash("podman im") == ["image", "images", "import"]
    assert in_bash("podman ps --sort=na") == ["names"]
    assert in_bash("podman ps --filter status=ru") == ["running"]
    assert in_bash("podman run --ipc cont") == ["compopt -o nospace", "container:"]
    assert in_bash("podman load -i /etc/pass") == ["compopt -o default -o bashdefault"]
    assert in_bash("podman nosuch x") == ["compopt -o default -o bashdefault"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_what_its_shell_can_read(shell: str, tmp_path: Path) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "__complete" in done.stdout
    run("completion", shell, "-f", str(tmp_path / "script"))
    assert (tmp_path / "script").read_text() == done.stdout
    assert "__complete " not in run("completion", shell, "--no-desc").stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True, timeout=30)


def test_another_shell_is_refused() -> None:
    done = run("completion", "tcsh")
    assert (done.returncode, done.stderr) == (125, 'Error: invalid argument "tcsh" for "podman completion"\n')
    assert "not supported by this version of libpod" in run("completion", "powershell").stderr
