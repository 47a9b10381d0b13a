"""`podman logs`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.container.targets import LATEST
from libpod.errors import InvalidError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.cli.context import Context, Options
    from libpod.container.model import Container

_COLOURS = (32, 33, 34, 35, 36, 31)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print what containers wrote, each line to the stream that it was written to."""
    from libpod import timestamp

    if not arguments and not options.latest:
        raise UsageError("specify at least one container name or ID to log")
    if arguments and options.latest:
        raise UsageError("--latest and containers cannot be used together")
    now = timestamp.now()
    since, until = _moment("since", options.since, now), _moment("until", options.until, now)
    manager = context.engine.containers
    containers = [manager.latest()] if options.latest else [manager.lookup(name) for name in arguments]

    def print_one(index: int, container: Container) -> None:
        damage = manager.logs(
            container,
            1,
            2,
            tail=options.tail,
            since_ns=since,
            until_ns=until,
            timestamps=options.timestamps,
            follow=options.follow,
            prefix=_prefix(container, options, index, several=len(containers) > 1),
        )
        if damage is not None:
            context.log("error", f"Getting new log line: {damage}")

    if options.follow and len(containers) > 1:
        _together(print_one, containers)
    else:
        for index, container in enumerate(containers):
            print_one(index, container)
    return 0


def _together(print_one: Callable[[int, Container], None], containers: list[Container]) -> None:
    """Follow several logs, a thread for each, until all have ended or one cannot be printed any more."""
    from queue import SimpleQueue
    from threading import Thread

    ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def work(index: int, container: Container) -> None:
        try:
            print_one(index, container)
        except BaseException as error:
            ended.put(error)
        else:
            ended.put(None)

    for pair in enumerate(containers):
        Thread(target=work, args=pair, daemon=True).start()
    for _ in containers:
        error = ended.get()
        if error is not None:
            raise error


def _moment(name: str, text: str, now: int) -> int | None:
    if not text:
        return None
    from libpod import timestamp

    try:
        # Podman takes `--until 10m` for ten minutes from now.
        return timestamp.parse_moment(text, now, ahead=name == "until")
    except InvalidError:
        raise InvalidError(f'parsing --{name} "{text}": unable to interpret time value') from None


def _prefix(container: Container, options: Options, index: int, *, several: bool) -> bytes:
    if not several:
        return b""
    text = (container.name if options.names else container.id[:12]) + " "
    if options.color:
        text = f"\x1b[{_COLOURS[index % len(_COLOURS)]}m{text}\x1b[0m"
    return text.encode()


COMMAND = Command(
    "logs",
    call=run,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Fetch the logs of one or more containers",
    long="Retrieves logs for one or more containers.\n"
    "\n"
    "  This does not guarantee execution order when combined with podman run (i.e., your run may not "
    "have generated any logs at the time you execute podman logs).\n"
    "",
    options=(
        flag("--color", help="Output the containers with different colors in the log."),
        flag("--follow", "-f", help="Follow log output.  The default is false"),
        LATEST,
        flag("--names", "-n", help="Output the container name in the log"),
        Option("--since", help="Show logs since TIMESTAMP"),
        Option(
            "--tail",
            kind="int",
            default=-1,
            help="Output the specified number of LINES at the end of the logs.  Defaults to -1, which prints all lines",
        ),
        flag("--timestamps", "-t", help="Output the timestamps in the log"),
        Option("--until", help="Show logs until TIMESTAMP"),
        unsupported("--details", kind="bool"),
    ),
    examples=(
        "podman logs ctrID",
        "podman logs --names ctrID1 ctrID2",
        "podman logs --tail 2 mywebserver",
        "podman logs --follow=true --since 10m ctrID",
        "podman logs mywebserver mydbserver",
    ),
)
