"""`podman top`."""

from __future__ import annotations

from libpod.cli.command import Command
from libpod.cli.container.targets import LATEST
from libpod.cli.print.table import table
from libpod.errors import ContainerNotFoundError, InvalidError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Show the processes of a running container."""
    if not arguments and not options.latest:
        raise UsageError("you must provide the name or id of a running container")
    manager = context.engine.containers
    try:
        container = manager.latest() if options.latest else manager.lookup(arguments[0])
    except ContainerNotFoundError as error:
        raise ContainerNotFoundError(f"unable to look up requested container: {error.message}") from None
    words = arguments[0 if options.latest else 1 :]
    for name in words:
        if name.startswith("-"):
            raise InvalidError("options of ps(1) are not supported by this version of libpod, use format descriptors")
    rows = manager.top(container, words)
    context.write(table(None, rows).rstrip("\n"))
    return 0


COMMAND = Command(
    "top",
    call=run,
    usage="[options] CONTAINER [FORMAT-DESCRIPTORS]",
    short="Display the running processes of a container",
    long="Display the running processes of a container.\n"
    "\n"
    "  The top command extends the ps(1) compatible AIX descriptors with container-specific ones as "
    "shown below.\n"
    "\n"
    "\n"
    "  Format Descriptors:\n"
    "    "
    "args,capamb,capbnd,capeff,capinh,capprm,comm,etime,group,groups,hgroup,hgroups,hpid,huid,huser,label,nice,pcpu,pgid,pid,ppid,rgroup,rss,ruser,seccomp,state,stime,time,tty,uid,user,vsz",
    options=(LATEST,),
    interspersed=False,
    examples=("podman top ctrID", "podman top ctrID pid seccomp args"),
)
