"""Patterns over paths and names, with the rules of Go's path.Match, which Podman's options and filters follow.

Start reading at `match_path`.
"""

from __future__ import annotations


def match_path(pattern: str, text: str) -> bool:
    r"""Match as Go's path.Match does: `*` and `?` stop at `/`, `[a-z]` and `[^a]` are classes, `\` escapes."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        rest = pattern.lstrip("*")
        for end in range(len(text) + 1):
            if match_path(rest, text[end:]):
                return True
            if end < len(text) and text[end] == "/":
                return False
        return False
    if not text:
        return False
    if pattern[0] == "?":
        return text[0] != "/" and match_path(pattern[1:], text[1:])
    if pattern[0] == "[":
        close = pattern.find("]", 2)
        return close > 0 and _in_class(pattern[1:close], text[0]) and match_path(pattern[close + 1 :], text[1:])
    if pattern[0] == "\\" and len(pattern) > 1:
        pattern = pattern[1:]
    return pattern[0] == text[0] and match_path(pattern[1:], text[1:])


def is_pattern(text: str) -> bool:
    """Whether `text` is well formed: each class is closed and not empty, and a backslash has something to escape."""
    place = 0
    while place < len(text):
        if text[place] == "\\":
            place += 1
            if place == len(text):
                return False
        elif text[place] == "[":
            place = text.find("]", place + 2)
            if place < 0:
                return False
        place += 1
    return True


def _in_class(members: str, char: str) -> bool:
    negated = members.startswith("^")
    members = members.removeprefix("^")
    found, place = False, 0
    while place < len(members):
        if members[place + 1 : place + 2] == "-" and place + 2 < len(members):
            found = found or members[place] <= char <= members[place + 2]
            place += 3
        else:
            found = found or members[place] == char
            place += 1
    return found != negated and char != "/"
