"""What `--log-level` leaves out, and how a pull of `run` is told."""

from __future__ import annotations

import pytest

from libpod.cli.container.create import _Pulling
from libpod.cli.context import Context
from libpod.cli.parser import parse_options
from libpod.cli.print.progress import Lines, Reporter
from libpod.cli.registry import GLOBAL_OPTIONS


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("warn", ["warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
        ("fatal", []),
        ("panic", []),
    ],
)
def test_the_log_has_the_level_that_was_asked_for(
    capsys: pytest.CaptureFixture[str], level: str, seen: list[str]
) -> None:
    context = Context(parse_options(GLOBAL_OPTIONS, ["--log-level", level], interspersed=False)[0])
    for kind in ("warning", "error"):
        context.log(kind, "text")
    assert [line.partition("level=")[2].split()[0] for line in capsys.readouterr().err.splitlines()] == seen


def test_a_pull_of_run_is_told_unless_it_shall_be_quiet() -> None:
    assert isinstance(_Pulling(quiet=False).begin(), Lines)
    assert type(_Pulling(quiet=True).begin()) is Reporter
    _Pulling(quiet=False).end()
