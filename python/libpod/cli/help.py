"""Help and completion, the slow side of the command line: click's formatter and click's completion over our declarations."""

from __future__ import annotations

import os
import sys

import click
from click.shell_completion import CompletionItem, get_completion_class

from libpod.cli.command import Command, Option
from libpod.cli.registry import COMMANDS, GLOBAL_OPTIONS, GROUPS, load

_WIDTH = 120
_GROUP_TITLES = {
    "container": "Manage containers",
    "image": "Manage images",
    "network": "Manage networks",
    "system": "Manage podman",
}


def print_help(words: list[str]) -> int:
    """Print the help of the command that `words` name; the program's own where they name none."""
    names = _command_words(words)
    if names[:1] and names[0] in GROUPS and (len(names) == 1 or names[1] not in GROUPS[names[0]]):
        text = _group_help(f"podman {names[0]}", _GROUP_TITLES.get(names[0], names[0]), GROUPS[names[0]], ())
    elif names and names[0] in GROUPS:
        text = command_help(load(GROUPS[names[0]][names[1]]), f"podman {names[0]} {names[1]}")
    elif names and names[0] in COMMANDS:
        text = command_help(load(COMMANDS[names[0]]), f"podman {names[0]}")
    else:
        table = dict(COMMANDS) | dict.fromkeys(GROUPS, "")
        text = _group_help("podman", "Manage pods, containers and images", table, GLOBAL_OPTIONS)
    sys.stdout.write(text)
    return 0


def command_help(command: Command, path: str) -> str:
    """The help of one command, in the order that Podman's users know."""
    formatter = click.HelpFormatter(width=_WIDTH)
    formatter.write(f"{command.short}\n")
    with formatter.section("Description"):
        formatter.write_text(command.long)
    with formatter.section("Usage"):
        formatter.write(f"  {path} {command.usage}\n")
    if command.examples:
        with formatter.section("Examples"):
            for example in command.examples:
                formatter.write(f"  {example}\n")
    _write_options(formatter, command.options)
    return formatter.getvalue().rstrip("\n") + "\n"


def _group_help(path: str, title: str, table: dict[str, str], options: tuple[Option, ...]) -> str:
    formatter = click.HelpFormatter(width=_WIDTH)
    formatter.write(f"{title}\n")
    with formatter.section("Usage"):
        formatter.write(f"  {path} [options] [command]\n" if options else f"  {path} [command]\n")
    rows = [(name, load(home).short if home else _GROUP_TITLES.get(name, "")) for name, home in sorted(table.items())]
    with formatter.section("Available Commands"):
        formatter.write_dl(rows)
    _write_options(formatter, options)
    return formatter.getvalue().rstrip("\n") + "\n"


def _write_options(formatter: click.HelpFormatter, options: object) -> None:
    rows = [(_signature(option), _description(option)) for option in options if not option.hidden]  # type: ignore[attr-defined]
    if rows:
        with formatter.section("Options"):
            formatter.write_dl(rows, col_max=40)


def _signature(option: Option) -> str:
    shorts = [name for name in option.names if not name.startswith("--")]
    longs = [name for name in option.names if name.startswith("--")]
    words = ", ".join(shorts + longs) if shorts else "    " + ", ".join(longs)
    if option.kind == "bool":
        return words
    return f"{words} {option.metavar or {'array': 'stringArray'}.get(option.kind, option.kind)}"


def _description(option: Option) -> str:
    text = option.help
    if option.default not in (None, "", False, 0, (), []):
        text += f' (default "{option.default}")' if isinstance(option.default, str) else f" (default {option.default})"
    return text


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


def click_tree() -> click.Group:
    """The whole command line as click commands, for completion; nothing is ever run through it."""
    root = click.Group("podman", params=[_parameter(option) for option in GLOBAL_OPTIONS if option.supported])
    for name, home in COMMANDS.items():
        root.add_command(_click_command(name, load(home)), name)
    for group, table in GROUPS.items():
        node = click.Group(group)
        for name, home in table.items():
            node.add_command(_click_command(name, load(home)), name)
        root.add_command(node, group)
    return root


def _click_command(name: str, command: Command) -> click.Command:
    parameters: list[click.Parameter] = [_parameter(option) for option in command.options if option.supported]
    parameters.append(click.Argument(["words"], nargs=-1, shell_complete=_complete_word(name)))
    return click.Command(name, short_help=command.short, params=parameters)


def _parameter(option: Option) -> click.Option:
    names = [*option.names, option.field]
    if option.kind == "bool":
        return click.Option(names, is_flag=True, help=option.help)
    kind = click.Choice(list(option.choices)) if option.choices else None
    return click.Option(names, multiple=option.kind in ("strings", "array"), help=option.help, type=kind)


_IMAGE_VERBS = frozenset("run create rmi tag untag push save history inspect".split())
_CONTAINER_VERBS = frozenset(
    "attach exec inspect kill logs pause port rename restart rm start stop top unpause wait".split()
)


def _complete_word(verb: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in _names(verb) if name.startswith(incomplete)]

    return complete


def _names(verb: str) -> list[str]:
    from libpod.store import open_store

    names: list[str] = []
    store = open_store()
    if verb in _IMAGE_VERBS:
        names += [name for image in store.images() for name in image.get("names") or ()]
    if verb in _CONTAINER_VERBS:
        names += [name for container in store.containers() for name in container.get("names") or ()]
    return names


def complete() -> int:
    """Answer the shell's question; the script of `podman completion` asks it through `_PODMAN_COMPLETE`."""
    instruction = os.environ["_PODMAN_COMPLETE"]
    shell, _, wish = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or wish != "complete":
        return 1
    answer = kind(click_tree(), {}, "podman", "_PODMAN_COMPLETE").complete()
    sys.stdout.write(answer + "\n")
    return 0


def completion_script(shell: str) -> str:
    """The script that a shell sources to complete `podman`."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(click.Group("podman"), {}, "podman", "_PODMAN_COMPLETE").source()
