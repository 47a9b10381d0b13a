"""Containers on the default bridge: published ports, neighbours, and nothing left when they end, however they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.network import images
from tests.network.host import Host, connect, needs_hosts, wait_for
from tests.support import probe
from tests.support.cli import Cli

_SERVE = ["sh", "-c", "echo from the container >/www/index.html; exec httpd -f -h /www -p 80"]


@pytest.fixture
def host(store_directory: Path) -> Iterator[Host]:
    needs_hosts()
    with Host(store_directory) as host:
        yield host


@pytest.fixture
def podman(host: Host, store_directory: Path) -> Iterator[Cli]:
    program = host.podman(store_directory)
    program("import", str(images.write_tar(store_directory / "root.tar")), images.NAME)
    yield program
    program.remove_all()


def fetch(host: Host, url: str) -> str:
    """Fetch a page; the server in the container may need a moment."""
    answers: list[str] = []

    def answered() -> bool:
        words = host.enter("curl", "-sS", "--max-time", "3", url)
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
        answers.append(done.stdout or done.stderr)
        return done.returncode == 0

    wait_for(answered, timeout_s=30)
    return answers[-1]


def inspect(podman: Cli, name: str) -> dict[str, Any]:
    (document,) = json.loads(podman("container", "inspect", name).stdout)
    return dict(document)


def test_a_published_port_answers_from_the_host_and_from_elsewhere(
    host: Host, podman: Cli, store_directory: Path
) -> None:
    probe.needs_programs("curl")
    podman("run", "-d", "--name", "web", "-p", "8080:80", "-p", "127.0.0.1:9090:80", images.NAME, *_SERVE)
    with Host(store_directory) as far:
        connect(host, far)
        assert fetch(host, "http://127.0.0.1:8080/") == "from the container\n"
        assert fetch(host, "http://127.0.0.1:9090/") == "from the container\n"
        assert fetch(host, "http://192.0.2.1:8080/") == "from the container\n"
        assert fetch(far, "http://192.0.2.1:8080/") == "from the container\n"
        far.run("curl", "-sS", "--max-time", "2", "http://192.0.2.1:9090/", code=7)
    assert podman("port", "web").stdout.splitlines() == ["80/tcp -> 0.0.0.0:8080", "80/tcp -> 127.0.0.1:9090"]
    podman("rm", "-f", "-t", "0", "web")
    host.run("curl", "-sS", "--max-time", "2", "http://127.0.0.1:8080/", code=7)


def test_port_tells_what_is_published_now(podman: Cli) -> None:
    """A container that does not run publishes nothing, and asking it for any port is no error, as with Podman."""
    words = ("-p", "8080:80", "-p", "127.0.0.1:9000-9001:90-91/udp", images.NAME, "sleep", "1000")
    podman("create", "--name", "later", *words)
    for more in ((), ("80",), ("81",)):
        assert podman("port", "later", *more).stdout == ""
    assert podman("port", "-a").stdout == podman("port", "-l").stdout == ""
    podman("start", "later")
    lines = ["80/tcp -> 0.0.0.0:8080", "90/udp -> 127.0.0.1:9000", "91/udp -> 127.0.0.1:9001"]
    assert podman("port", "later").stdout.splitlines() == podman("port", "-l").stdout.splitlines() == lines
    identity = podman("inspect", "-f", "{{.Id}}", "later").stdout[:12]
    assert podman("port", "-a").stdout.splitlines() == [f"{identity}\t{line}" for line in lines]
    assert podman("port", "later", "80").stdout == podman("port", "later", "80/tcp").stdout == "0.0.0.0:8080\n"
    assert podman("port", "later", "91/udp").stdout == "127.0.0.1:9001\n"
    assert podman("port", "later", "81", code=125).stderr == 'Error: failed to find published port "81"\n'
    assert podman("port", "later", "x", code=125).stderr == 'Error: strconv.ParseUint: parsing "x": invalid syntax\n'
    assert podman("port", "later", "80", "81", code=125).stderr == "Error: `port` accepts at most 2 arguments\n"
    podman("stop", "-t", "0", "later")
    assert podman("port", "later").stdout == podman("port", "later", "80").stdout == podman("port", "-a").stdout == ""


_SAY_WHO_CALLS = """
import socket
server = socket.create_server(("0.0.0.0", 7000))
print("ready", flush=True)
client, (address, _) = server.accept()
client.sendall(address.encode())
"""


def test_a_start_that_finds_its_port_taken_keeps_the_last_exit(podman: Cli) -> None:
    podman("run", "--name", "c", "-p", "8080:80", images.NAME, "sh", "-c", "exit 3", code=3)
    podman("run", "-d", "--name", "web", "-p", "8080:80", images.NAME, *_SERVE)
    before = inspect(podman, "c")["State"]
    podman("start", "c", code=125)
    assert inspect(podman, "c")["State"] == before
    assert (before["Status"], before["ExitCode"]) == ("exited", 3)
    assert podman("wait", "c", timeout_s=20).stdout == "3\n"


def test_a_container_reaches_out_under_the_hosts_address(host: Host, podman: Cli, store_directory: Path) -> None:
    with Host(store_directory) as far:
        connect(host, far)
        words = far.enter(sys.executable, "-c", _SAY_WHO_CALLS)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            try:
                out = podman("run", "--rm", images.NAME, "nc", "-w", "5", "192.0.2.2", "7000").stdout
            finally:
                server.kill()
    assert out == "192.0.2.1"


def test_two_containers_reach_each_other(host: Host, podman: Cli) -> None:
    podman("run", "-d", "--name", "web", images.NAME, *_SERVE)
    address = inspect(podman, "web")["NetworkSettings"]["IPAddress"]
    # The server may need a moment.
    words = ["sh", "-c", f"i=0; until wget -qO- http://{address}/ || [ $i = 100 ]; do i=$((i+1)); sleep 0.2; done"]
    assert podman("run", "--rm", images.NAME, *words).stdout == "from the container\n"


def test_nothing_is_left_when_containers_end(host: Host, podman: Cli, store_directory: Path) -> None:
    podman("run", "--rm", "-p", "8080:80", images.NAME, "sh", "-c", "exit 0")
    podman("run", "-d", "--name", "one", "-p", "8080:80", images.NAME, "sleep", "100")
    podman("run", "-d", "--name", "two", "-p", "8081:80", images.NAME, "sleep", "100")
    assert host.traces() == {"links": 2, "ports": 2}
    podman("stop", "-t", "0", "one")
    podman("rm", "-f", "-t", "0", "two")
    podman("run", "--rm", "--network", "none", images.NAME, "sh", "-c", "exit 0")
    assert wait_for(lambda: host.traces() == {"links": 0, "ports": 0})
    podman("rm", "one")


@pytest.mark.parametrize("victim", ["monitor", "both"])
def test_nothing_is_left_after_the_monitor_was_killed(
    host: Host, podman: Cli, store_directory: Path, victim: str
) -> None:
    name = podman("run", "-d", "-p", "8080:80", images.NAME, "sleep", "100").stdout.strip()
    record = json.loads((store_directory / f"run/libpod/{name}/pid.json").read_text())
    os.kill(record["monitor_pid"], signal.SIGKILL)
    if victim == "both":
        os.kill(record["pid"], signal.SIGKILL)
    podman("rm", "-f", "-t", "0", name)
    assert wait_for(lambda: host.traces() == {"links": 0, "ports": 0})
    # The port is free again, and so is the address.
    podman("run", "--rm", "-p", "8080:80", "--ip", "10.88.128.1", images.NAME, "sh", "-c", "exit 0")


def test_taken_ports_and_addresses_are_told_in_podmans_words(host: Host, podman: Cli) -> None:
    podman("run", "-d", "--name", "one", "-p", "8080:80", "--ip", "10.88.0.5", images.NAME, "sleep", "100")
    identity = inspect(podman, "one")["Id"]

    def refused(*words: str) -> str:
        return podman("run", "--rm", *words, images.NAME, "sh", "-c", "exit 0", code=126).stderr.splitlines()[-1]

    assert refused("-p", "8080:80") == (
        "Error: cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use"
    )
    assert refused("--ip", "10.88.0.5") == (
        f"Error: IPAM error: requested ip address 10.88.0.5 is already allocated to container ID {identity}"
    )
    assert refused("--ip", "10.99.0.5") == "Error: requested static ip 10.99.0.5 not in any subnet on network podman"
    assert podman("run", "--rm", "--network", "nonet", images.NAME, "true", code=125).stderr == (
        "Error: unable to find network with name or ID nonet: network not found\n"
    )


def test_podman_and_libpod_publish_beside_each_other(host: Host, podman: Cli, store_directory: Path) -> None:
    probe.needs_programs("podman", "runc", "conmon", "curl")
    peer = host.peer(store_directory / "peer")
    peer("import", str(store_directory / "root.tar"), images.NAME)
    try:
        peer("run", "-d", "--name", "theirs", "-p", "8081:80", images.NAME, *_SERVE)
        podman("run", "-d", "--name", "ours", "-p", "8080:80", images.NAME, *_SERVE)
        assert fetch(host, "http://127.0.0.1:8080/") == fetch(host, "http://127.0.0.1:8081/") == "from the container\n"
        peer("rm", "-f", "-t", "0", "theirs")
        assert fetch(host, "http://127.0.0.1:8080/") == "from the container\n"
        peer("run", "-d", "--name", "again", "-p", "8081:80", images.NAME, *_SERVE)
        podman("rm", "-f", "-t", "0", "ours")
        assert fetch(host, "http://127.0.0.1:8081/") == "from the container\n"
    finally:
        peer.remove_all()
