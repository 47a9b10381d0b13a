"""The processes of a container, as `podman top` describes them, read from the host's /proc.

Start reading at `describe`. Slow side.
"""

from __future__ import annotations

import os
import time

from libpod.container.cgroup import Cgroup
from libpod.errors import InvalidError, StateError, UnsafePathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libpod.container.model import ContainerState

DEFAULT = ("user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """One process: the fields of its stat, status and cmdline files."""

    __slots__ = ("accounts", "command_line", "pid", "stat", "status")

    def __init__(self, pid: int, accounts: Accounts) -> None:
        self.pid = pid
        self.accounts = accounts
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            self.stat = file.read().rpartition(")")[2].split()
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            self.status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        with open(f"/proc/{pid}/cmdline", "rb") as raw:
            self.command_line = raw.read().decode(errors="replace").replace("\0", " ")

    @property
    def inner_pid(self) -> str:
        """Its number in the innermost pid namespace."""
        return self.status["NSpid"].split()[-1]

    @property
    def elapsed_s(self) -> float:
        """How long ago it started."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(self.stat[19]) / _TICKS

    @property
    def cpu_s(self) -> float:
        """Processor time that it used."""
        return (int(self.stat[11]) + int(self.stat[12])) / _TICKS


def describe(state: ContainerState, names: Sequence[str]) -> list[list[str]]:
    """Return a header and a row for each process of a running container.

    Raises: InvalidError for an unknown descriptor.
    """
    for name in names:
        if name not in _DESCRIPTORS:
            raise InvalidError(f"'{name}': unknown descriptor")
    found = []
    accounts = Accounts(state)
    for pid in Cgroup(state.cgroup).pids() or [state.pid]:
        try:
            found.append(Process(pid, accounts))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found.sort(key=lambda process: int(process.stat[19]))
    numbers = {process.pid: process.inner_pid for process in found}
    header = [_DESCRIPTORS[name][0] for name in names]
    rows = []
    for process in found:
        # A parent outside the container is 0 from inside.
        process.stat[1] = numbers.get(int(process.stat[1]), "0")
        rows.append([_DESCRIPTORS[name][1](process) for name in names])
    return [header, *rows]


class Accounts:
    """Names of users and groups in a container's own passwd and group files, each read once."""

    __slots__ = ("_names", "_state")

    def __init__(self, state: ContainerState) -> None:
        self._state = state
        self._names: dict[str, dict[str, str]] = {}

    def name(self, database: str, number: str) -> str:
        """Look a uid (`passwd`) or gid (`group`) up; a number without a name stands for itself."""
        if database not in self._names:
            self._names[database] = self._read(database)
        return self._names[database].get(number, number)

    def _read(self, database: str) -> dict[str, str]:
        from libpod import _core

        try:
            text = _core.View.of_process(self._state.pid, self._state.start_time).accounts(database)
        except (StateError, UnsafePathError):
            return {}
        names: dict[str, str] = {}
        for line in text.decode(errors="replace").splitlines():
            fields = line.split(":")
            if len(fields) > 2:
                names.setdefault(fields[2], fields[0])
        return names


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if seconds < 1:
        return f"{seconds * 1000:.6g}ms"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    tail = f"{left + seconds - whole:.9g}s"
    return f"{hours}h{minutes}m{tail}" if hours else f"{minutes}m{tail}" if minutes else tail


def _whole_seconds(seconds: float) -> str:
    return f"{int(seconds)}s"


def _terminal(process: Process) -> str:
    number = int(process.stat[4])
    if number == 0:
        return "?"
    major, minor = os.major(number), os.minor(number)
    return f"pts/{minor}" if major == 136 else f"{major},{minor}"


_DESCRIPTORS: dict[str, tuple[str, Callable[[Process], str]]] = {
    "args": ("COMMAND", lambda process: process.command_line or f"[{process.status['Name']}]"),
    "comm": ("COMMAND", lambda process: process.status["Name"]),
    "capamb": ("AMBIENT CAPS", lambda process: _capabilities(process, "CapAmb")),
    "capbnd": ("BOUNDING CAPS", lambda process: _capabilities(process, "CapBnd")),
    "capeff": ("EFFECTIVE CAPS", lambda process: _capabilities(process, "CapEff")),
    "capinh": ("INHERITED CAPS", lambda process: _capabilities(process, "CapInh")),
    "capprm": ("PERMITTED CAPS", lambda process: _capabilities(process, "CapPrm")),
    "etime": ("ELAPSED", lambda process: _duration(process.elapsed_s)),
    "group": ("GROUP", lambda process: process.accounts.name("group", process.status["Gid"].split()[1])),
    "groups": ("GROUPS", lambda process: ",".join(process.status["Groups"].split())),
    "hpid": ("HPID", lambda process: str(process.pid)),
    "huser": ("HUSER", lambda process: process.status["Uid"].split()[1]),
    "hgroup": ("HGROUP", lambda process: process.status["Gid"].split()[1]),
    "nice": ("NI", lambda process: process.stat[16]),
    "pcpu": ("%CPU", lambda process: f"{process.cpu_s / max(process.elapsed_s, 0.001) * 100:.3f}"),
    "pgid": ("PGID", lambda process: process.status["NSpgid"].split()[-1]),
    "pid": ("PID", lambda process: process.inner_pid),
    "ppid": ("PPID", lambda process: process.stat[1]),
    "rgroup": ("RGROUP", lambda process: process.accounts.name("group", process.status["Gid"].split()[0])),
    "rss": ("RSS", lambda process: str(int(process.stat[21]) * _PAGE // 1024)),
    "ruser": ("RUSER", lambda process: process.accounts.name("passwd", process.status["Uid"].split()[0])),
    "seccomp": (
        "SECCOMP",
        lambda process: {"0": "disabled", "1": "strict", "2": "filter"}.get(process.status["Seccomp"].strip(), ""),
    ),
    "state": ("STATE", lambda process: process.stat[0]),
    "stime": ("STIME", lambda process: time.strftime("%H:%M:%S", time.localtime(time.time() - process.elapsed_s))),
    "time": ("TIME", lambda process: _whole_seconds(process.cpu_s)),
    "tty": ("TTY", _terminal),
    "user": ("USER", lambda process: process.accounts.name("passwd", process.status["Uid"].split()[1])),
    "vsz": ("VSZ", lambda process: str(int(process.stat[20]) // 1024)),
}


def _capabilities(process: Process, field: str) -> str:
    from libpod.container.security import CAPABILITIES

    bits = int(process.status[field], 16)
    names = [name.removeprefix("CAP_") for number, name in enumerate(CAPABILITIES) if bits >> number & 1]
    if not names:
        return "none"
    return "full" if len(names) == len(CAPABILITIES) else ",".join(sorted(names))
