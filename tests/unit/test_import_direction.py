"""Which way dependencies point, in Rust and in Python: a lower room never imports a higher one."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import libpod
from tests.support import rust_files

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "python" / "libpod"

#: What each crate may depend on inside the workspace.
CRATES = {
    "sys": set(),
    "json": set(),
    "digest": set(),
    "image": {"sys", "digest"},
    "layer": {"sys", "digest"},
    "store": {"sys", "digest", "layer"},
    "registry": {"sys", "digest"},
    "network": {"sys", "json"},
    "runtime": {"sys", "json", "digest"},
    "monitor": {"sys", "json", "network", "runtime"},
    "helper": {"sys", "json", "runtime", "monitor"},
    "python": {"sys", "json", "digest", "image", "layer", "store", "registry", "network", "runtime", "monitor"},
    "fuzz": {"sys", "json", "image", "layer", "registry", "runtime", "monitor"},
}

#: Rooms of the Python package, lowest first; a room imports from its own and lower levels.
LEVELS = (
    {"errors", "_core"},
    {"arguments", "document", "file", "parallel", "pattern", "programs", "quantity", "record", "release", "words"},
    {"address", "digest", "filters", "identity", "signals", "timestamp"},
    {"config"},
    {"places"},
    {"store"},
    {"host"},
    {"image", "network", "volume"},
    {"container"},
    {"info"},
    {"engine"},
    {"cli"},
    {"__main__"},
)

#: Import statements inside `if TYPE_CHECKING:` name types only and are no dependency at run time.
HEAVY = {
    "click",
    "pyroute2",
    "json",
    "re",
    "dataclasses",
    "typing",
    "subprocess",
    "pathlib",
    "tomllib",
    "logging",
    "argparse",
}


@pytest.mark.parametrize("crate", sorted(CRATES))
def test_crate_depends_on_lower_crates_only(crate: str) -> None:
    manifest = tomllib.loads((REPOSITORY / "rust" / crate / "Cargo.toml").read_text())
    internal = {name.removeprefix("libpod-") for name in manifest.get("dependencies", {}) if name.startswith("libpod-")}
    assert internal <= CRATES[crate]


def test_every_crate_is_listed() -> None:
    assert {path.name for path in (REPOSITORY / "rust").iterdir() if (path / "Cargo.toml").exists()} == set(CRATES)


def test_unsafe_stands_in_sys_only() -> None:
    for crate in set(CRATES) - {"sys"}:
        root = REPOSITORY / "rust" / crate / "src"
        heads = [path for path in (root / "lib.rs", root / "main.rs") if path.exists()]
        assert heads, crate
        for head in heads:
            assert "#![forbid(unsafe_code)]" in head.read_text(), head


def _level(room: str) -> int:
    for level, rooms in enumerate(LEVELS):
        if room in rooms:
            return level
    raise AssertionError(f"the room {room} has no level")


def _imports(path: Path, *, types: bool = False) -> set[str]:
    """Modules of libpod that a file imports, at its top or inside a function; with `types`, also for the type checker."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for other in [*(node.body if types else ()), *node.orelse]:
                visit(other)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name.startswith("libpod."))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "libpod":
            found.update(_home(node.module, alias.name) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found - {"libpod"}


def _home(module: str, name: str) -> str:
    """The module that `from module import name` imports: `module.name` where that is one."""
    base = PACKAGE.joinpath(*module.split(".")[1:], name)
    return f"{module}.{name}" if base.is_dir() or any(base.parent.glob(f"{name}.*")) else module


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_lower_rooms_only(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for room in {name.split(".")[1] for name in _imports(path)}:
        assert room == own or _level(room) < _level(own), f"{own} imports {room}"


def _circles(graph: dict[str, set[str]]) -> list[str]:
    """What is left when every module at an end, importing none of the rest or imported by none, was taken away, and again."""
    left = {name: imported & set(graph) for name, imported in graph.items()}
    while ends := [name for name in left if not left[name] or not any(name in imported for imported in left.values())]:
        for name in ends:
            del left[name]
        for imported in left.values():
            imported.difference_update(ends)
    return sorted(f"{name} -> {', '.join(sorted(imported))}" for name, imported in left.items())


def _graph(*, types: bool) -> dict[str, set[str]]:
    names = {path: ".".join(("libpod", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in _modules()}
    return {
        name.removesuffix(".__init__"): _imports(path, types=types) - {name.removesuffix(".__init__")}
        for path, name in names.items()
    }


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert _circles(_graph(types=False)) == []


def test_types_make_no_circle() -> None:
    assert _circles(_graph(types=True)) == []


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}
    assert _circles(graph) == ["a -> b", "b -> c", "c -> a"]


@pytest.mark.parametrize("crate", sorted(CRATES))
def test_no_file_of_a_crate_uses_itself_by_way_of_others(crate: str) -> None:
    graph = rust_files.graph(REPOSITORY / "rust" / crate / "src")
    assert graph
    assert _circles(graph) == []


#: File → code; `lib.rs` declares the modules.
CIRCLES_IN_RUST = {
    "a child and what its parent defines": {
        "lib.rs": "mod tree; pub struct Error; pub fn open() { tree::open() }",
        "tree.rs": "use super::Error; pub fn open() -> Result<(), Error> { Err(Error) }",
    },
    "two children, by full paths": {
        "lib.rs": "mod tree; mod walk;",
        "tree.rs": "pub fn open() { crate::walk::all::<u8>() }",
        "walk.rs": "pub fn all<T>() { super::tree::open() }",
    },
    "two children, by what their parent re-exports": {
        "lib.rs": "mod tree; mod walk; pub use tree::{self as forest, Tree}; pub(crate) use walk::*;",
        "tree.rs": "use crate::all; pub struct Tree; fn f() { all() }",
        "walk.rs": "pub fn all() -> super::forest::Tree { super::Tree }",
    },
    "folders": {
        "lib.rs": "mod tree; mod walk;",
        "tree/mod.rs": "mod leaf; pub use leaf::Leaf;",
        "tree/leaf.rs": "pub struct Leaf(crate::walk::Step);",
        "walk.rs": "use super::tree::Leaf; pub enum Step { At(Leaf) }",
    },
}


@pytest.mark.parametrize("name", CIRCLES_IN_RUST)
def test_a_circle_of_files_is_found(name: str, tmp_path: Path) -> None:
    _write(tmp_path, CIRCLES_IN_RUST[name])
    assert len(_circles(rust_files.graph(tmp_path))) == 2


def test_declarations_re_exports_tests_and_words_are_no_use(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "lib.rs": """
                //! Start at `tree::open`; /* crate::walk::all() */
                mod tree;
                mod walk;
                pub use tree::open;
                pub struct Error { walk: u8 }
                #[cfg(test)]
                mod tests { fn f() { super::walk::all() } }
            """,
            "tree.rs": r"""
                use super::Error;
                use std::fmt;
                /* outer /* crate::walk::all() */ crate::walk::all() */
                pub fn open<'a>(walk: &'a str) -> Error {
                    let walk = ('"', '\'', "crate::walk::all() \" ", r#"" crate::walk::all() "#, b'"').len();
                    // crate::walk::all()
                    walk.open::<u8>(Error { walk })
                }
            """,
            "walk.rs": "use crate::tree; pub fn all() { tree::open() } #[cfg(test)] use crate::nonesuch;",
        },
    )
    assert rust_files.graph(tmp_path) == {
        "lib.rs": set(),
        "tree.rs": {"lib.rs"},
        "walk.rs": {"tree.rs"},
    }


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, code in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)


def test_only_the_command_line_imports_click_or_prints() -> None:
    for path in _modules():
        if path.relative_to(PACKAGE).parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "click" for name in names), path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "exit"), f"{path}:{node.lineno}"


