"""Patterns with the rules of Go's path.Match."""

from __future__ import annotations

import pytest

from libpod.pattern import is_pattern, match_path


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("", "", True), ("", "a", False), ("a", "a", True), ("a*", "abc", True), ("*c", "abc", True), ("*", "", True),
        ("*", "a/b", False), ("*/*", "a/b", True), ("a?c", "abc", True), ("a?c", "a/c", False), ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False), ("[^a-c]x", "dx", True), ("[ab]", "c", False), ("a\\*", "a*", True), ("**", "ab", True),
        ("[", "[", False), ("a*b*c", "axxbyyc", True), ("a*b*c", "axxbyy", False),
    ],
)  # fmt: skip
def test_path_patterns(pattern: str, text: str, wanted: bool) -> None:
    assert match_path(pattern, text) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", True), ("/proc/*", True), ("[a-c]", True), ("[^a]?", True), ("\\[", True), ("/proc/[", False), ("[]", False),
        ("a\\", False), ("[a]]", True), ("[^", False),
    ],
)  # fmt: skip
def test_what_is_a_pattern(text: str, wanted: bool) -> None:
    assert is_pattern(text) is wanted
