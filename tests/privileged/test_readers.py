"""The reader of an output that goes away ends every command silently, with the code of SIGPIPE."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.privileged.test_streams import shell
from tests.support.cli import Cli

BROKEN_PIPE = 141

#: Every command that prints much or little; `c` runs and has a log, `d` is created and prints without end.
PRINTING = (
    "images",
    "images -q",
    "images --format json",
    "inspect rich",
    "image inspect rich",
    "history rich",
    "ps -a",
    "ps -aq",
    "ps -a --format {{.Names}}",
    "inspect c",
    "top c",
    "logs c",
    "logs -f c",
    "network ls",
    "network inspect podman",
    "version",
    "version --format {{.Client.Version}}",
    "--version",
    "info",
    "--help",
    "run --help",
    "save rich",
    "save --format oci-archive rich",
    "create rich true",
    "run --network none -d rich true",
    "run --network none rich echo hi",
    "run --network none -t rich echo hi",
    "run --rm --network none rich echo hi",
    "exec c echo hi",
    "exec -d c true",
    "attach --no-stdin c",
    "start -a d",
    "start c",
    "pause c",
    "unpause c",
    "kill -s CONT c",
    "wait e",
    "tag rich other",
    "untag other",
    "load -i ARCHIVE",
    "import ROOT imported",
    "rmi imported",
    "restart -t 0 e",
    "stop -t 0 e",
    "rm -f -t 0 e",
    "login --get-login",
)
#: What prints nothing, or an error.
SILENT = {"tag rich other": 0, "untag other": 0, "start c": 0, "login --get-login": 125}


@pytest.fixture(scope="module")
def containers(store: Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    archive = tmp_path_factory.mktemp("archive") / "rich.tar"
    store("save", "-o", str(archive), "rich")
    loop = "while echo x; do sleep 0.01; done"
    store("run", "-d", "--name", "c", "--network", "none", "rich", "sh", "-c", loop)
    store("create", "--name", "d", "--network", "none", "rich", "sh", "-c", loop)
    store("create", "--name", "e", "--network", "none", "rich", "sleep", "1000")
    yield {"ARCHIVE": str(archive), "ROOT": str(store.root.parent / "root.tar")}
    store("rm", "-f", "-a", "-t", "0")


@pytest.mark.parametrize("words", PRINTING)
def test_every_command_ends_silently_when_its_reader_went_away(
    store: Cli, containers: dict[str, str], words: str, tmp_path: Path
) -> None:
    for name, path in containers.items():
        words = words.replace(name, path)
    gone = tmp_path / "gone"
    line = (
        f"{{ until [ -e {gone} ]; do sleep 0.01; done; PODMAN {words} 2>{tmp_path}/err; }} | (exec <&-; touch {gone})"
    )
    code = shell(store, line)[0]
    assert code == SILENT.get(words, BROKEN_PIPE)
    if code == BROKEN_PIPE:
        assert "Error" not in (tmp_path / "err").read_text()


@pytest.mark.parametrize("flags", ["", "--rm", "-t", "-i", "--rm --stop-timeout 0 -t=false"])
def test_head_ends_run_silently(store: Cli, flags: str) -> None:
    loop = "sh -c 'while echo x; do sleep 0.01; done'"
    line = f"PODMAN run {flags} --stop-timeout 0 --name head --network none rich {loop} | head -n 1"
    code, out, err = shell(store, line)
    assert (code, out.strip(), err) == (BROKEN_PIPE, "x", "")
    # One of --rm goes, any other runs on.
    assert store("ps", "--filter", "name=head", "--format", "{{.Names}}").stdout == (
        "" if "--rm" in flags else "head\n"
    )
    store("rm", "-f", "-t", "0", "head")


def test_one_log_of_several_that_cannot_be_printed_ends_all(store: Cli) -> None:
    store("create", "--name", "none", "--network", "none", "--log-driver", "none", "rich", "true")
    for name in ("one", "two"):
        store("run", "-d", "--name", name, "--network", "none", "rich", "sh", "-c", "while echo x; do sleep 0.01; done")
    code, out, err = shell(store, "PODMAN logs -f one two | head -n 1")
    assert (code, out.endswith(" x\n"), err) == (BROKEN_PIPE, True, "")
    assert shell(store, "PODMAN logs -f one two >/dev/full") == (
        125,
        "",
        "Error: write the log: no space left on device\n",
    )
    code, _, err = shell(store, "PODMAN logs -f one none two")
    assert (code, err.count("Error"), "Traceback" in err) == (125, 1, False)
    store("rm", "-f", "-a", "-t", "0")


@pytest.mark.parametrize("words", ["attach --no-stdin joined", "start -a joined", "logs -f joined"])
def test_head_ends_others_silently(store: Cli, words: str) -> None:
    store("create", "--name", "joined", "--network", "none", "rich", "sh", "-c", "while echo x; do sleep 0.01; done")
    if not words.startswith("start"):
        store("start", "joined")
    assert shell(store, f"PODMAN {words} | head -n 1") == (BROKEN_PIPE, "x\n", "")
    assert store("ps", "--filter", "name=joined", "--format", "{{.Names}}").stdout == "joined\n"
    store("rm", "-f", "-t", "0", "joined")
