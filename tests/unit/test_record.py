"""Records: values with named fields."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing

import pytest

import libpod
from libpod.record import Document, Record


class Point(Record):
    x: int
    y: int = 0
    tags: list[str] = []  # noqa: RUF012
    notes: dict[str, str] = {}  # noqa: RUF012

    SHAPE: typing.ClassVar[dict[str, type]] = {"x": int}


class Named(Point):
    name: str = ""


def test_fields_are_given_by_position_and_by_name() -> None:
    assert Point(1, 2) == Point(x=1, y=2) == Point(1, y=2)
    assert Point(1).y == 0
    assert Named(1, name="a").name == "a"
    assert list(Named.FIELDS) == ["x", "y", "tags", "notes", "name"]


@pytest.mark.parametrize(
    ("values", "given", "text"),
    [
        ((), {}, "Point needs x"),
        ((1,), {"z": 3}, "Point has no z"),
        ((1,), {"x": 3}, "x is given twice"),
        ((1, 2, [], {}, 5), {}, "Point has 4 fields, not 5"),
    ],
)
def test_a_field_that_is_none_or_missing_is_a_type_error(
    values: tuple[object, ...], given: dict[str, object], text: str
) -> None:
    with pytest.raises(TypeError, match=text):
        Point(*values, **given)  # type: ignore[arg-type]


def test_every_record_has_lists_and_mappings_of_its_own() -> None:
    first = Point(1)
    first.tags.append("a")
    first.notes["a"] = "b"
    assert (Point(1).tags, Point(1).notes) == ([], {})


def test_records_are_equal_when_class_and_fields_are() -> None:
    assert Point(1, tags=["a"]) == Point(1, tags=["a"])
    assert Point(1) != Point(2)
    assert Point(1) != Named(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(1))


def test_a_field_that_no_class_names_cannot_be_set() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 5  # type: ignore[attr-defined]


def test_a_record_shows_its_fields() -> None:
    assert repr(Point(1)) == "Point(x=1, y=0, tags=[], notes={})"


def test_a_document_reads_back_what_it_wrote() -> None:
    class Written(Document):
        name: str
        size: int = 0

    assert Written.from_document(Written("a", 5).to_document()) == Written("a", 5)
    with pytest.raises(KeyError, match="size"):
        Written.from_document({"name": "a"})


def _records() -> list[type[Record]]:
    for module in pkgutil.walk_packages(libpod.__path__, "libpod."):
        if not module.name.endswith(("__main__", "_core")):
            importlib.import_module(module.name)
    found: list[type[Record]] = []
    kinds: list[type[Record]] = [Record]
    while kinds:
        below = [kind for kind in kinds.pop().__subclasses__() if kind.__module__.startswith("libpod.")]
        found += below
        kinds += below
    return found


def test_defaults_are_of_the_types_that_are_annotated() -> None:
    """A type checker does not see this: it takes the defaults for values of the class."""
    kinds = _records()
    assert len(kinds) > 5
    for kind in kinds:
        annotations: dict[str, str] = {}
        for base in reversed(kind.__mro__):
            annotations.update(inspect.get_annotations(base))
        assert [name for name, said in annotations.items() if "ClassVar[" not in said] == list(kind.FIELDS)
        for field, default in kind.FIELDS.items():
            if default.__class__ is not object:
                said = annotations[field].replace("None", "NoneType").split(" | ")
                assert default.__class__.__name__ in [text.partition("[")[0] for text in said], f"{kind}: {field}"
