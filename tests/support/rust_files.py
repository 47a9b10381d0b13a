"""Which file of a Rust crate uses which other one: read from the paths in its code, tests left out.

`graph(src)` gives for each file below `src` the files whose items it names: by a `use`, by a path (`super::tree::open`) or by
a name that a `use` brought in. A path is followed through modules and re-exports to the file that defines its item, so a parent
that only re-exports a child uses nothing, and a child of it that names a sibling through it uses the sibling. Declaring a module
is no use of it. What is read is the code outside comments, strings and `#[cfg(test)]`; methods are not followed to their types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_TOKEN = re.compile(
    r"""
    //[^\n]*
    | (?P<comment>/\*)
    | b?r(?P<hash>\#*)".*?"(?P=hash)
    | b?"(?:\\.|[^"\\])*"
    | b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\])'
    | (?P<token>'\w+|\w+|::|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE = set("([{"), set(")]}")
_ITEMS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"}


class Module:
    """What one file declares: its modules, what it defines, what a `use` brings in, and the other paths of its code."""

    def __init__(self, path: tuple[str, ...], file: Path) -> None:
        self.path = path
        self.file = file
        self.children: set[str] = set()
        self.defined: set[str] = set()
        self.uses: dict[str, tuple[str, ...]] = {}
        self.exported: set[str] = set()
        self.globs: list[tuple[str, ...]] = []
        self.paths: set[tuple[str, ...]] = set()


def graph(src: Path) -> dict[str, set[str]]:
    """File → files that it uses, both relative to `src`."""
    modules: dict[tuple[str, ...], Module] = {}
    for head in (src / "lib.rs", src / "main.rs"):
        if head.exists():
            _read(head, (head.stem,), src, modules)
    return {
        str(module.file.relative_to(src)): {
            str(file.relative_to(src)) for file in _used(module, modules) if file != module.file
        }
        for module in modules.values()
    }


def _read(file: Path, path: tuple[str, ...], folder: Path, modules: dict[tuple[str, ...], Module]) -> None:
    """Reads a file as the module `path`, whose children lie in `folder`, and then these."""
    module = modules[path] = Module(path, file)
    _parse(_without_tests(list(tokens(file.read_text()))), module)
    for name in module.children:
        beside, inside = folder / f"{name}.rs", folder / name / "mod.rs"
        _read(beside if beside.exists() else inside, (*path, name), folder / name, modules)


def tokens(text: str) -> Iterator[str]:
    """Words and marks of Rust code; comments, strings and characters are left out."""
    place = 0
    while found := _TOKEN.search(text, place):
        place = found.end()
        if found["comment"]:
            depth = 1
            while depth:
                mark = re.compile(r"/\*|\*/").search(text, place)
                assert mark, "a comment without an end"
                place, depth = mark.end(), depth + (1 if mark[0] == "/*" else -1)
        elif found["token"]:
            yield found["token"]


def _end(words: list[str], place: int) -> int:
    """Index after the bracket that closes the one at `place`."""
    depth = 0
    for index in range(place, len(words)):
        depth += (words[index] in _OPEN) - (words[index] in _CLOSE)
        if not depth:
            return index + 1
    raise AssertionError("a bracket is not closed")


def _without_tests(words: list[str]) -> list[str]:
    """The code without the items, statements and fields after `#[cfg(test)]`."""
    kept: list[str] = []
    place = 0
    while place < len(words):
        if words[place : place + 7] != ["#", "[", "cfg", "(", "test", ")", "]"]:
            kept.append(words[place])
            place += 1
            continue
        place += 7
        while words[place] not in (";", "{", ","):
            place = _end(words, place) if words[place] in _OPEN else place + 1
        place = _end(words, place) if words[place] == "{" else place + 1
    return kept


def _parse(words: list[str], module: Module) -> None:
    depth = place = 0
    exported = False
    while place < len(words):
        word = words[place]
        if word == "pub":
            exported = True
            place = _end(words, place + 1) if words[place + 1] == "(" else place + 1
            continue
        if word == "use":
            place = _use(words, place + 1, (), module, exported)
        elif word == "mod" and words[place + 2] == ";":
            module.children.add(words[place + 1])
            place += 2
        elif word in _ITEMS and not depth:
            mark = place + 2 if words[place + 1] in ("!", "mut", "fn", "unsafe") else place + 1
            module.defined.add(words[mark])
            place = mark
        elif word.isidentifier() and words[place - 1] not in (".", "::"):
            end = place + 1
            while words[end : end + 1] == ["::"] and words[end + 1].isidentifier():
                end += 2
            module.paths.add(tuple(words[place:end:2]))
            place = end - 1
        else:
            depth += (word in _OPEN) - (word in _CLOSE)
        exported = False
        place += 1


def _use(words: list[str], place: int, start: tuple[str, ...], module: Module, exported: bool) -> int:
    """Reads one tree of a `use` from `place` on; returns the index of what ends it: `;`, `,` or `}`."""
    path = start
    while True:
        word = words[place]
        if word == "{":
            while words[place] != "}":
                place = _use(words, place + 1, path, module, exported)
            return place + 1
        if word == "*":
            module.globs.append(path)
            return place + 1
        if word in ("}", ","):
            return place
        path = (*path, word) if word != "self" or not path else path
        place += 1
        if words[place] != "::":
            break
        place += 1
    name = path[-1]
    if words[place] == "as":
        name = words[place + 1]
        place += 2
    module.uses[name] = path
    if exported:
        module.exported.add(name)
    return place


def _used(module: Module, modules: dict[tuple[str, ...], Module]) -> set[Path]:
    """The files of what a module names; a name that it only re-exports is none."""
    named = {path[0] for path in module.paths}
    paths = [path for name, path in module.uses.items() if name not in module.exported or name in named]
    paths += [path for path in module.paths if len(path) > 1 or path[0] not in module.children]
    found = [_resolve(module, path, modules, ()) for path in paths]
    return {target.file for target in found if target}


def _resolve(
    module: Module, path: tuple[str, ...], modules: dict[tuple[str, ...], Module], seen: tuple[object, ...]
) -> Module | None:
    """The module that defines what `path` names in `module`; None for what is not of this crate."""
    if not path:
        return module
    if (module.path, path) in seen:
        return None
    seen = (*seen, (module.path, path))
    name, rest = path[0], path[1:]
    if name in ("crate", "self", "super"):
        target = {"crate": module.path[:1], "self": module.path, "super": module.path[:-1]}[name]
        return _resolve(modules[target], rest, modules, seen)
    if name in module.children:
        return _resolve(modules[(*module.path, name)], rest, modules, seen)
    if name in module.defined:
        return module
    if name in module.uses:
        target_module = _resolve(module, module.uses[name], modules, seen)
        if target_module and target_module.path[-1] == module.uses[name][-1]:
            return _resolve(target_module, rest, modules, seen)
        return target_module
    for glob in module.globs:
        parent = _resolve(module, glob, modules, seen)
        found = _resolve(parent, path, modules, seen) if parent else None
        if found:
            return found
    return None
