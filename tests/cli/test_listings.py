"""What the commands that list print on a fresh store: nothing there is no error, and never an empty line."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.cli import Cli

#: Command → the title line of its table without rows.
LISTINGS = {
    "ps": "CONTAINER ID  IMAGE       COMMAND     CREATED     STATUS      PORTS       NAMES\n",
    "ps -a --size": "CONTAINER ID  IMAGE       COMMAND     CREATED     STATUS      PORTS       NAMES       SIZE\n",
    "ps --pod": "CONTAINER ID  IMAGE       COMMAND     CREATED     STATUS      PORTS       NAMES       POD ID      PODNAME\n",
    "ps --ns": "CONTAINER ID  NAMES       PID         CGROUPNS    IPC         MNT         NET         PIDNS       USERNS"
    "      UTS\n",
    "images": "REPOSITORY  TAG         IMAGE ID    CREATED     SIZE\n",
    "images --digests --history": "REPOSITORY  TAG         DIGEST      IMAGE ID    CREATED     SIZE        HISTORY\n",
    "network ls --filter name=nosuch": "NETWORK ID  NAME        DRIVER\n",
}


@pytest.mark.parametrize("command", LISTINGS)
def test_a_listing_of_nothing(podman: Cli, command: str) -> None:
    words = command.split()

    def printed(*more: str) -> str:
        return podman(*words, *more).stdout

    assert printed() == LISTINGS[command]
    assert printed("--noheading") == ""
    assert printed("--format", "{{.ID}}") == printed("--format", "") == ""
    title = {"ps": "CONTAINER ID", "images": "IMAGE ID", "network": "NETWORK ID"}[words[0]]
    assert printed("--format", "table {{.ID}}") == title + "\n"
    assert printed("--noheading", "--format", "table {{.ID}}") == ""
    assert printed("--format", "json") == "[]\n"
    assert printed("--format", "{{json .}}") == ""
    if not {"--size", "--ns"} & set(words):
        assert printed("-q") == ""


def test_info_on_a_fresh_store(podman: Cli) -> None:
    document = json.loads(podman("info", "--format", "json").stdout)
    assert document["store"]["containerStore"] == {"number": 0, "paused": 0, "running": 0, "stopped": 0}
    assert document["store"]["graphRoot"] == str(podman.root)
    assert document["store"]["graphRootAllocated"] > 0
    template = (
        "{{.Host.CgroupsVersion}} {{.Host.EventLogger}} {{.Host.RemoteSocket.Exists}} {{.Host.OS}}/{{.Host.Arch}}"
    )
    version, *rest = podman("info", "--format", template).stdout.split()
    assert version in ("v1", "v2")
    assert rest == ["none", "false", "linux/amd64"]
    assert (
        podman("info", "-f", "{{.Host.Conmon.Path}}").stdout == podman("info", "-f", "{{.Host.OCIRuntime.Path}}").stdout
    )
    assert podman("info", "-f", "{{.Store.ConfigFile}} {{.Host.FreeLocks}} {{.Host.Slirp4NetNS}}").stdout.endswith(
        " <nil> {  }\n"
    )
    assert podman("info", "-f", "{{.Host.Nosuch}}", code=125).stderr == (
        'Error: template: info:1:7: executing "info" at <.Host.Nosuch>: '
        "can't evaluate field Nosuch in type *define.HostInfo\n"
    )


def test_info_as_text_reads_as_the_same_document(podman: Cli) -> None:
    lines = podman("info").stdout.splitlines()
    assert lines[0] == "host:"
    assert "  eventLogger: none" in lines
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "host:",
        "plugins:",
        "registries: {}" if "registries: {}" in lines else "registries:",
        "store:",
        "version:",
    ]


def test_watch_lists_again_until_it_is_ended(podman: Cli) -> None:
    watching = podman.spawn("ps", "--watch", "1")
    assert watching.stdout is not None
    shown = b""
    while shown.count(b"CONTAINER ID") < 2:
        piece = watching.stdout.read1(4096)
        assert piece, shown
        shown += piece
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=10)
    assert watching.returncode == 130
    assert shown.startswith(b"\x1b[2J\x1b[H" + LISTINGS["ps"].encode())
    assert podman("ps", "-q", "--watch", "1").stdout == ""
    assert podman("ps", "-w", "1", "--format", "json").stdout == "[]\n"
    assert (
        podman("ps", "-w", "1", "-l", code=125).stderr == "Error: the watch and latest flags cannot be used together\n"
    )
