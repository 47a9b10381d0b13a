"""Look for inputs that break a target: `python -m tests.fuzz TARGET [CORPUS…] [-OPTION=VALUE…]`, the words of libFuzzer.

The first corpus receives what is found. `make fuzz` runs every target. Needs atheris (the extra `fuzz`).
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["libpod"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run one target until it is interrupted, its time is over, or a law is broken."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz TARGET [CORPUS…] [-OPTION=VALUE…]; the targets are {', '.join(TARGETS)}")
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


main()
