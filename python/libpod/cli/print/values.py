"""Go values for templates: what a plain document becomes when a declared type says how to read it.

`wrap` makes a value of a type from a member of a JSON document, or the type's zero value when
the document leaves the member out. So a template sees the whole struct, as Podman's does, although the document is shorter.
`show` prints as fmt.Print does, `plain` goes back to what JSON shows.
"""

from __future__ import annotations

from libpod.cli.print.moment import Duration, Moment
from libpod.cli.print.types import Field, Method, Type, type_of, zero_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


class NoValue:
    """What a missing key of a map is."""

    def __bool__(self) -> bool:
        return False


NO_VALUE = NoValue()


class Nil:
    """A nil pointer of a type."""

    __slots__ = ("type",)

    def __init__(self, type: Type) -> None:
        self.type = type

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Nil)

    __hash__ = object.__hash__


class Struct:
    """A Go struct over a document.

    pointer: whether it was reached through one, for messages. title: its type in messages. part: the document is that of the struct
    that embeds it.
    """

    __slots__ = ("_document", "part", "pointer", "title", "type")

    def __init__(
        self,
        type: Type,
        document: Mapping[str, Any] | None = None,
        *,
        pointer: bool = False,
        title: str | None = None,
        part: bool = False,
    ) -> None:
        self.part = part
        self.type = type
        self.pointer = pointer
        self.title = title or ("*" if pointer else "") + type.name
        self._document = document

    @property
    def document(self) -> Mapping[str, Any]:
        """The members as JSON names them."""
        return self._document or {}

    def get(self, name: str) -> Any:
        """Return a field. Raises: KeyError for a name that the type does not have."""
        method = METHODS.get(self.type.name, {}).get(name)
        if method is not None:
            return method(self)
        field = self.type.field(name)
        if field is None:
            raise KeyError(name)
        return self._read(field)

    def _read(self, field: Field) -> Any:
        if field.embedded:
            return Struct(field.type, self.document or None, part=True)
        return wrap(field.type, self.document.get(field.member))

    def values(self) -> Iterable[Any]:
        """The fields in declaration order, an embedded struct as one of them."""
        return (self._read(field) for field in self.type.fields.values())

    def plain(self) -> Any:
        """What JSON shows of it."""
        if self._document is None:
            return zero_document(self.type)
        return (
            {name: value for name, value in self._document.items() if name in self._members}
            if self.part
            else self._document
        )

    @property
    def _members(self) -> set[str]:
        return {field.member for field in self.type.fields.values()}


class Row(Struct):
    """A row of a listing: some fields are computed when a template asks for them, the others are members of its document."""

    __slots__ = ("_fields", "_make", "_source")

    def __init__(
        self,
        type: Type,
        source: Any,
        fields: Mapping[str, Callable[[Any], Any]],
        make: Callable[[Any], Mapping[str, Any]],
    ) -> None:
        super().__init__(type)
        self._source = source
        self._fields = fields
        self._make = make

    @property
    def document(self) -> Mapping[str, Any]:
        """The members as JSON names them, made once."""
        if self._document is None:
            self._document = self._make(self._source)
        return self._document

    def get(self, name: str) -> Any:
        """Return a field, or a `Method`. Raises: KeyError for a name that the type does not have."""
        field = self._fields.get(name)
        return wrap_any(field(self._source)) if field is not None else super().get(name)

    def plain(self) -> Any:
        """What JSON shows of it."""
        return self.document


def _member(*path: str) -> Callable[[Struct], Any]:
    def read(struct: Struct) -> Any:
        value: Any = struct
        for name in path:
            value = value.get(name)
        return value

    return read


#: Methods without arguments of declared types; all of them only read a field under another name.
METHODS: dict[str, dict[str, Callable[[Struct], Any]]] = {
    "define.InspectContainerState": {"Healthcheck": _member("Health")},
    "types.ListContainer": {
        "CGROUPNS": _member("Namespaces", "Cgroup"),
        "IPC": _member("Namespaces", "IPC"),
        "MNT": _member("Namespaces", "MNT"),
        "NET": _member("Namespaces", "NET"),
        "PIDNS": _member("Namespaces", "PIDNS"),
        "USERNS": _member("Namespaces", "User"),
        "UTS": _member("Namespaces", "UTS"),
    },
    # Spellings that Podman puts right before it reads the template.
    "define.InspectContainerData": {"Id": _member("ID"), "ImageID": _member("Image")},
    "define.InspectMount": {"Src": _member("Source"), "Dst": _member("Destination")},
    "inspect.ImageData": {"Id": _member("ID")},
    "types.NetworkInspectReport": {"Id": _member("ID")},
}


class List(list["Any"]):
    """A Go slice. raw: what JSON shows of it; None is a nil slice."""

    __slots__ = ("raw", "type")

    def __init__(self, type: Type, raw: Any) -> None:
        assert type.element is not None
        super().__init__(wrap(type.element, item) for item in raw or ())
        self.type = type
        self.raw = raw


