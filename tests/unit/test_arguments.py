"""What the library takes from Python callers: a value of the wrong shape is a TypeError, before anything is done."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod.container import exec as container_exec
from libpod.container import lifecycle, listing
from libpod.container.manager import ContainerManager
from libpod.container.options import ContainerOptions
from libpod.container.options.keywords import RunOptions
from libpod.container.options.words import Words
from libpod.errors import InvalidError
from libpod.image.manager import ImageManager
from libpod.image.transport import Options
from libpod.network.manager import NetworkManager

#: Callables that take lists of words from the user of the library.
PUBLIC: list[Callable[..., Any]] = [
    *(
        member
        for kind in (libpod.Engine, ImageManager, ContainerManager, NetworkManager)
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and (not name.startswith("_") or name == "__init__")
    ),
    container_exec.execute,
    lifecycle.wait_for_state,
    listing.list_rows,
]
LISTS = [name for name, default in Words.FIELDS.items() if isinstance(default, list)]
FLAGS = [name for name, default in Words.FIELDS.items() if isinstance(default, bool)]


def _takes_words(parameter: inspect.Parameter) -> bool:
    annotation = str(parameter.annotation)
    return ("Iterable[" in annotation or "Sequence[" in annotation) and not annotation.startswith("str |")


CASES = [
    pytest.param(function, parameter.name, id=f"{function.__qualname__}-{parameter.name}")
    for function in PUBLIC
    for parameter in inspect.signature(function).parameters.values()
    if _takes_words(parameter)
] + [
    pytest.param(libpod.Engine.run, name, id=f"Engine.run-{name}")
    for name, kind in typing.get_type_hints(RunOptions).items()
    if "Iterable[" in str(kind) and name != "entrypoint"
]


@pytest.fixture
def engine(tmp_path: Path) -> libpod.Engine:
    return libpod.Engine(root=tmp_path / "root", runroot=tmp_path / "run")


def _call(engine: libpod.Engine, function: Callable[..., Any], **given: object) -> object:
    """Call a public function, with something of the right shape for what it needs besides `given`."""
    owners: dict[str, object] = {
        "Engine": engine,
        "ImageManager": engine.images,
        "ContainerManager": engine.containers,
        "NetworkManager": engine.networks,
    }
    values: dict[str, object] = {
        "self": owners.get(function.__qualname__.partition(".")[0]),
        "host": engine.host,
        "options": ContainerOptions(),
    }
    needed = {
        parameter.name: values.get(parameter.name, "nosuch")
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    return function(**(needed | given))


def test_functions_that_take_words_are_found() -> None:
    names = {case.id for case in CASES}
    assert {
        "Engine.run-argv",
        "Engine.run-cap_drop",
        "Engine.__init__-storage_options",
        "ImageManager.save-names",
    } <= names
    assert len(names) >= 40


@pytest.mark.parametrize(("function", "name"), CASES)
def test_one_word_is_no_list_of_words(engine: libpod.Engine, function: Callable[..., Any], name: str) -> None:
    with pytest.raises(TypeError, match=r"must be a list( of strings)?, not str") as caught:
        _call(engine, function, **{name: "web7"})
    assert "['web7']" in str(caught.value)


@pytest.mark.parametrize(("function", "name"), CASES)
@pytest.mark.parametrize("wrong", [7, [["nested"]], [1], [None]], ids=repr)
def test_a_list_holds_words(engine: libpod.Engine, function: Callable[..., Any], name: str, wrong: object) -> None:
    with pytest.raises(TypeError, match=f"^{name}"):
        _call(engine, function, **{name: wrong})


@pytest.mark.parametrize("field", LISTS)
def test_one_word_is_no_list_of_an_option(field: str) -> None:
    with pytest.raises(TypeError, match=f"^{field} must be a list of strings, not str: write \\['all'\\]"):
        Words(**{field: "all"})


@pytest.mark.parametrize("field", LISTS)
def test_a_mapping_has_a_meaning_or_is_refused(field: str) -> None:
    meanings = {
        "add_host": (["name:10.0.0.1"], {"name": "10.0.0.1"}),
        "annotation": (["a=1"], {"a": "1"}),
        "label": (["a=1"], {"a": "1"}),
        "log_opt": (["max-size=1m"], {"max-size": "1m"}),
        "sysctl": (["net.a=1"], {"net.a": "1"}),
        "tmpfs": (["/a:size=1m", "/b"], {"/a": "size=1m", "/b": ""}),
        "ulimit": (["nofile=1:2"], {"nofile": "1:2"}),
        "volume": (["/a:/m", "data:/d:ro"], {"/a": "/m", "data": {"bind": "/d", "mode": "ro"}}),
    }
    if field == "env":
        assert Words(env={"A": "1"}).environment == {"A": "1"}
    elif field in meanings:
        words, given = meanings[field]
        assert getattr(Words(**{field: given}), field) == words
    else:
        with pytest.raises(TypeError, match=f"^{field} must be a list of strings, not dict"):
            Words(**{field: {"a": "1"}})


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"volume": {"/a": {"mode": "ro"}}}, "must have the key 'bind'"),
        ({"volume": {"/a": {"bind": "/m", "mdoe": "ro"}}}, "must have the key 'bind'"),
        ({"volume": {"/a": ["/m"]}}, "must be a string, not list"),
        ({"label": {"a": 1}}, "must be a string, not int"),
        ({"env": [("A", "1")]}, "must be a string, not tuple"),
        ({"environment": ["A=1"]}, "environment must be a mapping, not list"),
        ({"workdir": 1}, "workdir must be a string, not int"),
        ({"name": ["x"]}, "name must be a string, not list"),
        ({"cpus": "1"}, "cpus must be a number, not str"),
        ({"cpus": True}, "cpus must be a number, not bool"),
        ({"pids_limit": "5"}, "pids_limit must be an int, not str"),
        ({"stop_timeout": 1.5}, "stop_timeout must be an int, not float"),
        ({"memory": 1.5}, "memory must be a string, not float"),
        ({"user": False}, "user must be a string, not bool"),
        ({"umask": 0o22}, "umask must be a string, not int"),
        ({"no_such_option": 1}, "no such option of a container: no_such_option"),
    ],
)
def test_a_wrong_shape_is_named(given: dict[str, object], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        Words(**given)
    assert text in str(caught.value)


@pytest.mark.parametrize("field", FLAGS)
def test_a_word_is_no_flag(field: str) -> None:
    with pytest.raises(TypeError, match=f"^{field} must be True or False, not str"):
        Words(**{field: "no"})


def test_words_may_be_bytes_and_paths_and_sizes_numbers() -> None:
    request = Words(
        env_file=[Path("/a"), b"/caf\xe9"], workdir=Path("/w"), memory=1 << 20, user=1000, entrypoint=("a", b"b")
    )
    assert request.env_file == ["/a", "/caf\udce9"]
    assert (request.workdir, request.memory, request.user, request.entrypoint) == ("/w", "1048576", "1000", ["a", "b"])


def test_none_is_the_default_and_lists_are_copied() -> None:
    given = ["chown"]
    request = Words(cap_add=given, volume=None, hostname=None, read_only=None)
    given.append("kill")
    assert (request.cap_add, request.volume, request.hostname, request.read_only) == (["chown"], [], "", False)
    request.volume.append("/a")
    assert Words().volume == Words.FIELDS["volume"] == []


@pytest.mark.parametrize(
    "given",
    [
        {"env": {"A=B": "1"}},
        {"env": {"": "1"}},
        {"env": {"A": "x\0y"}},
        {"label": {"a=b": "c"}},
        {"volume": ["/a\0:/b"]},
        {"name": "a\0b"},
    ],
    ids=repr,
)
def test_what_no_word_can_hold_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        Words(**given)


def test_a_list_of_names_is_not_one_name(engine: libpod.Engine) -> None:
    for call in (
        lambda: engine.images.remove(["web7"]),  # type: ignore[arg-type]
        lambda: engine.images.lookup(["web7"]),  # type: ignore[arg-type]
        lambda: engine.containers.lookup(["web7"]),  # type: ignore[arg-type]
        lambda: engine.run(["web7"]),  # type: ignore[arg-type]
        lambda: libpod.open_image(["oci:web7"]),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match="must be a string, not list"):
            call()


def test_options_of_a_transport_have_their_types() -> None:
    assert Options(authfile=Path("/a")).authfile == "/a"
    for given in ({"tls_verify": "false"}, {"compress": "no"}, {"retries": "3"}, {"authfile": 3}):
        with pytest.raises(TypeError):
            Options(**given)


def test_keywords_of_run_are_those_of_the_command_line() -> None:
    given = set(typing.get_type_hints(RunOptions))
    words = set(Words.FIELDS) - {"create_command", "environment", "interactive", "label", "rm", "volume"}
    assert given == words | {"labels", "remove", "volumes"}
