"""Words that break programs: bytes that are not UTF-8, numbers too large for anything, and all options that take them.

The lists are made from the declarations of the commands, so that a new option or command is covered from the start.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from libpod.cli import main
from libpod.cli.command import Command, Option
from libpod.cli.registry import COMMANDS, GROUPS, load

#: `café` in Latin-1, as Python decodes a word of the command line.
BYTE = "caf\udce9"
#: Over 32, 63 and 64 bits, over a double, and more digits than Python turns into a number.
NUMBERS = ("4294967296", "9223372036854775808", "-9223372036854775809", "9" * 400, "1e400", "inf", "nan", "9" * 5000)
#: Digits of other scripts, which `str.isdigit` takes for digits.
DIGITS = ("²", "٣", "１")
VALUES = (BYTE, *NUMBERS, *DIGITS)

_FILTERS = tuple(
    key + "={}"
    for key in (
        "after ancestor before containers created dangling driver exited health id intermediate label name network pod readonly"
        " reference since status until volume"
    ).split()
)
#: Where in an option's value the hostile word stands; {} alone and `a={}` are tried everywhere. A file that can be made is
#: one of the working directory.
_FORMS: dict[str, tuple[str, ...]] = {
    "--add-host": ("a:{}", "{}:1.2.3.4"),
    "--change": (
        "ENV A={}",
        "ENV {}=1",
        "EXPOSE {}",
        "USER {}",
        "LABEL a={}",
        'CMD ["{}"]',
        "STOPSIGNAL {}",
        "VOLUME /{}",
    ),
    "--cpus": ("0.{}",),
    "--cpuset-cpus": ("0-{}", "{}-{}"),
    "--cpuset-mems": ("0-{}",),
    "--device": ("/dev/null:/dev/{}", "/dev/null:/dev/x:{}"),
    "--device-cgroup-rule": ("c {}:1 rwm", "c 1:{} rwm", "{} 1:1 rwm"),
    "--entrypoint": ('["{}"]',),
    "--expose": ("80/{}", "{}/tcp", "80-{}"),
    "--filter": _FILTERS,
    "--interval": ("{}ms", "{}h"),
    "--ip": ("1.2.3.{}", "fe80::1%{}"),
    "--log-opt": ("max-size={}", "max-size={}g", "path=/nonexistent/{}"),
    "--memory": ("{}g", "0.{}"),
    "--mount": (
        "type=tmpfs,dst=/{}",
        "type=tmpfs,dst=/m,tmpfs-size={}",
        "type=tmpfs,dst=/m,tmpfs-mode={}",
        "type=bind,src=/nonexistent/{},dst=/m",
        "type={},dst=/m",
        "type=devpts,dst=/m,uid={}",
    ),
    "--network": ("container:{}", "bridge:ip={}", "bridge:mac={}"),
    "--ns": ("ns:/{}",),
    "--publish": ("{}:80", "80-{}:80", "1.2.3.4:{}:80", "1.2.3.{}:80:80", "80/{}", "[::1%{}]:80:80"),
    "--restart": ("on-failure:{}",),
    "--security-opt": ("mask=/{}", "seccomp=/nonexistent/{}", "proc-opts={}", "unmask=/{}"),
    "--shm-size": ("{}g",),
    "--since": ("{}h", "{}.{}", "2024-01-01T00:00:00.{}Z", "{}-01-01T00:00:00Z", "2024-01-01T00:00:00+{}:00"),
    "--sysctl": ("net.ipv4.ip_forward={}", "net.{}=1"),
    "--tmpfs": ("/m:size={}", "/{}", "/m:mode={}"),
    "--ulimit": ("nofile={}", "nofile=1:{}", "{}=1"),
    "--until": ("{}h", "2024-01-01T00:00:00.{}Z"),
    "--user": ("{}:{}", "0:{}"),
    "--workdir": ("/{}",),
    "--volume": ("/{}", "/nonexistent/{}:/m", "/tmp:/{}", "/tmp:/m:{}"),
}


def forms(option: Option) -> Iterator[str]:
    """Values of an option with a hostile word in each place where its parser looks."""
    for form in ("{}", "a={}", "/nonexistent/{}", *_FORMS.get(option.names[0], ())):
        for value in VALUES:
            yield form.replace("{}", value)


#: Options that make a command go on for ever → the words with which it answers once.
_ONCE = {"--watch": ("--format=json",)}


def lines(path: str, command: Command, arguments: tuple[str, ...]) -> Iterator[list[str]]:
    """Command lines of one command: each option with each hostile value, and each hostile word as an argument.

    arguments: stand behind the options.
    """
    for option in command.options:
        if option.supported and option.kind != "bool":
            once = _ONCE.get(option.names[0], ())
            for value in forms(option):
                yield [*path.split(), f"{option.names[0]}={value}", *once, *arguments]
        elif option.supported:
            yield [*path.split(), f"{option.names[0]}={BYTE}", *arguments]
    most = command.most if command.most is not None else max(command.least, 2)
    for count in range(max(command.least, 1), most + 1):
        for value in VALUES:
            yield [*path.split(), *arguments[: count - 1], *[value] * (count - len(arguments[: count - 1]))]


def commands() -> list[tuple[str, Command]]:
    """Every command with its full name, each once."""
    homes: dict[str, str] = {}
    for name, home in COMMANDS.items():
        homes.setdefault(home, name)
    for group, table in GROUPS.items():
        for name, home in table.items():
            homes.setdefault(home, f"{group} {name}")
    return [(name, load(home)) for home, name in sorted(homes.items())]


_CODES = {0, 1, 2, 125, 126, 127, 255}


def _stream(text: bytes = b"") -> io.TextIOWrapper:
    """A standard stream as `main` sets it up."""
    return io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", errors="surrogateescape", write_through=True)


def fault(words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command line in this process; say what is wrong with the answer, "" when nothing is."""
    out, err = _stream(), _stream()
    with monkeypatch.context() as patch:
        for name, stream in (("stdin", _stream(b"caf\xe9\n")), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        try:
            code = main.run(words)
        except Exception as error:  # main knows the errors that have a message
            return f"{type(error).__name__}: {str(error)[:200]}"
    said = err.buffer.getvalue()  # type: ignore[attr-defined]
    if code not in _CODES:
        return f"exit code {code}"
    return "" if code in (0, 1, 2) or said.startswith(b"Error: ") else f"exit code {code}, {said[:200]!r}"
