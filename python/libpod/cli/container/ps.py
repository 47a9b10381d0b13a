"""`podman ps`: a line for each container, as a table, by a template, as ids or as JSON."""

from __future__ import annotations

from libpod import timestamp
from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.print.table import table
from libpod.cli.print.units import human_duration, human_size
from libpod.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from libpod.cli.context import Context, Options
    from libpod.container.listing import Row

_SORT_KEYS = ("command", "created", "id", "image", "names", "runningfor", "size", "status")
_COMMAND_WIDTH = 17
#: Seconds of Go's "no time", which JSON shows for what never happened.
_NEVER = -62135596800

_HEADERS = {
    "ID": "CONTAINER ID",
    "CreatedHuman": "CREATED",
    "Pod": "POD ID",
    "PodName": "PODNAME",
    "IPC": "IPC",
    "MNT": "MNT",
    "NET": "NET",
    "PIDNS": "PIDNS",
    "USERNS": "USERNS",
    "UTS": "UTS",
    "Pid": "PID",
    "ImageID": "IMAGE ID",
    "ExitCode": "EXIT CODE",
}


class _View:
    """What the lines of one listing share."""

    __slots__ = ("engine", "no_trunc", "now")

    def __init__(self, context: Context, *, no_trunc: bool) -> None:
        self.engine = context.engine
        self.no_trunc = no_trunc
        self.now = timestamp.now()

    def id(self, row: Row) -> str:
        return row.container.id if self.no_trunc else row.container.id[:12]

    def command(self, row: Row) -> str:
        text = " ".join(row.container.settings.command)
        if self.no_trunc or len(text) <= _COMMAND_WIDTH:
            return text
        return text[:_COMMAND_WIDTH] + "..."

    def ago(self, moment_ns: int) -> str:
        return human_duration(max(self.now - moment_ns, 0) / timestamp.SECOND) + " ago"

    def status(self, row: Row) -> str:
        state = row.state
        if state.status == "running":
            return "Up " + self.ago(timestamp.parse(state.started_at))
        if state.status == "paused":
            return "Paused"
        if state.status == "exited":
            ended = self.ago(timestamp.parse(state.finished_at)) if state.finished_at else ""
            return f"Exited ({state.exit_code}) {ended}".rstrip()
        return "Created"

    def size(self, row: Row) -> str:
        if row.size is None:
            return ""
        written, total = row.size
        return f"{human_size(written, digits=3)} (virtual {human_size(total, digits=3)})"


def ports_text(ports: list[dict[str, Any]]) -> str:
    """Write port mappings as `ps` shows them: `0.0.0.0:8080->80/tcp, 127.0.0.1:9000-9002->90-92/udp`."""
    shown = []
    for port in ports:
        last = port["range"] - 1
        host = f"{port['host_port']}-{port['host_port'] + last}" if last else str(port["host_port"])
        inside = f"{port['container_port']}-{port['container_port'] + last}" if last else str(port["container_port"])
        shown.append(f"{port['host_ip'] or '0.0.0.0'}:{host}->{inside}/{port['protocol']}")  # noqa: S104  (a text)
    return ", ".join(shown)


def _namespace(view: _View, row: Row, name: str) -> str:
    """Number of a namespace of a running container."""
    import os

    if not row.state.is_running:
        return ""
    try:
        return os.readlink(f"/proc/{row.state.pid}/ns/{name}").partition("[")[2].rstrip("]")
    except OSError:
        return ""


_FIELDS: dict[str, Callable[[_View, Row], Any]] = {
    "ID": lambda view, row: view.id(row),
    "Id": lambda view, row: row.container.id,
    "Image": lambda view, row: row.container.settings.image,
    "ImageID": lambda view, row: row.container.image_id if view.no_trunc else row.container.image_id[:12],
    "Command": lambda view, row: view.command(row),
    "CreatedHuman": lambda view, row: view.ago(row.created_ns),
    "Created": lambda view, row: view.ago(row.created_ns),
    "CreatedAt": lambda view, row: timestamp.go_text(row.created_ns),
    "RunningFor": lambda view, row: view.ago(row.created_ns),
    "Status": lambda view, row: view.status(row),
    "State": lambda view, row: view.status(row),
    "ExitCode": lambda view, row: row.state.exit_code,
    "Exited": lambda view, row: row.state.status == "exited",
    "Ports": lambda view, row: ports_text(row.container.settings.ports),
    "Names": lambda view, row: row.container.name,
    "Labels": lambda view, row: row.container.settings.labels,
    "Mounts": lambda view, row: ",".join(_mounts(row)),
    "Networks": lambda view, row: ",".join(_networks(view, row)),
    "Pid": lambda view, row: row.state.pid,
    "Pod": lambda view, row: "",
    "PodName": lambda view, row: "",
    "Size": lambda view, row: view.size(row),
    "AutoRemove": lambda view, row: row.container.settings.remove,
    "IsInfra": lambda view, row: False,
    "StartedAt": lambda view, row: _seconds(row.state.started_at),
    "ExitedAt": lambda view, row: _seconds(row.state.finished_at),
    "CGROUPNS": lambda view, row: _namespace(view, row, "cgroup"),
    "IPC": lambda view, row: _namespace(view, row, "ipc"),
    "MNT": lambda view, row: _namespace(view, row, "mnt"),
    "NET": lambda view, row: _namespace(view, row, "net"),
    "PIDNS": lambda view, row: _namespace(view, row, "pid"),
    "USERNS": lambda view, row: _namespace(view, row, "user"),
    "UTS": lambda view, row: _namespace(view, row, "uts"),
}


