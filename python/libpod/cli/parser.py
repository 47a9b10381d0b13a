"""Parse a command line with the rules of pflag, whose habits Podman's users and scripts have.

`--name value`, `--name=value`, `-n value`, `-nvalue`, `-itd`, `--flag=false`, `--` ends the options. Every refusal is a
`UsageError` in pflag's words. What the words of a valid option mean is its command's business, not the parser's.
"""

from __future__ import annotations

from libpod.cli.context import Options
from libpod.errors import InvalidError, UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from libpod.cli.command import Command, Option

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))
_DURATION_CHARACTERS = frozenset("0123456789.hmsunµ-+")


#: Where the value of an option goes that libpod lacks.
_NOWHERE = Options()


class HelpRequested(Exception):  # noqa: N818  (it is no error)
    """The user asked for help."""


def parse(
    command: Command,
    words: list[str],
    *,
    path: str = "podman",
    globals: Options | None = None,
    persistent: Sequence[Option] = (),
) -> tuple[Options, list[str]]:
    """Parse what follows the command's name; return the options and the positional arguments.

    path: the command's full name, for messages. globals: the values of the program's own options; those
    of `persistent` are changed where the command line gives them behind the command. An option of the
    command of the same name comes first.

    Raises: UsageError in pflag's words, UnsupportedError for an option that libpod lacks, HelpRequested.
    """
    options, arguments = parse_options(
        command.declared,
        words,
        interspersed=command.interspersed,
        globals=globals,
        persistent=persistent,
        lacking=command.lacking,
    )
    _check_arity(command, len(arguments), path)
    return options, arguments


def parse_options(
    declared: Sequence[Option],
    words: list[str],
    *,
    interspersed: bool,
    globals: Options | None = None,
    persistent: Sequence[Option] = (),
    lacking: Callable[[], Sequence[Option]] = tuple,
) -> tuple[Options, list[str]]:
    """Parse `words` against the declared options; stop at the first positional one unless interspersed.

    globals, persistent: as `parse` has them. lacking: as `Command` has it.
    """
    values = Options()
    known = _Known(lacking)
    if globals is not None:
        known.update({name: (option, globals) for option in persistent for name in option.names})
    for option in declared:
        for name in (*option.names, *option.aliases):
            known[name] = option, values
        if option.supported:
            setattr(values, option.field, option.initial)
    arguments: list[str] = []
    queue = iter(words)
    for word in queue:
        if word == "--":
            arguments.extend(queue)
        elif word.startswith("--"):
            _parse_long(word, queue, known)
        elif len(word) > 1 and word[0] == "-":
            _parse_short(word, queue, known)
        else:
            arguments.append(word)
            if not interspersed:
                arguments.extend(queue)
    return values, arguments


class _Known(dict[str, "tuple[Option | None, Options]"]):
    """What each name stands for, and where its value goes; a name that no declared option has may be one that libpod lacks."""

    def __init__(self, lacking: Callable[[], Sequence[Option]]) -> None:
        self.lacking = lacking

    def __missing__(self, name: str) -> tuple[Option | None, Options]:
        found = (option for option in self.lacking() if name in option.names or name in option.aliases)
        return next(found, None), _NOWHERE


def _parse_long(word: str, queue: Iterator[str], known: _Known) -> None:
    name, equals, value = word.partition("=")
    option, values = known[name]
    if option is None:
        if name == "--help":
            raise HelpRequested
        raise UsageError(f"unknown flag: {name}")
    if not equals:
        if option.kind == "bool":
            value = "true"
        else:
            following = next(queue, None)
            if following is None:
                raise UsageError(f"flag needs an argument: {name}")
            value = following
    _assign(option, value, values)


def _parse_short(word: str, queue: Iterator[str], known: _Known) -> None:
    letters = word[1:]
    for position, letter in enumerate(letters):
        option, values = known["-" + letter]
        if option is None:
            if letter == "h":
                raise HelpRequested
            raise UsageError(f"unknown shorthand flag: {letter!r} in -{letters[position:]}")
        rest = letters[position + 1 :]
        if rest.startswith("="):
            _assign(option, rest[1:], values)
            return
        if option.kind == "bool":
            _assign(option, "true", values)
            continue
        if not rest:
            following = next(queue, None)
            if following is None:
                raise UsageError(f"flag needs an argument: {letter!r} in -{letters[position:]}")
            rest = following
        _assign(option, rest, values)
        return


def _assign(option: Option, text: str, values: Options) -> None:
    if not option.supported:
        raise UnsupportedError(f"the option {option.names[0]} is not supported by this version of libpod")
    field = option.field
    try:
        value = _convert(option, text)
    except (ValueError, InvalidError) as error:
        shown = ", ".join(sorted(option.names, key=len))
        raise UsageError(f'invalid argument "{text}" for "{shown}" flag: {error}') from None
    if option.kind in ("strings", "array"):
        if field in values.given:
            getattr(values, field).extend(value)
        else:
            setattr(values, field, list(value))
    else:
        setattr(values, field, value)
    values.given.add(field)


def _convert(option: Option, text: str) -> Any:
    kind = option.kind
    if kind == "bool":
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    if kind in ("int", "uint"):
        from libpod import quantity

        return quantity.parse_integer(text, signed=kind == "int", prefixed=True)
    if option.choices and text not in option.choices:
        raise ValueError(f'"{text}" is not a valid value.  Choose from: "{", ".join(option.choices)}"')
    if kind == "strings":
        from libpod.words import split_commas

        return split_commas(text)
    if kind == "array":
        return [text]
    if kind == "duration" and (not text or not _DURATION_CHARACTERS.issuperset(text)):
        raise ValueError(f'time: invalid duration "{text}"')
    return text


def _check_arity(command: Command, count: int, path: str) -> None:
    least, most = command.least, command.most
    if least <= count and (most is None or count <= most):
        return
    if command.arity_error:
        raise UsageError(command.arity_error)
    if most == 0:
        raise UsageError(f"`{path}` takes no arguments")
    if least == most:
        raise UsageError(f"accepts {least} arg(s), received {count}")
    if most is not None and least > 0:
        raise UsageError(f"accepts between {least} and {most} arg(s), received {count}")
    if count < least:
        raise UsageError(f"requires at least {least} arg(s), only received {count}")
    raise UsageError(f"accepts at most {most} arg(s), received {count}")
