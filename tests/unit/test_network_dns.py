"""/etc/resolv.conf and /etc/hosts of a container, from files of a host that the test writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from libpod import _core
from libpod.network import dns

#: What stands in every file that does not say where localhost is.
_LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, attribute in (("resolv", "_RESOLV_CONF"), ("systemd", "_SYSTEMD_RESOLV_CONF"), ("hosts", "_HOSTS")):
        monkeypatch.setattr(dns, attribute, str(tmp_path / name))
    monkeypatch.setattr(_core, "local_address", lambda: "192.168.7.2")
    return tmp_path


RESOLV = """# comment
nameserver 10.0.0.5 # x
nameserver fe80::1%eth0
nameserver 2001:db8::1
nameserver 127.0.0.1
nameserver foo
Nameserver 10.0.0.6
; semi
domain foo.example
search old.example
search a.example b.example
options x
options ndots:2
"""


def test_a_network_of_its_own_keeps_what_it_reaches(host: Path) -> None:
    (host / "resolv").write_text(RESOLV)
    assert dns.resolv_conf_text() == "search a.example b.example\nnameserver 10.0.0.5\noptions ndots:2\n"


def test_the_hosts_network_keeps_every_server(host: Path) -> None:
    (host / "resolv").write_text(RESOLV)
    assert dns.resolv_conf_text(mode="host") == (
        "search a.example b.example\nnameserver 10.0.0.5\nnameserver fe80::1%eth0\nnameserver 2001:db8::1\n"
        "nameserver 127.0.0.1\noptions ndots:2\n"
    )


def test_the_users_servers_replace_the_hosts(host: Path) -> None:
    (host / "resolv").write_text(RESOLV)
    assert dns.resolv_conf_text(servers=["9.9.9.9"]) == (
        "search a.example b.example\nnameserver 9.9.9.9\noptions ndots:2\n"
    )


def test_the_users_search_and_options_stand_before_the_hosts(host: Path) -> None:
    (host / "resolv").write_text(RESOLV)
    assert dns.resolv_conf_text(search=["x.example"], options=["a:1"]) == (
        "search x.example a.example b.example\nnameserver 10.0.0.5\noptions a:1 ndots:2\n"
    )


def test_beside_servers_of_the_users_they_stand_alone(host: Path) -> None:
    (host / "resolv").write_text(RESOLV)
    assert dns.resolv_conf_text(servers=["9.9.9.9"], search=["x.example"], options=["a:1"]) == (
        "search x.example\nnameserver 9.9.9.9\noptions a:1\n"
    )


def test_a_search_of_a_dot_means_none(host: Path) -> None:
    (host / "resolv").write_text(RESOLV)
    assert "search" not in dns.resolv_conf_text(search=["."])


def test_without_a_server_that_is_reached_public_ones_are_named(host: Path) -> None:
    (host / "resolv").write_text("nameserver 127.0.0.53\nnameserver ::1\nsearch a.example\n")
    assert dns.resolv_conf_text() == "search a.example\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"
    (host / "resolv").unlink()
    assert dns.resolv_conf_text() == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
    assert dns.resolv_conf_text(mode="host") == ""


def test_behind_the_stub_of_systemd_its_servers_are_named(host: Path) -> None:
    (host / "resolv").write_text("nameserver 127.0.0.53\n")
    (host / "systemd").write_text("nameserver 10.9.9.9\nsearch sysd\n")
    assert dns.resolv_conf_text() == "search sysd\nnameserver 10.9.9.9\n"
    assert dns.resolv_conf_text(mode="host") == "nameserver 127.0.0.53\n"


def test_hosts_are_the_users_then_the_hosts_then_the_host_itself(host: Path) -> None:
    (host / "hosts").write_text("127.0.0.1\tlocalhost me # c\n::1     ip6-localhost\n# comment\n\n10.5.5.5\n")
    assert dns.hosts_text(mode="bridge", names=("hh", "a"), extra=["foo:1.2.3.4", "v6:::1"], gateway="10.88.0.1") == (
        "1.2.3.4\tfoo\n::1\tv6\n127.0.0.1\tlocalhost me\n::1\tip6-localhost\n10.88.0.1\thost.containers.internal host.docker.internal\n"
    )


def test_without_a_bridge_the_host_is_its_own_address(host: Path) -> None:
    assert (
        dns.hosts_text(mode="host", names=("hh", "a"))
        == _LOCAL + "192.168.7.2\thost.containers.internal host.docker.internal\n"
    )
    assert dns.hosts_text(mode="none", names=("hh", "a")) == (
        _LOCAL + "192.168.7.2\thost.containers.internal host.docker.internal\n127.0.0.1\thh a\n"
    )


def test_another_file_or_none_takes_the_place_of_the_hosts(host: Path) -> None:
    (host / "hosts").write_text("10.5.5.5 a localhost\n")
    (host / "base").write_text("7.7.7.7 base\n")
    assert dns.hosts_text(mode="host", names=(), gateway="1.2.3.4", base=str(host / "base")) == (
        f"7.7.7.7\tbase\n{_LOCAL}1.2.3.4\thost.containers.internal host.docker.internal\n"
    )
    assert dns.hosts_text(mode="host", names=(), gateway="1.2.3.4", base="none") == (
        _LOCAL + "1.2.3.4\thost.containers.internal host.docker.internal\n"
    )


def test_names_that_somebody_has_are_not_given_twice(host: Path) -> None:
    (host / "hosts").write_text("10.5.5.5 a\n10.6.6.6 host.containers.internal\n")
    text = dns.hosts_text(mode="none", names=("hh", "a"))
    assert text == f"10.5.5.5\ta\n10.6.6.6\thost.containers.internal\n{_LOCAL}127.0.0.1\thh\n"
    assert dns.own_names("10.5.5.5\ta\n", ("hh", "a")) == ["hh"]
