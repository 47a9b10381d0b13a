"""The small parts of images that need no store: times, patterns, changes of a config, merging of layers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libpod import _core, timestamp
from libpod.errors import InvalidError
from libpod.image.changes import apply_changes
from libpod.image.layertree import Node, merge, read_layer
from libpod.image.lookup import tag_reference
from tests.support.images import tar


@pytest.mark.parametrize("days", [-719162, -25567, -1, 0, 59, 60, 365, 11016, 11017, 20000, 47540, 2932896])
def test_times_of_every_kind_of_year(days: int) -> None:
    wanted = datetime(1970, 1, 1, 23, 59, 58, tzinfo=UTC) + timedelta(days=days)
    text = f"{wanted.year:04d}-{wanted.month:02d}-{wanted.day:02d}T23:59:58Z"
    time = days * 86400 * timestamp.SECOND + 86398 * timestamp.SECOND
    assert timestamp.parse(text) == time
    assert timestamp.rfc3339(time) == text


def test_fractions_and_offsets_of_times() -> None:
    time = timestamp.parse("2026-11-24T14:02:16.090054893Z")
    assert timestamp.parse("2026-11-24T16:32:16.090054893+02:30") == time
    assert timestamp.parse("2026-11-24T09:02:16.090054893-05:00") == time
    assert timestamp.rfc3339(time) == "2026-11-24T14:02:16.090054893Z"
    assert timestamp.go_text(timestamp.parse("2026-01-02T03:04:05.500Z")) == "2026-01-02 03:04:05.5 +0000 UTC"


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01", "x-y-zT1:2:3Z"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidError, match="parsing time"):
        timestamp.parse(text)


@pytest.mark.parametrize(("text", "seconds_ago"), [("10s", 10), ("1h30m", 5400), ("1.5m", 90), ("500ms", 0.5)])
def test_until_takes_durations(text: str, seconds_ago: float) -> None:
    wanted = timestamp.now() - seconds_ago * timestamp.SECOND
    assert abs(timestamp.parse_moment(text, timestamp.now()) - wanted) < timestamp.SECOND


def test_until_takes_times_dates_and_seconds() -> None:
    assert timestamp.parse_moment("100", 0) == 100 * timestamp.SECOND
    assert timestamp.parse_moment("1970-01-02", 0) == 86400 * timestamp.SECOND
    assert timestamp.parse_moment("1970-01-01T00:00:01", 0) == timestamp.SECOND
    with pytest.raises(InvalidError):
        timestamp.parse_moment("yesterday", 0)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        (['CMD ["a", "b"]'], {"Cmd": ["a", "b"]}),
        (["CMD a b"], {"Cmd": ["/bin/sh", "-c", "a b"]}),
        (["cmd=a"], {"Cmd": ["/bin/sh", "-c", "a"]}),
        (["ENTRYPOINT [1]"], {"Entrypoint": ["/bin/sh", "-c", "[1]"]}),
        (["ENTRYPOINT a", "ENTRYPOINT "], {}),
        (["ENV A", "ENV B=2 3", 'ENV "C"="4 5"'], {"Env": ["A=", "B=2 3", "C=4 5"]}),
        (["LABEL x=y", 'LABEL z="1"'], {"Labels": {"x": "y", "z": "1"}}),
        (["EXPOSE 80", "EXPOSE 53/UDP"], {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}),
        (["VOLUME /a /b"], {"Volumes": {"/a": {}, "/b": {}}}),
        (['VOLUME ["/a b"]'], {"Volumes": {"/a b": {}}}),
        (["USER 1:2", "STOPSIGNAL INT"], {"User": "1:2", "StopSignal": "2"}),
        (["WORKDIR /w", "WORKDIR ../v//x/"], {"WorkingDir": "/v/x"}),
        (["ONBUILD RUN x"], {"OnBuild": ["RUN x"]}),
    ],
)
def test_changes(changes: list[str], wanted: dict[str, object]) -> None:
    assert apply_changes({}, changes) == wanted


@pytest.mark.parametrize("change", ["RUN x", "FOO bar", "CMD", "ENV =x", "EXPOSE x", "EXPOSE 80 81", "EXPOSE 1/ip", ""])
def test_refused_changes(change: str) -> None:
    with pytest.raises(InvalidError, match="invalid change"):
        apply_changes({}, [change])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x", "localhost/x:latest"), ("a/x:1", "localhost/a/x:1"), ("docker.io/x", "docker.io/library/x:latest"),
        ("host:5000/x", "host:5000/x:latest"),
    ],
)  # fmt: skip
def test_names_are_completed(text: str, wanted: str) -> None:
    assert str(tag_reference(text)) == wanted


def seen(*layers: bytes) -> dict[str, int]:
    """The files of an image of these layers, with the layer that each is of."""
    root = Node()
    root.children = {}
    for place, layer in enumerate(layers):
        merge(root, read_layer(_core.bytes_blob(layer), place))
    return {entry.path: entry.layer for entry in root.walk(b"")}


def test_a_higher_layer_covers_and_adds() -> None:
    lower, upper = tar(("d/", ""), ("d/a", b"1"), ("d/b", b"1")), tar(("d/", ""), ("d/b", b"2"), ("d/c", b"2"))
    assert seen(lower, upper) == {"/d": 1, "/d/a": 0, "/d/b": 1, "/d/c": 1}


def test_whiteouts_hide_lower_layers_and_spare_their_own() -> None:
    lower = tar(("d/", ""), ("d/a", b"1"), ("d/b", b"1"), ("e/", ""), ("e/x", b"1"))
    upper = tar(("d/.wh.a", b""), ("d/b", b"2"), ("d/.wh.b", b""), (".wh.e", b""), (".wh.nothing", b""))
    assert seen(lower, upper) == {"/d": 0, "/d/b": 1}


def test_an_opaque_directory_shows_its_own_files_only() -> None:
    lower = tar(("d/", ""), ("d/a", b"1"), ("d/s/", ""), ("d/s/t", b"1"))
    assert seen(lower, tar(("d/", ""), ("d/new", b"2"), ("d/.wh..wh..opq", b""))) == {"/d": 1, "/d/new": 1}


def test_a_directory_in_place_of_a_removed_one_is_empty() -> None:
    lower = tar(("d/", ""), ("d/a", b"1"))
    assert seen(lower, tar((".wh.d", b""), ("d/", ""), ("d/new", b"2"))) == {"/d": 1, "/d/new": 1}


def test_kinds_replace_each_other() -> None:
    lower = tar(("d/", ""), ("d/a", b"1"), ("f", b"1"), ("l", "d"))
    upper = tar(("d", b"file"), ("f/", ""), ("f/x", b"2"), ("l/y", b"2"))
    assert seen(lower, upper) == {"/d": 1, "/f": 1, "/f/x": 1, "/l": -1, "/l/y": 1}


def test_links_of_the_same_layer_are_followed_on_the_way() -> None:
    assert seen(tar(("usr/lib/", ""), ("lib", "usr/lib"), ("lib/x", b"1"))) == {
        "/lib": 0,
        "/usr": -1,
        "/usr/lib": 0,
        "/usr/lib/x": 0,
    }


def test_names_that_leave_the_root_are_not_shown() -> None:
    assert seen(tar(("../x", b""), ("a/../../y", b""), ("a/../z", b""), ("l", "../../.."), ("l/w", b""))) == {
        "/l": 0,
        "/w": 0,
        "/z": 0,
    }
