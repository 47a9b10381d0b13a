"""Filters: which key takes which value, and how several of them count together."""

from __future__ import annotations

import pytest

from libpod import filters
from libpod.errors import InvalidError, UnsupportedError

THINGS = {
    "one": {"a": "b"},
    "two": {"a": "c", "lone": ""},
    "three": {},
}
MAKERS = {
    "name": filters.expression("name", lambda name: name),
    "label": filters.label(lambda name: THINGS[name]),
    "id": filters.identity(lambda name: {"one": "abc123", "two": "abd999", "three": "0"}[name]),
}


def passing(*texts: str, lacks_every_label: bool = False) -> list[str]:
    test = filters.combined(
        texts,
        MAKERS,
        negatable=("label",),
        malformed="malformed {}",
        unknown="unknown {}",
        missing=("pod",),
        lacks_every_label=lacks_every_label,
    )
    return [name for name in THINGS if test(name)]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        ((), ["one", "two", "three"]),
        (("name=^t",), ["two", "three"]),
        (("name=one", "name=three"), ["one", "three"]),
        (("name=o", "label=lone"), ["two"]),
        (("label=a",), ["one", "two"]),
        (("label=a=c",), ["two"]),
        (("label=a", "label=lone"), ["two"]),
        (("label=lo*",), ["two"]),
        (("label=*n*",), ["two"]),
        (("label=a=*",), []),
        (("label=",), []),
        (("label!=a",), ["three"]),
        (("label!=a", "label!=lone"), ["one", "three"]),
        (("id=ab",), ["one", "two"]),
        (("id=ABC",), ["one"]),
        (("id=3$|^0",), ["one", "three"]),
    ],
)
def test_what_passes(texts: tuple[str, ...], names: list[str]) -> None:
    assert passing(*texts) == names


def test_several_labels_to_lack_are_each_lacked_when_asked_for() -> None:
    assert passing("label!=a", "label!=lone", lacks_every_label=True) == ["three"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name", "malformed name"),
        ("nosuch=x", "unknown nosuch"),
        ("name!=x", "unknown name!"),
        ("name=[", "invalid name filter `[`"),
    ],
)
def test_a_filter_that_is_none_is_named(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        passing(text)
    assert message in caught.value.message


def test_a_filter_of_podmans_that_is_missing_is_not_called_invalid() -> None:
    with pytest.raises(UnsupportedError, match="the filter pod is not supported"):
        passing("pod=x")


def test_yes_and_no() -> None:
    assert filters.answer("dangling", "t") is True
    assert filters.answer("dangling", "False") is False
    with pytest.raises(InvalidError, match="ParseBool"):
        filters.answer("dangling", "maybe")
