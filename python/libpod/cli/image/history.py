"""`podman history`: how an image came to be, newest step first."""

from __future__ import annotations

from libpod import timestamp
from libpod.cli.command import Command, Option, flag
from libpod.cli.print.table import table
from libpod.cli.print.units import human_duration, human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options

#: Length to which commands are cut.
_COMMAND_WIDTH = 45

_HEADERS = {"CreatedSince": "<no value>", "CreatedAt": "<no value>"}


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the steps."""
    from libpod.cli.print import format as formats

    steps = context.engine.images.history(arguments[0])
    if formats.is_json(options.format):
        context.write(_json(steps))
        return 0
    now = timestamp.now()
    rows = [_row(step, now, human=options.human, no_trunc=options.no_trunc) for step in steps]
    if options.quiet:
        for row in rows:
            context.write(row["ID"])
    elif options.format:
        text = formats.render_rows(
            options.format, rows, headers=_HEADERS, type_name="images.historyReporter", name="history"
        )
        context.write(text.rstrip("\n"))
    else:
        lines = [[row["ID"], row["Created"], row["CreatedBy"], row["Size"], row["Comment"]] for row in rows]
        context.write(table(["ID", "CREATED", "CREATED BY", "SIZE", "COMMENT"], lines).rstrip("\n"))
    return 0


def _time(step: dict[str, Any]) -> int:
    return timestamp.parse(step["created"] or timestamp.ZERO_TEXT)


def _row(step: dict[str, Any], now: int, *, human: bool, no_trunc: bool) -> dict[str, Any]:
    time = _time(step)
    whole = time - time % timestamp.SECOND
    since = human_duration((now - time) / timestamp.SECOND) + " ago"
    command = step["CreatedBy"]
    if not no_trunc and len(command) > _COMMAND_WIDTH:
        command = command[: _COMMAND_WIDTH - 3] + "..."
    return {
        "ID": step["id"] if no_trunc or step["id"] == "<missing>" else step["id"][:12],
        "Created": since if human else timestamp.rfc3339(whole),
        "CreatedAt": timestamp.go_text(whole),
        "CreatedSince": since,
        "CreatedBy": command,
        "Size": human_size(step["size"], digits=3, space=" "),
        "Comment": step["comment"],
        "Tags": step["tags"],
    }


def _json(steps: list[dict[str, Any]]) -> str:
    """One line, as Podman prints it: what is empty is left out, and the time stands twice."""
    from libpod.image.manifest import go_json

    documents = []
    for step in steps:
        time = _time(step)
        document: dict[str, Any] = {"id": step["id"], "created": timestamp.rfc3339(time)}
        document.update((member, step[member]) for member in ("CreatedBy", "size", "comment") if step[member] != "")
        document["Created"] = timestamp.rfc3339(time - time % timestamp.SECOND)
        documents.append(document)
    return go_json(documents).decode()


COMMAND = Command(
    "history",
    call=run,
    usage="[options] IMAGE",
    short="Show history of a specified image",
    long="Displays the history of an image.",
    options=(
        Option("--format", help="Change the output to JSON or a Go template"),
        flag("--human", "-H", help="Display dates in human readable format", default=True),
        flag("--no-trunc", help="Do not truncate the output"),
        flag("--quiet", "-q", help="Display the numeric IDs only"),
    ),
    least=1,
    most=1,
    examples=("podman history quay.io/fedora/fedora",),
)
