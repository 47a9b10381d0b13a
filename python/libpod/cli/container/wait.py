"""`podman wait`."""

from __future__ import annotations

from libpod import quantity
from libpod.cli.command import Command, Option, unsupported
from libpod.cli.container import targets
from libpod.errors import InvalidError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

_STATES = ("running", "stopped", "exited", "created", "configured", "initialized", "paused", "removing", "stopping")


def wait(context: Context, options: Options, arguments: list[str]) -> int:
    """Wait for containers to end, or for a state of theirs; print an exit code each."""
    if not arguments and not options.latest:
        raise UsageError('"podman wait" requires a name, id, or the "--latest" flag')
    text = options.interval
    # A number alone is one of milliseconds.
    interval_ns = quantity.parse_duration_ns(text + "ms" if quantity.is_decimal(text) else text)
    found = [container for _, container in targets.select(context, options, arguments)]
    for condition in options.condition:
        if condition not in _STATES:
            raise InvalidError(f"unknown container state: {condition}: invalid argument")
    manager = context.engine.containers
    conditions = options.condition or ["stopped"]
    for _, code in manager.each(manager.wait, found, conditions=conditions, interval_s=max(interval_ns, 0) / 10**9):
        if isinstance(code, Exception):
            raise code
        context.write(str(code))
    return 0


COMMAND = Command(
    "wait",
    call=wait,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Block on one or more containers",
    long="Block until one or more containers stop and then print their exit codes.\n",
    options=(
        Option("--condition", kind="strings", help="Condition to wait on"),
        Option("--interval", "-i", default="250ms", help="Time Interval to wait before polling for completion"),
        targets.LATEST,
        unsupported("--ignore", kind="bool"),
    ),
    examples=("podman wait --interval 5s ctrID", "podman wait ctrID1 ctrID2"),
)
