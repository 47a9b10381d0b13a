"""Two stores beside each other: what is in the one must be in the other, to the byte and to the nanosecond."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.cli import Cli
from tests.support.tree import Tree, root_attributes


def records(program: Cli, table: str) -> list[dict[str, Any]]:
    """The records of `images` or `layers` of a program's store, by id."""
    found = json.loads((program.root / f"overlay-{table}" / f"{table}.json").read_text())
    return sorted(found, key=lambda record: str(record["id"]))


def _without_times(record: dict[str, Any]) -> dict[str, Any]:
    """A record without the moment of its making, which for an image is the config's."""
    return {name: value for name, value in record.items() if name != "created"}


def assert_equal_records(ours: Cli, theirs: Cli) -> None:
    """Compare all records and data items: ids, parents, digests, sizes, names, manifests, configs."""
    mine, other = records(ours, "images"), records(theirs, "images")
    for image in (*mine, *other):
        image["big-data-sizes"] = dict(sorted(image["big-data-sizes"].items()))
    assert mine == other
    assert [*map(_without_times, records(ours, "layers"))] == [*map(_without_times, records(theirs, "layers"))]
    for image in mine:
        place = Path("overlay-images") / image["id"]
        names = sorted(path.name for path in (theirs.root / place).iterdir())
        assert sorted(path.name for path in (ours.root / place).iterdir()) == names
        for name in names:
            assert (ours.root / place / name).read_bytes() == (theirs.root / place / name).read_bytes()


def two_trees(first: Path, second: Path) -> tuple[Tree, Tree]:
    """Read two trees at the same time."""
    with ThreadPoolExecutor(2) as pool:
        mine, other = pool.map(Tree, (first, second))
        return mine, other


def assert_equal_layers(ours: Cli, theirs: Cli) -> dict[str, Tree]:
    """Compare the files of every layer; our trees by their layer's id."""
    trees = {}
    for layer in records(ours, "layers"):
        mine, other = (program.root / "overlay" / layer["id"] / "diff" for program in (ours, theirs))
        tree, their_tree = two_trees(mine, other)
        assert tree.differences(their_tree) == []
        assert root_attributes(mine) == root_attributes(other)
        trees[layer["id"]] = tree
    return trees


def assert_equal_stores(ours: Cli, theirs: Cli) -> None:
    """Compare all that is in two stores: records, data items, trees."""
    assert_equal_records(ours, theirs)
    assert_equal_layers(ours, theirs)
