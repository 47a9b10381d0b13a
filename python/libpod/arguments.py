"""Check the arguments of Python callers, and bring each into the one form that the engine works with.

A value of the wrong shape is a `TypeError` that names the argument: above all a `str` in place of a
list of them, which Python would otherwise walk letter by letter. What the words of a good value mean
is not judged here. Start reading at `strings`.

Bytes stand for the text that `os.fsdecode` makes of them, and paths for their text. A text with a NUL
character is an `InvalidError`: no word of a command line, path or variable can hold one.
"""

from __future__ import annotations

import os

from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeVar

    T = TypeVar("T")

#: One word: bytes for what is not UTF-8, a path object for a path.
Word = str | bytes | os.PathLike[str]


def text(name: str, value: object) -> str:
    """Return one word.

    name: the argument, for messages.
    Raises: TypeError unless it is a `str`, `bytes` or path; InvalidError for a NUL character.
    """
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    elif not isinstance(value, str):
        if not hasattr(value, "__fspath__"):
            raise TypeError(f"{name} must be a string, not {_kind(value)}")
        value = os.fsdecode(os.fspath(value))
    if "\0" in value:
        raise InvalidError(f"{name}: {value!r} holds a NUL character")
    return value


def host_path(path: str) -> str:
    """Return the absolute path of a file of the host that a container's configuration names; "" stays "".

    The processes that open it later have another working directory. The configuration is JSON, which
    holds texts; the bytes of a path that is no text would be lost there.
    Raises: InvalidError.
    """
    if not path.isascii():
        try:
            path.encode()
        except UnicodeEncodeError:
            raise InvalidError(f"{path}: a container's configuration cannot hold a path that is not UTF-8") from None
    return os.path.abspath(path) if path else path


def strings(name: str, values: object) -> list[str]:
    """Return the words of a list, tuple, set, generator or any other iterable, in its order.

    Raises: TypeError for a single word, for a mapping and for a member that is no word; InvalidError.
    """
    if isinstance(values, (str, bytes)) or hasattr(values, "__fspath__"):
        raise TypeError(f"{name} must be a list of strings, not {_kind(values)}: write [{values!r}]")
    if hasattr(values, "keys") or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list of strings, not {_kind(values)}")
    members: Iterable[object] = values
    return [text(f"{name}[{place}]", value) for place, value in enumerate(members)]


def several(name: str, values: Iterable[T | str], kind: type[T]) -> list[T | str]:
    """Return the members of a list, each of which is a `kind` or a word that names one.

    Raises: TypeError for a single word, for a mapping and for a member that is neither; InvalidError.
    """
    if isinstance(values, (str, bytes, kind)) or hasattr(values, "keys") or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list, not {_kind(values)}: write [{values!r}]")
    return [value if isinstance(value, kind) else text(f"{name}[{place}]", value) for place, value in enumerate(values)]


def mapping(name: str, values: object) -> dict[str, str]:
    """Return a mapping of words to words.

    Raises: TypeError for anything but a mapping, and for keys and values that are no words; InvalidError
    for a key that is empty or holds `=`, which would be taken for the beginning of the value.
    """
    checked: dict[str, str] = {}
    for key, value in _items(name, values):
        word = text(f"the key {key!r} of {name}", key)
        if not word or "=" in word:
            raise InvalidError(f"{name}: {word!r} cannot be a name")
        checked[word] = text(f"{name}[{key!r}]", value)
    return checked


def pairs(name: str, values: object, separator: str = "=") -> list[str]:
    """Return `key=value` words from a list of them, or from a mapping of keys to values.

    Raises: TypeError, InvalidError.
    """
    if not hasattr(values, "keys"):
        return strings(name, values)
    return [f"{key}{separator}{value}" for key, value in mapping(name, values).items()]


def tmpfs(name: str, values: object) -> list[str]:
    """Return `PATH[:OPTIONS]` words from a list of them, or from a mapping of paths to options.

    Raises: TypeError, InvalidError.
    """
    if not hasattr(values, "keys"):
        return strings(name, values)
    words = []
    for key, value in _items(name, values):
        path, options = text(f"a key of {name}", key), text(f"{name}[{key!r}]", value)
        words.append(f"{path}:{options}" if options else path)
    return words


def volumes(name: str, values: object) -> list[str]:
    r"""Return `SOURCE:PATH[:OPTIONS]` words from a list of them, or from a mapping.

    A mapping has host directories or names of volumes as keys. A value is the path in the container, or
    a mapping with `bind`, that path, and perhaps `mode`, options such as `ro`. A colon in a path is
    written as `\:`.
    Raises: TypeError, InvalidError.
    """
    if not hasattr(values, "keys"):
        return strings(name, values)
    words = []
    for key, value in _items(name, values):
        shown = f"{name}[{key!r}]"
        parts = [text(f"a key of {name}", key)]
        if hasattr(value, "keys"):
            given = dict(_items(shown, value))
            if "bind" not in given or not {"bind", "mode"}.issuperset(given):
                raise TypeError(f"{shown} must have the key 'bind', and may have 'mode', not {sorted(map(str, given))}")
            parts += [text(f"{shown}[{member!r}]", given[member]) for member in ("bind", "mode") if member in given]
        else:
            parts.append(text(shown, value))
        words.append(":".join(part.replace(":", "\\:") for part in parts))
    return words


def flag(name: str, value: object) -> bool:
    """Return a truth value. Raises: TypeError for anything but True and False, such as "no"."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {_kind(value)}")
    return value


def integer(name: str, value: object) -> int:
    """Return a whole number. Raises: TypeError, also for True and False."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {_kind(value)}")
    return value


def number(name: str, value: object) -> float:
    """Return a number. Raises: TypeError, also for True and False."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {_kind(value)}")
    return value


def text_or_integer(name: str, value: object) -> str:
    """Return one word, which may be given as a whole number: a size in bytes, a user id.

    Raises: TypeError, InvalidError.
    """
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(name, value)


def text_or_strings(name: str, value: object) -> str | list[str]:
    """Return one word or a list of words. Raises: TypeError, InvalidError."""
    return text(name, value) if isinstance(value, (str, bytes)) else strings(name, value)


def source(name: str, value: object) -> str | int:
    """Return the path of a file, or a descriptor. Raises: TypeError, InvalidError."""
    return value if isinstance(value, int) and not isinstance(value, bool) else text(name, value)


def _items(name: str, values: object) -> Iterable[tuple[object, object]]:
    if not hasattr(values, "keys"):
        raise TypeError(f"{name} must be a mapping, not {_kind(values)}")
    members: Mapping[object, object] = values  # type: ignore[assignment]
    return [(key, members[key]) for key in members]


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
