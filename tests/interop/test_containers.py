"""What containers.conf says means the same to Podman and to us; and what is compared of containers at all."""

from __future__ import annotations

import pytest

from tests.interop import test_container_lives, test_container_programs, test_container_surroundings
from tests.support.pairs import DIFFERENT, NEW, OLD, Pair, compare

#: The scripts of all subjects.
SCRIPTS = [
    *test_container_programs.SCRIPTS.values(),
    *test_container_surroundings.SCRIPTS.values(),
    *test_container_lives.SCRIPTS.values(),
]


def test_what_differs_is_what_scripts_have() -> None:
    """A line that is in no script any more would hide nothing, and one that both differ in would hide all."""
    lines = {line for lines in (*SCRIPTS, *CONFIGURED.values()) for line in lines}
    for different in DIFFERENT.values():
        assert set(different) <= lines
    assert not set(DIFFERENT[OLD]) & set(DIFFERENT[NEW])


def test_at_least_sixty_invocations() -> None:
    assert sum(len(lines) for lines in SCRIPTS) >= 60


#: What containers.conf says → what is run with it.
CONFIGURED = {
    'default_sysctls = ["net.core.somaxconn=99"]': ["run --rm rich cat /proc/sys/net/core/somaxconn"],
    'env = ["FOO=bar"]': ["run --rm bare /bin/sh -c 'echo $FOO $TERM $PATH'"],
    'dns_servers = ["9.9.9.9"]\ndns_searches = ["a.b"]\ndns_options = ["ndots:4"]': [
        "run --rm --network host rich cat /etc/resolv.conf",
        "run --rm rich ls /etc/resolv.conf",
    ],
    'log_driver = "none"': ["run --name conf rich echo hi", "logs conf", "rm conf"],
    "pids_limit = 77": ["run --rm rich cat /sys/fs/cgroup/pids/pids.max"],
    'netns = "none"': ["create --name conf --network none rich", "rm conf"],
    'annotations = ["x.y=z"]': [
        "create --name conf rich",
        "inspect conf --format '{{index .Config.Annotations \"x.y\"}}'",
        "rm conf",
    ],
    'volumes = ["/usr:/mnt:ro"]': ["run --rm rich ls -d /mnt/bin"],
    'devices = ["/dev/null:/dev/foo"]': ["run --rm rich stat -c %t:%T /dev/foo"],
    'default_capabilities = ["CHOWN"]': ["run --rm rich grep CapEff /proc/self/status"],
    'seccomp_profile = "/nosuch"': ["run --rm rich true"],
    'shm_size = "1m"': ["run --rm rich df /dev/shm"],
    'umask = "0077"': ["run --rm rich sh -c umask"],
    'utsns = "host"': ["run --rm rich hostname"],
    'base_hosts_file = "none"': ["run --rm -h box --name conf rich cat /etc/hosts"],
    'base_hosts_file = "@/hosts"\nhost_containers_internal_ip = "1.2.3.4"': [
        "run --rm -h box --name conf rich cat /etc/hosts"
    ],
    "no_hosts = true": ["run --rm rich ls /etc/hosts"],
}


@pytest.mark.parametrize("text", CONFIGURED)
def test_the_same_configuration(pair: Pair, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (pair.directory / "hosts").write_text("7.7.7.7 base\n")
    path = pair.directory / "containers.conf"
    path.write_text(f"[containers]\n{text}\n".replace("@", str(pair.directory)))
    for program in (pair.peer, pair.ours):
        monkeypatch.setitem(program.environment, "CONTAINERS_CONF", str(path))
    compare(pair, CONFIGURED[text])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('userns = "auto"', "user namespace mode `auto`"),
        ('cgroups = "disabled"', "`cgroups`"),
        ('cgroup_conf = ["memory.high=1"]', "`cgroup_conf`"),
        ('base_hosts_file = "image"', "`base_hosts_file`"),
    ],
)
def test_a_configuration_that_we_do_not_follow_is_refused(
    pair: Pair, text: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pair.directory / "containers.conf"
    path.write_text(f"[containers]\n{text}\n")
    monkeypatch.setitem(pair.ours.environment, "CONTAINERS_CONF", str(path))
    error = pair.ours("run", "--rm", "--network", "none", "rich", "true", code=125).stderr
    assert word in error
    assert "not supported by this version of libpod" in error
