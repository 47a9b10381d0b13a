"""What a command is: plain data that the parser, the help, the completion and the man pages all read.

An option is declared once, here, with its help. Nothing in this module or in `parser` imports click: click's import costs
more than a whole `exec`, and it serves the slow side (help, completion, prompts), built from the same data.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from libpod.cli.context import Context, Options

    Runner = Callable[[Context, "Options", list[str]], int]

#: Kinds of option values, in pflag's words. A `bool` takes a value only as `--flag=value`; `strings` splits at commas,
#: `array` does not; both may be repeated.
KINDS = ("bool", "string", "int", "uint", "duration", "strings", "array")
_INITIAL = {"bool": False, "int": 0, "uint": 0, "string": "", "duration": ""}


class Option:
    """One option of a command.

    names: `"--env", "-e"`, the long one first. kind: one of `KINDS`. metavar: what the help calls its value.
    default: the value where the option is not given; lists default to an empty list. choices: the accepted words.
    supported: False makes its use an error that says so, in place of an option that does nothing.
    aliases: older names that still work and that the help leaves out. shown: the default as the help shows it, "" for none at all.
    idle: for an option that nothing has to read, the reason; every other one is read by its command.
    """

    __slots__ = (
        "aliases",
        "choices",
        "default",
        "help",
        "hidden",
        "idle",
        "kind",
        "metavar",
        "names",
        "shown",
        "supported",
    )

    def __init__(
        self,
        *names: str,
        kind: str = "string",
        help: str = "",
        default: Any = None,
        metavar: str | None = None,
        choices: Sequence[str] = (),
        supported: bool = True,
        hidden: bool = False,
        aliases: Sequence[str] = (),
        shown: str | None = None,
        idle: str = "",
    ) -> None:
        self.names = names
        self.aliases = aliases
        self.shown = shown
        self.idle = idle
        self.kind = kind
        self.help = help
        self.default = default
        self.metavar = metavar
        self.choices = choices
        self.supported = supported
        self.hidden = hidden

    @property
    def field(self) -> str:
        """Name of the attribute that carries the value: `--env-file` is `env_file`."""
        return self.names[0].lstrip("-").replace("-", "_")

    @property
    def initial(self) -> Any:
        """The value before anything was parsed; lists are fresh for every parse."""
        if self.kind in ("strings", "array"):
            return list(self.default or ())
        if self.default is None:
            return _INITIAL[self.kind]
        return self.default


def flag(*names: str, help: str = "", default: bool = False, aliases: Sequence[str] = (), idle: str = "") -> Option:
    """Declare a boolean option."""
    return Option(*names, kind="bool", help=help, default=default, aliases=aliases, idle=idle)


def unsupported(*names: str, kind: str = "string", help: str = "", aliases: Sequence[str] = ()) -> Option:
    """Declare an option of Podman's that libpod does not have yet: using it is an error, and the help leaves it out."""
    return Option(*names, kind=kind, help=help, supported=False, hidden=True, aliases=aliases)


class Command:
    """One command.

    name: as typed. usage: what follows the name in the usage line. short: one line; long: the description.
    declared: its options; lacking: makes those of Podman's that libpod lacks, of a command that has many. least, most: how many positional arguments it takes (most None: any number).
    interspersed: whether options may follow the first argument (not for run, exec, create). call: what runs it.
    arity_error: replaces the standard message about the number of arguments. examples: one for each line, or a text with lines of its
    own.
    """

    __slots__ = (
        "arity_error",
        "call",
        "declared",
        "examples",
        "interspersed",
        "lacking",
        "least",
        "long",
        "most",
        "name",
        "short",
        "usage",
    )

    def __init__(
        self,
        name: str,
        *,
        call: Runner,
        usage: str = "[options]",
        short: str = "",
        long: str | None = None,
        options: Sequence[Option] = (),
        lacking: Callable[[], Sequence[Option]] = tuple,
        least: int = 0,
        most: int | None = None,
        interspersed: bool = True,
        arity_error: str | None = None,
        examples: Sequence[str] | str = (),
    ) -> None:
        self.name = name
        self.call = call
        self.usage = usage
        self.short = short
        self.long = short if long is None else long
        self.declared = options
        self.lacking = lacking
        self.least = least
        self.most = most
        self.interspersed = interspersed
        self.arity_error = arity_error
        self.examples = examples

    @property
    def options(self) -> Sequence[Option]:
        """All options, those that libpod lacks included."""
        return (*self.declared, *self.lacking())
