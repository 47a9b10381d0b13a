"""`podman ps`: a line for each container, as a table, by a template, as ids or as JSON."""

from __future__ import annotations

import sys
import time

from libpod import timestamp
from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.container.targets import LATEST
from libpod.cli.print.listing import Listing, print_list
from libpod.cli.print.units import human_duration, human_size
from libpod.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from libpod.cli.context import Context, Options
    from libpod.container.records import Damaged, Row
    from libpod.container.settings import ContainerSettings
    from libpod.network.attachment import Port

_SORT_KEYS = ("command", "created", "id", "image", "names", "runningfor", "size", "status")
_COMMAND_WIDTH = 17
#: Seconds of Go's "no time", which JSON shows for what never happened.
_NEVER = -62135596800
#: Longer than anybody watches, and short enough for the system.
_LONG_S = 1 << 31
_CLEAR_SCREEN = "\x1b[2J\x1b[H"
#: Names of a process's namespaces below /proc, and what the members of a row's document are called.
_NAMESPACES = {
    "mnt": "Mnt",
    "cgroup": "Cgroup",
    "ipc": "Ipc",
    "net": "Net",
    "pid": "Pidns",
    "uts": "Uts",
    "user": "User",
}
_TABLE = ("ID", "Image", "Command", "CreatedHuman", "Status", "Ports", "Names")
_NAMESPACE_TABLE = ("ID", "Names", "Pid", "Cgroup", "IPC", "MNT", "NET", "PIDNS", "User", "UTS")


class _Line:
    """One container in a listing, with what the lines of a listing share."""

    __slots__ = ("row", "view")

    def __init__(self, view: _View, row: Row) -> None:
        self.view = view
        self.row = row

    @property
    def id(self) -> str:
        return self._cut(self.row.container.id)

    @property
    def image_id(self) -> str:
        return self._cut(self.row.container.image_id)

    def _cut(self, text: str) -> str:
        return text if self.view.no_trunc else text[:12]

    @property
    def command(self) -> str:
        text = " ".join(self.row.container.settings.command)
        return text if self.view.no_trunc or len(text) <= _COMMAND_WIDTH else text[:_COMMAND_WIDTH] + "..."

    @property
    def created_ago(self) -> str:
        return self._since(self.row.created_ns) + " ago"

    def _since(self, moment_ns: int) -> str:
        return human_duration(max(self.view.now - moment_ns, 0) / timestamp.SECOND)

    @property
    def status(self) -> str:
        state = self.row.state
        if state.status == "running":
            return "Up " + self._since(timestamp.parse(state.started_at))
        if state.status == "exited":
            ended = self._since(timestamp.parse(state.finished_at)) + " ago" if state.finished_at else ""
            return f"Exited ({state.exit_code}) {ended}".rstrip()
        return state.status.title()

    @property
    def size(self) -> str:
        if self.row.size is None:
            self.view.context.log("error", "Size format requires --size option")
            return ""
        written, total = self.row.size
        return f"{human_size(written, digits=3)} (virtual {human_size(total, digits=3)})"

    @property
    def mounts(self) -> list[str]:
        mounts = self.row.container.settings.mounts
        return sorted(mount.destination for mount in mounts if mount.kind in ("bind", "volume", "tmpfs"))

    @property
    def networks(self) -> list[str]:
        default = self.view.context.engine.conf.network["default_network"]
        return [attachment.name or default for attachment in self.row.container.settings.networks]

    @property
    def namespaces(self) -> dict[str, str]:
        """Numbers of the namespaces of a running container, when they were asked for."""
        import os

        found: dict[str, str] = {}
        if self.view.namespaces and self.row.state.is_running:
            for name, member in _NAMESPACES.items():
                try:
                    link = os.readlink(f"/proc/{self.row.state.pid}/ns/{name}")
                except OSError:
                    continue
                found[member] = link.partition("[")[2].rstrip("]")
        return found


class _View:
    """What the lines of one listing share."""

    __slots__ = ("context", "namespaces", "no_trunc", "now")

    def __init__(self, context: Context, *, no_trunc: bool, namespaces: bool) -> None:
        self.context = context
        self.no_trunc = no_trunc
        self.namespaces = namespaces
        self.now = timestamp.now()


