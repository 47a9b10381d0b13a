"""The public errors: importable, told apart by class and errno, and whole after pickling."""

from __future__ import annotations

import copy
import errno
import inspect
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

import libpod
from libpod import errors
from libpod.cli import main
from libpod.cli.context import message_of
from libpod.container.options import ContainerOptions
from libpod.container.options.words import UNSUPPORTED, Words
from libpod.image.filesystem import ImageView
from tests.support.images import docker_archive, tar

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, errors.LibpodError) and member.__module__ == "libpod.errors"
]


def test_every_error_can_be_imported_from_the_package() -> None:
    assert len(CLASSES) > 15
    for kind in CLASSES:
        assert getattr(libpod, kind.__name__) is kind
        assert kind.__name__ in libpod.__all__
        assert kind.__name__ in dir(libpod)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    ("number", "builtin"),
    [
        (errno.ENOENT, FileNotFoundError),
        (errno.EEXIST, FileExistsError),
        (errno.EACCES, PermissionError),
        (errno.EISDIR, IsADirectoryError),
        (errno.ETIMEDOUT, TimeoutError),
        (errno.ENOSPC, OSError),
    ],
)
def test_an_error_with_an_errno_is_an_os_error(
    kind: type[errors.LibpodError], number: int, builtin: type[OSError]
) -> None:
    error = kind("/x: it went wrong", errno=number, path="/x", hint="mend it", op="open")
    assert isinstance(error, kind)
    assert isinstance(error, builtin)
    assert type(error).__name__ == kind.__name__
    assert (error.errno, error.strerror, error.filename) == (number, os.strerror(number), "/x")
    assert str(error) == message_of(error) == "/x: it went wrong"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), error.prefixed("")):
        assert type(again) is type(error)
        assert (str(again), again.errno, again.path, again.hint, again.op) == (
            str(error),
            number,
            "/x",
            "mend it",
            "open",
        )


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_without_an_errno_is_none(kind: type[errors.LibpodError]) -> None:
    error = kind("it went wrong", hint="mend it")
    assert type(error) is kind
    assert not isinstance(error, OSError)
    assert error.errno is None
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.hint, again.exit_code) == (kind, "it went wrong", "mend it", kind.exit_code)


def test_what_a_registry_answered_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(errors.RegistryDeniedError("no", status=401, code="UNAUTHORIZED")))
    assert (error.status, error.code) == (401, "UNAUTHORIZED")


def test_an_error_of_a_broken_pipe_is_printed_unless_it_is_the_readers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise errors.StateError("the monitor hung up", errno=errno.EPIPE)

    monkeypatch.setattr(main, "find_command", broken)
    assert main.run(["ps"]) == 125
    assert capsys.readouterr().err == "Error: the monitor hung up\n"


@pytest.fixture
def image(tmp_path: Path) -> ImageView:
    (tmp_path / "a.tar").write_bytes(docker_archive(tar(("etc/", ""), ("etc/file", b"text"))))
    return libpod.open_image(f"docker-archive:{tmp_path}/a.tar")


def test_files_of_an_image_are_missed_as_files_are(image: ImageView) -> None:
    for look in (image.open, image.read, image.stat, lambda path: list(image.walk(path))):
        with pytest.raises(FileNotFoundError) as caught:
            look("/nope")
        assert isinstance(caught.value, libpod.NotFoundError)
        assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, "/nope")
    with pytest.raises(IsADirectoryError) as other:
        image.open("/etc")
    assert isinstance(other.value, libpod.InvalidError)


def test_a_missing_file_of_the_host_is_a_file_not_found_error(tmp_path: Path) -> None:
    engine = libpod.Engine(root=tmp_path / "root", runroot=tmp_path / "run")
    calls: list[Callable[[], object]] = [
        lambda: engine.images.load(tmp_path / "nope"),
        lambda: engine.images.import_(tmp_path / "nope"),
        lambda: libpod.open_image(f"dir:{tmp_path}/nope"),
        lambda: libpod.open_image(f"oci:{tmp_path}/nope"),
        lambda: libpod.open_image(f"docker-archive:{tmp_path}/nope"),
        lambda: libpod.open_image(f"oci-archive:{tmp_path}/nope"),
    ]
    for call in calls:
        with pytest.raises(FileNotFoundError) as caught:
            call()
        assert caught.value.errno == errno.ENOENT
        assert "nope" in str(caught.value.filename)


def test_a_closed_engine_says_so(tmp_path: Path) -> None:
    engine = libpod.Engine(root=tmp_path / "root", runroot=tmp_path / "run")
    images, containers = engine.images, engine.containers
    engine.close()
    engine.close()
    options = ContainerOptions()
    calls: list[Callable[[], object]] = [
        lambda: engine.images,
        lambda: engine.containers,
        lambda: engine.networks,
        lambda: engine.store,
        lambda: engine.run("image", pull="never"),
        lambda: containers.create(options, "image", pull="never"),
        lambda: images.list(),
        lambda: images.exists("image"),
        lambda: images.pull("dir:/nope"),
        lambda: containers.list(),
        lambda: containers.exists("container"),
        engine.__enter__,
    ]
    for call in calls:
        with pytest.raises(libpod.StateError, match="the engine is closed"):
            call()


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_option_that_libpod_lacks_is_unsupported_and_not_unknown(name: str) -> None:
    with pytest.raises(libpod.UnsupportedError, match=f"the option {name} is not supported by this version of libpod"):
        Words(**{name: "x"})


def test_an_unknown_option_is_a_type_error_whatever_stands_beside_it() -> None:
    for name in ("no_such_option", "detach", "attach"):
        with pytest.raises(TypeError, match=name):
            Words(**{name: "x", "pod": "y"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"stdin": "text"}, TypeError),
        ({"timeout_s": "1"}, TypeError),
        ({"timeout_s": -1}, libpod.InvalidError),
        ({"timeout_s": float("nan")}, libpod.InvalidError),
        ({"timeout_s": 1e30}, libpod.InvalidError),
        ({"output_limit": 1.5}, TypeError),
        ({"output_limit": -1}, libpod.InvalidError),
        ({"output_limit": 1 << 70}, libpod.InvalidError),
        ({"pull": "sometimes"}, libpod.InvalidError),
        ({"pod": "p"}, libpod.UnsupportedError),
        # Words of the command line that have another name here, or none.
        ({"label": ["a=1"]}, TypeError),
        ({"rm": True}, TypeError),
        ({"interactive": True}, TypeError),
        ({"options": {}}, TypeError),
    ],
    ids=repr,
)
def test_run_judges_its_arguments_before_it_looks_for_the_image(
    tmp_path: Path, given: dict[str, object], expected: type[Exception]
) -> None:
    engine = libpod.Engine(root=tmp_path / "root", runroot=tmp_path / "run")
    with pytest.raises(expected):
        engine.run("dir:/nope", ["true"], **given)  # type: ignore[arg-type]
