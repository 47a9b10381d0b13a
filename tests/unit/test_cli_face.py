"""What the command line takes of the nouns: values, and words parsed into values. What is done, a manager does.

Of `container`, `image`, `network` and `volume` a module of `libpod.cli` imports by name, and only: classes (models, options,
managers, errors), constants, aliases of types, and functions that parse a text (`parse_…`, `split_…`). A verb is a method of a
manager, so that Python, and not only the command line, has it. Nothing private is imported, and the ground below the engine
(`engine.host`, `engine.store`) is reached into at one place.
"""

from __future__ import annotations

import ast
from importlib import import_module
from inspect import isclass
from pathlib import Path

import pytest

import libpod

CLI = Path(libpod.__file__).parent / "cli"
NOUNS = {"container", "image", "network", "volume"}
PARSERS = ("parse_", "split_")
#: The question on the terminal, and what is told of the store when a command ends.
GROUND = {"context.py"}


def _imports(tree: ast.AST) -> list[tuple[str, str]]:
    """Module and name of each import from a noun; the name is "" where a module is imported whole."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
    return [(module, name) for module, name in found if len(module.split(".")) > 1 and module.split(".")[1] in NOUNS]


def _is_face(module: str, name: str) -> bool:
    """Whether a name of a noun is a value, a parser or a constant; an alias of types is there for the type checker alone."""
    if not name or name.startswith("_"):
        return False
    found = getattr(import_module(module), name, None)
    if found is None:
        return name[0].isupper() and not (Path(libpod.__file__).parent / module.split(".", 1)[1] / name).exists()
    return isclass(found) or name.isupper() or (callable(found) and name.startswith(PARSERS))


def _modules() -> list[Path]:
    return sorted(CLI.rglob("*.py"))


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(CLI)))
def test_the_command_line_takes_values_and_parsers_only(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert [found for found in _imports(tree) if not _is_face(*found)] == []
    # `from libpod.image import reference` would be a way around.
    assert [
        f"{node.module} {alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module in {f"libpod.{noun}" for noun in NOUNS})
        for alias in node.names
        if (CLI.parent / node.module.split(".")[1] / f"{alias.name}.py").exists()
    ] == []


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(CLI)))
def test_the_ground_is_reached_into_at_one_place(path: Path) -> None:
    reached = {
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("host", "store", "_host", "_store")
        and ast.unparse(node.value).rpartition(".")[2] in ("engine", "_engine", "manager", "images", "containers")
    }
    assert not reached or str(path.relative_to(CLI)) in GROUND


def test_a_verb_and_a_private_name_are_seen() -> None:
    for module, name, expected in (
        ("libpod.image.docker", "list_tags", False),
        ("libpod.container.lifecycle", "stop", False),
        ("libpod.container.manager", "_hidden", False),
        ("libpod.image.sizes", "", False),
        ("libpod.image.login", "LoginManager", True),
        ("libpod.container.security", "CAPABILITIES", True),
        ("libpod.container.records", "Damaged", True),
        ("libpod.image.reference", "split_stored", True),
    ):
        assert _is_face(module, name) is expected, (module, name)
