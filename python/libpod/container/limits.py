"""Resource limits of one process: `--ulimit` and its defaults.

Start reading at `parse_ulimit`.
"""

from __future__ import annotations

from libpod import quantity
from libpod.errors import InvalidError
from libpod.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

TYPES = frozenset(
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)
UNLIMITED = 2**64 - 1

#: Podman's default for the number of files and processes of a root container.
MAXIMUM = 1048576

_CAP_SYS_RESOURCE = 24


class Limit(Record):
    """How much of one resource a process may use. kind: `RLIMIT_NOFILE` and so on; soft and hard: `UNLIMITED` at most."""

    kind: str
    soft: int
    hard: int

    def to_oci(self) -> dict[str, Any]:
        """Return the limit as an entry of `process.rlimits` of the runtime spec."""
        return {"type": self.kind, "soft": self.soft, "hard": self.hard}

    def to_document(self) -> list[Any]:
        """Return the limit as plain data for container.json."""
        return [self.kind, self.soft, self.hard]

    @classmethod
    def from_document(cls, document: list[Any]) -> Limit:
        """Read what `to_document` wrote."""
        if [member.__class__ for member in document] != [str, int, int]:
            raise ValueError(f"`limits` holds {document}, which is no limit")
        return cls(*document)


def parse_ulimit(text: str) -> Limit:
    """Parse `name=SOFT[:HARD]`; -1 is unlimited.

    Raises: InvalidError with the option and the reason.
    """
    try:
        return _parse(text)
    except InvalidError as error:
        raise InvalidError(f'ulimit option "{text}" requires name=SOFT:HARD, failed to be parsed: {error}') from None


def _parse(text: str) -> Limit:
    # The name of the type in any case, and with the prefix that the kernel's headers give it.
    text = text.lower().removeprefix("rlimit_")
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidError(f"invalid ulimit argument: {text}")
    if name not in TYPES:
        raise InvalidError(f"invalid ulimit type: {name}")
    parts = value.split(":")
    if len(parts) > 2:
        raise InvalidError(f"too many limit value arguments - {value}, can only have up to two, `soft[:hard]`")
    soft = quantity.parse_integer(parts[0])
    hard = quantity.parse_integer(parts[1]) if len(parts) == 2 else soft
    if hard != -1 and (soft == -1 or soft > hard):
        raise InvalidError(f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")
    return Limit("RLIMIT_" + name.upper(), UNLIMITED if soft == -1 else soft, UNLIMITED if hard == -1 else hard)


def check_limit(limit: Limit) -> None:
    """Refuse a limit of a type that there is not, or whose soft value is above the hard one. Raises: InvalidError."""
    if (
        limit.kind.removeprefix("RLIMIT_").lower() not in TYPES
        or limit.kind != limit.kind.upper()
        or "_" not in limit.kind
    ):
        raise InvalidError(f"invalid ulimit type: {limit.kind}")
    if not 0 <= limit.soft <= limit.hard <= UNLIMITED:
        raise InvalidError(
            f"ulimit soft limit must be less than or equal to hard limit: {limit.soft} > {limit.hard}"
            if limit.soft > limit.hard
            else f"ulimit {limit.kind}: {limit.soft}:{limit.hard} is out of range"
        )


def merge_limits(defaults: Iterable[str], given: Sequence[Limit], *, inherit: bool = False) -> list[Limit]:
    """Choose the limits of a container: the user's, or those of containers.conf where the user gave none.

    inherit: what this process itself has, but for the types that the user names. A type given twice takes the last value. Podman sets the number of files and of processes in every container; if neither source names them,
    its defaults are used, lowered to what this process may set. Sorted by type.
    """
    chosen: dict[str, Limit] = {}
    said = bool(given) or inherit
    for limit in given if said else (parse_ulimit(text) for text in defaults if text != "host"):
        chosen[limit.kind] = limit
    for name, value in (("RLIMIT_NOFILE", MAXIMUM), ("RLIMIT_NPROC", MAXIMUM if said else _pid_max())):
        if name in chosen:
            continue
        if inherit:
            chosen[name] = _own(name)
        else:
            value = _attainable(name, value)
            chosen[name] = Limit(name, value, value)
    return [chosen[name] for name in sorted(chosen)]


def _own(name: str) -> Limit:
    """The limit of this process. Other types than those in the list of a container are inherited anyway."""
    import resource

    soft, hard = (
        UNLIMITED if value == resource.RLIM_INFINITY else value for value in resource.getrlimit(getattr(resource, name))
    )
    return Limit(name, soft, hard)


def _pid_max() -> int:
    try:
        with open("/proc/sys/kernel/pid_max", "rb") as file:
            return min(int(file.read()), MAXIMUM)
    except OSError:
        return MAXIMUM


def _attainable(name: str, value: int) -> int:
    """Lower a default (never a value that the user asked for) to the hard limit of a process that may not raise its own."""
    label = b"Max open files" if name == "RLIMIT_NOFILE" else b"Max processes"
    with open("/proc/self/limits", "rb") as file:
        hard = file.read().partition(label)[2].split(None, 2)[1]
    if hard == b"unlimited" or int(hard) >= value or _may_raise_limits():
        return value
    return int(hard)


def _may_raise_limits() -> bool:
    with open("/proc/self/status", "rb") as file:
        effective = file.read().partition(b"CapEff:")[2].split(None, 1)[0]
    return bool(int(effective, 16) >> _CAP_SYS_RESOURCE & 1)
