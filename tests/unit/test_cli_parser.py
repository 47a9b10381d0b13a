"""The command line is parsed with pflag's rules and refused in pflag's words."""

from __future__ import annotations

import pytest

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.parser import HelpRequested, Options, parse, parse_options
from libpod.cli.registry import GLOBAL_OPTIONS, PERSISTENT, load
from libpod.errors import UnsupportedError, UsageError

COMMAND = Command(
    "run",
    call=lambda context, options, arguments: 0,
    options=(
        flag("--interactive", "-i"),
        flag("--tty", "-t"),
        flag("--sig-proxy", default=True),
        Option("--name"),
        Option("--env", "-e", kind="array"),
        Option("--cap-add", kind="strings"),
        Option("--tail", kind="int", default=-1),
        Option("--memory", "-m"),
        Option("--sort", choices=("id", "names")),
        unsupported("--pod"),
    ),
    least=1,
    interspersed=False,
)


def run(*words: str) -> tuple[Options, list[str]]:
    return parse(COMMAND, list(words))


def test_options_end_at_the_first_argument() -> None:
    options, arguments = run("-it", "--name", "c", "image", "--name", "x", "-e")
    assert (options.interactive, options.tty, options.name) == (True, True, "c")
    assert arguments == ["image", "--name", "x", "-e"]


