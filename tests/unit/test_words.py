"""Lists of words in one text."""

from __future__ import annotations

import pytest

from libpod.errors import InvalidError
from libpod.words import split_commas


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (",", ["", ""]),
        ("a,", ["a", ""]),
        ('"a,b",c', ["a,b", "c"]),
        ('"a""b"', ['a"b']),
        ('""', [""]),
        ('"",""', ["", ""]),
        ('a,"b"', ["a", "b"]),
        ('"",', ["", ""]),
    ],
)
def test_commas_separate_unless_they_are_quoted(text: str, fields: list[str]) -> None:
    assert split_commas(text) == fields


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ('a"b', 2, 'bare " in non-quoted-field'),
        ('x,y"', 4, 'bare " in non-quoted-field'),
        ('"a"b', 3, 'extraneous or missing " in quoted-field'),
        ('"a', 3, 'extraneous or missing " in quoted-field'),
        ('x,"y', 5, 'extraneous or missing " in quoted-field'),
        ('"a""', 5, 'extraneous or missing " in quoted-field'),
    ],
)
def test_a_quote_in_the_wrong_place_is_shown(text: str, column: int, problem: str) -> None:
    with pytest.raises(InvalidError) as caught:
        split_commas(text)
    assert caught.value.message == f"parse error on line 1, column {column}: {problem}"