class Map(dict["Any", "Any"]):
    """A Go map: an unknown key is `<no value>`. raw: what JSON shows of it; None is a nil map."""

    __slots__ = ("raw", "type")

    def __init__(self, type: Type, raw: Any) -> None:
        assert type.element is not None
        element = type.element
        super().__init__((key, wrap(element, item)) for key, item in (raw or {}).items())
        self.type = type
        self.raw = raw

    def at(self, key: Any) -> Any:
        """The value of a key, or the zero value of the type."""
        assert self.type.element is not None
        return self[key] if key in self else wrap(self.type.element, None)


_ANY = type_of("interface {}")
_LIST_OF_ANY, _MAP_OF_ANY = type_of("[]interface {}"), type_of("map[string]interface {}")
#: Kind of a list that a function makes: its elements are text.
STRINGS = type_of("[]string")


def wrap(type: Type, raw: Any) -> Any:
    """Make the value of a type from a member of a JSON document; None is the type's zero value.

    A value that was made for templates already, such as a `Struct`, is taken as it is.
    """
    if isinstance(raw, (Struct, List, Map, Method)):
        return raw
    kind = type.kind
    if kind == "scalar":
        return raw if raw is not None else zero_of(type)
    if kind == "list":
        return List(type, raw)
    if kind == "map":
        return Map(type, raw)
    if kind == "pointer":
        return _pointer(type, raw)
    if kind == "time":
        return raw if isinstance(raw, Moment) else Moment.parse(raw)
    if kind == "duration":
        return Duration(raw or 0)
    if kind == "any":
        return _any(raw)
    return Struct(type, raw)


def _pointer(type: Type, raw: Any) -> Any:
    assert type.element is not None
    if raw is None:
        return Nil(type)
    if type.element.kind == "struct":
        return Struct(type.element, raw, pointer=True)
    return wrap(type.element, raw)


def _any(raw: Any) -> Any:
    if isinstance(raw, dict):
        return Map(_MAP_OF_ANY, raw)
    if isinstance(raw, list):
        return List(_LIST_OF_ANY, raw)
    return raw


def wrap_any(raw: Any) -> Any:
    """Make a value of no declared type: objects are maps."""
    return wrap(_ANY, raw)


def zero_document(type: Type) -> dict[str, Any]:
    """What JSON shows of a struct whose fields are all zero."""
    document: dict[str, Any] = {}
    for field in type.fields.values():
        if field.embedded:
            document.update(zero_document(field.type))
        elif not field.omitted and field.member != "-":
            document[field.member] = plain(wrap(field.type, None))
    return document


def plain(value: Any) -> Any:
    """Return what JSON shows of a value."""
    if isinstance(value, (Nil, NoValue)):
        return None
    if isinstance(value, Struct):
        return plain(value.plain())
    if isinstance(value, Map):
        return {str(key): plain(item) for key, item in sorted_items(value.raw)} if value.raw is not None else None
    if isinstance(value, List):
        return plain(value.raw)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    as_json = getattr(value, "as_json", None)
    return value if as_json is None else as_json()


def is_true(value: Any) -> bool:
    """Go's truth: false, 0, nil and what is empty are false; a struct and a time never are."""
    if isinstance(value, Struct):
        return True
    return bool(value)


def type_name(value: Any) -> str:
    """The name of a value's type in Go."""
    if isinstance(value, Struct):
        return value.title
    if isinstance(value, (List, Map, Nil)):
        return value.type.name
    if isinstance(value, bool):
        return "bool"
    return getattr(value, "go_name", "") or {str: "string", int: "int", float: "float64"}.get(type(value), "<nil>")


def show(value: Any, *, inside: bool = False) -> str:
    """Print a value as fmt.Print does. inside: within another value, where a nil map is no `<no value>`."""
    if isinstance(value, str):
        return value
    if value is NO_VALUE:
        return "<no value>"
    if value is None or isinstance(value, Nil):
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return show_float(value)
    if isinstance(value, Struct):
        return "{" + " ".join(show(item, inside=True) for item in value.values()) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{show(item, inside=True)}" for key, item in sorted_items(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(show(item, inside=True) for item in value) + "]"
    return str(value)


def sorted_items(value: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """The items of a map in the order of its keys, numbers among them by value."""
    return sorted(value.items(), key=lambda item: (not isinstance(item[0], int), item[0]))


def show_float(value: float) -> str:
    """Print a float as Go's `%v`: shortest digits, an exponent below 1e-4 and from 1e21 on."""
    text = repr(value)
    if text in ("inf", "-inf", "nan"):
        return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}[text]
    size = abs(value)
    if size and not 1e-4 <= size < 1e21:
        digits, _, exponent = text.partition("e")
        if not exponent:
            digits, _, exponent = f"{value:e}".partition("e")
            digits = digits.rstrip("0").rstrip(".")
        return (
            f"{digits.removesuffix('.0')}e{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-').zfill(2)}"
        )
    if "e" in text:
        text = f"{value:.0f}" if size >= 1 else f"{value:.20f}".rstrip("0")
    return text.removesuffix(".0")