def _loaded(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_libpod_loads_nothing_else() -> None:
    assert _loaded("import libpod") <= {"libpod", "__future__"}


@pytest.mark.parametrize(
    "modules",
    [
        "libpod.cli.main",
        "libpod.engine, libpod.container.manager, libpod.image.manager, libpod.cli.container.run",
        "libpod.cli.container.exec, libpod.cli.container.ps, libpod.cli.image.ls",
    ],
)
def test_way_of_a_command_imports_nothing_heavy(modules: str) -> None:
    assert not _loaded(f"import {modules}") & HEAVY


def test_public_names_are_what_all_says() -> None:
    for name in libpod.__all__:
        assert getattr(libpod, name) is not None
    with pytest.raises(AttributeError):
        _ = libpod.nonesuch  # type: ignore[attr-defined]


#: Command → modules that it does not need, and so must not pay for.
UNNEEDED = {
    "version": {"libpod._core", "libpod.store", "libpod.quantity", "libpod.words", "libpod.cli.print.escape"},
    "ps": {
        "libpod.container.judge",
        "libpod.container.options",
        "libpod.container.mount_options",
        "libpod.container.security",
        "libpod.container.filtering",
        "libpod.filters",
        "libpod.address",
        "libpod.image",
        "libpod.network.manager",
    },
    "images": {"libpod.container", "libpod.network", "libpod.address", "libpod.image.copy", "libpod.image.transport"},
}


@pytest.mark.parametrize("command", UNNEEDED)
def test_a_command_loads_only_what_it_needs(command: str, tmp_path: Path) -> None:
    words = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), command]
    script = f"import sys; from libpod.cli.main import run; run({words!r})"
    loaded = set(_run(f"{script}; sys.stdout.flush(); print('loaded', *sys.modules, file=sys.stderr)").split())
    assert "libpod.cli.main" in loaded
    assert not loaded & UNNEEDED[command]


def _run(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
