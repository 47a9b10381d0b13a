"""`podman version` and `podman --version`."""

from __future__ import annotations

import sys

from libpod import __version__
from libpod.cli.command import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

#: The release of Podman whose commands and documents this one follows; scripts compare it.
API_VERSION = "4.3.1"


def print_version() -> int:
    """Print the one line of `--version`."""
    sys.stdout.write(f"podman version {API_VERSION} (libpod {__version__})\n")
    return 0


def document() -> dict[str, object]:
    """The `Client` document of Podman; GoVersion is empty, for there is no Go in it."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(_machine(), _machine())
    return {
        "APIVersion": API_VERSION,
        "Version": API_VERSION,
        "GoVersion": "",
        "GitCommit": "",
        "BuiltTime": "Thu Jan  1 00:00:00 1970",
        "Built": 0,
        "OsArch": f"linux/{machine}",
        "Os": "linux",
    }


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the versions."""
    client = document()
    if options.format:
        from libpod import _core
        from libpod.cli.print import format as formats

        value: dict[str, object] = {"Client": client, "Server": None}
        if formats.is_json(options.format):
            context.write(_core.dump_json({"Client": client}))
        else:
            context.write(formats.render(options.format, value, type_name="versionReport", name="version").rstrip("\n"))
        return 0
    rows = (
        ("Client", "libpod"),
        ("Version", API_VERSION),
        ("API Version", API_VERSION),
        ("Libpod Version", __version__),
        ("Python Version", sys.version.split()[0]),
        ("OS/Arch", str(client["OsArch"])),
    )
    for title, text in rows:
        context.write(f"{title + ':':<16}{text}")
    return 0


def _machine() -> str:
    import os

    return os.uname().machine


COMMAND = Command(
    "version",
    call=run,
    short="Display the Podman version information",
    options=(Option("--format", "-f", help="Change the output format to JSON or a Go template"),),
    most=0,
)
