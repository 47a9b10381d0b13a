"""`podman port`."""

from __future__ import annotations

from libpod import quantity
from libpod.cli.command import Command, flag
from libpod.cli.container.targets import LATEST
from libpod.errors import InvalidError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.container.records import Damaged
    from libpod.network.attachment import Port


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """List the port mappings of one container, or of all, or look up one port."""
    manager = context.engine.containers
    if options.all and (arguments or options.latest):
        raise UsageError(
            "no arguments are needed with --all" if arguments else "--all and --latest cannot be used together"
        )
    if not options.all and not options.latest and not arguments:
        raise UsageError("you must supply a running container name or id")
    if len(arguments) > 2:
        raise UsageError("`port` accepts at most 2 arguments")
    if options.all:
        damaged: Damaged = []
        for container in manager.list(damaged=damaged):
            for line in _lines(container.settings.ports):
                context.write(f"{container.id[:12]}\t{line}")
        context.warn_damaged(damaged)
        return 0
    container = manager.latest() if options.latest else manager.lookup(arguments[0])
    wanted = arguments[0 if options.latest else 1 :]
    ports = container.settings.ports
    if container.state.status != "running":
        # Nothing is published now: the ports are given back when a container ends.
        return 0
    if not wanted:
        for line in _lines(ports):
            context.write(line)
        return 0
    number, slash, protocol = wanted[0].partition("/")
    quantity.parse_integer(number, signed=False, bits=16, function="ParseUint")
    key = f"{number}/{protocol if slash else 'tcp'}"
    found = [line.partition(" -> ")[2] for line in _lines(ports) if line.startswith(key + " ")]
    if not found:
        raise InvalidError(f'failed to find published port "{wanted[0]}"')
    for line in found:
        context.write(line)
    return 0


def _lines(ports: list[Port]) -> list[str]:
    return [
        f"{inside}/{port.protocol} -> {port.shown_ip}:{outside}" for port in ports for outside, inside in port.pairs()
    ]


COMMAND = Command(
    "port",
    call=run,
    usage="[options] CONTAINER [PORT]",
    short="List port mappings or a specific mapping for the container",
    long="List port mappings for the CONTAINER, or look up the public-facing port that is NAT-ed to the PRIVATE_PORT\n",
    options=(
        flag("--all", "-a", help="Display port information for all containers"),
        LATEST,
    ),
    examples=("podman port --all", "podman port ctrID 80/tcp"),
)