class _Fields(dict[str, "Any"]):
    """The fields of a line for templates; each is made when a template asks for it."""

    def __init__(self, view: _View, row: Row) -> None:
        super().__init__()
        self._view, self._row = view, row

    def __contains__(self, field: object) -> bool:
        return field in _FIELDS

    def __missing__(self, field: str) -> Any:
        self[field] = _FIELDS[field](self._view, self._row)
        return self[field]


def _mounts(row: Row) -> list[str]:
    return sorted(mount.destination for mount in row.container.settings.mounts if mount.kind in ("bind", "volume"))


def _networks(view: _View, row: Row) -> list[str]:
    settings = row.container.settings
    if settings.network != "bridge":
        return []
    return [settings.network_name or view.engine.conf.network["default_network"]]


def _seconds(text: str) -> int:
    return timestamp.parse(text) // timestamp.SECOND if text else _NEVER


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """List containers."""
    from libpod.container.listing import list_rows

    if arguments:
        raise UsageError("`podman ps` takes no arguments")
    if options.latest and "last" in options.given:
        raise UsageError("last and latest are mutually exclusive")
    last = 1 if options.latest else options.last
    view = _View(context, no_trunc=options.no_trunc)
    rows = list_rows(
        context.engine.host,
        all=options.all,
        filters=options.filter,
        last=last if last > 0 else -1,
        size=options.size,
        sort=options.sort,
    )
    if options.quiet:
        for row in rows:
            context.write(view.id(row))
    elif "format" in options.given:
        _print_template(context, options, view, rows)
    else:
        _print_table(context, options, view, rows)
    return 0


def _print_table(context: Context, options: Options, view: _View, rows: list[Row]) -> None:
    if options.ns:
        columns = ["ID", "Names", "Pid", "CGROUPNS", "IPC", "MNT", "NET", "PIDNS", "USERNS", "UTS"]
    else:
        columns = ["ID", "Image", "Command", "CreatedHuman", "Status", "Ports", "Names"]
        if options.pod:
            columns += ["Pod", "PodName"]
        if options.size:
            columns.append("Size")
    header = [_HEADERS.get(column, column.upper()) for column in columns]
    lines = [[str(_FIELDS[column](view, row)) for column in columns] for row in rows]
    text = table(None if options.noheading else header, lines)
    if text:
        context.write(text.rstrip("\n"))


def _print_template(context: Context, options: Options, view: _View, rows: list[Row]) -> None:
    from libpod.cli.print import format as formats

    if formats.is_json(options.format):
        _print_json(context, view, rows)
        return
    text = formats.render_rows(
        options.format,
        [_Fields(view, row) for row in rows],
        headers=_HEADERS,
        type_name="containers.psReporter",
        name="ps",
        heading=not options.noheading,
    )
    if text:
        context.write(text.rstrip("\n"))


def _print_json(context: Context, view: _View, rows: list[Row]) -> None:
    from libpod import _core

    documents = [_document(view, row) for row in rows]
    context.write(_core.dump_json(documents, indent=2) if documents else "[]")


def _document(view: _View, row: Row) -> dict[str, Any]:
    container, settings, state = row.container, row.container.settings, row.state
    return {
        "AutoRemove": settings.remove,
        "Command": settings.command or None,
        "CreatedAt": view.ago(row.created_ns),
        "Exited": state.status == "exited",
        "ExitedAt": _seconds(state.finished_at),
        "ExitCode": state.exit_code,
        "Id": container.id,
        "Image": settings.image,
        "ImageID": container.image_id,
        "IsInfra": False,
        "Labels": settings.labels or None,
        "Mounts": _mounts(row),
        "Names": [container.name],
        "Namespaces": {},
        "Networks": _networks(view, row),
        "Pid": state.pid,
        "Pod": "",
        "PodName": "",
        "Ports": [{**port, "host_ip": port["host_ip"]} for port in settings.ports] or None,
        "Size": {"rootFsSize": row.size[1], "rwSize": row.size[0]} if row.size else None,
        "StartedAt": _seconds(state.started_at),
        "State": state.status,
        "Status": view.status(row),
        "Created": row.created_ns // timestamp.SECOND,
    }


COMMAND = Command(
    "ps",
    call=run,
    usage="[options]",
    short="List containers",
    long="Prints out information about the containers",
    options=(
        flag("--all", "-a", help="Show all the containers, default is only running containers"),
        unsupported("--external", kind="bool"),
        Option("--filter", "-f", kind="strings", help="Filter output based on conditions given"),
        Option("--format", help="Pretty-print containers to JSON or using a Go template"),
        Option("--last", "-n", kind="int", default=-1, help="Print the n last created containers (all states)"),
        flag("--latest", "-l", help="Act on the latest container podman is aware of"),
        flag("--no-trunc", help="Display the extended information"),
        flag("--noheading", help="Do not print headers"),
        flag("--ns", help="Display namespace information"),
        flag("--pod", "-p", help="Print the ID and name of the pod the containers are associated with"),
        flag("--quiet", "-q", help="Print the numeric IDs of the containers only"),
        flag("--size", "-s", help="Display the total file sizes"),
        Option("--sort", default="created", choices=_SORT_KEYS, help="Sort output by: " + ", ".join(_SORT_KEYS)),
        flag("--sync", help="Sync container state with OCI runtime"),
        unsupported("--watch", "-w", kind="uint"),
    ),
    examples=(
        "podman ps -a",
        'podman ps -a --format "{{.ID}}  {{.Image}}  {{.Labels}}  {{.Mounts}}"',
        "podman ps --size --sort names",
    ),
)