def test_interspersed_command_reads_options_anywhere() -> None:
    command = Command("rm", call=COMMAND.call, options=(flag("--force", "-f"),))
    options, arguments = parse(command, ["a", "-f", "b", "--", "-f"])
    assert options.force
    assert arguments == ["a", "b", "-f"]


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--tty=false"], "tty", False),
        (["--tty=T"], "tty", True),
        (["--sig-proxy=0"], "sig_proxy", False),
        (["-t=false"], "tty", False),
        (["-eA=1", "-e", "B=2,3", "--env=C"], "env", ["A=1", "B=2,3", "C"]),
        (["--cap-add", "a,b", "--cap-add=c"], "cap_add", ["a", "b", "c"]),
        (["--cap-add", 'a,"b,c"'], "cap_add", ["a", "b,c"]),
        (["--tail", "-5"], "tail", -5),
        (["--tail=0x10"], "tail", 16),
        (["-m1g"], "memory", "1g"),
        (["-m=1g"], "memory", "1g"),
        (["--name", "--tty"], "name", "--tty"),
        (["--name="], "name", ""),
        ([], "tail", -1),
        ([], "env", []),
    ],
)
def test_value(words: list[str], field: str, value: object) -> None:
    options, _ = run(*words, "image")
    assert getattr(options, field) == value
    assert (field in options.given) == bool(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "requires at least 1 arg(s), only received 0"),
        (["--foo", "x"], "unknown flag: --foo"),
        (["-Z", "x"], "unknown shorthand flag: 'Z' in -Z"),
        (["-itfoo", "x"], "unknown shorthand flag: 'f' in -foo"),
        (["--name"], "flag needs an argument: --name"),
        (["-m"], "flag needs an argument: 'm' in -m"),
        (
            ["--tty=maybe", "x"],
            'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (["--tail", "x", "y"], 'invalid argument "x" for "--tail" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (
            ["--tail", str(2**63), "y"],
            f'invalid argument "{2**63}" for "--tail" flag: strconv.ParseInt: parsing "{2**63}": value out of range',
        ),
        (
            ["--sort", "size", "y"],
            'invalid argument "size" for "--sort" flag: "size" is not a valid value.  Choose from: "id, names"',
        ),
    ],
)
def test_refusal(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(*words)
    assert caught.value.message == message


def test_unsupported_option_is_an_error_that_says_so() -> None:
    with pytest.raises(UnsupportedError, match="--pod is not supported"):
        run("--pod", "p", "image")


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help(word: str) -> None:
    with pytest.raises(HelpRequested):
        run(word)


def test_lists_are_fresh_for_every_parse() -> None:
    first, _ = run("-eA", "image")
    second, _ = run("-eB", "image")
    assert (first.env, second.env) == (["A"], ["B"])


def test_an_older_name_of_an_option_is_the_option() -> None:
    command = Command(
        "x",
        call=lambda *_: 0,
        options=(flag("--no-trunc", aliases=("--notruncate",)), unsupported("--arch", aliases=("--override-arch",))),
    )
    values, _ = parse(command, ["--notruncate"])
    assert values.no_trunc
    with pytest.raises(UnsupportedError, match="the option --arch is not supported"):
        parse(command, ["--override-arch", "x"])


@pytest.mark.parametrize(
    ("command", "word", "field"),
    [
        ("container.ps", "--notruncate", "no_trunc"),
        ("container.ps", "--namespace", "ns"),
        ("image.history", "--notruncate", "no_trunc"),
        ("container.stop", "--timeout=3", "time"),
        ("container.run", "--net=none", "network"),
    ],
)
def test_podmans_older_names_work(command: str, word: str, field: str) -> None:
    values, _ = parse(load(command), [word, "x"] if command != "container.ps" else [word])
    assert field in values.given


@pytest.mark.parametrize(
    ("command", "words", "name"),
    [
        ("container.ps", ["--storage"], "--external"),
        ("container.run", ["--gpus", "all", "x"], "--gpus"),
        ("container.run", ["--healthcheck-command", "true", "x"], "--health-cmd"),
        ("container.run", ["--override-os", "linux", "x"], "--os"),
        ("container.logs", ["--details", "x"], "--details"),
        ("container.rm", ["--storage", "x"], "--storage"),
        ("image.pull", ["--signature-policy", "p", "x"], "--signature-policy"),
    ],
)
def test_what_libpod_lacks_is_refused_by_name(command: str, words: list[str], name: str) -> None:
    with pytest.raises(UnsupportedError, match=f"the option {name} is not supported by this version of libpod"):
        parse(load(command), words)


def _globals() -> Options:
    return parse_options(GLOBAL_OPTIONS, [], interspersed=False)[0]


def test_global_options_may_stand_behind_the_command() -> None:
    command = Command("ls", call=lambda *_: 0, options=(Option("--name"), flag("--all", "-a")), most=1)
    chosen = _globals()
    words = ["--root", "/r", "x", "--log-level=error", "-a", "--storage-opt", "a=1", "--storage-opt=b=2"]
    options, arguments = parse(command, words, globals=chosen, persistent=PERSISTENT)
    assert (chosen.root, chosen.log_level, chosen.storage_opt) == ("/r", "error", ["a=1", "b=2"])
    assert {"root", "log_level", "storage_opt"} <= chosen.given
    assert (options.all, arguments, options.given) == (True, ["x"], {"all"})


def test_an_option_of_the_command_hides_a_global_one_of_its_name() -> None:
    command = Command("ls", call=lambda *_: 0, options=(Option("--root"),))
    chosen = _globals()
    options, _ = parse(command, ["--root", "/own"], globals=chosen, persistent=PERSISTENT)
    assert (options.root, chosen.root) == ("/own", "")


@pytest.mark.parametrize("word", ["--version", "-v", "--remote", "-r", "--connection", "-c", "--url", "--noout"])
def test_options_of_the_program_alone_are_unknown_behind_the_command(word: str) -> None:
    command = Command("ls", call=lambda *_: 0)
    with pytest.raises(UsageError, match="unknown"):
        parse(command, [word], globals=_globals(), persistent=PERSISTENT)


def test_behind_the_first_argument_of_run_nothing_is_an_option() -> None:
    command = Command("run", call=lambda *_: 0, interspersed=False)
    chosen = _globals()
    _, arguments = parse(command, ["image", "--root", "/r"], globals=chosen, persistent=PERSISTENT)
    assert (arguments, chosen.root) == (["image", "--root", "/r"], "")
