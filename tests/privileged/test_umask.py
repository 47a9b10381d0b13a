"""What a container's users must reach, made by a caller who keeps files to itself."""

from __future__ import annotations

import pytest

from tests.support import container_images
from tests.support.cli import Cli

FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/etc/group", "/run/.containerenv")
USER = ("--user", "1234:1234")


@pytest.fixture
def private(podman: Cli) -> Cli:
    """Our program, run with the umask 077, on a store with the image `rich`."""
    podman.program = ["sh", "-c", 'umask 077; exec "$@"', "sh", *podman.program]
    container_images.import_root(podman)
    return podman


def test_a_user_reads_the_files_that_libpod_makes(private: Cli) -> None:
    private("run", "-d", "--name", "c", "--network", "host", *USER, "rich", "sleep", "1000")
    for _ in range(2):
        assert private("exec", "c", "cat", *FILES).stdout
        assert private("exec", "c", "sh", "-c", "umask").stdout == "0022\n"
        private("restart", "-t", "0", "c")


def test_a_user_looks_into_volumes_and_the_places_of_mounts(private: Cli) -> None:
    places = ("/", "/deep", "/deep/down", "/anonymous", "/deep/down/tmpfs")
    words = ("-v", "/anonymous", "--tmpfs", "/deep/down/tmpfs", "--network", "none")
    shown = private("run", "--rm", *USER, *words, "rich", "stat", "-c", "%A", *places).stdout.split()
    assert all(mode.endswith(("r-x", "rwx", "rwt")) for mode in shown), shown
    private("run", "--rm", *USER, *words, "rich", "ls", *places)
