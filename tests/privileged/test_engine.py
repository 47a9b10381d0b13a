"""The library: `Engine` in this process, on a store of its own."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod import _core
from libpod.container import listing
from libpod.container.model import Container
from libpod.container.options.words import Words, parse_options
from libpod.container.records import Records
from libpod.errors import (
    CommandNotExecutableError,
    CommandNotFoundError,
    ContainerNotFoundError,
    ExistsError,
    ImageNotFoundError,
    InvalidError,
    StateError,
)
from libpod.host import Host
from tests.support import leaks


def test_run_returns_what_the_command_wrote_and_how_it_ended(engine: libpod.Engine) -> None:
    done = engine.run("rich", ["sh", "-c", "echo out; echo err >&2; exit 3"], network="none")
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert engine.containers.list(all=True) == []


def test_stdin_environment_user_and_directory(engine: libpod.Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mounted")
    done = engine.run(
        "rich",
        ["sh", "-c", "cat; echo $A $B; id -un; pwd; cat /mnt"],
        network="none",
        stdin=b"typed\n",
        env={"B": "user"},
        user="app",
        workdir="/tmp",
        volumes=[f"{tmp_path}/file:/mnt:ro"],
    )
    assert done.stdout == b"typed\nimage user\napp\n/tmp\nmounted"


def test_without_stdin_the_command_reads_nothing(engine: libpod.Engine) -> None:
    assert engine.run("rich", ["cat"], network="none").stdout == b""


def test_errors_have_their_class(engine: libpod.Engine) -> None:
    cases: list[tuple[type[Exception], dict[str, object]]] = [
        (CommandNotFoundError, {"argv": ["nosuch"]}),
        (CommandNotExecutableError, {"argv": ["/bin/noexec"]}),
        (ImageNotFoundError, {"image": "nosuch", "pull": "never"}),
        (InvalidError, {"memory": "10x"}),
        (InvalidError, {"user": "nosuch"}),
        (TypeError, {"no_such_option": 1}),
    ]
    for expected, options in cases:
        keywords: dict[str, object] = {"image": "rich", "argv": ["true"], "network": "none"} | options
        with pytest.raises(expected):
            engine.run(**keywords)  # type: ignore[arg-type]
    assert engine.containers.list(all=True) == []


def test_volumes_variables_and_labels_may_be_mappings(engine: libpod.Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mounted")
    script = "cat /m/file; echo $A$B; touch /m/new 2>/dev/null || echo read-only"
    volumes = {tmp_path: {"bind": "/m", "mode": "ro"}}
    done = engine.run("rich", ["sh", "-c", script], network="none", env=["A=1", "B=2"], volumes=volumes, labels=["k=v"])
    assert done.stdout == b"mounted12\nread-only\n"


def test_a_mount_without_a_type_is_a_volume(engine: libpod.Engine) -> None:
    script = "touch /m/$1; ls /m; ulimit -n"
    for name, seen in (("a", b"a\n64\n"), ("b", b"a\nb\n64\n")):
        done = engine.run(
            "rich",
            ["sh", "-c", script, "sh", name],
            network="none",
            mount=["source=kept,dest=/m"],
            ulimit=["RLIMIT_NOFILE=64"],
        )
        assert done.stdout == seen


def test_exposed_ports_are_shown(engine: libpod.Engine) -> None:
    for network, shown in (("none", True), ("host", False)):
        request = parse_options(Words(network=[network], name=network, expose=["81-82", "83/udp"]))
        container = engine.containers.create(request, "rich", ["true"])
        document = engine.containers.inspect(container.id)
        exposed = ["81/tcp", "82/tcp", "83/udp"]
        assert document["Config"]["ExposedPorts"] == {port: {} for port in exposed}
        assert document["NetworkSettings"]["Ports"] == (dict.fromkeys(exposed) if shown else {})
        assert document["HostConfig"]["PortBindings"] == {}
        assert document["HostConfig"]["PublishAllPorts"] is False


def test_a_string_of_names_removes_no_image(engine: libpod.Engine) -> None:
    kept = engine.images.lookup("rich").id
    # Each character of an id is the beginning of one.
    for wrong in ([kept], (kept[:1],)):
        with pytest.raises(TypeError):
            engine.images.remove(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        engine.images.save("rich", "/dev/null")
    assert engine.images.remove("nosuch-" + kept).errors
    assert [image.id for image in engine.images.list()] == [kept]
    assert engine.images.remove("rich", ignore=True).reports[-1] == ("Deleted", kept)


def test_a_command_that_takes_too_long_is_killed(engine: libpod.Engine) -> None:
    before = leaks.snapshot()
    with pytest.raises(TimeoutError, match=r"did not end within 0\.3 seconds and was killed") as caught:
        engine.run("rich", ["sleep", "1000"], network="none", timeout_s=0.3)
    assert isinstance(caught.value, libpod.LibpodError)
    assert engine.containers.list(all=True) == []
    assert not [line for line in leaks.snapshot() - before if engine.host.places.runroot in line]


def test_a_command_that_writes_too_much_is_killed(engine: libpod.Engine) -> None:
    with pytest.raises(InvalidError):
        engine.run("rich", ["yes"], network="none", output_limit=4096)
    assert engine.containers.list(all=True) == []


def test_a_kept_container_has_a_state_and_a_document(engine: libpod.Engine) -> None:
    engine.run("rich", ["sh", "-c", "exit 4"], network="none", remove=False, name="kept", labels={"k": "v"})
    container = engine.containers.lookup("kept")
    assert (container.state.status, container.state.exit_code) == ("exited", 4)
    document = engine.containers.inspect("kept")
    assert document["Config"]["Labels"] == {"k": "v"}
    with pytest.raises(ExistsError):
        engine.run("rich", ["true"], network="none", name="kept")
    engine.containers.remove("kept")
    with pytest.raises(ContainerNotFoundError):
        engine.containers.lookup("kept")


def test_a_running_container_is_removed_by_force_only(engine: libpod.Engine) -> None:
    container = engine.containers.create(parse_options(Words(network=["none"], name="busy")), "rich", ["sleep", "1000"])
    assert container.state.status == "created"
    engine.containers.start(container, detach=True, fresh=True).close()
    assert container.state.status == "running"
    with pytest.raises(StateError):
        engine.containers.remove("busy")
    engine.containers.remove("busy", force=True, timeout_s=0)
    assert engine.containers.list(all=True) == []


@pytest.mark.parametrize("size", [False, True])
def test_what_is_removed_while_it_is_listed_or_inspected_is_not_there(
    engine: libpod.Engine, monkeypatch: pytest.MonkeyPatch, size: bool
) -> None:
    stays = engine.containers.create(parse_options(Words(network=["none"], name="stays")), "rich", ["true"])
    goes = engine.containers.create(parse_options(Words(network=["none"], name="goes")), "rich", ["true"])
    found = engine.containers.list(all=True)
    assert [container.id for container in found if container.is_ours] == [stays.id, goes.id]
    engine.containers.drop(goes)
    monkeypatch.setattr(Records, "list", lambda _self, **_: found)
    monkeypatch.setattr(Records, "lookup", lambda _self, _name: goes)
    assert [row.container.id for row in listing.list_rows(engine.host, all=True, size=size)] == [stays.id]
    with pytest.raises(ContainerNotFoundError, match="no such container"):
        engine.containers.inspect("goes", size=size)


def test_what_is_removed_while_its_size_is_taken_is_not_listed(
    engine: libpod.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.containers.create(parse_options(Words(network=["none"])), "rich", ["true"])
    size_of = listing.container_size

    def too_late(host: Host, container: Container) -> tuple[int, int]:
        engine.containers.drop(container)
        return size_of(host, container)

    monkeypatch.setattr(listing, "container_size", too_late)
    assert listing.list_rows(engine.host, all=True, size=True) == []


def test_an_end_between_two_looks_is_an_end(engine: libpod.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.run("rich", ["sh", "-c", "exit 4"], network="none", remove=False, name="kept")
    container = engine.containers.lookup("kept")
    deadline = time.monotonic() + 30
    while os.path.exists(container.run_directory):
        # The exit is told before the process is reaped; until then a look that misses the record rightly says "running".
        assert time.monotonic() < deadline, "the monitor left its directory"
        time.sleep(0.01)
    read, hidden = _core.read_exit_record, [container.exit_path]
    # As where the exit record is written, and pid.json taken away, after the first look at the record.

    def look(path: str) -> dict[str, Any] | None:
        return None if hidden and hidden.pop() == path else read(path)

    monkeypatch.setattr(_core, "read_exit_record", look)
    assert (container.state.status, container.state.exit_code) == ("exited", 4)
    assert not hidden


def test_threads_share_an_engine(engine: libpod.Engine) -> None:
    results: list[bytes] = []

    def one(number: int) -> None:
        results.append(engine.run("rich", ["echo", str(number)], network="none").stdout)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [f"{number}\n".encode() for number in range(6)]
