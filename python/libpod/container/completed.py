"""A command in a new container, from beginning to end: what `Engine.run` does with its arguments."""

from __future__ import annotations

from libpod import arguments
from libpod.container.options.words import Words, parse_options
from libpod.errors import InvalidError
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from libpod.arguments import Word
    from libpod.container.manager import ContainerManager
    from libpod.image.reference import Reference

#: What some words of `podman run` are called in Python.
_RENAMED = {"labels": "label", "remove": "rm", "volumes": "volume"}
#: How a keyword is checked, so that errors have its name and not the word's.
_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "labels": arguments.pairs,
    "network": lambda name, value: [text] if (text := arguments.text(name, value)) else [],
    "remove": arguments.flag,
    "volumes": arguments.volumes,
}


class Completed(Record):
    """How a container's command ended: exit code, and what it wrote to its two streams."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def run(
    containers: ContainerManager,
    image: str | Reference,
    argv: Iterable[Word],
    given: dict[str, Any],
    stdin: bytes | None,
    timeout_s: float | None,
    output_limit: int,
    pull: str,
) -> Completed:
    """Run a command as `Engine.run` says. given: its options."""
    if stdin is not None and not isinstance(stdin, bytes):
        raise TypeError(f"stdin must be bytes, not {type(stdin).__name__}")
    if not 0 <= arguments.integer("output_limit", output_limit) < 1 << 63:
        raise InvalidError(f"output_limit: {output_limit} is no number of bytes")
    if timeout_s is not None and not 0 <= arguments.number("timeout_s", timeout_s) < 1 << 63:
        raise InvalidError(f"timeout_s: {timeout_s} is no number of seconds")
    for word in (*_RENAMED.values(), "interactive"):
        if word in given:
            name = next((name for name, other in _RENAMED.items() if other == word), "stdin")
            raise TypeError(f"the option {word} is called {name} here")
    words: dict[str, Any] = {"rm": True, "interactive": stdin is not None}
    for name, value in given.items():
        if value is not None:
            words[_RENAMED.get(name, name)] = _CHECKS[name](name, value) if name in _CHECKS else value
    options = parse_options(Words(**words))
    container = containers.create(options, image, argv, pull=pull)
    stay = containers.stay(container, containers.start(container, fresh=True), owner=True)
    return Completed(*stay.collect(stdin or b"", output_limit, timeout_s))
