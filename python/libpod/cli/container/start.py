"""`podman start`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag
from libpod.cli.container import targets, terminal
from libpod.cli.context import message_of
from libpod.errors import LibpodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.container.model import Container, Started


def start(context: Context, options: Options, arguments: list[str]) -> int:
    """Start containers; with --attach stay with one until it ends."""
    if not arguments and not options.all and not options.latest and not options.filter:
        raise UsageError("start requires at least one argument")
    if options.attach and options.all:
        raise UsageError("you cannot start and attach all containers at once")
    if options.attach and len(arguments) > 1:
        raise UsageError("you cannot start and attach multiple containers at once")
    if options.sig_proxy and not options.attach:
        raise UsageError("you cannot use sig-proxy without --attach: invalid argument")
    found = targets.select(context, options, arguments)
    if options.attach and len(found) > 1:
        raise UsageError("you cannot start and attach multiple containers at once")
    if options.attach and found:
        return _attached(context, options, found[0][1])

    def tell(container: Container, started: Started | None) -> bool:
        if started is None:
            # Podman says nothing of a container that runs already, and it is no error.
            return False
        terminal.show_warnings(context, started.warnings)
        return True

    def failed(container: Container, error: LibpodError | OSError) -> LibpodError:
        return _not_started(container, error, quote='"')

    return targets.for_each(context, found, context.engine.containers.start_detached, tell=tell, failed=failed)


def _not_started(container: Container, error: LibpodError | OSError, *, quote: str = "") -> LibpodError:
    """Say which container it was; `start` is 125 whatever the reason, as it does not end with a container's exit code."""
    return LibpodError(
        f"unable to start container {quote}{container.id}{quote}: {message_of(error)}",
        op="start",
        path=getattr(error, "path", None),
        errno=error.errno,
    )


def _attached(context: Context, options: Options, container: Container) -> int:
    from libpod.cli.container.attach import relay

    manager, settings = context.engine.containers, container.settings
    if container.state.status == "running":
        return relay(context, manager.attach(container), container, stdin=True, options=options)
    try:
        session = manager.start(container, initial_size=terminal.size() if settings.terminal else None)
        terminal.show_warnings(context, session.warnings())
        # Podman gives a container that takes input the user's, with --interactive or without.
        return relay(context, manager.stay(container, session), container, stdin=True, options=options)
    except BrokenPipeError:
        raise
    except (LibpodError, OSError) as error:
        raise _not_started(container, error) from None


COMMAND = Command(
    "start",
    call=start,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Start one or more containers",
    long="Starts one or more containers.  The container name or ID can be used.",
    options=(
        flag("--all", help="Start all containers regardless of their state or configuration"),
        flag("--attach", "-a", help="Attach container's STDOUT and STDERR"),
        Option(
            "--detach-keys",
            metavar="[a-Z]",
            shown='"ctrl-p,ctrl-q"',
            help="Select the key sequence for detaching a container. Format is a single character [a-Z] or a comma separated sequence of `ctrl-<value>`, where `<value>` is one of: `a-z`, `@`, `^`, `[`, `\\`, `]`, `^` or `_`",
        ),
        targets.FILTER,
        flag("--interactive", "-i", help="Make STDIN available to the contained process"),
        targets.LATEST,
        flag("--sig-proxy", help="Proxy received signals to the process (default true if attaching, false otherwise)"),
    ),
    examples=(
        "podman start 860a4b231279 5421ab43b45",
        "podman start --interactive --attach imageID",
    ),
)
