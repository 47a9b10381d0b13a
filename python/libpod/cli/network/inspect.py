"""`podman network inspect`."""

from __future__ import annotations

from libpod.cli.command import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def inspect(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the configuration of networks; one that does not exist fails the command after the others are printed."""
    from libpod import _core
    from libpod.cli.print import format as formats
    from libpod.errors import NetworkNotFoundError

    manager = context.engine.networks
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


COMMAND = Command(
    "inspect",
    call=inspect,
    usage="[options] NETWORK [NETWORK...]",
    short="Inspect network",
    long="Displays the network configuration for one or more networks.",
    options=(Option("--format", "-f", help="Pretty-print network to JSON or using a Go template"),),
    least=1,
    examples=("podman network inspect podman",),
)
