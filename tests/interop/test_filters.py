"""`ps --filter` beside the newer Podman: the same containers pass."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, container_images, newer
from tests.support.cli import Cli

LIMITS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")

#: Containers by name, each with the words that create it; the last two have run and ended.
CONTAINERS = {
    "one": "--network podman --label a=b -v /tmp:/mnt rich true",
    "two": "--network none --label a=c --label lone -v vol:/v full sleep 1",
    "three": "--network host rich sh -c false",
    "ended": "--network none rich true",
    "failed": "--network none --label a=b rich false",
}

FILTERS = """
ancestor=rich
ancestor=localhost/full
ancestor=localhost/rich:latest
ancestor=nosuch
before=three
before=nosuch
exited=0
exited=1
foo=bar
foo
health=healthy
health=none
id=zz
id=^zz
label=a
label=a=b
label=a=nosuch
label=l*
label=on*
label=a=*
label!=a
label!=a=b
label=
name=^t
name=e
name=one,two
name!=one
network=podman
network=2f259bab93aa
network=none
network=nosuch
pod=nosuch
restart-policy=on-failure
restart-policy=foo
since=two
since=nosuch
status=created
status=exited
status=stopped
status=foo
until=1h
until=2020-01-01
volume=vol
volume=/mnt
volume=nosuch
label=a label=lone
label=a status=exited
name=one name=two
label!=a label!=lone
status=created status=exited
name=ended exited=0
""".strip().splitlines()


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Cli, Cli]]:
    with tempfile.TemporaryDirectory(prefix="fl-", dir="/tmp", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        with newer.podman(directory / "p") as theirs:
            ours = Cli([str(cli.OURS)], directory / "u", run_flags=LIMITS)
            for archive in container_images.make_images(theirs, directory):
                ours("load", "-q", "-i", str(archive))
            for program in (ours, theirs):
                for container, words in CONTAINERS.items():
                    program("create", "--name", container, *words.split())
                for container in ("ended", "failed"):
                    program("start", "-a", container, code=None)
            yield ours, theirs
            ours.remove_all()


@pytest.mark.parametrize("filters", FILTERS)
def test_the_same_containers_pass(pair: tuple[Cli, Cli], filters: str) -> None:
    words = [word for text in filters.split() for word in ("--filter", text)]
    for which in ([], ["-a"]):
        ours, theirs = (program("ps", *which, "--format", "{{.Names}}", *words, code=None) for program in pair)
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
        assert ours.stderr == theirs.stderr


def test_filters_of_later_releases_and_supersets(pair: tuple[Cli, Cli]) -> None:
    podman = pair[0]

    def passing(*filters: str) -> list[str]:
        words = [word for text in filters for word in ("--filter", text)]
        return podman("ps", "-a", "--format", "{{.Names}}", *words).stdout.split()

    assert passing("command=sle") == ["two"]
    assert passing("command=^sh$") == ["three"]
    assert passing("restart-policy=no") == passing("restart-policy=none") == list(CONTAINERS)
    image = podman("image", "inspect", "-f", "{{.Id}}", "full").stdout.strip()
    assert passing(f"ancestor={image[:12]}") == passing(f"ancestor=sha256:{image}") == ["two"]
    identity = podman("inspect", "-f", "{{.Id}}", "one").stdout.strip()
    assert (
        passing(f"id={identity[:6]}")
        == passing(f"id={identity[:6].upper()}")
        == passing(f"id=^{identity[:6]}")
        == ["one"]
    )
    assert passing("volume=/tmp") == ["one"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["ps", "--filter", "should-start-on-boot=true"], "should-start-on-boot"),
        (["images", "--filter", "manifest=true"], "manifest"),
        (["network", "ls", "--filter", "dangling=true"], "dangling"),
    ],
)
def test_a_filter_that_libpod_lacks_is_not_called_invalid(pair: tuple[Cli, Cli], words: list[str], name: str) -> None:
    done = pair[0](*words, code=125)
    assert done.stderr == f"Error: the filter {name} is not supported by this version of libpod\n"
