"""What the extension module exports has a caller in the package."""

from __future__ import annotations

import ast
from pathlib import Path

import libpod

PACKAGE = Path(libpod.__file__).parent
TESTS = Path(__file__).resolve().parents[1]

#: What tests alone call → why it is exported all the same.
FOR_TESTS = {
    "ping": "TLS and its errors without a document of a registry",
    "mount_image": "mounts that Podman counts with us, without a container",
    "unmount_image": "mounts that Podman counts with us, without a container",
    "mount_of": "how many users of a mount are counted",
    "check": "whether a store is whole",
    "apply_layer": "a layer beside GNU tar, Podman and umoci, without a store",
    "rebuild_layer": "a layer beside GNU tar, Podman and umoci, without a store",
    "diff_layer": "a layer beside GNU tar, Podman and umoci, without a store",
    "network_attach": "the network of a namespace without a container",
    "network_sweep": "the network of a namespace without a container",
}


def _exported() -> set[str]:
    """Functions, classes and the methods that have a name of their own, as `_core.pyi` tells them."""
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return {name for name in found if not name.startswith("__")}


def _named(folder: Path) -> set[str]:
    """Every attribute that is read and every name that is imported from the extension or `libpod.store`."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and node.module in ("libpod._core", "libpod.store"):
                found.update(alias.name for alias in node.names)
    return found


def test_every_export_has_a_caller() -> None:
    exported = _exported()
    assert len(exported) > 80
    assert sorted(exported - _named(PACKAGE) - set(FOR_TESTS)) == []


def test_what_tests_alone_call_is_called_by_them() -> None:
    text = " ".join(path.read_text() for path in TESTS.rglob("*.py") if path != Path(__file__))
    assert [name for name in FOR_TESTS if name not in _exported() or f".{name}(" not in text] == []
