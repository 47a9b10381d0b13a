"""Memory, swap and processor limits: checked against each other and against the host, in Podman's words.

Start reading at `resolve_resources`. Which cgroup file a number lands in is the runtime's business.
"""

from __future__ import annotations

import os

from libpod import quantity
from libpod.errors import InvalidError
from libpod.quantity import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.container.request import ContainerRequest
    from libpod.container.settings import ContainerSettings

_PERIOD_MIN, _PERIOD_MAX, _QUOTA_MIN = 1000, 1000000, 1000
_DEFAULT_PERIOD = 100000
_MAX_QUOTA = 2.0**63
_PIDS_MAX = 2**32 - 1


def resolve_resources(settings: ContainerSettings, request: ContainerRequest, default_pids: int) -> None:
    """Fill in the limits of `settings`.

    Raises: InvalidError for malformed numbers and combinations that make no sense.
    """
    _memory(settings, request)
    _processors(settings, request)
    limit = default_pids if request.pids_limit is None else request.pids_limit
    if limit > _PIDS_MAX:
        raise InvalidError(f'strconv.ParseInt: parsing "{limit}": value out of range')
    settings.pids_limit = limit
    if request.oom_score_adj is not None and not -1000 <= request.oom_score_adj <= 1000:
        raise InvalidError(f"invalid value {request.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    settings.oom_score_adj = request.oom_score_adj
    settings.oom_kill_disable = request.oom_kill_disable


def _memory(settings: ContainerSettings, request: ContainerRequest) -> None:
    settings.memory = _size(request.memory)
    settings.memory_reservation = _size(request.memory_reservation)
    if request.memory_swap:
        settings.memory_swap = -1 if request.memory_swap == "-1" else _size(request.memory_swap)
    if settings.memory_swap > 0 or request.memory_swap == "0":
        if not settings.memory:
            raise InvalidError("you should always set a memory limit when using a memoryswap limit, see usage")
        if settings.memory_swap < settings.memory:
            raise InvalidError("minimum memoryswap limit should be larger than memory limit, see usage")
    if settings.memory and settings.memory < settings.memory_reservation:
        raise InvalidError("minimum memory limit cannot be less than memory reservation limit, see usage")
    if settings.memory and not request.memory_swap:
        settings.memory_swap = 2 * settings.memory
    swappiness = request.memory_swappiness
    if not -1 <= swappiness <= 100:
        raise InvalidError(f"invalid value: {swappiness}, valid memory swappiness range is 0-100")
    settings.memory_swappiness = swappiness


def _size(text: str) -> int:
    if not text:
        return 0
    try:
        return parse_size(text)
    except InvalidError as error:
        raise InvalidError(f"invalid value for memory: {error.message}") from None


def _processors(settings: ContainerSettings, request: ContainerRequest) -> None:
    if request.cpu_shares == 1:
        raise InvalidError("the minimum allowed cpu-shares is 2")
    settings.cpu_shares = request.cpu_shares
    settings.cpu_period = request.cpu_period or 0
    settings.cpu_quota = request.cpu_quota or 0
    if request.cpus is not None:
        if request.cpu_period is not None:
            raise InvalidError("--cpu-period and --cpus cannot be set together")
        if request.cpu_quota is not None:
            raise InvalidError("--cpu-quota and --cpus cannot be set together")
        if request.cpus:
            quota = request.cpus * _DEFAULT_PERIOD
            if not -_MAX_QUOTA < quota < _MAX_QUOTA:
                raise InvalidError(f"--cpus {request.cpus:g} is no number of processors")
            settings.cpu_period = _DEFAULT_PERIOD
            settings.cpu_quota = int(quota) or 1
    if settings.cpu_period and not _PERIOD_MIN <= settings.cpu_period <= _PERIOD_MAX:
        raise InvalidError(
            f"CPU cfs period cannot be less than 1ms (i.e. {_PERIOD_MIN}) or larger than 1s (i.e. {_PERIOD_MAX})"
        )
    if 0 < settings.cpu_quota < _QUOTA_MIN:
        raise InvalidError(f"CPU cfs quota cannot be less than 1ms (i.e. {_QUOTA_MIN})")
    settings.cpuset_cpus = _cpuset(request.cpuset_cpus, "cpus", "CPUs")
    settings.cpuset_mems = _cpuset(request.cpuset_mems, "mems", "memory nodes")


def _cpuset(text: str, kind: str, shown: str) -> str:
    if not text:
        return ""
    requested = _parse_list(text)
    if requested is None:
        raise InvalidError(f"invalid value {text} for cpuset {kind}")
    available_text = _available(kind)
    available = _parse_list(available_text)
    if available is not None:
        numbers = {number for first, last in available for number in range(first, last + 1)}
        # A range that the user wrote may be too long to be walked.
        if not all(last <= max(numbers) and numbers.issuperset(range(first, last + 1)) for first, last in requested):
            raise InvalidError(f"requested {shown} are not available - requested {text}, available: {available_text}")
    return text


def _available(kind: str) -> str:
    for path in (f"/sys/fs/cgroup/cpuset/cpuset.{kind}", f"/sys/fs/cgroup/cpuset.{kind}.effective"):
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                return file.read().strip()
    return ""


def _parse_list(text: str) -> list[tuple[int, int]] | None:
    """Parse `0-2,5` into ranges, first and last number; None when it is malformed or empty."""
    ranges = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            start = quantity.parse_integer(first, signed=False)
            end = quantity.parse_integer(last, signed=False) if dash else start
        except InvalidError:
            return None
        if end < start:
            return None
        ranges.append((start, end))
    return ranges
