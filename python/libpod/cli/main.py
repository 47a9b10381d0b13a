"""The program `podman`: find the command, parse, call, print what went wrong, exit.

Start reading at `main`. This is the only place that turns an exception into an exit code: 125 for errors of our own,
the class's own code (126, 127) for the container's command, else what the command returned. Only the module of the command
that was typed is imported. Source: podman-run(1), "Exit Status".
"""

from __future__ import annotations

import gc
import os
import sys

from libpod.cli.context import Context, message_of, say
from libpod.cli.parser import HelpRequested, parse, parse_options
from libpod.cli.registry import COMMANDS, GLOBAL_OPTIONS, GROUPS, MISSING, PERSISTENT, load
from libpod.errors import LibpodError, UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from libpod.cli.command import Command
    from libpod.cli.context import Options

#: More objects than are alive when a command has been loaded.
_OBJECTS_BEFORE_COLLECTING = 50_000


def main() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    # A command leaves few cycles behind. Looking for them while modules load takes a tenth of the loading.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    _use_utf8()
    _fill_standard_descriptors()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A byte that is no UTF-8 goes out as it came in.
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _refused(error) or code
    # Nothing of ours waits for the interpreter's teardown, which would cost every command two milliseconds.
    os._exit(code)


def _use_utf8() -> None:
    """Start again in UTF-8 mode under a locale with another encoding.

    Words, files and output are UTF-8 whatever the locale says, as with Podman. Python has decoded the
    words already, and would encode paths in the locale's encoding.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _fill_standard_descriptors() -> None:
    """Open /dev/null where a standard descriptor is closed, or the next file opened would take its number and its meaning.

    For reading alone: what is written to an output that is closed is an error, as on any other output that takes nothing.
    """
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY)
            if opened != fd:
                os.dup2(opened, fd)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, "r" if fd == 0 else "w", closefd=False))  # noqa: SIM115  (lives as long as we do)


def run(words: list[str]) -> int:
    """Run one command line and return its exit code; errors are printed on stderr."""
    path = "podman"
    context: Context | None = None
    try:
        options, rest = parse_options(GLOBAL_OPTIONS, words, interspersed=False)
        if options.version:
            from libpod.cli.system.version import print_version

            return print_version()
        if rest[:1] and rest[0] in ("__complete", "__completeNoDesc"):
            return _complete(options, rest)
        command, path, rest = find_command(rest, options)
        values, arguments = parse(command, rest, path=path, globals=options, persistent=PERSISTENT)
        _check_log_level(options.log_level)
        context = Context(options)
        return command.call(context, values, arguments)
    except HelpRequested:
        return _help(words)
    except MissingCommand as missing:
        return _missing(missing)
    except BrokenPipeError as error:
        return _fail(error, hint=error.hint) if isinstance(error, LibpodError) else _drop_stdout()
    except KeyboardInterrupt:
        return 130
    except UsageError as error:
        return _fail(error, hint=f"See '{path} --help'" if _is_flag_error(error) else error.hint)
    except (LibpodError, OSError) as error:
        return _fail(error, hint=getattr(error, "hint", None))
    finally:
        if context is not None:
            context.close()


class MissingCommand(Exception):  # noqa: N818  (it is answered with the help)
    """The command line ends where a command must follow: behind the program, or behind a group."""


def _missing(missing: MissingCommand) -> int:
    """Print the help of what lacks a command on stdout, and say on stderr what is missing."""
    path = str(missing)
    code = _help(path.split()[1:])
    return code or _fail(UsageError(f"missing command '{path} COMMAND'"), hint=None)


def _complete(options: Options, words: list[str]) -> int:
    from libpod.cli.complete import answer

    if len(words) < 2:
        raise UsageError("requires at least 1 arg(s), only received 0")
    return answer(words[1:], globals=options, described=words[0] == "__complete")


def _help(words: list[str]) -> int:
    from libpod.cli.help import print_help

    try:
        return print_help(words)
    except OSError as error:
        return _refused(error)


def _check_log_level(level: str) -> None:
    """Warnings and errors are always printed and nothing else is logged: a finer level is no level of ours."""
    if level in ("trace", "debug", "info"):
        raise UnsupportedError(f"the log level {level} is not supported by this version of libpod")
    if level not in ("warn", "warning", "error", "fatal", "panic"):
        known = "trace, debug, info, warn, warning, error, fatal, panic"
        raise UsageError(f'log Level "{level}" is not supported, choose from: {known}')


def find_command(words: list[str], globals: Options) -> tuple[Command, str, list[str]]:
    """Find the command that `words` begin with; return it, its full name and the words that follow.

    globals: takes the program's own options that stand between a group and its command.
    """
    if not words:
        raise MissingCommand("podman")
    name, rest = words[0], words[1:]
    table, path = COMMANDS, "podman"
    if name in GROUPS:
        table, path = GROUPS[name], f"podman {name}"
        _, rest = parse_options((), rest, interspersed=False, globals=globals, persistent=PERSISTENT)
        if not rest:
            raise MissingCommand(path)
        name, rest = rest[0], rest[1:]
    elif name == "help":
        raise HelpRequested
    home = table.get(name)
    if home is None:
        full = f"{path} {name}"
        if full in MISSING:
            raise UnsupportedError(f"`{full}` is not supported by this version of libpod")
        raise UsageError(f"unrecognized command `{full}`", hint=_suggestion(name, table, path))
    return load(home), f"{path} {name}", rest


def _suggestion(name: str, table: dict[str, str], path: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, list(table), n=3, cutoff=0.6)
    lines = ["", "Did you mean this?", *(f"\t{candidate}" for candidate in close), ""] if close else []
    return "\n".join([*lines, f"Try '{path} --help' for more information"])


def _is_flag_error(error: UsageError) -> bool:
    return error.message.startswith(("unknown flag", "unknown shorthand", "flag needs", "invalid argument"))


def _fail(error: LibpodError | OSError, *, hint: str | None) -> int:
    try:
        sys.stdout.flush()
    except OSError as refused:
        code = _refused(refused)
        if not isinstance(error, LibpodError) and error.filename is None and error.errno == refused.errno:
            return getattr(error, "exit_code", code)
    say(f"Error: {message_of(error)}" + (f"\n{hint}" if hint else ""))
    return getattr(error, "exit_code", LibpodError.exit_code)


def _refused(error: OSError) -> int:
    """Report that stdout takes nothing more, once; return the exit code. A reader that went away is told nothing."""
    if not isinstance(error, BrokenPipeError):
        say(f"Error: write /dev/stdout: {message_of(error)}")
        _drop_stdout()
        return LibpodError.exit_code
    return _drop_stdout()


def _drop_stdout() -> int:
    """Point stdout at /dev/null after its reader went away, so that no later flush fails; 141 is SIGPIPE's code."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return 141
