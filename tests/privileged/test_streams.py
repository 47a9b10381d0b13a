"""What happens when nobody can take the output: it is an error, never silence, and never a traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.cli import Cli

FULL = "no space left on device"


def shell(store: Cli, line: str, timeout_s: float = 30) -> tuple[int, str, str]:
    """Run a line of bash in which PODMAN is our program; its exit code is that of the first program of a pipe."""
    full = "set -o pipefail\n" + line.replace("PODMAN", " ".join(store.command()))
    done = subprocess.run(
        ["bash", "-c", full],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env=store.environment | {"PYTHONUNBUFFERED": ""},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "words", ["images", "ps -a", "version", "info", "inspect rich", "history rich", "--help", "run --help"]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stdout_is_one_error(store: Cli, words: str, unbuffered: str) -> None:
    code, _, err = shell(store, f"export PYTHONUNBUFFERED={unbuffered}; PODMAN {words} >/dev/full")
    assert code == 125
    assert err.startswith("Error: ")
    assert err.endswith(f"{FULL}\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", ["images", "version", "--help"])
def test_a_closed_stdout_is_an_error(store: Cli, words: str) -> None:
    assert shell(store, f"PODMAN {words} >&-") == (125, "", "Error: write /dev/stdout: bad file descriptor\n")


@pytest.mark.parametrize("words", ["images", "inspect rich", "--help"])
def test_a_reader_that_went_away_ends_us_silently(store: Cli, words: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    line = f"{{ until [ -e {gone} ]; do sleep 0.01; done; PODMAN {words}; }} | (exec <&-; touch {gone})"
    assert shell(store, line) == (141, "", "")


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", ">&- 2>&- <&-"])
def test_an_error_that_nobody_can_read_keeps_its_exit_code(store: Cli, redirection: str) -> None:
    assert shell(store, f"PODMAN nosuch {redirection}") == (125, "", "")


@pytest.mark.parametrize(
    ("command", "redirection", "reason"),
    [
        ("echo hi", ">/dev/full", f"write /dev/stdout: {FULL}"),
        ("echo hi", ">&-", "write /dev/stdout: bad file descriptor"),
    ],
)
def test_run_says_that_its_output_went_nowhere(store: Cli, command: str, redirection: str, reason: str) -> None:
    code, _, err = shell(
        store, f"PODMAN run --rm -t=false --stop-timeout 0 --network none rich sh -c '{command}' {redirection}"
    )
    assert code == 126
    assert err.startswith("Error: attaching to container ")
    assert err.endswith(reason + "\n")
    assert store("ps", "-aq").stdout == "", "a container of --rm is removed"


def test_run_with_a_full_stderr(store: Cli) -> None:
    assert shell(store, "PODMAN run --rm --network none rich sh -c 'echo x >&2' 2>/dev/full")[0] == 126
    assert shell(store, "PODMAN run --rm --network none rich sh -c 'exit 3' >/dev/full 2>&1")[0] == 3, (
        "nothing was written"
    )


def test_a_container_runs_on_when_its_output_is_not_taken(store: Cli) -> None:
    code, _, err = shell(store, "PODMAN run --name on --network none rich sh -c 'echo x; sleep 100' >/dev/full")
    assert (code, FULL in err) == (126, True)
    assert store("ps", "--format", "{{.Names}}").stdout == "on\n"
    assert shell(store, "PODMAN exec on echo x >/dev/full") == (255, "", f"Error: write /dev/stdout: {FULL}\n")
    assert shell(store, "PODMAN exec on sh -c 'while echo x; do sleep 0.01; done' | head -n 1") == (141, "x\n", "")
    code, _, err = shell(store, "PODMAN logs on >/dev/full")
    assert (code, err) == (125, f"Error: write the log: {FULL}\n")
    store("rm", "-f", "-t", "0", "on")


def test_a_refused_limit_is_told(store: Cli) -> None:
    hard = Path("/proc/self/limits").read_text().partition("Max open files")[2].split()[1]
    above = str(2**40)
    done = store("run", "--rm", "--network", "none", "--ulimit", f"nofile={above}", "rich", "sh", "-c", "ulimit -n")
    assert "RLIMIT_NOFILE: hard limit" in done.stderr
    assert int(done.stdout) <= max(int(hard), 2**20)


def test_no_container_is_left_whose_id_could_not_be_written(store: Cli, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(tmp_path)], check=True)
    try:
        (tmp_path / "fills").write_bytes(bytes(4096))
        done = store("create", "--cidfile", str(tmp_path / "cid"), "rich", "true", code=125)
        assert done.stderr == f"Error: writing cidfile {tmp_path}/cid: {FULL}\n"
        assert [path.name for path in tmp_path.iterdir()] == ["fills"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert store("ps", "-aq").stdout == ""
