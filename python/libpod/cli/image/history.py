"""`podman history`: how an image came to be, newest step first."""

from __future__ import annotations

from libpod import timestamp
from libpod.cli.command import Command, Option, flag
from libpod.cli.print.listing import Listing, print_list
from libpod.cli.print.units import human_duration, human_size
from libpod.document import go_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.cli.context import Context, Options

#: Length to which commands are cut.
_COMMAND_WIDTH = 45


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the steps."""
    steps = context.engine.images.history(arguments[0])
    now = timestamp.now()
    lines = [_Line(step, now, human=options.human, no_trunc=options.no_trunc) for step in steps]
    print_list(
        context,
        LISTING,
        lines,
        format=options.format if "format" in options.given else None,
        columns=("ID", "Created", "CreatedBy", "Size", "Comment"),
        quiet=(lambda line: line.id) if options.quiet else None,
        json=lambda: _json(lines),
    )
    return 0


class _Line:
    """One step of an image."""

    __slots__ = ("human", "no_trunc", "now", "step", "time")

    def __init__(self, step: dict[str, Any], now: int, *, human: bool, no_trunc: bool) -> None:
        self.step = step
        self.time = timestamp.parse(step["created"] or timestamp.ZERO_TEXT)
        self.now = now
        self.human = human
        self.no_trunc = no_trunc

    @property
    def id(self) -> str:
        step_id: str = self.step["id"]
        return step_id if self.no_trunc or step_id == "<missing>" else step_id[:12]

    @property
    def created(self) -> str:
        if self.human:
            return human_duration((self.now - self.time) / timestamp.SECOND) + " ago"
        return self.created_at

    @property
    def created_at(self) -> str:
        return timestamp.rfc3339(self.time - self.time % timestamp.SECOND)

    @property
    def created_by(self) -> str:
        command: str = self.step["CreatedBy"]
        cut = not self.no_trunc and len(command) > _COMMAND_WIDTH
        return command[: _COMMAND_WIDTH - 3] + "..." if cut else command


def _document(line: _Line) -> dict[str, Any]:
    """One step in the members of Podman's type: what is empty is left out, but for the size."""
    step = line.step
    document = {
        "id": step["id"],
        "created": timestamp.rfc3339(line.time),
        "CreatedBy": step["CreatedBy"],
        "tags": step["tags"],
        "size": step["size"],
        "comment": step["comment"],
    }
    return {member: value for member, value in document.items() if value not in ("", [])}


def _json(lines: list[_Line]) -> str:
    """All steps on one line, in which the time stands twice, as Podman writes them."""
    return go_json([{**_document(line), "Created": line.created_at} for line in lines]).decode()


LISTING = Listing(
    "history",
    type="images.historyReporter",
    fields={
        "ID": lambda line: line.id,
        "Created": lambda line: line.created,
        "CreatedAt": lambda line: line.created_at,
        "CreatedSince": lambda line: line.created,
        "CreatedBy": lambda line: line.created_by,
        "Size": lambda line: human_size(line.step["size"], digits=3),
        "Comment": lambda line: line.step["comment"],
    },
    document=_document,
    titles={"CreatedBy": "CREATED BY"},
)


COMMAND = Command(
    "history",
    call=run,
    usage="[options] IMAGE",
    short="Show history of a specified image",
    long="Displays the history of an image.\n"
    "\n"
    "  The information can be printed out in an easy to read, or user specified format, and can be "
    "truncated.",
    options=(
        Option("--format", help="Change the output to JSON or a Go template"),
        flag("--human", "-H", help="Display sizes and dates in human readable format", default=True),
        flag("--no-trunc", help="Do not truncate the output", aliases=("--notruncate",)),
        flag("--quiet", "-q", help="Display the numeric IDs only"),
    ),
    least=1,
    most=1,
    examples=("podman history quay.io/fedora/fedora",),
)
