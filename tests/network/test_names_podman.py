"""resolv.conf and hosts: the same host, the same options, Podman's bytes and ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network import images
from tests.network.host import Host, needs_hosts
from tests.support import probe
from tests.support.cli import Cli

_HOSTS = """127.0.0.1\tlocalhost me # c
::1     ip6-localhost ip6-loopback
# comment
10.1.2.3 other.example other

10.5.5.5 taken
"""
_RESOLV = """# comment
nameserver 10.0.0.5 # x
nameserver fe80::1%eth0
nameserver 127.0.0.1
domain foo.example
search old.example
search a.example b.example
options ndots:2
"""
_STUB = "nameserver 127.0.0.53\n"
_NO_SERVER = "nameserver 127.0.0.1\nsearch a.example\n"

_OURS = """
from libpod.network import dns
mode, names, extra, servers, search, options = argument
hosts = dns.hosts_text(mode=mode, names=names, extra=extra, gateway="10.88.0.1" if mode == "bridge" else None)
if mode == "bridge":
    own = dns.own_names(hosts, names)
    hosts += f"10.88.0.2\\t{' '.join(own)}\\n" if own else ""
resolv = None if mode == "none" else dns.resolv_conf_text(servers=servers, search=search, options=options, mode=mode)
answer = [hosts, resolv]
"""


@pytest.fixture(scope="module")
def peer_host() -> Iterator[tuple[Host, Cli, Path]]:
    """A host with an address, and real Podman with an image on it."""
    needs_hosts()
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon")
    with tempfile.TemporaryDirectory(prefix="lp-") as name, Host(Path(name)) as host:
        directory = Path(name)
        host.shell("ip link add out type veth peer name far; ip addr add 192.0.2.7/24 dev out; ip link set out up")
        for file in ("hosts", "resolv.conf"):
            (directory / file).write_text("")
            host.run("mount", "--bind", str(directory / file), f"/etc/{file}")
        peer = host.peer(directory / "peer")
        peer("import", str(images.write_tar(directory / "root.tar")), images.NAME)
        yield host, peer, directory
        peer.remove_all()


@pytest.mark.parametrize("resolv", [_RESOLV, _STUB, _NO_SERVER, ""])
@pytest.mark.parametrize("mode", ["bridge", "host", "none"])
def test_a_hosts_files(peer_host: tuple[Host, Cli, Path], mode: str, resolv: str) -> None:
    check(peer_host, mode=mode, resolv=resolv)


@pytest.mark.parametrize("mode", ["bridge", "host"])
def test_a_users_options(peer_host: tuple[Host, Cli, Path], mode: str) -> None:
    check(
        peer_host, mode=mode, extra=["foo:1.2.3.4", "taken:4.3.2.1"], servers=["9.9.9.9", "2001:db8::1"],
        search=["x.example"], options=["a:1"],
    )  # fmt: skip
    check(peer_host, mode=mode, search=["."], options=["a:1", "b"])
    check(peer_host, mode=mode, search=["x.example"], options=["a:1"])
    check(peer_host, mode=mode, servers=["9.9.9.9"])


@pytest.mark.parametrize("names", [("taken", "other"), ("taken", "new")])
@pytest.mark.parametrize("mode", ["bridge", "none"])
def test_names_that_are_taken(peer_host: tuple[Host, Cli, Path], mode: str, names: tuple[str, str]) -> None:
    check(peer_host, mode=mode, names=names)


def check(
    peer_host: tuple[Host, Cli, Path],
    *,
    mode: str,
    resolv: str = _RESOLV,
    names: tuple[str, str] = ("hh", "box"),
    extra: list[str] | None = None,
    servers: list[str] | None = None,
    search: list[str] | None = None,
    options: list[str] | None = None,
) -> None:
    host, peer, directory = peer_host
    (directory / "hosts").write_text(_HOSTS)
    (directory / "resolv.conf").write_text(resolv)
    words = [
        "--network",
        mode,
        "--hostname",
        names[0],
        "--name",
        names[1],
        *(["--ip", "10.88.0.2"] * (mode == "bridge")),
    ]
    given = (("--add-host", extra), ("--dns", servers), ("--dns-search", search), ("--dns-opt", options))
    words += [word for flag, values in given for value in values or [] for word in (flag, value)]
    shown = "cat /etc/resolv.conf 2>/dev/null || echo absent; echo ---; cat /etc/hosts"
    theirs = peer("run", "--rm", *words, images.NAME, "sh", "-c", shown).stdout
    hosts, text = host.python(_OURS, [mode, names, extra or [], servers or [], search or [], options or []])
    # The older Podman does not know the name that programs written for Docker look for.
    hosts = hosts.replace(" host.docker.internal", "")
    assert ("absent\n" if text is None else text) + "---\n" + hosts == theirs
