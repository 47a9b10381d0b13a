"""The bridge of the default network: made on first use, found afterwards, shared with Podman."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network import images
from tests.network.host import Host, needs_hosts, wait_for
from tests.support import probe
from tests.support.cli import Cli

_REQUEST = """
from libpod import _core
from libpod.network import attachment, bridge, config
network = config.load("podman")
bridge.ensure(network)
answer = bridge.attach_request(argument + "/libpod/networks", network, attachment.Attachment("podman"))
"""


@pytest.fixture
def host(store_directory: Path) -> Iterator[Host]:
    needs_hosts()
    with Host(store_directory) as host:
        yield host


def with_image(host: Host, directory: Path) -> Cli:
    program = host.podman(directory)
    program("import", str(images.write_tar(directory / "root.tar")), images.NAME)
    return program


def addresses(host: Host, interface: str) -> list[str]:
    (link,) = json.loads(host.run("ip", "-j", "addr", "show", "dev", interface))
    return [f"{info['local']}/{info['prefixlen']}" for info in link["addr_info"] if info["family"] == "inet"]


def test_the_bridge_is_made_on_first_use_and_left_alone_then(host: Host, store_directory: Path) -> None:
    request = host.python(_REQUEST, str(store_directory))
    assert request["driver"]["bridge"]["bridge"] == "podman0"
    assert addresses(host, "podman0") == ["10.88.0.1/16"]
    (before,) = json.loads(host.run("ip", "-j", "-d", "link", "show", "podman0"))
    host.python(_REQUEST, str(store_directory))
    (after,) = json.loads(host.run("ip", "-j", "-d", "link", "show", "podman0"))
    assert (before["ifindex"], before["address"]) == (after["ifindex"], after["address"])
    assert "UP" in after["flags"]


def test_a_bridge_that_was_half_made_is_completed(host: Host, store_directory: Path) -> None:
    host.run("ip", "link", "add", "podman0", "type", "bridge")
    host.python(_REQUEST, str(store_directory))
    assert addresses(host, "podman0") == ["10.88.0.1/16"]


def test_where_the_bridge_stands_pyroute2_is_not_imported(host: Host, store_directory: Path) -> None:
    host.python(_REQUEST, str(store_directory))
    code = (
        _REQUEST + "\nanswer = [name for name in sys.modules if name.startswith(('pyroute2', 'libpod.network.host'))]"
    )
    assert host.python(code, str(store_directory)) == []


def test_many_processes_make_the_bridge_at_once(host: Host, store_directory: Path) -> None:
    code = (
        "import subprocess\n"
        f"one = [sys.executable, '-c', {_REQUEST!r}.replace('argument', repr(argument))]\n"
        "running = [subprocess.Popen(one) for _ in range(6)]\n"
        "answer = [process.wait() for process in running]"
    )
    assert host.python(code, str(store_directory)) == [0] * 6
    assert addresses(host, "podman0") == ["10.88.0.1/16"]


def test_a_bridge_of_another_network_namespace_does_not_count(host: Host, store_directory: Path) -> None:
    host.python(_REQUEST, str(store_directory))
    # As in `unshare -n` and `nsenter --net`: /sys still shows the host's links, podman0 among them.
    inside = (
        f"argument = {str(store_directory)!r}\nimport os\nassert os.path.exists('/sys/class/net/podman0')\n{_REQUEST}"
        "import subprocess\nsubprocess.run(['ip', 'link', 'show', 'podman0'], check=True)"
    )
    code = (
        "import subprocess\n"
        "answer = subprocess.run(['unshare', '-n', sys.executable, '-c', argument], capture_output=True, text=True).stderr"
    )
    assert host.python(code, inside) == ""


def test_a_second_link_with_the_same_subnet_is_said(host: Host, store_directory: Path) -> None:
    podman = with_image(host, store_directory)
    host.shell(
        "ip link add cni-podman0 type bridge; ip addr add 10.88.0.1/16 dev cni-podman0; ip link set cni-podman0 up"
    )
    done = podman("run", "--rm", "-p", "18080:80", images.NAME, "echo")
    assert "sends packets for 10.88.128.1 to cni-podman0, not to podman0" in done.stderr
    assert "ip link delete cni-podman0" in done.stderr
    host.run("ip", "link", "delete", "cni-podman0")
    assert podman("run", "--rm", "-p", "18080:80", images.NAME, "echo").stderr == ""


def test_a_container_is_removed_when_its_network_is_gone(host: Host, store_directory: Path) -> None:
    podman = with_image(host, store_directory)
    write_network(host, "n1", 1, "10.99.0.0/24")
    podman("run", "-d", "--name", "c", "--network", "n1", images.NAME, "sleep", "inf")
    host.shell("rm /etc/containers/networks/n1.json; ip link delete n1br")
    podman("rm", "-f", "-t", "0", "c")
    assert podman("ps", "-aq").stdout == ""
    # Taking a container off makes no bridge.
    assert "n1br" not in host.run("ip", "-o", "link")
    leases = store_directory / "run" / "libpod" / "networks" / "n1"
    assert not [path for path in leases.iterdir() if path.name.startswith("10.")]


def write_network(host: Host, name: str, identity: int, subnet: str) -> str:
    """Write the file of a network below /etc/containers of a test host, as Podman does; its id."""
    document = {
        "name": name,
        "id": f"{identity}" * 64,
        "driver": "bridge",
        "network_interface": f"{name}br",
        "subnets": [{"subnet": subnet}],
    }
    host.shell(
        "mkdir -p /etc/containers/networks\n"
        "mountpoint -q /etc/containers/networks || mount -t tmpfs tmpfs /etc/containers/networks\n"
        f"echo '{json.dumps(document)}' >/etc/containers/networks/{name}.json"
    )
    return f"{identity}" * 64


def test_a_network_that_was_made_anew_is_noticed_at_start(host: Host, store_directory: Path) -> None:
    podman = with_image(host, store_directory)
    identity = write_network(host, "n1", 1, "10.99.0.0/24")
    podman("create", "--name", "c", "--network", "n1", images.NAME, "sleep", "inf")
    networks = json.loads(podman("inspect", "c").stdout)[0]["NetworkSettings"]["Networks"]
    assert networks["n1"]["NetworkID"] == identity
    write_network(host, "n1", 2, "10.99.0.0/24")
    assert podman("start", "c", code=125).stderr == (
        "Error: unable to start container "
        f'"{podman("inspect", "--format", "{{.Id}}", "c").stdout.strip()}": '
        "network n1 was removed and made anew since the container was created (its id was 111111111111, it is"
        " 222222222222): remove the container and create it again\n"
    )
    assert "n1br" not in host.run("ip", "-o", "link"), "no bridge is made"
    write_network(host, "n1", 1, "10.99.0.0/24")
    podman("start", "c")
    podman("rm", "-f", "-t", "0", "c")


def test_a_record_with_two_networks_is_attached_to_both(host: Host, store_directory: Path) -> None:
    podman = with_image(host, store_directory)
    identity = write_network(host, "n1", 1, "10.99.0.0/24")
    podman("create", "--name", "c", "-p", "18081:80", images.NAME, "sleep", "inf")
    record = Path(podman("inspect", "--format", "{{.StaticDir}}", "c").stdout.strip(), "container.json")
    document = json.loads(record.read_text())
    (first,) = document["networks"]
    document["networks"].append(first | {"name": "n1", "id": identity, "interface": "eth1"})
    record.write_text(json.dumps(document))
    podman("start", "c")
    (shown,) = json.loads(podman("inspect", "c").stdout)
    found = {name: network["IPAddress"] for name, network in shown["NetworkSettings"]["Networks"].items()}
    assert found == {"podman": "10.88.128.1", "n1": "10.99.0.129"}
    assert shown["NetworkSettings"]["IPAddress"] == "10.88.128.1"
    hosts = podman("exec", "c", "cat", "/etc/hosts").stdout
    assert [line.split()[0] for line in hosts.splitlines() if line.endswith(" c")] == list(found.values())
    assert podman("ps", "--format", "{{.Networks}} {{.Ports}}").stdout == "podman,n1 0.0.0.0:18081->80/tcp\n"
    assert podman("ps", "-q", "--filter", "network=n1").stdout
    podman("rm", "-f", "-t", "0", "c")
    assert wait_for(lambda: host.traces() == {"links": 0, "ports": 0})


_ATTACH = (
    _REQUEST
    + """
