"""`podman stop`, `kill`, `pause`, `unpause` and `wait`."""

from __future__ import annotations

from libpod.cli.command import Command, Option
from libpod.cli.container import targets
from libpod.errors import InvalidError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

_STATES = ("running", "stopped", "exited", "created", "configured", "initialized", "paused", "removing", "stopping")


def stop(context: Context, options: Options, arguments: list[str]) -> int:
    """Stop containers, those that do not run included."""
    from libpod.container import lifecycle

    timeout = options.time if "time" in options.given else None
    found = targets.select(context, options, arguments)
    if options.all:
        found = [(word, container) for word, container in found if container.state.is_running]
    return targets.for_each(
        context, found, lambda container: lifecycle.stop(context.engine, container, timeout_s=timeout)
    )


def kill(context: Context, options: Options, arguments: list[str]) -> int:
    """Send a signal to containers."""
    from libpod.container import lifecycle
    from libpod.container.quantities import parse_signal

    number = parse_signal(options.signal)
    found = targets.select(context, options, arguments)
    if options.all:
        found = [(word, container) for word, container in found if container.state.is_running]
    return targets.for_each(context, found, lambda container: lifecycle.kill(container, number))


def pause(context: Context, options: Options, arguments: list[str]) -> int:
    """Freeze containers."""
    from libpod.container import lifecycle

    found = targets.select(context, options, arguments)
    if options.all:
        found = [(word, container) for word, container in found if container.state.status == "running"]
    return targets.for_each(context, found, lifecycle.pause)


def unpause(context: Context, options: Options, arguments: list[str]) -> int:
    """Let paused containers go on."""
    from libpod.container import lifecycle

    found = targets.select(context, options, arguments)
    if options.all:
        found = [(word, container) for word, container in found if container.state.status == "paused"]
    return targets.for_each(context, found, lifecycle.unpause)


def wait(context: Context, options: Options, arguments: list[str]) -> int:
    """Wait for containers to end, or for a state of theirs; print an exit code each."""
    from libpod.container import lifecycle
    from libpod.container.quantities import parse_duration_ns

    if not arguments and not options.latest:
        raise UsageError('"podman wait" requires a name, id, or the "--latest" flag')
    text = options.interval
    interval_ns = int(text) * 10**6 if text.isdigit() else parse_duration_ns(text)
    for condition in options.condition:
        if condition not in _STATES:
            raise InvalidError(f"unknown container state: {condition}: invalid argument")
    engine, interval_s = context.engine, interval_ns / 10**9
    found = [container for _, container in targets.select(context, options, arguments)]
    if options.condition:
        for container in found:
            context.write(str(lifecycle.wait_for_state(engine, container, options.condition, interval_s=interval_s)))
        return 0
    for container, session in [(container, lifecycle.listen(container)) for container in found]:
        context.write(str(lifecycle.wait(engine, container, interval_s=interval_s, session=session)))
    return 0


_TIME = Option("--time", "-t", kind="uint", default=10, help="Seconds to wait for stop before killing the container")

COMMAND = Command(
    "stop",
    call=stop,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Stop one or more containers",
    long="Stops one or more running containers.  The container name or ID can be used.\n\n"
    "A timeout to forcibly stop the container can also be set but defaults to 10 seconds otherwise.",
    options=(
        targets.all_of("Stop all running containers"),
        targets.CIDFILE,
        targets.FILTER,
        targets.IGNORE,
        targets.LATEST,
        _TIME,
    ),
    examples=("podman stop ctrID", "podman stop --time 2 mywebserver 6e534f14da9d"),
)

KILL = Command(
    "kill",
    call=kill,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Kill one or more running containers with a specific signal",
    long="The main process inside each container specified will be sent SIGKILL, or any signal specified with --signal.",
    options=(
        targets.all_of("Signal all running containers"),
        targets.CIDFILE,
        targets.LATEST,
        Option("--signal", "-s", default="KILL", help="Signal to send to the container"),
    ),
    examples=("podman kill mywebserver", "podman kill --signal TERM ctrID"),
)

PAUSE = Command(
    "pause",
    call=pause,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Pause all the processes in one or more containers",
    long="Pauses one or more running containers.  The container name or ID can be used.",
    options=(targets.all_of("Pause all running containers"), targets.CIDFILE, targets.FILTER, targets.LATEST),
    examples=("podman pause mywebserver", "podman pause --all"),
)

UNPAUSE = Command(
    "unpause",
    call=unpause,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Unpause the processes in one or more containers",
    long="Unpauses one or more previously paused containers.  The container name or ID can be used.",
    options=(targets.all_of("Unpause all paused containers"), targets.CIDFILE, targets.FILTER, targets.LATEST),
    examples=("podman unpause ctrID", "podman unpause --all"),
)

WAIT = Command(
    "wait",
    call=wait,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Block on one or more containers",
    long="Block until one or more containers stop and then print their exit codes.",
    options=(
        Option("--condition", kind="strings", help="Condition to wait on"),
        Option("--interval", "-i", default="250ms", help="Time Interval to wait before polling for completion"),
        targets.LATEST,
    ),
    examples=("podman wait --interval 5s ctrID", "podman wait ctrID1 ctrID2"),
)
