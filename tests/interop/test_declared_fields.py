"""The fields that templates know are those of the newer Podman: it is asked for their names and for their types."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from libpod.cli.container import ps
from libpod.cli.image import history, ls
from libpod.cli.network import ls as network_ls
from libpod.cli.print.declared import DECLARED
from libpod.cli.print.listing import Listing
from libpod.cli.print.types import Type, type_of
from libpod.cli.print.values import METHODS
from tests.support import container_images, newer, probe
from tests.support.cli import Cli

#: Command → the declared type of what its template sees.
DOCUMENTS = {
    "container inspect c": "define.InspectContainerData",
    "image inspect full": "inspect.ImageData",
    "network inspect podman": "types.NetworkInspectReport",
    "ps -a": "containers.psReporter",
    "images full": "images.imageReporter",
    "network ls": "network.ListPrintReports",
    "history full": "images.historyReporter",
    "version": "types.SystemVersionReport",
    "info": "define.Info",
}
LISTINGS: dict[str, Listing] = {
    "ps -a": ps.LISTING,
    "images full": ls.LISTING,
    "network ls": network_ls.LISTING,
    "history full": history.LISTING,
}

#: Text for libpod, a struct of its own for Podman, which prints as the text.
TEXTS = {"types.IPNet", "net.IP", "types.NetworkBackend"}
#: libpod reads them wherever Podman replaces them in the template's text, and Podman does not offer them.
ALIASES = {"Id", "ImageID", "Src", "Dst"}
#: A method that only a Go program can call.
UNUSABLE = {"UnmarshalJSON"}


@pytest.fixture(scope="module")
def podman() -> Iterator[Cli]:
    probe.needs_root()
    with (
        tempfile.TemporaryDirectory(prefix="df-", dir="/tmp", ignore_cleanup_errors=True) as name,
        newer.podman(Path(name) / "p") as program,
    ):
        container_images.make_images(program, Path(name))
        words = "--health-cmd true -v /tmp:/mnt -p 8080:80 --network podman --device /dev/null".split()
        program("create", "--name", "c", *words, "full", "true")
        yield program


def offered(podman: Cli, command: str, path: str) -> set[str]:
    """The names that Podman completes behind a path."""
    words = command.split()[: 2 if command.split()[0] in ("container", "image", "network") else 1]
    out = podman("__completeNoDesc", *words, "--format", "{{" + path + ".").stdout
    names = [line.removeprefix("{{").rstrip("}").rstrip(".") for line in out.splitlines() if line.startswith("{{")]
    return {name.rpartition(".")[2] for name in names} - UNUSABLE


def declared(type: Type) -> set[str]:
    """The names that a template may use behind a value of a declared type."""
    names = set(METHODS.get(type.name, {})) - ALIASES
    for field in type.fields.values():
        names.add(field.name)
        if field.embedded:
            names |= declared(field.type)
    return names


def struct_of(kind: Type) -> Type | None:
    """The struct that a template reaches through a field of a type by further names."""
    while kind.kind == "pointer" and kind.element is not None:
        kind = kind.element
    return kind if kind.kind == "struct" and kind.name in DECLARED and kind.name not in TEXTS else None


def paths(type: Type, path: str = "") -> Iterator[tuple[str, Type]]:
    """Every path that leads to a struct."""
    yield path, type
    for field in type.fields.values():
        inner = struct_of(field.type)
        if inner is not None and path.count(".") < 3:
            yield from paths(inner, f"{path}.{field.name}")


@pytest.mark.parametrize("command", DOCUMENTS)
def test_the_names_are_podmans(podman: Cli, command: str) -> None:
    for path, kind in paths(type_of(DOCUMENTS[command])):
        names = declared(kind)
        if not path and command in LISTINGS:
            names |= set(LISTINGS[command].fields)
        theirs = offered(podman, command, path)
        # What a row computes hides the field of the same name.
        assert theirs <= names, (command, path, theirs - names)
        assert names - theirs <= ({"Label"} if command == "ps -a" else set()), (command, path, names - theirs)


@pytest.mark.parametrize("command", DOCUMENTS)
def test_the_types_are_podmans(podman: Cli, command: str) -> None:
    found = set()
    for path, kind in paths(type_of(DOCUMENTS[command])):
        for field in kind.fields.values():
            computed = not path and command in LISTINGS and field.name in LISTINGS[command].fields
            # `ps` takes `.Namespaces.` away before it reads the template.
            if computed or "Namespaces" in path:
                continue
            found.add((f"{path}.{field.name}", field.type.name))
    lines = [f'{{{{printf "{path} %T" {path}}}}}' for path, _ in sorted(found)]
    theirs = dict(line.split(" ", 1) for line in _one_by_one(podman, command, lines))
    assert theirs
    for path, name in found:
        if path in theirs and not any(text in theirs[path] for text in TEXTS):
            assert theirs[path] == name, path


def _one_by_one(podman: Cli, command: str, lines: list[str]) -> Iterator[str]:
    """What the lines print, all at once; a path through a nil pointer is left out and the rest is tried again."""
    while lines:
        done = podman(*command.split(), "--format", "\\n".join(lines), code=None)
        if done.returncode == 0:
            yield from (line for line in done.stdout.splitlines() if line)
            return
        refused = done.stderr.partition(" at <")[2].partition(">")[0]
        left = [line for line in lines if f" {refused}}}" not in line]
        assert len(left) < len(lines), done.stderr
        lines = left
