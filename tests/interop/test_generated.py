"""Generated templates and names beside the newer Podman: the same output to the byte, the same names taken."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, newer
from tests.support.cli import Cli
from tests.support.images import tar
from tests.support.templates import IMAGE, IMAGES, Maker

#: Each is two commands of Podman's or libpod's: their number is what the lane has time for.
TEMPLATES, NAMES = 28, 20


@pytest.fixture(scope="module")
def programs() -> Iterator[tuple[Cli, Cli]]:
    """libpod and the newer Podman on one store, with two images."""
    with tempfile.TemporaryDirectory(prefix="ge-", dir="/tmp", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        with newer.podman(directory) as theirs:
            for moment, image in enumerate(("ours", "theirs")):
                (directory / image).write_bytes(tar((image, b"x")))
                # An image is as old as its tar; which of two of one age comes first is chance.
                os.utime(directory / image, (1_700_000_000 + 60 * moment,) * 2)
                words = ["--change", "LABEL l1=v1", "--change", "ENV A=1", "--message", image]
                theirs("import", "-q", *words, str(directory / image), f"localhost/{image}:1")
            yield Cli([str(cli.OURS)], directory), theirs


#: Command → what its templates are about.
COMMANDS = {"images": IMAGES, "image inspect localhost/theirs:1": IMAGE}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("seed", range(TEMPLATES))
def test_both_print_the_same_by_a_template(programs: tuple[Cli, Cli], seed: int, command: str) -> None:
    template = Maker(seed, COMMANDS[command]).template()
    ours, theirs = (program(*command.split(), "--format", template, code=None) for program in programs)
    assert ours.returncode == theirs.returncode, (template, ours.stderr, theirs.stderr)
    if theirs.returncode == 0:
        # Where a template fails in a row, Podman has written what came before it; libpod writes nothing.
        assert ours.stdout == theirs.stdout, template


def test_most_templates_say_something(programs: tuple[Cli, Cli]) -> None:
    templates = [Maker(seed).template() for seed in range(10)]
    good = sum(programs[0]("images", "--format", template, code=None).returncode == 0 for template in templates)
    assert good >= 4


def test_both_take_the_same_names(programs: tuple[Cli, Cli]) -> None:
    pytest.importorskip("hypothesis")
    from hypothesis import HealthCheck, Phase, assume, given, settings

    from tests.support import names

    ours, theirs = programs
    taken = refused = 0

    @settings(
        max_examples=NAMES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(names.near | names.good)
    def compare(text: str) -> None:
        nonlocal taken, refused
        # libpod takes IPv6 addresses as hosts already; digests of images are no tags.
        assume("[" not in text and "@" not in text)
        # The name goes to one image and then to the other: one that both read alike is on the second in the end.
        codes = [
            program("tag", f"localhost/{image}:1", "--", text, code=None).returncode
            for program, image in ((ours, "ours"), (theirs, "theirs"))
        ]
        assert codes[0] == codes[1], text
        taken, refused = taken + (codes[0] == 0), refused + (codes[0] != 0)

    compare()
    assert json.loads(ours("image", "inspect", "localhost/ours:1", "--format", "{{json .RepoTags}}").stdout) == [
        "localhost/ours:1"
    ]
    assert taken >= 5
    assert refused >= 5
