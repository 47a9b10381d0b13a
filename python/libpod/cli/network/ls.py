"""`podman network ls`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag
from libpod.cli.print.table import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options

_SHORT_ID = 12


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """List networks."""
    from libpod import _core
    from libpod.cli.print import format as formats

    networks = context.engine.networks.list(options.filter)
    if formats.is_json(options.format):
        context.write(_core.dump_json([network.document for network in networks], indent=2))
        return 0
    rows: list[dict[str, Any]] = [
        {
            "ID": network.id if options.no_trunc else network.id[:_SHORT_ID],
            "Name": network.name,
            "Driver": network.driver,
            "Labels": ",".join(f"{key}={value}" for key, value in (network.document.get("labels") or {}).items()),
            "NetworkInterface": network.interface,
            "Created": network.document.get("created", ""),
            "IPv6Enabled": network.document.get("ipv6_enabled", False),
            "Internal": network.document.get("internal", False),
            "DNSEnabled": network.document.get("dns_enabled", False),
        }
        for network in networks
    ]
    if options.quiet:
        for row in rows:
            context.write(row["Name"])
    elif options.format:
        text = formats.render_rows(
            options.format,
            rows,
            headers={"ID": "NETWORK ID", "IPv6Enabled": "I PV 6 ENABLED"},
            type_name="network.ListPrintReports",
            name="ls",
            heading=not options.noheading,
        )
        context.write(text.rstrip("\n"))
    else:
        header = None if options.noheading else ["NETWORK ID", "NAME", "DRIVER"]
        text = table(header, [[row["ID"], row["Name"], row["Driver"]] for row in rows])
        if text:
            context.write(text.rstrip("\n"))
    return 0


COMMAND = Command(
    "ls",
    call=run,
    short="network list",
    long="List networks",
    options=(
        Option("--filter", "-f", kind="array", help="Provide filter values (e.g. 'name=podman')"),
        Option("--format", help="Pretty-print networks to JSON or using a Go template"),
        flag("--no-trunc", help="Do not truncate the network ID"),
        flag("--noheading", help="Do not print headers"),
        flag("--quiet", "-q", help="display only names"),
    ),
    most=0,
    examples=("podman network list",),
)
