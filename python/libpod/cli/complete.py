"""`podman __complete` and `__completeNoDesc`: what a shell offers for an unfinished command line.

Start reading at `answer`. The protocol is cobra's: a line for each offer, with a tab and its description, then `:` and a number that
tells the shell what to do. The scripts of `podman completion` ask by it, and so do those that Podman's packages install. Nothing
is ever run, and an engine that cannot be opened offers nothing: completion must not fail in the middle of a line.
"""

from __future__ import annotations

import sys

from libpod.cli.context import Context, Options
from libpod.cli.print.escape import printable
from libpod.cli.registry import ALIASES, COMMANDS, GLOBAL_OPTIONS, GROUP_TITLES, GROUPS, HIDDEN, load
from libpod.errors import LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from libpod.cli.command import Command, Option

    #: What is offered, each with its description, and what the shell does with it.
    Offers = tuple[list[tuple[str, str]], int]
    Source = Callable[[Context], Iterable[str]]

#: cobra's directives: an error, no blank behind the offer, no names of files.
ERROR, NO_SPACE, NO_FILES = 1, 2, 4
_NAMES = {
    ERROR: "ShellCompDirectiveError",
    NO_SPACE: "ShellCompDirectiveNoSpace",
    NO_FILES: "ShellCompDirectiveNoFileComp",
}


def answer(words: list[str], *, globals: Options, described: bool) -> int:
    """Print what fits the last of `words`, which stand behind `podman`. globals: options that were given already.

    Returns the exit code.
    """
    try:
        offers, directive = _offers(words, globals)
    except (LibpodError, OSError):
        offers, directive = [], ERROR
    for value, text in offers:
        # A name with a line break would be two offers.
        if value.isprintable():
            sys.stdout.write(
                f"{value}\t{printable(text.partition(chr(10))[0])}\n" if text and described else f"{value}\n"
            )
    sys.stdout.write(f":{directive}\n")
    names = ", ".join(name for bit, name in _NAMES.items() if directive & bit) or "ShellCompDirectiveDefault"
    sys.stderr.write(f"Completion ended with directive: {names}\n")
    return 0


def _offers(words: list[str], globals: Options) -> Offers:
    *before, unfinished = words
    line = _Line(before, globals)
    if line.awaited is not None:
        return _values(line, line.awaited, unfinished)
    if unfinished.startswith("-") and not line.ended:
        name, equals, value = unfinished.partition("=")
        option = line.known.get(name)
        if equals and option is not None:
            return _values(line, option, value)
        return _flags(line, unfinished)
    if line.command is None:
        return _commands(line, unfinished), 0 if line.group is None else NO_FILES
    return _arguments(line, unfinished)


class _Line:
    """What the finished words say: the command, its positional arguments, the option that waits for its value."""

    def __init__(self, words: Sequence[str], globals: Options) -> None:
        self.command: Command | None = None
        #: Where the command is looked for: "" at the top, the group's name, None for an unknown word.
        self.group: str | None = ""
        self.path = ""
        self.arguments: list[str] = []
        self.given: set[str] = set()
        self.awaited: Option | None = None
        self.ended = False
        self.globals = globals
        self.known: dict[str, Option] = {}
        self._declare(GLOBAL_OPTIONS)
        for word in words:
            self._read(word)

    def _declare(self, options: Sequence[Option]) -> None:
        self.known.update((name, option) for option in options for name in (*option.names, *option.aliases))

    def _read(self, word: str) -> None:
        if self.awaited is not None:
            self._set(self.awaited, word)
            self.awaited = None
        elif word == "--" and not self.ended:
            self.ended = True
        elif word.startswith("-") and len(word) > 1 and not self.ended:
            name, equals, value = word.partition("=")
            option = self.known.get(name if word.startswith("--") else "-" + word[-1])
            if option is None:
                return
            self.given.add(option.names[0])
            if equals:
                self._set(option, value)
            elif option.kind != "bool":
                self.awaited = option
        else:
            self._argument(word)

    def _set(self, option: Option, value: str) -> None:
        if option in GLOBAL_OPTIONS:
            setattr(self.globals, option.field, [value] if option.kind in ("strings", "array") else value)
            self.globals.given.add(option.field)

    def _argument(self, word: str) -> None:
        if self.command is not None:
            self.arguments.append(word)
            self.ended = self.ended or not self.command.interspersed
            return
        table = COMMANDS if self.group == "" else GROUPS.get(self.group or "", {})
        if word in table:
            self.command = load(table[word])
            self.path = f"{self.group} {word}".strip()
            self._declare(self.command.options)
        elif self.group == "" and word in GROUPS:
            self.group = word
        else:
            self.group = None


