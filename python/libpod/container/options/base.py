"""What all options have in common: every value is checked against the type that its field is annotated with.

The annotation is the only place where a type stands: type checkers read it, and so does `checked`, for the callers that use none.
"""

from __future__ import annotations

import sys

from libpod import arguments
from libpod.errors import InvalidError
from libpod.record import Record, dataclass_transform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

#: The module of each class of values that a field may hold. One that is not loaded has no values.
_HOMES = {
    "Address": "libpod.address",
    "Attachment": "libpod.network.attachment",
    "Device": "libpod.container.devices",
    "DeviceRule": "libpod.container.devices",
    "ExposedPort": "libpod.network.attachment",
    "Limit": "libpod.container.limits",
    "Mount": "libpod.container.mounts",
    "Namespace": "libpod.container.namespaces",
    "Port": "libpod.network.attachment",
    "RestartPolicy": "libpod.container.options",
}


@dataclass_transform(kw_only_default=True)
class Options(Record):
    """A part of a container's options.

    Lists may be any iterable, texts bytes or paths. What is kept is a copy, so that a caller's lists may change later.
    Raises: TypeError for an unknown option and for a value of another type than its field has, InvalidError for a NUL character
    and for a number of more than 64 bits; each names the field.
    """

    def __init__(self, **given: Any) -> None:
        name = type(self).__name__
        super().__init__(
            **{
                field: checked(f"{name}.{field}", self.TYPES[field], value) if field in self.TYPES else value
                for field, value in given.items()
            }
        )

    def checked(self) -> Self:
        """Return a copy whose fields all have their types, as attributes may have been set since it was made."""
        other = self.copy()
        for field, default in self.FIELDS.items():
            value = getattr(other, field)
            # Most options are not said, and what a class has for a default is of its type.
            if value is not default and (value.__class__ is not default.__class__ or value != default):
                setattr(other, field, checked(f"{type(self).__name__}.{field}", self.TYPES[field], value))
        return other

    def copy(self) -> Self:
        """Return a copy with lists, mappings and parts of its own. Nothing is checked."""
        other = type(self).__new__(type(self))
        for field in self.FIELDS:
            value = getattr(self, field)
            if value.__class__ is list or value.__class__ is dict or isinstance(value, Record):
                value = value.copy()
            setattr(other, field, value)
        return other


def checked(name: str, kind: str, value: Any) -> Any:
    """Return a value in the form that a field of a type has.

    name: the field, for messages. kind: its annotation.
    Raises: TypeError, InvalidError.
    """
    if kind.endswith(" | None"):
        if value is None:
            return None
        kind = kind.removesuffix(" | None")
    if kind in _CHECKS:
        return _CHECKS[kind](name, value)
    if kind.startswith("list["):
        member = kind[5:-1]
        if isinstance(value, (str, bytes, Record)) or hasattr(value, "keys") or not hasattr(value, "__iter__"):
            raise TypeError(f"{name} must be a list of {member}s, not {type(value).__name__}")
        return [_value(f"{name}[{place}]", member, one) for place, one in enumerate(value)]
    return _value(name, kind, value)


def _value(name: str, kind: str, value: Any) -> Any:
    """Return a copy of a value of one of libpod's classes, its own fields checked likewise."""
    if isinstance(value, Options):
        if type(value).__name__ != kind:
            raise TypeError(f"{name} must be {kind}, not {type(value).__name__}")
        return value.checked()
    expected = getattr(sys.modules.get(_HOMES.get(kind, "")), kind, None)
    if expected is None or not isinstance(value, expected):
        raise TypeError(f"{name} must be a {kind}, not {type(value).__name__}")
    if not isinstance(value, Record):
        return value
    return type(value)(
        **{field: checked(f"{name}.{field}", said, getattr(value, field)) for field, said in value.TYPES.items()}
    )


def _integer(name: str, value: object) -> int:
    number = arguments.integer(name, value)
    if not -(1 << 63) <= number < 1 << 64:
        raise InvalidError(f"{name}: {number} has more than 64 bits")
    return number


def _texts(name: str, value: Any) -> dict[str, str]:
    if not hasattr(value, "keys"):
        raise TypeError(f"{name} must be a mapping, not {type(value).__name__}")
    return {
        arguments.text(f"the key {key!r} of {name}", key): arguments.text(f"{name}[{key!r}]", value[key])
        for key in value
    }


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, (str, bytes)) or hasattr(value, "keys") or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} must be a list of pairs of strings, not {type(value).__name__}")
    pairs = []
    for place, pair in enumerate(value):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"{name}[{place}] must be a pair of strings, not {pair!r}")
        first, second = arguments.strings(f"{name}[{place}]", pair)
        pairs.append((first, second))
    return pairs


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "bool": arguments.flag,
    "dict[str, str]": _texts,
    "float": arguments.number,
    "int": _integer,
    "list[str]": arguments.strings,
    "list[tuple[str, str]]": _pairs,
    "str": arguments.text,
}
