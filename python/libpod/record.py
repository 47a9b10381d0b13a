"""Values with named fields: one small base for what would be dataclasses elsewhere.

Importing the standard library's costs as much as half a command. A subclass writes each field once, with its type and the
value that it has when nothing was said; type checkers read them as they read a dataclass. Start reading at `Record`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Self
    from typing import dataclass_transform as dataclass_transform
else:

    def dataclass_transform(**_: bool) -> Callable[[type], type]:
        return lambda kind: kind


#: The default of a field that must be given. In its place a class writes no value.
_REQUIRED = object()


@dataclass_transform()
class Fields(type):
    """The class of record classes: makes slots of the fields that a class body annotates."""

    FIELDS: dict[str, Any]
    TYPES: dict[str, str]

    def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> Fields:
        """Make a class; its `FIELDS` (name → default) and `TYPES` (name → annotation) are its base's, then its own."""
        annotations: dict[str, str] = members.get("__annotations__", {})
        types = {field: kind for field, kind in annotations.items() if "ClassVar[" not in kind}
        own = {field: members.pop(field, _REQUIRED) for field in types}
        members.setdefault("__slots__", tuple(own))
        base = bases[0] if bases else None
        members["FIELDS"] = {**base.FIELDS, **own} if isinstance(base, Fields) else own
        members["TYPES"] = {**base.TYPES, **types} if isinstance(base, Fields) else types
        return super().__new__(cls, name, bases, members)


class Record(metaclass=Fields):
    """A value with the fields that its class names, by position or by name.

    Every record has lists and mappings of its own: defaults are copied, and so are records among them. Two of one class are equal when all their fields are.
    Raises: TypeError for an unknown field, and for one that is missing.
    """

    FIELDS: ClassVar[dict[str, Any]]
    TYPES: ClassVar[dict[str, str]]

    def __init__(self, *values: Any, **given: Any) -> None:
        fields = self.FIELDS
        if values:
            if len(values) > len(fields):
                raise TypeError(f"{type(self).__name__} has {len(fields)} fields, not {len(values)}")
            for field, value in zip(fields, values, strict=False):
                if field in given:
                    raise TypeError(f"{type(self).__name__}: {field} is given twice")
                given[field] = value
        for field, value in fields.items():
            if field in given:
                value = given.pop(field)
            elif value.__class__ is list or value.__class__ is dict or value.__class__.__class__ is Fields:
                value = value.copy()
            elif value is _REQUIRED:
                raise TypeError(f"{type(self).__name__} needs {field}")
            setattr(self, field, value)
        if given:
            raise TypeError(f"{type(self).__name__} has no {', '.join(given)}")

    def __eq__(self, other: object) -> bool:
        return self.__class__ is other.__class__ and all(
            getattr(self, field) == getattr(other, field) for field in self.FIELDS
        )

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Self:
        """Return a record of the same fields."""
        return type(self)(**{field: getattr(self, field) for field in self.FIELDS})

    def __repr__(self) -> str:
        shown = (f"{field}={getattr(self, field)!r}" for field in self.FIELDS)
        return f"{type(self).__name__}({', '.join(shown)})"


class Document(Record):
    """A record that a document holds as a mapping of its fields."""

    def to_document(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {field: getattr(self, field) for field in self.FIELDS}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read what `to_document` wrote. Raises: KeyError for a missing member."""
        return cls(**{field: document[field] for field in cls.FIELDS})