def _commands(line: _Line, unfinished: str) -> list[tuple[str, str]]:
    if line.group is None:
        return []
    if line.group:
        aliases = ALIASES.get(line.group, {})
        table = {name: load(home).short for name, home in GROUPS[line.group].items() if name not in aliases}
    else:
        table = {name: load(home).short for name, home in COMMANDS.items() if name not in HIDDEN} | GROUP_TITLES
    return [(name, text) for name, text in sorted(table.items()) if name.startswith(unfinished)]


def _flags(line: _Line, unfinished: str) -> Offers:
    declared: list[Option] = list(GLOBAL_OPTIONS) if line.command is None else [*GLOBAL_OPTIONS, *line.command.options]
    offers = {}
    for option in declared:
        repeated = option.kind in ("strings", "array")
        if not option.hidden and (repeated or option.names[0] not in line.given):
            offers.update({name: option.help for name in option.names if name.startswith(unfinished)})
    if "--help".startswith(unfinished):
        offers["--help"] = "Help for podman"
    return sorted(offers.items()), NO_FILES


# What an argument can be ----------------------------------------------------------------------------------------------


def _containers(*states: str) -> Source:
    def names(context: Context) -> Iterable[str]:
        for container in context.engine.containers.list(all=True):
            if container.name and (not states or container.state.status in states):
                yield container.name

    return names


def _images(context: Context) -> Iterable[str]:
    for image in context.engine.images.list():
        yield from image.names


def _networks(context: Context) -> Iterable[str]:
    return (network.name for network in context.engine.networks.list(damaged=[]))


def _files(context: Context) -> Iterable[str]:
    """The shell knows the files."""
    return ()


#: Command → what its arguments are; the last one stands for all that follow. A command that is not here takes none.
_ARGUMENTS: dict[str, tuple[tuple[Source, ...], ...]] = {
    "attach": ((_containers("running"),), ()),
    "completion": ((lambda context: ("bash", "fish", "zsh"),), ()),
    "container cleanup": ((_containers("exited"),),),
    "container exists": ((_containers(),), ()),
    "container inspect": ((_containers(),),),
    "create": ((_images,), (_files,)),
    "exec": ((_containers("running"),), (_files,)),
    "history": ((_images,), ()),
    "image exists": ((_images,), ()),
    "image inspect": ((_images,),),
    "images": ((_images,), ()),
    "import": ((_files,), ()),
    "inspect": ((_containers(), _images, _networks),),
    "kill": ((_containers("running"),),),
    "logs": ((_containers(),),),
    "network exists": ((_networks,), ()),
    "network inspect": ((_networks,),),
    "pause": ((_containers("running"),),),
    "port": ((_containers(),), ()),
    "pull": ((_images,),),
    "push": ((_images,), (_files,), ()),
    "rename": ((_containers(),), ()),
    "restart": ((_containers(),),),
    "rm": ((_containers(),),),
    "rmi": ((_images,),),
    "run": ((_images,), (_files,)),
    "save": ((_images,),),
    "start": ((_containers("created", "exited"),),),
    "stop": ((_containers("running"),),),
    "tag": ((_images,),),
    "top": ((_containers("running"),), ()),
    "unpause": ((_containers("paused"),),),
    "untag": ((_images,),),
    "wait": ((_containers(),),),
}
_SAME = {"image list": "images", "image ls": "images", "image rm": "rmi"}


