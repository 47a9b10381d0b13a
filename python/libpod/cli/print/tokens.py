"""The text of a template, cut into literal pieces and actions, and an action cut into tokens.

Source: Go, package text/template/parse, lex.go's rules.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.errors import InvalidError

    Fail = Callable[[str, int], InvalidError]

_BLANK = " \t\r\n"


class Piece:
    """A literal text or the inside of an action. place: where it begins in the template."""

    __slots__ = ("is_action", "place", "text")

    def __init__(self, place: int, text: str, *, is_action: bool) -> None:
        self.place = place
        self.text = text
        self.is_action = is_action


class Token:
    """kind: field (`.A`), dot, variable, word, string, number, mark, space or character (any other). place: where it begins in the template."""

    __slots__ = ("kind", "place", "text")

    def __init__(self, kind: str, text: str, place: int) -> None:
        self.kind = kind
        self.text = text
        self.place = place


def pieces_of(text: str, fail: Fail) -> list[Piece]:
    """Cut a template; trim markers and comments are taken away."""
    pieces: list[Piece] = []
    position = 0
    trim_next = False
    while True:
        start = text.find("{{", position)
        literal = text[position : start if start >= 0 else len(text)]
        place = position
        if trim_next:
            stripped = literal.lstrip(_BLANK)
            place += len(literal) - len(stripped)
            literal = stripped
        if start < 0:
            pieces.append(Piece(place, literal, is_action=False))
            return pieces
        inside = start + 2
        if text[inside : inside + 1] == "-" and text[inside + 1 : inside + 2] in _BLANK:
            literal = literal.rstrip(_BLANK)
            inside += 1
        pieces.append(Piece(place, literal, is_action=False))
        end = _end(text, inside, fail)
        action = text[inside:end]
        trim_next = action.endswith("-") and action[-2:-1] in _BLANK and len(action) > 1
        if trim_next:
            action = action[:-1]
        if not action.strip(_BLANK).startswith("/*"):
            lead = len(action) - len(action.lstrip(_BLANK))
            pieces.append(Piece(inside + lead, action.strip(_BLANK), is_action=True))
        position = end + 2


def _end(text: str, position: int, fail: Fail) -> int:
    """Find the `}}` of an action; quotes hide one."""
    comment = text[position:].lstrip(_BLANK)
    if comment.startswith("/*"):
        closing = text.find("*/", position)
        end = text.find("}}", closing) if closing >= 0 else -1
        if end < 0:
            raise fail("unclosed comment", position)
        return end
    start, quote = position, ""
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\" and quote != "`":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "\"`'":
            quote = character
        elif text.startswith("}}", position):
            return position
        position += 1
    raise fail("unterminated quoted string" if quote else "unclosed action", start)


def tokens_of(piece: Piece, fail: Fail) -> list[Token]:
    """Cut an action into tokens. Raises: what `fail` makes, for a character that begins none."""
    text, found, position = piece.text, [], 0
    while position < len(text):
        kind, end = _token(text, position, piece.place, fail)
        after = text[end : end + 1]
        if kind in ("field", "variable", "word") and after and after not in _BLANK + ".,|:)(":
            raise fail(f"bad character U+{ord(after):04X} {after!r}", piece.place + end)
        found.append(Token(kind, text[position:end], piece.place + position))
        position = end
    return found


def _token(text: str, start: int, place: int, fail: Fail) -> tuple[str, int]:
    character, after = text[start], text[start + 1 : start + 2]
    if character in _BLANK:
        end = start
        while end < len(text) and text[end] in _BLANK:
            end += 1
        return "space", end
    if character in "\"`'":
        return "string" if character != "'" else "number", _string_end(text, start, place, fail)
    if text.startswith(":=", start):
        return "mark", start + 2
    if character in "(|)=,":
        return "mark", start + 1
    if (
        character.isdigit()
        or (character in "+-" and (after.isdigit() or after == "."))
        or (character == "." and after.isdigit())
    ):
        return "number", _word_end(text, start + 1, extra=".+-" if "e" in text[start:].lower() else ".")
    if character == ".":
        end = _word_end(text, start + 1)
        return ("field", end) if end > start + 1 else ("dot", end)
    if character == "$":
        return "variable", _word_end(text, start + 1)
    if character.isalpha() or character == "_":
        return "word", _word_end(text, start)
    if " " < character < "\x7f":
        return "character", start + 1
    raise fail(f"bad character U+{ord(character):04X} {character!r}", place + start)


def _word_end(text: str, end: int, *, extra: str = "") -> int:
    while end < len(text) and (text[end].isalnum() or text[end] == "_" or text[end] in extra):
        end += 1
    return end


def _string_end(text: str, start: int, place: int, fail: Fail) -> int:
    quote, end = text[start], start + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" and quote != "`" else 1
    if end >= len(text):
        raise fail("unterminated quoted string", place + start)
    return end + 1
