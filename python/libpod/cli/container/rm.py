"""`podman rm`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.container import targets, terminal
from libpod.errors import ContainerNotFoundError, LibpodError, StateError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libpod.cli.context import Context, Options

#: podman-rm(1), "Exit Status".
_NOT_FOUND, _RUNNING = 1, 2


def remove(context: Context, options: Options, arguments: list[str]) -> int:
    """Remove containers; go on after an error."""
    manager = context.engine.containers
    timeout = options.time if "time" in options.given else None
    if timeout is not None and not options.force:
        raise UsageError("--force option must be specified to use the --time option")
    try:
        # To force the removal of what is not there is no error.
        found = targets.select(context, options, arguments, ignore=options.ignore or options.force)
    except ContainerNotFoundError as error:
        # Of all verbs, this one names them in this order.
        missing = ContainerNotFoundError(error.message.replace("with name or ID", "with ID or name"))
        missing.exit_code = _NOT_FOUND
        raise missing from None

    words = {container.id: word for word, container in found}
    errors: dict[str, LibpodError | OSError | None] = {}
    named = manager.ordered([container for _, container in found], depend=options.depend)
    for container, outcome in manager.each(
        manager.remove,
        [container for group in named for container in group],
        force=options.force,
        timeout_s=timeout,
        volumes=options.volumes,
    ):
        errors[container.id] = outcome if isinstance(outcome, (LibpodError, OSError)) else None
        if outcome is True:
            terminal.warn_killed(context, container, timeout)
    # Dependents that came along first, by their ids; then in the order of the command line.
    order = [container_id for container_id in errors if container_id not in words] + list(words)
    for container_id in order:
        if errors[container_id] is None:
            context.write(words.get(container_id, container_id))
    failed = [failure for container_id in order if (failure := errors[container_id]) is not None]
    for failure in failed:
        context.report(failure)
    return _exit_code(failed)


def _exit_code(errors: Sequence[LibpodError | OSError]) -> int:
    """Podman's: a container that is not there tells more than one that runs, and that more than anything else."""
    for kind, code in ((ContainerNotFoundError, _NOT_FOUND), (StateError, _RUNNING)):
        if any(isinstance(error, kind) for error in errors):
            return code
    return LibpodError.exit_code if errors else 0


COMMAND = Command(
    "rm",
    call=remove,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Remove one or more containers",
    long="Removes one or more containers from the host. The container name or ID can be used.\n"
    "\n"
    "  Command does not remove images. Running or unusable containers will not be removed without the -f "
    "option.",
    options=(
        targets.all_of("Remove all containers"),
        targets.CIDFILE,
        flag("--depend", help="Remove container and all containers that depend on the selected container"),
        Option("--filter", kind="array", help="Filter output based on conditions given"),
        flag("--force", "-f", help="Force removal of a running or unusable container"),
        targets.IGNORE,
        targets.LATEST,
        targets.TIME,
        flag("--volumes", "-v", help="Remove anonymous volumes associated with the container"),
        unsupported("--storage", kind="bool"),
    ),
    examples=(
        "podman rm imageID",
        "podman rm mywebserver myflaskserver 860a4b23",
        "podman rm --force --all",
        "podman rm -f c684f0d469f2",
    ),
)
