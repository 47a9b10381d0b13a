"""`podman network ls`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag
from libpod.cli.context import message_of
from libpod.cli.print.listing import Listing, print_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.network.config import Damaged, Network

_SHORT_ID = 12


class _Line:
    """One network in a listing."""

    __slots__ = ("network", "no_trunc")

    def __init__(self, network: Network, *, no_trunc: bool) -> None:
        self.network = network
        self.no_trunc = no_trunc

    @property
    def id(self) -> str:
        return self.network.id if self.no_trunc else self.network.id[:_SHORT_ID]

    @property
    def labels(self) -> str:
        return ",".join(f"{key}={value}" for key, value in (self.network.document.get("labels") or {}).items())


LISTING = Listing(
    "ls",
    type="network.ListPrintReports",
    fields={
        "ID": lambda line: line.id,
        "Name": lambda line: line.network.name,
        "Driver": lambda line: line.network.driver,
        "Labels": lambda line: line.labels,
    },
    document=lambda line: line.network.document,
    titles={"ID": "NETWORK ID"},
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """List networks."""
    damaged: Damaged = []
    networks = context.engine.networks.list(options.filter, damaged=damaged)
    for _, error in damaged:
        context.log("warning", f"Error reading network config file: {message_of(error)}")
    lines = [_Line(network, no_trunc=options.no_trunc) for network in networks]
    given = "format" in options.given
    print_list(
        context,
        LISTING,
        lines,
        format=options.format if given else None,
        columns=("ID", "Name", "Driver"),
        heading=not options.noheading,
        quiet=(lambda line: line.network.name) if options.quiet and not given else None,
        json=lambda: _json(lines),
    )
    return 0


def _json(lines: list[_Line]) -> str:
    from libpod.cli.print import format as formats

    return formats.to_json([line.network.document for line in lines], indent=2)


COMMAND = Command(
    "ls",
    call=run,
    short="List networks",
    long="List networks",
    options=(
        Option("--filter", "-f", kind="array", help="Provide filter values (e.g. 'name=podman')"),
        Option("--format", help="Pretty-print networks to JSON or using a Go template"),
        flag("--no-trunc", help="Do not truncate the network ID"),
        flag("--noheading", "-n", help="Do not print headers"),
        flag("--quiet", "-q", help="display only names"),
    ),
    most=0,
    examples=("podman network list",),
)
