"""All containers of a host, and what can be done with them.

Start reading at `ContainerManager`: each verb stands in one module beside this one, and here by its name.
"""

from __future__ import annotations

from libpod import arguments
from libpod.container.model import Container
from libpod.container.records import Records
from libpod.document import write_document
from libpod.errors import ContainerNotFoundError, ExistsError, InvalidError, LibpodError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Concatenate, ParamSpec, TypeVar

    from libpod._core import Session
    from libpod.arguments import Word
    from libpod.container.foreground import Stay
    from libpod.container.logs import Damage
    from libpod.container.model import Started
    from libpod.container.options import ContainerOptions
    from libpod.container.records import Damaged, Row
    from libpod.image.reference import Reference
    from libpod.image.transport import Progress

    Words = ParamSpec("Words")
    Result = TypeVar("Result")

    # `list` is a method of the manager, as it is a verb of Podman's.
    Names = list[str]
    Rows = list[Row]
    Table = list[list[str]]


class ContainerManager(Records):
    """The containers of one host: their records, and every verb."""

    # From nothing to running ------------------------------------------------------------------------------------------

    def create(
        self,
        options: ContainerOptions,
        image: str | Reference,
        argv: Iterable[Word] = (),
        *,
        pull: str = "missing",
        progress: Callable[[], Progress] | None = None,
    ) -> Container:
        """Create a container of an image; nothing of it runs.

        image: a name or id, brought in as the policy `pull` says: `missing`, `never`, `always` or `newer`. progress: makes what
        is told of a pull; called only before one. On error nothing is left behind. What is not as it was asked for, and is no
        error, is in the container's `warnings`.
        Raises: TypeError for an argv that is one string and an option of another type than its field has, InvalidError,
        UnsupportedError (bad options), ImageNotFoundError and
        what a pull raises, ExistsError (name in use), ContainerNotFoundError (a container whose namespace shall be shared).
        """
        from libpod.container.creation import create
        from libpod.container.options import ContainerOptions

        words = arguments.strings("argv", argv)
        if not isinstance(options, ContainerOptions):
            raise TypeError(f"options must be ContainerOptions, not {type(options).__name__}")
        return create(self._host, options.checked(), image, words, pull=pull, progress=progress)

    def replace(self, name: str) -> Container | None:
        """Remove the container of that name, whatever its state; return it if it had to be killed after it was asked to end."""
        from libpod.container.creation import replace

        return replace(self._host, name)

    def start(
        self,
        container: Container | str,
        *,
        detach: bool = False,
        fresh: bool = False,
        initial_size: tuple[int, int] | None = None,
    ) -> Session:
        """Start a container; its program runs when this returns. The session is the connection with its monitor.

        detach: the caller closes the session at once. fresh: the caller has just created it, so no earlier run is looked for.
        initial_size: rows and columns of its terminal.
        Raises: StateError if it runs already; CommandNotFoundError, CommandNotExecutableError and other errors of a start.
        """
        from libpod.container.foreground import begin

        return begin(self._host, self.own(container), detach=detach, fresh=fresh, initial_size=initial_size)

    def start_detached(self, container: Container | str) -> Started | None:
        """Start a container and let it run by itself; None if it runs already.

        Raises: what `start` raises.
        """
        from libpod.container import lifecycle

        return lifecycle.start_detached(self._host, self.own(container))

    def attach(self, container: Container | str) -> Stay:
        """Join a running container, to stay with it until it ends or the user detaches.

        Raises: StateError if it does not run.
        """
        from libpod.container.foreground import Stay

        found = self.own(container)
        if found.state.status != "running":
            raise StateError("you can only attach to running containers")
        return Stay.join(self._host, found)

    def stay(self, container: Container, session: Session, *, owner: bool = False) -> Stay:
        """Stay with a container that `start` has started. owner: on an error it is killed, and removed if it has `--rm`."""
        from libpod.container.foreground import Stay

        return Stay(self._host, container, session, owner=owner)

    def exec(self, container: Container | str, argv: Iterable[Word], **options: Any) -> tuple[str, Session]:
        """Start a command in a running container; return the exec session's id and its connection.

        options: those of `exec.execute`. Raises: what that raises.
        """
        from libpod.container.exec import execute

        words = arguments.strings("argv", argv)
        return execute(self._host, self.own(container), words, **options)

    # While it runs ----------------------------------------------------------------------------------------------------

    def stop(self, container: Container | str, *, timeout_s: int | None = None) -> bool:
        """Ask a container to end, and kill it when it has not after `timeout_s`, its own stop timeout by default.

        Returns what `lifecycle.stop` returns. A container that does not run is left as it is.
        Raises: StateError for a paused container.
        """
        from libpod.container import lifecycle

        return lifecycle.stop(self._host, self.own(container), timeout_s=timeout_s)

    def restart(self, container: Container | str, *, timeout_s: int | None = None) -> Started:
        """Stop a container if it runs, and start it.

        Raises: StateError for a paused container, and what `start` raises.
        """
        from libpod.container import lifecycle

        return lifecycle.restart(self._host, self.own(container), timeout_s=timeout_s)

    def kill(self, container: Container | str, signal: int | str = 9) -> None:
        """Send a signal, a number or a name, to a container's first process.

        Raises: StateError if it does not run, InvalidError for an unknown signal.
        """
        from libpod.container import lifecycle
        from libpod.signals import parse_signal

        number = signal if isinstance(signal, int) else parse_signal(signal)
        lifecycle.kill(self.own(container), number)

    def pause(self, container: Container | str) -> None:
        """Freeze all processes of a container.

        Raises: StateError if it does not run.
        """
        from libpod.container import lifecycle

        lifecycle.pause(self.own(container))

    def unpause(self, container: Container | str) -> None:
        """Let a paused container go on.

        Raises: StateError if it is not paused.
        """
        from libpod.container import lifecycle

        lifecycle.unpause(self.own(container))

    def wait(
        self, container: Container | str, *, conditions: Iterable[str] = ("stopped",), interval_s: float = 0.25
    ) -> int:
        """Wait until a container is in one of the states, by default until it has ended; return its exit code.

        The exit code of a container that has not ended is -1.
        Raises: ContainerNotFoundError if it is removed before its code could be read.
        """
        states = arguments.strings("conditions", conditions)
        found = self.own(container)
        return self._waiter([found], conditions=states, interval_s=interval_s)(found)

    def _waiter(
        self, containers: Sequence[Container], *, conditions: Iterable[str] = ("stopped",), interval_s: float = 0.25
    ) -> Callable[[Container], int]:
        """Return what waits for any of the containers, as `wait` says.

        All are listened to from now on: one of `--rm` may be gone when it is its turn.
        """
        from libpod.container import lifecycle

        states = arguments.strings("conditions", conditions)
        found = {id(one): self.own(one) for one in containers}
        if states != ["stopped"]:
            return lambda one: lifecycle.wait_for_state(self._host, one, states, interval_s=interval_s)
        heard = {key: lifecycle.listen(one) for key, one in found.items()}
        return lambda one: lifecycle.wait(self._host, one, interval_s=interval_s, session=heard[id(one)])

    # Several at once --------------------------------------------------------------------------------------------------

    def each(
        self,
        verb: Callable[Concatenate[Container, Words], Result],
        containers: Iterable[Container | str],
        *args: Words.args,
        **options: Words.kwargs,
    ) -> Iterator[tuple[Container, Result | LibpodError | OSError]]:
        """Do a verb to several containers; yield each with what the verb returned for it, or with the error that it raised.

        verb: a method of this manager, or another callable that takes a container: `each(containers.stop, names, timeout_s=3)`.
        Containers come in the order in which they were given, and are acted upon at once, by a bounded number of threads. Some
        verbs know an order of their own: `remove` takes those that use a namespace of another container before that one,
        `restart` after it; `start_detached` takes one after the other, and so does `wait`, which listens to all from the start.
        An error of one container keeps no other from its turn.
        Raises: ContainerNotFoundError for an unknown name, before anything is done.
        """
        from libpod.parallel import each

        found = [self._one(container) for container in arguments.several("containers", containers, Container)]
        groups = self._turns(verb, found)
        waiter: Callable[[Container], Any] | None = None
        if verb == self.wait:
            waiter = self._waiter(found, *args, **options)  # type: ignore[arg-type]  # the words are those of `wait`

        def act(container: Container) -> Result:
            return verb(container, *args, **options) if waiter is None else waiter(container)

        return (told for group in groups for told in each(act, group))

    def _turns(self, verb: object, found: Sequence[Container]) -> list[list[Container]]:
        """Divide containers into groups, of which each is done with before the next begins."""
        if verb in (self.start_detached, self.wait):
            return [[container] for container in found]
        if verb not in (self.remove, self.restart):
            return [list(found)]
        groups = [{container.id for container in group} for group in self.ordered(found)]
        if verb == self.restart:
            groups.reverse()
        return [[container for container in found if container.id in ids] for ids in groups]

    # Looking ----------------------------------------------------------------------------------------------------------

    def rows(
        self,
        *,
        all: bool = False,
        filters: Iterable[str] = (),
        last: int = -1,
        size: bool = False,
        sort: str = "created",
        damaged: Damaged | None = None,
    ) -> Rows:
        """Look at each container once, as `podman ps` lists them: the running ones, or those that match.

        damaged: gathers those whose records cannot be read, each with its error.
        Raises: InvalidError for an unknown filter; CorruptError for a damaged record, if nothing gathers them.
        """
        from libpod.container.listing import list_rows

        return list_rows(self._host, all=all, filters=filters, last=last, size=size, sort=sort, damaged=damaged)

    def top(self, container: Container | str, descriptors: Iterable[str] = ()) -> Table:
        """Describe the processes of a running container, a row of texts for each below a row of titles.

        descriptors: those of `podman top`; its default ones for none.
        Raises: StateError if the container does not run, InvalidError for an unknown descriptor.
        """
        from libpod.container import processes

        names = [name for word in arguments.strings("descriptors", descriptors) for name in word.split(",")]
        state = self.own(container).state
        if state.status != "running":
            raise StateError("top can only be used on running containers")
        return processes.describe(state, names or processes.DEFAULT)

    def logs(self, container: Container | str, stdout: int = 1, stderr: int = 2, **options: Any) -> Damage | None:
        """Print what a container wrote to two descriptors; return what of its log is damaged and was left out.

        options: those of `logs.print_logs`.
        """
        from libpod.container.logs import print_logs

        return print_logs(self._host, self.own(container), stdout, stderr, **options)

    def inspect(self, container: Container | str, *, size: bool = False) -> dict[str, Any]:
        """Describe a container in the members that `podman container inspect` prints.

        Raises: ContainerNotFoundError, also for a container that another tool made, or that is removed meanwhile.
        """
        from libpod.container.inspect import inspect

        found = self._one(container)
        if found.is_ours:
            try:
                return inspect(self._host, found, size=size)
            except (LibpodError, OSError):
                if self.exists(found.id):
                    raise
        name = container if isinstance(container, str) else found.id
        raise ContainerNotFoundError(f'no container with name or ID "{name}" found: no such container')

    def ordered(self, containers: Iterable[Container | str], *, depend: bool = False) -> list[list[Container]]:
        """Order containers for removal: each stands in a later group than those that use a namespace of it.

        depend: such containers that are not named come along.
        """
        from libpod.container.dependents import groups

        found = [self._one(container) for container in arguments.several("containers", containers, Container)]
        return groups(self._host, found, depend=depend)

    # To the end -------------------------------------------------------------------------------------------------------

    def rename(self, container: Container | str, name: str) -> None:
        """Give a container another name.

        Raises: InvalidError for a malformed name, ExistsError where it is taken.
        """
        from libpod.container.locking import Lock
        from libpod.words import check_name

        if not check_name(arguments.text("name", name)):
            raise InvalidError("names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument")
        found = self.own(container)
        with Lock(found):
            settings = found.settings
            try:
                self._store.set_container_names(found.id, [name])
            except ExistsError:
                raise ExistsError(f"name {name} is in use: container already exists") from None
            settings.name = name
            write_document(found.settings_path, settings.to_document())

    def remove(
        self, container: Container | str, *, force: bool = False, timeout_s: int | None = None, volumes: bool = False
    ) -> bool:
        """Remove a container; with `force` from every state. volumes: its anonymous volumes, too.

        Returns what `removal.remove` returns.
        Raises: ContainerNotFoundError, StateError for a running container without `force`.
        """
        from libpod.container import removal

        return removal.remove(self._host, self._one(container), force=force, timeout_s=timeout_s, volumes=volumes)

    def cleanup(self, container: Container | str) -> None:
        """Take away what a container that ended still holds on this host: network, cgroup, the monitor's directory."""
        from libpod.container import removal

        removal.cleanup(self._host, self.own(container))

    def discard(self, container: Container) -> None:
        """Remove a container at once, with whatever a start that did not come to its end has left of it."""
        from libpod.container import removal

        removal.discard(self._host, container)

    def _one(self, container: Container | str) -> Container:
        return self.lookup(container) if isinstance(container, str) else container