def _arguments(line: _Line, unfinished: str) -> Offers:
    path = _SAME.get(line.path, line.path)
    places = _ARGUMENTS.get(path) or _ARGUMENTS.get(path.partition(" ")[2]) or ((),)
    sources = places[min(len(line.arguments), len(places) - 1)]
    if _files in sources:
        return [], 0
    return [(name, "") for name in _ask(line, sources) if name.startswith(unfinished)], NO_FILES


def _ask(line: _Line, sources: Iterable[Source]) -> list[str]:
    context = Context(line.globals)
    try:
        return list(dict.fromkeys(name for source in sources for name in source(context)))
    finally:
        context.close()


# What the value of an option can be -----------------------------------------------------------------------------------

_OF_A_CONTAINER = "container" + ":"
_SPACES = ("host", "private", _OF_A_CONTAINER)
#: Option → the words that it takes.
_WORDS: dict[str, Sequence[str]] = {
    "--arch": "386 amd64 arm arm64 ppc64 ppc64le mips mipsle mips64 mips64le riscv64 s390x".split(),
    "--cgroup-manager": ("cgroupfs",),
    "--cgroupns": ("host", "private"),
    "--compression-format": ("gzip", "zstd"),
    "--condition": "unknown configured created exited initialized paused removing running stopped stopping".split(),
    "--image-volume": ("bind", "tmpfs", "ignore"),
    "--ipc": (*_SPACES, "none", "shareable"),
    "--log-driver": ("k8s-file", "none"),
    "--log-level": ("warn", "warning", "error", "fatal", "panic"),
    "--os": ("linux",),
    "--pid": _SPACES,
    "--pull": ("always", "missing", "never", "newer"),
    "--restart": ("no",),
    "--systemd": ("true", "false"),
    "--type": ("all", "container", "image", "network"),
    "--userns": ("host",),
    "--uts": _SPACES,
}
#: Options whose values the shell completes as names of files.
_PATHS = frozenset(
    "--authfile --cert-dir --cidfile --device --env-file --iidfile --init-path --input --label-file --output --pidfile --root"
    " --runroot --volume --workdir".split()
)
_YES_NO = ("true", "false")
#: Command → filter → what it takes: a source, words, or nothing that is known.
_FILTERS: dict[str, dict[str, Source | Sequence[str]]] = {
    "ps": {
        "ancestor": _images,
        "before": _containers(),
        "exited": (),
        "health": ("healthy", "none", "starting", "unhealthy"),
        "id": (),
        "label": (),
        "name": _containers(),
        "network": _networks,
        "pod": (),
        "since": _containers(),
        "status": ("created", "running", "paused", "stopped", "exited", "unknown"),
        "until": (),
        "volume": (),
    },
    "images": {
        "after": _images,
        "before": _images,
        "containers": _YES_NO,
        "dangling": _YES_NO,
        "id": (),
        "intermediate": _YES_NO,
        "label": (),
        "readonly": _YES_NO,
        "reference": _images,
        "since": _images,
        "until": (),
    },
    "prune": {"label": (), "until": ()},
    "network": {"driver": ("bridge",), "id": (), "label": (), "name": _networks},
}


def _values(line: _Line, option: Option, unfinished: str) -> Offers:
    name = option.names[0]
    if name in _PATHS:
        return [], 0
    if name == "--format":
        return _format_values(line, unfinished)
    if name == "--filter":
        return _filter_values(line, unfinished)
    if name == "--network":
        words: Iterable[str] = ("bridge", "none", "host", "private", _OF_A_CONTAINER, *_ask(line, (_networks,)))
    elif name in ("--cap-add", "--cap-drop"):
        words = _capabilities()
    elif name in ("--signal", "--stop-signal"):
        words = _signals(unfinished)
    else:
        words = option.choices or _WORDS.get(name, ())
    fitting = [(word, "") for word in words if word.startswith(unfinished)]
    open_end = any(word.endswith((":", "=")) for word, _ in fitting)
    return fitting, NO_FILES | (NO_SPACE if open_end else 0)


