"""Documents of containers with values of other types: one error that names the file; the other containers are not concerned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod.container.settings import ContainerSettings
from libpod.document import fits
from libpod.errors import CorruptError, UnsupportedError
from libpod.store import open_store
from tests.support import cli
from tests.support.store import add_image, busybox_layers

#: One value of every kind that JSON has.
VALUES = (None, True, 7, -1, 1.5, "text", "", [], [7], [[]], ["text"], {}, {"text": 7}, {"text": "text"}, 1 << 70)


@pytest.fixture
def box(podman: cli.Cli) -> cli.Cli:
    """A store with the container `bad`, which has run once, and `good`, which runs."""
    add_image(open_store(str(podman.root), str(podman.runroot)), "localhost/a:latest", busybox_layers())
    words = ("--network", "none", "localhost/a:latest", "/bin/busybox")
    podman("run", "--name", "bad", "-v", "/v", "--ulimit", "nofile=100:200", *words, "true")
    podman("run", "-d", "--name", "good", *words, "sleep", "1000")
    return podman


def userdata(box: cli.Cli, name: str) -> Path:
    return (
        box.root
        / "overlay-containers"
        / box("ps", "-aq", "--no-trunc", "-f", f"name={name}").stdout.strip()
        / "userdata"
    )


def complaint(path: Path, *calls: Callable[[], object]) -> str:
    """The error of the first call that raises one, which names the file; nothing when none does."""
    try:
        for call in calls:
            call()
    except (CorruptError, UnsupportedError) as error:
        if error.path != str(path):
            pytest.fail(f"{error}: does not name {path}")
        return str(error)
    return ""


def change(path: Path, **members: Any) -> None:
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, **members}))


def assert_others_are_listed(box: cli.Cli, file: str) -> None:
    """`ps`, `info` and `images` list what is whole, and name the damaged file."""
    for words in (("ps", "-a", "--format", "{{.Names}}"), ("ps", "--format", "{{.Names}}")):
        listed = box(*words)
        assert listed.stdout == "good\n", listed
        assert file in listed.stderr, listed
        assert "podman rm -f" in listed.stderr, listed
    assert [row["Names"] for row in json.loads(box("ps", "-a", "--format", "json").stdout)] == [["good"]]
    info = box("info", "--format", "{{.Store.ContainerStore.Number}} {{.Store.ContainerStore.Running}}")
    assert (info.stdout, file in info.stderr) == ("2 1\n", True), info
    assert "localhost/a" in box("images").stdout
    assert box("container", "inspect", "-f", "{{.State.Status}}", "good").stdout == "running\n"


@pytest.mark.parametrize("file", ["container.json", "exit.json"])
def test_a_damaged_document_names_its_file_and_hides_no_other(box: cli.Cli, file: str) -> None:
    path = userdata(box, "bad") / file
    whole = path.read_text()
    for text in ("", "{", "[]", "7", '"text"', '{"created": 7, "exit_code": []}', whole[: len(whole) // 2]):
        path.write_text(text)
        assert_others_are_listed(box, file)
        for words in (("start", "bad"), ("inspect", "bad"), ("logs" if file == "container.json" else "wait", "bad")):
            done = box(*words, code=125, timeout_s=20)
            assert str(path) in done.stderr, (text, done)
            assert "Traceback" not in done.stderr, (text, done)
    box("rm", "-f", "-v", "bad")
    assert box("ps", "-a", "--format", "{{.Names}}").stdout == "good\n"
    assert box("ps", "-a").stderr == ""


def test_no_value_of_a_setting_is_a_traceback(box: cli.Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = userdata(box, "bad") / "container.json"
    whole = path.read_text()
    with libpod.Engine(root=box.root, runroot=box.runroot) as engine:
        for field in ContainerSettings.FIELDS:
            for value in VALUES:
                change(path, **{field: value})
                error = complaint(
                    path, lambda: engine.containers.inspect("bad"), lambda: engine.containers.rows(all=True)
                )
                assert not error or field in error or field == "mounts", (field, value, error)
                path.write_text(whole)


def test_no_value_of_a_member_of_a_setting_is_a_traceback(box: cli.Cli) -> None:
    path = userdata(box, "bad") / "container.json"
    whole = path.read_text()
    document = json.loads(whole)
    with libpod.Engine(root=box.root, runroot=box.runroot) as engine:
        for field in ("mounts", "limits"):
            assert document[field], "there is something to be changed"
            places = document[field][0].keys() if field == "mounts" else range(len(document[field][0]))
            for place in places:
                for value in VALUES:
                    changed = json.loads(whole)
                    changed[field][0][place] = value
                    path.write_text(json.dumps(changed))
                    complaint(path, lambda: engine.containers.inspect("bad"))
                if field == "mounts":
                    del changed[field][0][place]
                    path.write_text(json.dumps(changed))
                    with pytest.raises(CorruptError, match=place):
                        engine.containers.inspect("bad")
            path.write_text(whole)


def test_no_value_of_an_exit_record_is_a_traceback(box: cli.Cli) -> None:
    path = userdata(box, "bad") / "exit.json"
    whole = path.read_text()
    with libpod.Engine(root=box.root, runroot=box.runroot) as engine:
        for field in json.loads(whole):
            for value in VALUES:
                change(path, **{field: value})
                complaint(path, lambda: engine.containers.inspect("bad"), lambda: engine.containers.rows(all=True))
                path.write_text(whole)


def test_a_running_container_with_a_damaged_record_is_named_and_can_be_removed(box: cli.Cli) -> None:
    directory = box.runroot / "libpod" / userdata(box, "good").parent.name
    path = directory / "pid.json"
    whole = path.read_text()
    pid = json.loads(whole)["pid"]
    with libpod.Engine(root=box.root, runroot=box.runroot) as engine:
        for field in json.loads(whole):
            for value in (*VALUES, "/", "../..", "/a/../.."):
                change(path, **{field: value})
                complaint(path, lambda: engine.containers.inspect("good"), lambda: engine.containers.rows(all=True))
                path.write_text(whole)
    for text in ("{", '{"pid": "7"}', json.dumps({**json.loads(whole), "cgroup": "/"})):
        path.write_text(text)
        for words in (("stop", "good"), ("kill", "good"), ("exec", "good", "true"), ("rm", "good")):
            done = box(*words, code=None, timeout_s=20)
            assert done.returncode == 125, done
            assert "pid.json" in done.stderr, done
        assert Path(f"/proc/{pid}").exists()
    box("rm", "-f", "-t", "0", "good", timeout_s=30)
    assert not Path(f"/proc/{pid}").exists()
    assert not directory.exists()
    assert box("ps", "-a", "--format", "{{.Names}}").stdout == "bad\n"


@pytest.mark.parametrize("damaged", ["{", '{"pid": "7"}', '{"version": 99}'])
def test_rm_by_force_ends_what_runs_under_a_record_that_cannot_be_read(box: cli.Cli, damaged: str) -> None:
    directory = box.runroot / "libpod" / userdata(box, "good").parent.name
    path = directory / "pid.json"
    pid = json.loads(path.read_text())["pid"]
    path.write_text(damaged)
    box("rm", "-f", "-t", "0", "good", timeout_s=30)
    assert not Path(f"/proc/{pid}").exists()
    assert not directory.exists()
    assert box("ps", "-a", "--format", "{{.Names}}").stdout == "bad\n"


def test_a_shape_says_what_fits() -> None:
    for value, shape, expected in (
        (1, int, True),
        (True, int, False),
        (1.0, int, False),
        (None, (str, None), True),
        (7, (str, None), False),
        (["a"], [str], True),
        (["a", 7], [str], False),
        ("ab", [str], False),
        ({"a": "b"}, {str: str}, True),
        ({"a": 7}, {str: str}, False),
        ([], {str: str}, False),
        ({"a": 1, "more": []}, {"a": int, "b": str}, True),
        ({"b": 1}, {"a": int, "b": str}, False),
    ):
        assert fits(value, shape) is expected, (value, shape)
