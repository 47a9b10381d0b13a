"""Names, and lists of words in one text, as options of the command line write them."""

from __future__ import annotations

from libpod.errors import InvalidError

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


def check_name(name: str) -> bool:
    """Whether `name` is a valid name of a container or a volume."""
    return bool(name) and name[0].isalnum() and name[0].isascii() and _NAME_CHARACTERS.issuperset(name)


def split_commas(text: str) -> list[str]:
    """Split a text at commas as Go's encoding/csv does; a field in double quotes may hold commas, and `""` for a quote.

    An empty text has no fields.
    Raises: InvalidError `parse error on line 1, column …`.
    """
    if '"' not in text:
        return text.split(",") if text else []
    fields: list[str] = []
    place = 0
    while True:
        if text[place : place + 1] == '"':
            field, place = _quoted(text, place + 1)
        else:
            end = text.find(",", place)
            end = len(text) if end < 0 else end
            field = text[place:end]
            if '"' in field:
                column = place + field.index('"') + 1
                raise InvalidError(f'parse error on line 1, column {column}: bare " in non-quoted-field')
            place = end
        fields.append(field)
        if place >= len(text):
            return fields
        place += 1


def _quoted(text: str, place: int) -> tuple[str, int]:
    """Read a field behind its opening quote; return it and the place of what follows the closing one."""
    field = ""
    while True:
        end = text.find('"', place)
        if end < 0 or text[end + 1 : end + 2] not in ('"', ",", ""):
            column = len(text) + 1 if end < 0 else end + 1
            raise InvalidError(f'parse error on line 1, column {column}: extraneous or missing " in quoted-field')
        field += text[place:end]
        if text[end + 1 : end + 2] != '"':
            return field, end + 1
        field += '"'
        place = end + 2
