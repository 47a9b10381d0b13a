"""Go's types by their names, as `declared` spells them: `*define.InspectMount`, `map[string][]define.InspectHostPort`."""

from __future__ import annotations

from libpod.cli.print.declared import DECLARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_INTEGERS = frozenset("int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64".split())
_ZEROS: dict[str, Any] = {"string": "", "bool": False, "float64": 0.0, "digest.Digest": "", "types.NetworkBackend": ""}


class Type:
    """A Go type. name: as Go prints it. kind: scalar, time, duration, any, list, map, pointer or struct."""

    __slots__ = ("_fields", "element", "kind", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.element: Type | None = None
        self._fields: dict[str, Field] | None = None
        if name.startswith("*"):
            self.kind, self.element = "pointer", type_of(name[1:])
        elif name.startswith("[]"):
            self.kind, self.element = "list", type_of(name[2:])
        elif name.startswith("map["):
            self.kind, self.element = "map", type_of(name.partition("]")[2])
        elif name in _INTEGERS or name in _ZEROS:
            self.kind = "scalar"
        else:
            self.kind = {"time.Time": "time", "time.Duration": "duration", "interface {}": "any"}.get(name, "struct")

    @property
    def fields(self) -> dict[str, Field]:
        """Fields of a struct in declaration order."""
        if self._fields is None:
            self._fields = {field.name: field for field in _fields_of(self.name)}
        return self._fields

    def all_fields(self) -> Iterator[Field]:
        """The fields in declaration order, each embedded struct followed by what it promotes."""
        for field in self.fields.values():
            yield field
            if field.embedded:
                yield from field.type.all_fields()

    def field(self, name: str) -> Field | None:
        """Find a field, also one that an embedded struct promotes."""
        found = self.fields.get(name)
        if found is not None:
            return found
        for field in self.fields.values():
            if field.embedded and (promoted := field.type.field(name)) is not None:
                return promoted
        return None


class Field:
    """A field of a struct. member: its name in JSON. omitted: JSON leaves it out when it is zero."""

    __slots__ = ("embedded", "member", "name", "omitted", "type")

    def __init__(self, name: str, type: Type, member: str, *, omitted: bool = False, embedded: bool = False) -> None:
        self.name = name
        self.type = type
        self.member = member
        self.omitted = omitted
        self.embedded = embedded


_TYPES: dict[str, Type] = {}


def type_of(name: str) -> Type:
    """Return the type of a Go name such as `map[string]*define.InspectAdditionalNetwork`."""
    found = _TYPES.get(name)
    if found is None:
        found = _TYPES[name] = Type(name)
    return found


def zero_of(type: Type) -> Any:
    """The zero value of a scalar type."""
    return _ZEROS.get(type.name, 0)


def _fields_of(name: str) -> list[Field]:
    """Return the fields of a declared struct. Raises: KeyError for a name that is not declared."""
    return [_field(line.split()) for line in DECLARED[name].split(";") if line.strip()]


def _field(words: list[str]) -> Field:
    omitted = words[-1] == "?"
    if omitted:
        words = words[:-1]
    if words[0].startswith("+"):
        outer = words[0][1:]
        return Field(outer.rpartition(".")[2], type_of(outer), "", embedded=True)
    # `struct {}` and `interface {}` are two words.
    end = next((place + 1 for place, word in enumerate(words) if word == "{}"), 2)
    member = words[end] if len(words) > end else words[0]
    return Field(words[0], type_of(" ".join(words[1:end])), member, omitted=omitted)


class Method:
    """A method of a value. count: how many arguments it takes."""

    __slots__ = ("call", "count")

    def __init__(self, call: Callable[..., Any], count: int = 0) -> None:
        self.call = call
        self.count = count
