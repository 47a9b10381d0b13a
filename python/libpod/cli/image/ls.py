"""`podman images`: a line for each name of each image, as a table, by a template, as ids or as JSON."""

from __future__ import annotations

from libpod import timestamp
from libpod.cli.command import Command, Option, flag
from libpod.cli.print.listing import Listing, print_list
from libpod.cli.print.units import human_duration, human_size
from libpod.errors import InvalidError, UsageError
from libpod.image.reference import ID_PREFIX, split_stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from libpod.cli.context import Context, Options
    from libpod.image.lookup import Image
    from libpod.image.manager import ImageManager

_SORT_FIELDS = ("created", "id", "repository", "size", "tag")
_NONE = "<none>"


class _Line:
    """One name of one image. What costs a read (size) is asked for when it is printed or sorted by."""

    __slots__ = ("created", "image", "repository", "tag", "view")

    def __init__(self, view: _View, image: Image, name: str) -> None:
        self.view = view
        self.image = image
        self.created = timestamp.parse(image.created)
        self.repository, self.tag = _split(name)

    @property
    def size(self) -> int:
        return self.view.overview.size(self.image)

    @property
    def size_text(self) -> str:
        return human_size(self.size, digits=3, space=" ")

    @property
    def created_since(self) -> str:
        return human_duration((self.view.now - self.created) / timestamp.SECOND) + " ago"

    @property
    def id(self) -> str:
        return ID_PREFIX + self.image.id if self.view.no_trunc else self.image.id[:12]


def _shown_names(image: Image) -> list[str]:
    """The names that have a line: those with a tag, or else one without, or else none."""
    return image.tagged_names or image.names[:1] or [""]


def _split(name: str) -> tuple[str, str]:
    if not name:
        return _NONE, _NONE
    repository, tag = split_stored(name)
    return repository, _NONE if "@" in name else tag


class _View:
    """What the lines of one listing share."""

    def __init__(self, manager: ImageManager, *, no_trunc: bool) -> None:
        self.overview = manager.overview()
        self.no_trunc = no_trunc
        self.now = timestamp.now()


def _history(line: _Line) -> str:
    return ", ".join(line.image.record["names-history"])


def _created_at(line: _Line) -> str:
    return timestamp.go_text(line.created - line.created % timestamp.SECOND)


_FIELDS: dict[str, Callable[[_Line], Any]] = {
    "ID": lambda line: line.id,
    "Id": lambda line: line.image.id,
    "IsDangling": lambda line: line.image.is_dangling,
    "IsReadOnly": lambda line: line.image.is_read_only,
    "Repository": lambda line: line.repository,
    "Tag": lambda line: line.tag,
    "Digest": lambda line: str(line.image.digest or _NONE),
    "Created": lambda line: line.created_since,
    "CreatedSince": lambda line: line.created_since,
    "CreatedTime": _created_at,
    "CreatedAt": _created_at,
    "Size": lambda line: line.size_text,
    "History": _history,
    "ReadOnly": lambda line: line.image.is_read_only,
}


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """List the images."""
    if arguments and options.filter:
        raise UsageError("cannot specify an image and a filter(s)")
    if options.sort not in _SORT_FIELDS:
        raise InvalidError(f'"{options.sort}" is not a valid field for sorting. Choose from: {", ".join(_SORT_FIELDS)}')
    manager = context.engine.images
    filters = [f"reference={arguments[0]}"] if arguments else options.filter
    images = manager.list(filters, all=options.all)
    view = _View(manager, no_trunc=options.no_trunc)
    lines = [_Line(view, image, name) for image in images for name in _shown_names(image)]
    lines.sort(key=_KEYS[options.sort], reverse=options.sort == "created")
    columns: list[Any] = ["Repository", "Tag", *(["Digest"] if options.digests else []), "ID", "Created", "Size"]
    columns += [("HISTORY", lambda line: _history(line) or _NONE)] if options.history else []
    print_list(
        context,
        LISTING,
        lines,
        format=options.format if "format" in options.given else None,
        columns=columns,
        heading=not options.noheading,
        quiet=(lambda line: line.id) if options.quiet else None,
        json=lambda: _json(lines),
    )
    return 0


# Python's sort is stable in reverse too, so equal images stay in the store's order.
_KEYS: dict[str, Callable[[_Line], Any]] = {
    "created": lambda line: line.created,
    "id": lambda line: line.image.id,
    "repository": lambda line: line.repository,
    "size": lambda line: line.size,
    "tag": lambda line: line.tag,
}


def _json(lines: list[_Line]) -> str:
    from libpod.cli.print import format as formats

    documents = []
    for line in lines:
        document = _summary(line)
        created = document.pop("Created")
        at = timestamp.rfc3339(line.created - line.created % timestamp.SECOND)
        documents.append({**document, "RepoTags": None, "Created": created, "CreatedAt": at})
    return formats.to_json(documents)


def _document(line: _Line) -> dict[str, Any]:
    """A line as a template sees it whole: its own members, and those of its image."""
    return {"repository": line.repository, "tag": line.tag, **_summary(line)}


def _summary(line: _Line) -> dict[str, Any]:
    """The image of a line in the members of Podman's type."""
    overview, image = line.view.overview, line.image
    parent = overview.parent(image)
    size = line.size
    document: dict[str, Any] = {
        "Id": image.id,
        "ParentId": parent.id if parent is not None else "",
        "RepoTags": image.names or None,
        "RepoDigests": overview.digests(image),
        "Created": line.created // timestamp.SECOND,
        "Size": size,
        "SharedSize": 0,
        "VirtualSize": size,
        "Labels": dict(sorted(image.labels.items())) or None,
        "Containers": overview.containers(image),
    }
    if image.is_read_only:
        document["ReadOnly"] = True
    if image.is_dangling:
        document["Dangling"] = True
    document["Digest"] = str(image.digest or "")
    if image.record["names-history"]:
        document["History"] = list(image.record["names-history"])
    if image.names:
        document["Names"] = image.names
    return document


LISTING = Listing(
    "images",
    type="images.imageReporter",
    fields=_FIELDS,
    document=_document,
    titles={"ID": "IMAGE ID", "ReadOnly": "R/O"},
)


COMMAND = Command(
    "images",
    call=run,
    usage="[options] [IMAGE]",
    short="List images in local storage",
    long="Lists images previously pulled to the system or created on the system.",
    options=(
        flag("--all", "-a", help="Show all images (default hides intermediate images)"),
        flag("--digests", help="Show digests"),
        Option("--filter", "-f", kind="array", shown="[]", help="Filter output based on conditions provided"),
        Option("--format", help="Change the output format to JSON or a Go template"),
        flag("--history", help="Display the image name history"),
        flag("--no-trunc", help="Do not truncate output"),
        flag("--noheading", "-n", help="Do not print column headings"),
        flag("--quiet", "-q", help="Display only image IDs"),
        Option("--sort", help="Sort by created, id, repository, size, tag", default="created"),
    ),
    most=1,
    examples=(
        "podman images --format json",
        'podman images --sort repository --format "table {{.ID}} {{.Repository}} {{.Tag}}"',
        "podman images --filter dangling=true",
    ),
)
