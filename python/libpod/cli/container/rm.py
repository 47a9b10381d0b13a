"""`podman rm`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.container import targets
from libpod.errors import ContainerNotFoundError, LibpodError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

#: podman-rm(1), "Exit Status".
_NOT_FOUND, _RUNNING = 1, 2


def remove(context: Context, options: Options, arguments: list[str]) -> int:
    """Remove containers; go on after an error."""
    from libpod.container import removal

    timeout = options.time if "time" in options.given else None
    try:
        # To force the removal of what is not there is no error.
        found = targets.select(context, options, arguments, ignore=options.ignore or options.force)
    except ContainerNotFoundError as error:
        error.exit_code = _NOT_FOUND
        raise
    # Containers of other tools do not run under our eyes: only by force.
    code = 0
    for word, container in found:
        try:
            if not container.is_ours and not options.force:
                raise StateError(
                    f"container {container.id} was made by another tool and cannot be removed without using force:"
                    " container state improper"
                )
            removal.remove(
                context.engine.host, container, force=options.force, timeout_s=timeout, volumes=options.volumes
            )
        except (LibpodError, OSError) as error:
            context.report(error)
            code = _RUNNING if isinstance(error, StateError) and code in (0, _RUNNING) else LibpodError.exit_code
            continue
        context.write(word)
    return code


COMMAND = Command(
    "rm",
    call=remove,
    usage="[options] CONTAINER [CONTAINER...]",
    short="Remove one or more containers",
    long="Removes one or more containers from the host. The container name or ID can be used.\n\n"
    "Command does not remove images. Running or unusable containers will not be removed without the -f option.",
    options=(
        targets.all_of("Remove all containers"),
        targets.CIDFILE,
        unsupported("--depend", kind="bool"),
        Option("--filter", kind="strings", help="Filter output based on conditions given"),
        flag("--force", "-f", help="Force removal of a running or unusable container"),
        targets.IGNORE,
        targets.LATEST,
        Option("--time", "-t", kind="uint", default=10, help="Seconds to wait for stop before killing the container"),
        flag("--volumes", "-v", help="Remove anonymous volumes associated with the container"),
    ),
    examples=("podman rm imageID", "podman rm mywebserver myflaskserver 860a4b23", "podman rm --force --all"),
)
