"""`podman version` and `podman --version`."""

from __future__ import annotations

import sys

from libpod import __version__
from libpod.cli.command import Command, Option
from libpod.release import PODMAN_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def print_version() -> int:
    """Print the one line of `--version`: programs take its last word for the version."""
    sys.stdout.write(f"podman version {PODMAN_VERSION}\n")
    return 0


def document() -> dict[str, object]:
    """The members of Podman's type; GoVersion is empty, for there is no Go in it. BuildOrigin says what it really is."""
    import os

    machine = os.uname().machine
    return {
        "APIVersion": PODMAN_VERSION,
        "Version": PODMAN_VERSION,
        "GoVersion": "",
        "GitCommit": "",
        "BuiltTime": "Thu Jan  1 00:00:00 1970",
        "Built": 0,
        "BuildOrigin": f"libpod {__version__}",
        "OsArch": f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }",
        "Os": "linux",
    }


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the versions."""
    client = document()
    if "format" in options.given:
        context.put(_formatted(options.format, client))
        return 0
    rows = (
        ("Client", "Podman Engine"),
        ("Version", PODMAN_VERSION),
        ("API Version", PODMAN_VERSION),
        ("Python Version", sys.version.split()[0]),
        ("Build Origin", str(client["BuildOrigin"])),
        ("OS/Arch", str(client["OsArch"])),
    )
    for title, text in rows:
        context.write(f"{title + ':':<16}{text}")
    return 0


def _formatted(format: str, client: dict[str, object]) -> str:
    from libpod.cli.print import format as formats
    from libpod.cli.print.types import type_of
    from libpod.cli.print.values import Struct
    from libpod.errors import InvalidError

    report = {"Client": client}
    if formats.is_json(format):
        return formats.to_json(report, indent=None) + "\n"
    # Without a service the server is the client, as with Podman.
    text = format.replace(".Server.", ".Client.")
    try:
        return formats.render(text, Struct(type_of("types.SystemVersionReport"), report), name="version")
    except InvalidError:
        # `{{.Version}}`: a template for the version itself.
        return formats.render(text, Struct(type_of("define.Version"), client, pointer=True), name="version")


COMMAND = Command(
    "version",
    long="",
    call=run,
    short="Display the Podman version information",
    options=(Option("--format", "-f", help="Change the output format to JSON or a Go template"),),
    most=0,
)
