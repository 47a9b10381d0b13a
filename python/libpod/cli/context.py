"""What a command is given: the values of its options, the engine that the global ones describe, the two output streams."""

from __future__ import annotations

import os
import sys

from libpod.errors import LibpodError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from libpod.container.records import Damaged
    from libpod.engine import Engine


#: The levels of the log that something is written at, and those that leave it out.
_LEVELS = {"warning": 0, "error": 1, "fatal": 2, "panic": 2}


class Options:
    """The values of one parse, an attribute for each option; `given` names the fields that the user set."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Context:
    """One run of the program. The engine is opened on first use: `version` and `--help` never touch a store."""

    __slots__ = ("_engine", "globals")

    def __init__(self, globals: Options) -> None:
        self.globals = globals
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine of this run, with the stores that the global options name."""
        if self._engine is None:
            from libpod.engine import Engine

            chosen = self.globals
            self._engine = Engine(
                root=chosen.root or None,
                runroot=chosen.runroot or None,
                storage_driver=chosen.storage_driver or None,
                storage_options=chosen.storage_opt if "storage_opt" in chosen.given else None,
            )
            if os.isatty(0) and os.isatty(1):
                self._engine.host.choose_name = choose_name
        return self._engine

    def write(self, text: str) -> None:
        """Write a line to stdout.

        Raises: OSError when it takes nothing more.
        """
        self.put(text + "\n")

    def put(self, text: str) -> None:
        """Write a text to stdout, with no line break of its own.

        Raises: OSError when it takes nothing more.
        """
        try:
            sys.stdout.write(text)
        except OSError as error:
            raise OSError(error.errno, f"write /dev/stdout: {message_of(error)}") from None

    def warn(self, text: str) -> None:
        """Write one line to stderr, behind what was written to stdout."""
        sys.stdout.flush()
        say(printable(text))

    def log(self, level: str, text: str) -> None:
        """Write a line of the log to stderr, in the form that Podman's have, unless `--log-level` asks for less.

        level: `warning` or `error`.
        """
        if _LEVELS[level] < _LEVELS.get(self.globals.log_level, 0):
            return
        import time

        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.warn(f'time="{stamp}" level={level} msg="{text}"')

    def report(self, error: Exception) -> None:
        """Print one of several errors on stderr, as `main` prints the last one."""
        sys.stdout.flush()
        say(f"Error: {message_of(error)}")

    def warn_damaged(self, damaged: Damaged) -> None:
        """Tell which containers a listing lacks, why, and the remedy."""
        for container, error in damaged:
            # One of a newer release is whole, and not to be removed for that.
            remedy = "" if isinstance(error, UnsupportedError) else f"; `podman rm -f {container.id}` removes it"
            self.warn(f"WARNING: {message_of(error)}: the container is left aside{remedy}")

    def report_all(self, errors: Sequence[Exception]) -> None:
        """Print the errors of one command together, as Podman does."""
        if len(errors) == 1:
            text = message_of(errors[0])
        else:
            text = f"{len(errors)} errors occurred:" + "".join(f"\n\t* {message_of(error)}" for error in errors)
        sys.stdout.flush()
        say(f"Error: {text}")

    def close(self) -> None:
        """Close what was opened, and tell what this command could not read of the tables of images."""
        if self._engine is not None:
            for path, image, reason in self._engine.host.store.known_damage():
                remedy = f"; `podman rmi {image}` removes it" if image else ""
                name = f"image {image}" if image else "an image"
                say(
                    printable(
                        f"WARNING: {path}: the record of {name} cannot be read and is left aside: {reason}{remedy}"
                    )
                )
            self._engine.close()
            self._engine = None


def choose_name(names: list[str]) -> int:
    """Ask on the terminal which image is meant; return its index."""
    import click

    for number, name in enumerate(names, 1):
        click.echo(f"  {number}) {name}")
    try:
        answer: int = click.prompt("Please select an image", type=click.IntRange(1, len(names)), default=1)
    except click.Abort:
        raise KeyboardInterrupt from None
    return answer - 1


def printable(text: str, *, keep: str = "") -> str:
    """Write out what would steer a terminal (`print.escape`): most commands have nothing to say, and do not load it."""
    from libpod.cli.print.escape import printable

    return printable(text, keep=keep)


def say(text: str) -> None:
    """Write lines to stderr; when that fails, only the exit code tells."""
    try:
        sys.stderr.write(printable(text, keep="\n\t") + "\n")
        sys.stderr.flush()
    except OSError:
        return


def message_of(error: Exception) -> str:
    """One line for an error: the message of libpod, or the path and reason of an `OSError`; a line more for each of its causes.

    The text of images may be in any of them: a line break of theirs is written as an escape.
    """
    if isinstance(error, LibpodError):
        return "\n * ".join([printable(error.message), *map(message_of, error.causes)])
    if isinstance(error, OSError) and not isinstance(error, LibpodError) and error.strerror:
        reason = error.strerror[:1].lower() + error.strerror[1:]
        return printable(f"{error.filename}: {reason}" if error.filename else reason)
    return printable(str(error)) or type(error).__name__
