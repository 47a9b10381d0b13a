"""Which containers a verb is for: names, `--all`, `--latest`, `--cidfile`, `--filter`, `--ignore`."""

from __future__ import annotations

from libpod.cli.command import Option, flag
from libpod.errors import ContainerNotFoundError, LibpodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libpod.cli.context import Context, Options
    from libpod.container.model import Container

LATEST = flag("--latest", "-l", help="Act on the latest container podman is aware of")
CIDFILE = Option("--cidfile", kind="array", help="Read the container ID from the file")
IGNORE = flag("--ignore", "-i", help="Ignore errors when a specified container is missing")
FILTER = Option("--filter", "-f", kind="strings", help="Filter output based on conditions given")


def all_of(what: str) -> Option:
    """Declare `--all` for a verb."""
    return flag("--all", "-a", help=what)


def select(
    context: Context, options: Options, names: Sequence[str], *, ignore: bool | None = None
) -> list[tuple[str, Container]]:
    """Find the containers that a command line names, each with the word to report it by; nothing is done to any of them.

    ignore: in place of the option `--ignore`.
    Raises: UsageError where nothing or too much is named; ContainerNotFoundError for the first unknown name.
    """
    given = vars(options)
    everything, latest = given.get("all", False), given.get("latest", False)
    cidfiles, filters = given.get("cidfile") or [], given.get("filter") or []
    words = [*names, *(read_cidfile(path) for path in cidfiles)]
    _check(bool(words), everything=everything, latest=latest, filtered=bool(filters))
    manager = context.engine.containers
    if latest:
        newest = manager.latest()
        return [(newest.id, newest)]
    if filters:
        from libpod.container.listing import list_rows

        rows = list_rows(context.engine.host, all=True, filters=filters)
        return [(row.container.id, row.container) for row in rows]
    if everything:
        return [(container.id, container) for container in manager.list(all=True)]
    found = []
    for word in words:
        try:
            found.append((word, manager.lookup(word)))
        except ContainerNotFoundError:
            if not (given.get("ignore", False) if ignore is None else ignore):
                raise
    return found


def _check(named: bool, *, everything: bool, latest: bool, filtered: bool) -> None:
    if everything and latest:
        raise UsageError("--all and --latest cannot be used together")
    if named and everything:
        raise UsageError("no arguments are needed with --all")
    if named and latest:
        raise UsageError("--latest and containers cannot be used together")
    if not named and not everything and not latest and not filtered:
        raise UsageError("you must provide at least one name or id")


def read_cidfile(path: str) -> str:
    """Read the id that `--cidfile` of `run` wrote."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip().partition("\n")[0]
    except OSError as error:
        raise LibpodError(
            f"reading CIDFile: open {path}: {(error.strerror or '').lower()}", path=path, errno=error.errno
        ) from None


def for_each(context: Context, found: Sequence[tuple[str, Container]], act: Callable[[Container], bool | None]) -> int:
    """Act on each container and print its word, unless the act answers False; go on after an error, report all but the last.

    The last error is raised, so that the program ends as after a single one; always with 125, never with a code that
    speaks of a container's command.
    """
    last: LibpodError | OSError | None = None
    for word, container in found:
        try:
            done = act(container)
        except (LibpodError, OSError) as error:
            if last is not None:
                context.report(last)
            last = error
            continue
        if done is not False:
            context.write(word)
    if last is not None:
        if isinstance(last, LibpodError):
            last.exit_code = LibpodError.exit_code
        raise last
    return 0