def ports_text(ports: list[Port], exposed: list[str] | None = None) -> str:
    """Write port mappings as `ps` shows them: `0.0.0.0:8080->80/tcp, 127.0.0.1:9000-9002->90-92/udp, 81-83/tcp`.

    exposed: ports that are named, `81/tcp` each; those that no mapping leads to stand behind the mappings.
    """
    shown: list[str] = []
    mapped: set[str] = set()
    for port in ports:
        mapped.update(f"{inside}/{port.protocol}" for _, inside in port.pairs())
        last = port.count - 1
        host = f"{port.host_port}-{port.host_port + last}" if last else str(port.host_port)
        inside = f"{port.container_port}-{port.container_port + last}" if last else str(port.container_port)
        shown.append(f"{port.shown_ip}:{host}->{inside}/{port.protocol}")
    return ", ".join(shown + _ranges(text for text in exposed or () if text not in mapped))


def _ranges(exposed: Iterable[str]) -> list[str]:
    """Join neighbours: `81/tcp`, `82/tcp` are `81-82/tcp`."""
    by_protocol: dict[str, list[int]] = {}
    for text in exposed:
        number, _, protocol = text.partition("/")
        by_protocol.setdefault(protocol, []).append(int(number))
    shown = []
    for protocol, ports in sorted(by_protocol.items()):
        ranges: list[list[int]] = []
        for port in sorted(ports):
            if ranges and ranges[-1][1] + 1 == port:
                ranges[-1][1] = port
            else:
                ranges.append([port, port])
        shown += [f"{first}-{last}/{protocol}" if last > first else f"{first}/{protocol}" for first, last in ranges]
    return shown


def _exposed_document(settings: ContainerSettings) -> dict[str, list[str]] | None:
    """The exposed ports as Podman's JSON has them: number → protocols."""
    document: dict[str, list[str]] = {}
    for text in settings.exposed:
        port, _, protocol = text.partition("/")
        document.setdefault(port, []).append(protocol)
    return document or None


def _label(line: _Line) -> Any:
    from libpod.cli.print.types import Method

    return Method(lambda name: line.row.container.settings.labels.get(name, ""), 1)


def _seconds(text: str) -> int:
    return timestamp.parse(text) // timestamp.SECOND if text else _NEVER


def _document(line: _Line) -> dict[str, Any]:
    """One container in the members of Podman's type."""
    row = line.row
    container, settings, state = row.container, row.container.settings, row.state
    return {
        "AutoRemove": settings.remove,
        "Command": settings.command or None,
        "Created": settings.created,
        "CreatedAt": "",
        "CIDFile": settings.cidfile,
        "Exited": state.status == "exited",
        "ExitedAt": _seconds(state.finished_at),
        "ExitCode": state.exit_code,
        "ExposedPorts": _exposed_document(settings),
        "Id": container.id,
        "Image": settings.image,
        "ImageID": container.image_id,
        "IsInfra": False,
        "Labels": dict(sorted(settings.labels.items())) or None,
        "Mounts": line.mounts,
        "Names": [container.name],
        "Namespaces": line.namespaces,
        "Networks": line.networks,
        "Pid": state.pid,
        "Pod": "",
        "PodName": "",
        "Ports": [port.to_document() for port in settings.ports] or None,
        "Restarts": 0,
        "Size": {"rootFsSize": row.size[1], "rwSize": row.size[0]} if row.size else None,
        "StartedAt": _seconds(state.started_at),
        "State": state.status,
        "Status": "",
    }


_FIELDS: dict[str, Callable[[_Line], Any]] = {
    "ID": lambda line: line.id,
    "Image": lambda line: line.row.container.settings.image,
    "ImageID": lambda line: line.image_id,
    "Command": lambda line: line.command,
    "CreatedHuman": lambda line: line.created_ago,
    "CreatedAt": lambda line: timestamp.go_text(line.row.created_ns),
    "RunningFor": lambda line: line.created_ago,
    "Status": lambda line: line.status,
    "Ports": lambda line: ports_text(line.row.container.settings.ports, line.row.container.settings.exposed),
    "Names": lambda line: line.row.container.name,
    "Label": _label,
    "Networks": lambda line: ",".join(line.networks),
    "Pid": lambda line: line.row.state.pid,
    "Pod": lambda line: "",
    "PodName": lambda line: "",
    "Restarts": lambda line: "0",
    "Size": lambda line: line.size,
    "CGROUPNS": lambda line: line.namespaces.get("Cgroup", ""),
    "Cgroup": lambda line: line.namespaces.get("Cgroup", ""),
    "IPC": lambda line: line.namespaces.get("Ipc", ""),
    "MNT": lambda line: line.namespaces.get("Mnt", ""),
    "NET": lambda line: line.namespaces.get("Net", ""),
    "PIDNS": lambda line: line.namespaces.get("Pidns", ""),
    "USERNS": lambda line: line.namespaces.get("User", ""),
    "User": lambda line: line.namespaces.get("User", ""),
    "UTS": lambda line: line.namespaces.get("Uts", ""),
}