def _capabilities() -> list[str]:
    from libpod.container.security import CAPABILITIES

    return sorted(name.removeprefix("CAP_") for name in CAPABILITIES)


def _signals(unfinished: str) -> list[str]:
    import signal

    start = "SIG" if unfinished.startswith("SIG") else ""
    return sorted(start + name.name.removeprefix("SIG") for name in signal.Signals)


def _filter_values(line: _Line, unfinished: str) -> Offers:
    kind = "images" if line.path in ("images", "image list", "image ls") else line.path.rpartition(" ")[2]
    filters = _FILTERS.get("network" if line.path.startswith("network ") else kind, _FILTERS["ps"])
    key, equals, value = unfinished.partition("=")
    if not equals:
        return [(name + "=", "") for name in filters if name.startswith(unfinished)], NO_SPACE | NO_FILES
    takes = filters.get(key, ())
    words = _ask(line, (takes,)) if callable(takes) else takes
    return [(f"{key}={word}", "") for word in words if word.startswith(value)], NO_FILES


# Templates ------------------------------------------------------------------------------------------------------------

#: Command → the declared type of what its template sees, or the module whose `LISTING` says it.
_DOCUMENTS = {
    "container inspect": "define.InspectContainerData",
    "history": "image.history",
    "image inspect": "inspect.ImageData",
    "images": "image.ls",
    "info": "define.Info",
    "inspect": "define.InspectContainerData",
    "network inspect": "types.NetworkInspectReport",
    "network list": "network.ls",
    "network ls": "network.ls",
    "ps": "container.ps",
    "version": "types.SystemVersionReport",
}


def _format_values(line: _Line, unfinished: str) -> Offers:
    start = unfinished.rfind("{{")
    if start < 0:
        return [("json", "")] if "json".startswith(unfinished) else [], NO_FILES
    path = _SAME.get(line.path, line.path)
    place = _DOCUMENTS.get(path) or _DOCUMENTS.get(path.replace("container list", "ps").rpartition(" ")[2], "")
    dot = unfinished.rfind(".", start)
    if not place or dot < 0 or "}}" in unfinished[start:]:
        return [], NO_FILES
    # The chain of fields that the unfinished one ends.
    begin = max(unfinished.rfind(mark, start, dot) for mark in " ({")
    chain = unfinished[begin + 1 : dot].strip(".").split(".") if dot > begin + 1 else []
    names = _fields(place, [name for name in chain if name])
    fitting = [name for name in names if name.startswith(unfinished[dot + 1 :])]
    return [(unfinished[: dot + 1] + name, "") for name in fitting], NO_SPACE | NO_FILES


def _fields(place: str, chain: list[str]) -> list[str]:
    """What can follow a chain of fields: a name ends in `.` when further names can follow it, in `}}` otherwise."""
    from libpod.cli.print.moment import METHODS as MOMENTS
    from libpod.cli.print.types import type_of

    computed: Iterable[str] = ()
    if place.partition(".")[0] in ("container", "image", "network"):
        listing = __import__(f"libpod.cli.{place}", fromlist=["LISTING"]).LISTING
        kind, computed = type_of(listing.type), listing.fields
    else:
        kind = type_of(place)
    for name in chain:
        field = kind.field(name) if kind.kind == "struct" else None
        if field is None:
            return []
        kind = field.type.element if field.type.kind == "pointer" and field.type.element else field.type
        computed = ()
    if kind.kind == "time":
        return sorted(f"{name}}}}}" for name, (_, count) in MOMENTS.items() if not count)
    if kind.kind != "struct":
        return []
    found = {name: f"{name}}}}}" for name in computed}
    for field in kind.all_fields():
        inner = field.type.element if field.type.kind == "pointer" and field.type.element else field.type
        found.setdefault(field.name, field.name + ("." if inner.kind in ("struct", "map", "time") else "}}"))
    return list(found.values())
