"""`podman network`: list, show and test networks. The verbs that change networks are not there yet."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag
from libpod.cli.print.table import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options
    from libpod.network.manager import NetworkManager

_SHORT_ID = 12


def _manager(context: Context) -> NetworkManager:
    from libpod.network.manager import NetworkManager

    conf = context.engine.conf.network
    return NetworkManager(default=conf["default_network"], default_subnet=conf["default_subnet"])


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """List networks."""
    from libpod import _core
    from libpod.cli.print import format as formats

    networks = _manager(context).list(options.filter)
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


def inspect(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the configuration of networks; one that does not exist fails the command after the others are printed."""
    from libpod import _core
    from libpod.cli.print import format as formats
    from libpod.errors import NetworkNotFoundError

    manager = _manager(context)
    found, missing = [], []
    for name in arguments:
        try:
            found.append(manager.lookup(name).document)
        except NetworkNotFoundError as error:
            missing.append(NetworkNotFoundError(f"inspecting object: network {name}: {error}"))
    if options.format and not formats.is_json(options.format):
        for document in found:
            rendered = {
                "".join(word[:1].upper() + word[1:] for word in key.split("_")): value
                for key, value in document.items()
            }
            rendered["ID"] = document.get("id", "")
            context.write(
                formats.render(options.format, rendered, type_name="types.Network", name="inspect").rstrip("\n")
            )
    else:
        context.write(_core.dump_json(found, indent=5) if found else "[]")
    for earlier in missing[:-1]:
        context.report(earlier)
    if missing:
        raise missing[-1]
    return 0


def exists(context: Context, options: Options, arguments: list[str]) -> int:
    """Exit with 0 where the network exists, else with 1."""
    from libpod.errors import NetworkNotFoundError

    try:
        _manager(context).lookup(arguments[0])
    except NetworkNotFoundError:
        return 1
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

INSPECT = Command(
    "inspect",
    call=inspect,
    usage="[options] NETWORK [NETWORK...]",
    short="Inspect network",
    long="Displays the network configuration for one or more networks.",
    options=(Option("--format", "-f", help="Pretty-print network to JSON or using a Go template"),),
    least=1,
    examples=("podman network inspect podman",),
)

EXISTS = Command(
    "exists",
    call=exists,
    usage="NETWORK",
    short="network exists",
    long="If the named network exists, podman network exists exits with 0, otherwise the exit code will be 1.",
    least=1,
    most=1,
    examples=("podman network exists net1",),
)
