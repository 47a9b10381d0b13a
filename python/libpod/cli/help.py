"""`--help` and `podman help`: what Podman prints, to the byte where the options are the same. The slow side: click draws it.

Start reading at `print_help`. The layout is that of Podman's own template over cobra; the options are listed as pflag lists them.
"""

from __future__ import annotations

import sys

import click

from libpod.cli.registry import ALIASES, COMMANDS, GLOBAL_OPTIONS, GROUP_TITLES, GROUPS, HIDDEN, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libpod.cli.command import Command, Option

#: Wider than any line: cobra leaves the breaking of lines to the terminal.
_WIDTH = 1 << 20
#: Columns of a command's name in a list of commands, at least.
_NAME = 11

#: What pflag calls the values of a kind of option.
_KINDS = {"bool": "", "array": "stringArray"}


def print_help(words: list[str]) -> int:
    """Print the help of the command that `words` name, the program's own when they name none. Returns the exit code."""
    names = _command_words(words)
    topic = "help" in words and names[:1] != ["help"]
    if topic and names and names[0] not in COMMANDS and names[0] not in GROUPS:
        shown = " ".join(f"`{name}`" for name in names)
        sys.stderr.write(f"Unknown help topic [{shown}]\n" + _usage_of_the_program())
        return 0
    sys.stdout.write(help_of(names))
    return 0


def help_of(names: Sequence[str]) -> str:
    """The help of the command, group or program that `names` lead to."""
    if names and names[0] in GROUPS:
        table = GROUPS[names[0]]
        if len(names) > 1 and names[1] in table:
            return command_help(load(table[names[1]]), names[0], ALIASES.get(names[0], {}).get(names[1], names[1]))
        return _group_help(names[0])
    if names and names[0] in COMMANDS:
        return command_help(load(COMMANDS[names[0]]), "", names[0])
    return f"{_TITLE}\n\n{_usage_of_the_program()}"


_HELP = {"help": "Help about any command"}
_TITLE = "Manage pods, containers and images"


def _usage_of_the_program() -> str:
    formatter = click.HelpFormatter(width=_WIDTH)
    with formatter.section("Usage"):
        formatter.write("  podman [options] [command]\n")
    _write_commands(
        formatter,
        {name: load(home).short for name, home in COMMANDS.items() if name not in HIDDEN} | GROUP_TITLES | _HELP,
    )
    _write_options(formatter, GLOBAL_OPTIONS)
    return formatter.getvalue() + "\n"


def _group_help(group: str) -> str:
    formatter = _begun(GROUP_TITLES[group], GROUP_TITLES[group])
    with formatter.section("Usage"):
        formatter.write(f"  podman {group} [command]\n")
    aliases = ALIASES.get(group, {})
    table = {name: load(home).short for name, home in GROUPS[group].items() if name not in aliases}
    _write_commands(formatter, table)
    return formatter.getvalue() + "\n"


def command_help(command: Command, group: str, name: str) -> str:
    """The help of one command. group: what it is typed behind, or "". name: as it is listed there."""
    formatter = _begun(command.short, command.long)
    path = f"podman {group} {name}" if group else f"podman {name}"
    with formatter.section("Usage"):
        formatter.write(f"  {path} {command.usage}".rstrip() + "\n")
    others = [alias for alias, listed in ALIASES.get(group, {}).items() if listed == name]
    if others:
        with formatter.section("Aliases"):
            formatter.write(f"  {', '.join((name, *others))}\n")
    if command.examples:
        with formatter.section("Examples"):
            examples = (command.examples,) if isinstance(command.examples, str) else command.examples
            for example in examples:
                formatter.write(f"  {_example(example, command, path)}\n")
    _write_options(formatter, command.options)
    return formatter.getvalue() + "\n"


def _begun(short: str, long: str) -> click.HelpFormatter:
    formatter = click.HelpFormatter(width=_WIDTH)
    formatter.write(f"{short}\n")
    with formatter.section("Description"):
        formatter.write(f"  {long}\n")
    return formatter


def _example(text: str, command: Command, path: str) -> str:
    """An example is written for the command's shortest name and shown for the one that was typed."""
    if command.name not in COMMANDS:
        return text
    return f"{text} ".replace(f"podman {command.name} ", f"{path} ").removesuffix(" ")


def _write_commands(formatter: click.HelpFormatter, table: dict[str, str]) -> None:
    width = max(_NAME, *map(len, table))
    with formatter.section("Available Commands"):
        for name, short in sorted(table.items()):
            formatter.write(f"  {name.ljust(width)} {short}\n")


def _write_options(formatter: click.HelpFormatter, options: Sequence[Option]) -> None:
    shown = sorted((option for option in options if not option.hidden), key=lambda option: option.names[0])
    if not shown:
        return
    signatures = [_signature(option) for option in shown]
    width = max(map(len, signatures)) + 3
    with formatter.section("Options"):
        for option, signature in zip(shown, signatures, strict=True):
            text = _description(option).replace("\n", "\n" + " " * width)
            formatter.write(f"{signature.ljust(width)}{text}\n")


def _signature(option: Option) -> str:
    long, short = option.names[0], next((name for name in option.names if len(name) == 2), "")
    kind = option.metavar or _KINDS.get(option.kind, option.kind)
    return f"  {short}, {long} {kind}".rstrip() if short else f"      {long} {kind}".rstrip()


def _description(option: Option) -> str:
    if option.shown is not None:
        return f"{option.help} (default {option.shown})" if option.shown else option.help
    default = option.default
    if default in (None, "", False, 0) or default in ((), []):
        return option.help
    if isinstance(default, (list, tuple)):
        text = f"[{','.join(default)}]"
    elif isinstance(default, bool):
        text = "true"
    else:
        text = f'"{default}"' if isinstance(default, str) else str(default)
    return f"{option.help} (default {text})"


def _command_words(words: list[str]) -> list[str]:
    """The words that can name a command: options of the program and their values are skipped."""
    valued = {name for option in GLOBAL_OPTIONS if option.kind != "bool" for name in option.names}
    names: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in valued and not names:
            skip = True
        elif not word.startswith("-") and word != "help":
            names.append(word)
    return names