LISTING = Listing(
    "ps",
    type="containers.psReporter",
    fields=_FIELDS,
    document=_document,
    titles={
        "ID": "CONTAINER ID",
        "Cgroup": "CGROUPNS",
        "CreatedHuman": "CREATED",
        "IPC": "IPC",
        "MNT": "MNT",
        "NET": "NET",
        "PIDNS": "PIDNS",
        "Pod": "POD ID",
        "PodName": "PODNAME",
        "RunningFor": "RUNNING FOR",
        "User": "USERNS",
        "UTS": "UTS",
    },
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """List containers; with --watch again and again, until the user ends it."""
    _check(options)
    while options.watch and not _is_for_a_program(options):
        context.put(_CLEAR_SCREEN)
        _list(context, options)
        sys.stdout.flush()
        time.sleep(min(options.watch, _LONG_S))
    return _list(context, options)


def _is_for_a_program(options: Options) -> bool:
    """Whether ids or JSON are asked for, which Podman prints once."""
    from libpod.cli.print import format as formats

    given = "format" in options.given
    return formats.is_json(options.format) if given else bool(options.quiet)


def _list(context: Context, options: Options) -> int:
    last = 1 if options.latest else options.last
    damaged: Damaged = []
    rows = context.engine.containers.rows(
        damaged=damaged,
        all=options.all,
        filters=options.filter,
        last=last if last > 0 else -1,
        size=options.size,
        sort=options.sort,
    )
    view = _View(context, no_trunc=options.no_trunc, namespaces=options.ns)
    lines = [_Line(view, row) for row in rows]
    given = "format" in options.given
    columns = list(_NAMESPACE_TABLE if options.ns else _TABLE)
    if not options.ns:
        columns += ["Pod", "PodName"] if options.pod else []
        columns += ["Size"] if options.size else []
    print_list(
        context,
        LISTING,
        lines,
        # A row is both of its own type and of the struct that it embeds: `.Namespaces.IPC` and `.IPC` are one field.
        format=options.format.replace(".Namespaces.", ".") if given else None,
        columns=columns,
        heading=not options.noheading,
        quiet=(lambda line: line.id) if options.quiet and not given else None,
        json=lambda: _json(lines),
    )
    context.warn_damaged(damaged)
    return 0


def _check(options: Options) -> None:
    if options.latest and options.last >= 0:
        raise UsageError("last and latest are mutually exclusive")
    if options.quiet and (options.size or options.ns):
        raise UsageError("quiet conflicts with size and namespace")
    if options.size and options.ns:
        raise UsageError("size and namespace options conflict")
    if options.watch and options.latest:
        raise UsageError("the watch and latest flags cannot be used together")


def _json(lines: list[_Line]) -> str:
    from libpod.cli.print import format as formats

    documents = []
    for line in lines:
        document = _document(line)
        created = timestamp.parse(document.pop("Created")) // timestamp.SECOND
        documents.append({**document, "CreatedAt": line.created_ago, "Status": line.status, "Created": created})
    return formats.to_json(documents, indent=2)


COMMAND = Command(
    "ps",
    call=run,
    short="List containers",
    most=0,
    long="Prints out information about the containers",
    options=(
        flag("--all", "-a", help="Show all the containers, default is only running containers"),
        unsupported("--external", kind="bool", aliases=("--storage",)),
        Option("--filter", "-f", kind="array", help="Filter output based on conditions given"),
        Option("--format", help="Pretty-print containers to JSON or using a Go template"),
        Option("--last", "-n", kind="int", default=-1, help="Print the n last created containers (all states)"),
        LATEST,
        flag("--no-trunc", help="Display the extended information", aliases=("--notruncate",)),
        flag("--noheading", help="Do not print headers"),
        flag("--ns", help="Display namespace information", aliases=("--namespace",)),
        flag("--pod", "-p", help="Print the ID and name of the pod the containers are associated with"),
        flag("--quiet", "-q", help="Print the numeric IDs of the containers only"),
        flag("--size", "-s", help="Display the total file sizes"),
        Option(
            "--sort",
            default="created",
            shown="",
            metavar="choice",
            choices=_SORT_KEYS,
            help="Sort output by: " + ", ".join(_SORT_KEYS),
        ),
        flag("--sync", help="Sync container state with OCI runtime", idle="a state is derived anew by every look"),
        Option("--watch", "-w", kind="uint", help="Watch the ps output on an interval in seconds"),
    ),
    examples=(
        "podman ps -a",
        'podman ps -a --format "{{.ID}}  {{.Image}}  {{.Labels}}  {{.Mounts}}"',
        "podman ps --size --sort names",
    ),
)
