"""Which containers a verb is for: names, `--all`, `--latest`, `--cidfile`, `--filter`, `--ignore`."""

from __future__ import annotations

from libpod.cli.command import Option, flag
from libpod.errors import ContainerNotFoundError, InvalidError, LibpodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from libpod.cli.context import Context, Options
    from libpod.container.model import Container, ContainerState
    from libpod.container.records import Damaged

    Failure = LibpodError | OSError
    Result = TypeVar("Result")

LATEST = flag(
    "--latest", "-l", help='Act on the latest container podman is aware of\nNot supported with the "--remote" flag'
)
CIDFILE = Option("--cidfile", kind="array", help="Read the container ID from the file")
IGNORE = flag("--ignore", "-i", help="Ignore errors when a specified container is missing")
TIME = Option(
    "--time",
    "-t",
    kind="int",
    default=10,
    help="Seconds to wait for stop before killing the container; a negative number waits for ever",
    aliases=("--timeout",),
)
FILTER = Option("--filter", "-f", kind="array", help="Filter output based on conditions given")


def all_of(what: str) -> Option:
    """Declare `--all` for a verb."""
    return flag("--all", "-a", help=what)


def select(
    context: Context,
    options: Options,
    names: Sequence[str],
    *,
    ignore: bool | None = None,
    all_in: Callable[[ContainerState], bool] | None = None,
) -> list[tuple[str, Container]]:
    """Find the containers that a command line names, each with the word to report it by; nothing is done to any of them.

    ignore: in place of the option `--ignore`. all_in: the states of those that `--all` means.
    Raises: UsageError where nothing or too much is named; ContainerNotFoundError for the first unknown name.
    """
    given = vars(options)
    everything, latest = given.get("all", False), given.get("latest", False)
    cidfiles, filters = given.get("cidfile") or [], given.get("filter") or []
    if ignore is None:
        ignore = given.get("ignore", False)
    _check(bool(names or cidfiles), everything=everything, latest=latest, filtered=bool(filters))
    words = [*names, *(word for path in cidfiles if (word := read_cidfile(path, ignore=given.get("ignore", False))))]
    manager = context.engine.containers
    if latest:
        newest = manager.latest()
        return [(newest.id, newest)]
    if filters:
        damaged: Damaged = []
        rows = manager.rows(all=True, filters=filters, damaged=damaged)
        context.warn_damaged(damaged)
        return [(row.container.id, row.container) for row in rows]
    if everything:
        return [(one.id, one) for one in manager.list(all=True) if all_in is None or all_in(one.state)]
    found = []
    for word in words:
        try:
            found.append((word, manager.lookup(word)))
        except ContainerNotFoundError:
            if not ignore:
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


def read_cidfile(path: str, *, ignore: bool = False) -> str | None:
    """Read the id that `--cidfile` of `run` wrote; with `ignore`, None if there is no such file.

    Raises: LibpodError if it cannot be read, InvalidError if it is empty.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            word = file.read().strip().partition("\n")[0]
    except OSError as error:
        if ignore and isinstance(error, FileNotFoundError):
            return None
        raise LibpodError(
            f"reading CIDFile: open {path}: {(error.strerror or '').lower()}", path=path, errno=error.errno
        ) from None
    if not word:
        raise InvalidError(f"reading CIDFile {path}: name or ID cannot be empty", path=path)
    return word


def for_each(
    context: Context,
    found: Sequence[tuple[str, Container]],
    verb: Callable[..., Result],
    *,
    tell: Callable[[Container, Result], bool | None] = lambda container, result: None,
    failed: Callable[[Container, Failure], Failure] = lambda container, error: error,
    **options: object,
) -> int:
    """Do a verb of the manager to all containers and print the word of each; then report all errors but the last.

    tell: says what a result has to say before that; if it answers False, the word is not printed. failed: words an error. The
    last error is raised, so that the program ends as after a single one; always with 125, never with a code that speaks of a
    container's command.
    """
    # A container that is named twice is told of twice, each time by its word.
    words = {id(container): word for word, container in found}
    errors: list[Failure] = []
    for container, outcome in context.engine.containers.each(verb, [container for _, container in found], **options):
        if isinstance(outcome, (LibpodError, OSError)):
            errors.append(failed(container, outcome))
        elif tell(container, outcome) is not False:
            context.write(words[id(container)])
    for error in errors[:-1]:
        context.report(error)
    if errors:
        last = errors[-1]
        if isinstance(last, LibpodError):
            last.exit_code = LibpodError.exit_code
        raise last
    return 0