import os, subprocess
held = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
held.stdout.read(1)
netns = os.open(f"/proc/{held.pid}/ns/net", os.O_RDONLY)
attached = _core.network_attach("c" * 64, netns, answer)
inside = subprocess.run(["nsenter", "-t", str(held.pid), "-n", "ip", "route"], capture_output=True, text=True).stdout
held.kill()
held.wait()
os.close(netns)
_core.network_detach("c" * 64, answer["lease_dir"])
answer = {"attached": attached, "inside": inside, "lease_dir": answer["lease_dir"]}
"""
)


def test_python_attaches_and_detaches(host: Host, store_directory: Path) -> None:
    done = host.python(_ATTACH, str(store_directory))
    assert done["attached"]["address"] == "10.88.128.1/16"
    assert "default via 10.88.0.1 dev eth0" in done["inside"]
    assert wait_for(lambda: host.traces() == {"links": 0, "ports": 0})
    host.python("from libpod import _core\nanswer = _core.network_sweep(argument)", done["lease_dir"])
    assert not [path for path in Path(done["lease_dir"]).iterdir() if path.name.startswith("10.")]


def test_tables_of_iptables_stand_beside_ours(host: Host, store_directory: Path) -> None:
    probe.needs_programs("iptables")
    rule = "POSTROUTING -s 10.88.0.0/16 ! -d 10.88.0.0/16 -j MASQUERADE"
    first = host.python(_ATTACH, str(store_directory))
    host.shell(f"iptables -t nat -A {rule}")
    again = host.python(_ATTACH, str(store_directory))
    assert (first["attached"]["address"], again["attached"]["address"]) == ("10.88.128.1/16", "10.88.128.2/16")
    assert f"-A {rule}" in host.run("iptables", "-t", "nat", "-S").splitlines()
    assert "table inet libpod" in host.run("nft", "list", "ruleset")
