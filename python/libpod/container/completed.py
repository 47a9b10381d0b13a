"""A command in a new container, from beginning to end: what `Engine.run` does with its arguments."""

from __future__ import annotations

from libpod import arguments
from libpod.container.options.words import Words, parse_options
from libpod.errors import InvalidError
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.container.manager import ContainerManager

#: What some words of `podman run` are called in Python.
_RENAMED = {"labels": "label", "remove": "rm", "volumes": "volume"}


class Completed(Record):
    """How a container's command ended: exit code, and what it wrote to its two streams."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def run(containers: ContainerManager, given: dict[str, Any]) -> Completed:
    """Run a command as `Engine.run` says. given: the arguments of that call by name, without those that have no value."""
    image, argv, pull = given.pop("image"), given.pop("argv"), given.pop("pull")
    stdin, output_limit, timeout_s = given.pop("stdin"), given.pop("output_limit"), given.pop("timeout_s")
    if stdin is not None and not isinstance(stdin, bytes):
        raise TypeError(f"stdin must be bytes, not {type(stdin).__name__}")
    if not 0 <= arguments.integer("output_limit", output_limit) < 1 << 63:
        raise InvalidError(f"output_limit: {output_limit} is no number of bytes")
    if timeout_s is not None and not 0 <= arguments.number("timeout_s", timeout_s) < 1 << 63:
        raise InvalidError(f"timeout_s: {timeout_s} is no number of seconds")
    given["network"] = [given["network"]] if given["network"] else []
    given["remove"] = arguments.flag("remove", given["remove"])
    given["volumes"] = arguments.volumes("volumes", given["volumes"])
    if given["labels"] is not None:
        given["labels"] = arguments.pairs("labels", given["labels"])
    for name, word in _RENAMED.items():
        if word in given:
            raise TypeError(f"the option {word} is called {name} here")
        given[word] = given.pop(name)
    options = parse_options(Words(interactive=stdin is not None, **given))
    container = containers.create(options, image, argv, pull=pull)
    stay = containers.stay(container, containers.start(container, fresh=True), owner=True)
    return Completed(*stay.collect(stdin or b"", output_limit, timeout_s))
