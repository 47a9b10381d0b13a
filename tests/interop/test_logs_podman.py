"""The same damaged log, read by Podman and by libpod."""

from __future__ import annotations

import pytest

from tests.support import cli, container_images

STAMP = "2026-11-24T12:00:00.000000001+00:00"
#: Lines that are appended to a log of `one` and `two`. A time that is none would end Podman 4.3 with an error.
DAMAGE = (
    "garbage\n",
    f"{STAMP} stdout\n",
    f"{STAMP} stdout X an unknown tag\n",
    f"{STAMP} stdout P a part, \n{STAMP} stdout F and its end\n",
    f"{STAMP} stdout F {'long ' * 40_000}\n",
    f"{STAMP} stdout F without an end",
)


@pytest.mark.parametrize("damage", DAMAGE, ids=["garbage", "short", "tag", "part", "long", "unended"])
def test_a_damaged_log_reads_as_podman_reads_it(podman: cli.Cli, peer: cli.Cli, damage: str) -> None:
    said = []
    for program in (podman, peer):
        container_images.import_root(program)
        words = ("--network", "none", "--log-driver", "k8s-file", "--name", "box", "rich", "printf", "one\\ntwo\\n")
        program("run", *words)
        (log,) = program.root.glob("overlay-containers/*/userdata/ctr.log")
        with log.open("a") as file:
            file.write(damage)
        done = program("logs", "box")
        problems = [line.partition("Getting new log line: ")[2] for line in done.stderr.splitlines()]
        said.append((done.stdout, [problem.partition(" log line")[0] for problem in problems]))
    assert said[0] == said[1]
