"""registries.conf: which registries exist under which names, which are insecure or blocked, and what short names mean.

`load_registries()` reads `registries.conf` and its drop-ins once per process as containers-registries.conf(5) orders them. Names go in and
come out as texts: this module knows the file, `libpod.image.shortnames` knows names. It contacts nobody.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.config import lookup
from libpod.errors import InvalidError
from libpod.file import replace_text
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What a short name without alias does where nobody can be asked.
SHORT_NAME_MODES = ("enforcing", "permissive", "disabled")
#: When a mirror is used.
MIRROR_USES = ("", "all", "digest-only", "tag-only")

_cache: Registries | None = None


class Endpoint:
    """A place that a registry's images are pulled from: the registry itself or a mirror."""

    __slots__ = ("insecure", "location", "use")

    def __init__(self, location: str, *, insecure: bool = False, use: str = "") -> None:
        self.location = location
        self.insecure = insecure
        self.use = use


class Registry:
    """One `[[registry]]` table: everything whose name begins with `prefix`."""

    __slots__ = ("blocked", "endpoint", "mirror_by_digest_only", "mirrors", "prefix")

    def __init__(
        self,
        prefix: str,
        endpoint: Endpoint,
        *,
        blocked: bool = False,
        mirrors: list[Endpoint] | None = None,
        mirror_by_digest_only: bool = False,
    ) -> None:
        self.prefix = prefix
        self.endpoint = endpoint
        self.blocked = blocked
        self.mirrors = mirrors or []
        self.mirror_by_digest_only = mirror_by_digest_only

    def matched_length(self, name: str) -> int:
        """Return how much of `name` the prefix covers, -1 for none; a prefix ends at `/`, `:` or `@`."""
        if not self.prefix.startswith("*."):
            return len(self.prefix) if _covers(self.prefix, name, 0) else -1
        suffix = self.prefix[1:]
        start = name.find(suffix)
        while start != -1 and "/" not in name[:start]:
            if _covers(suffix, name, start):
                return start + len(suffix)
            start = name.find(suffix, start + 1)
        return -1

    def sources(self, name: str, *, digested: bool) -> list[PullSource]:
        """Return where to pull `name` from, in order: fitting mirrors, then the registry."""
        endpoints = [mirror for mirror in self.mirrors if self._fits(mirror, digested=digested)]
        return [
            PullSource(self._rewrite(name, endpoint), insecure=endpoint.insecure)
            for endpoint in (*endpoints, self.endpoint)
        ]

    def _fits(self, mirror: Endpoint, *, digested: bool) -> bool:
        if self.mirror_by_digest_only or mirror.use == "digest-only":
            return digested
        return mirror.use != "tag-only" or not digested

    def _rewrite(self, name: str, endpoint: Endpoint) -> str:
        return endpoint.location + name[self.matched_length(name) :] if endpoint.location else name


class PullSource:
    """One name to try, as registries.conf rewrote it, and whether its host may go without verified TLS."""

    __slots__ = ("insecure", "name")

    def __init__(self, name: str, *, insecure: bool = False) -> None:
        self.name = name
        self.insecure = insecure

    def __repr__(self) -> str:
        return f"PullSource({self.name!r}, insecure={self.insecure})"


class Registries:
    """The merged configuration.

    aliases: short name → (full name, the file that says so). search_file: the file that set the search list.
    """

    def __init__(self, path: str = lookup.REGISTRIES_CONF) -> None:
        self.path = path
        self.unqualified_search: list[str] = []
        self.search_file = path
        self.short_name_mode = "permissive"
        self.credential_helpers: list[str] = []
        self.aliases: dict[str, tuple[str, str]] = {}
        self._registries: dict[str, Registry] = {}

    @property
    def registries(self) -> list[Registry]:
        """All `[[registry]]` tables."""
        return list(self._registries.values())

    def find(self, name: str) -> Registry | None:
        """Return the table with the longest prefix of `name` (a full name, with or without tag), or None."""
        best: Registry | None = None
        rank = (0, False, 0)
        for registry in self._registries.values():
            prefix = registry.prefix
            # Of two that reach equally far, an exact one comes before a wildcard, a long wildcard before a short one.
            mine = (registry.matched_length(name), not prefix.startswith("*."), len(prefix))
            if mine > rank and mine[0] > 0:
                best, rank = registry, mine
        return best

    def sources(self, name: str) -> list[PullSource]:
        """Return where to pull the full `name` from, in order. A blocked name is the caller's to refuse."""
        registry = self.find(name)
        if registry is None:
            return [PullSource(name)]
        return registry.sources(name, digested="@" in name)

    def is_insecure(self, name: str) -> bool:
        """Say whether the registry of a full name, or a bare host, may go without verified TLS."""
        registry = self.find(name)
        return registry is not None and registry.endpoint.insecure

    def merge(self, document: dict[str, Any], path: str) -> None:
        """Take a file's settings in; later files win.

        Raises: InvalidError with the file's name.
        """
        try:
            self._merge(_from_version_1(document), path)
        except InvalidError as error:
            raise InvalidError(f'loading registries configuration "{path}": {error}', path=path) from error

    def _merge(self, document: dict[str, Any], path: str) -> None:
        tables = [_read_registry(table) for table in _typed(document, "registry", list, [])]
        _check_conflicts(tables)
        self._registries.update((registry.prefix, registry) for registry in tables)
        if "unqualified-search-registries" in document:
            self.unqualified_search = [_location(host) for host in _strings(document, "unqualified-search-registries")]
            self.search_file = path
        if "credential-helpers" in document:
            self.credential_helpers = _strings(document, "credential-helpers")
        mode = _typed(document, "short-name-mode", str, "")
        if mode and mode not in SHORT_NAME_MODES:
            raise InvalidError(f'invalid short-name mode: "{mode}"')
        self.short_name_mode = mode or self.short_name_mode
        for name, target in _typed(document, "aliases", dict, {}).items():
            if target:
                self.aliases[name] = (str(target), path)
            else:
                self.aliases.pop(name, None)


def load_registries(*, fresh: bool = False) -> Registries:
    """Return the configuration of this process, read once unless `fresh`.

    Raises: InvalidError for a file that is wrong, OSError for one that cannot be read.
    """
    global _cache
    if _cache is None or fresh:
        _cache = read(*lookup.registries_conf(Identity()))
    return _cache


def read(main: str, directories: list[str]) -> Registries:
    """Read a main file, its drop-ins (`*.conf`, sorted) and the aliases that other engines recorded."""
    merged = Registries(main)
    for path in (main, *(path for directory in directories for path in lookup.drop_ins(directory))):
        text = lookup.read(path)
        if text is not None:
            merged.merge(_parse(text, path), path)
    recorded = lookup.recorded_aliases(Identity())
    text = lookup.read(recorded)
    if text is not None:
        merged.merge({"aliases": _parse(text, recorded).get("aliases", {})}, recorded)
    return merged


def record_alias(name: str, target: str) -> None:
    """Record what a user chose a short name to mean, where Podman and its kin record and look for it.

    Raises: InvalidError where the file is malformed, OSError where it cannot be written.
    """
    import fcntl

    path = lookup.recorded_aliases(Identity())
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        text = lookup.read(path)
        aliases = dict(_parse(text, path).get("aliases", {})) if text else {}
        aliases[name] = target
        # A name and a target consist of letters, digits and `.:/_-`: no escape is needed in TOML.
        lines = "".join(f'  "{key}" = "{value}"\n' for key, value in sorted(aliases.items()))
        replace_text(path, "[aliases]\n" + lines)
    finally:
        os.close(lock)


def _covers(part: str, name: str, start: int) -> bool:
    """Say whether `part` stands in `name` at `start` and ends at a boundary there."""
    end = start + len(part)
    return name.startswith(part, start) and (end == len(name) or name[end] in "/:@")


def _parse(text: bytes, path: str) -> dict[str, Any]:
    try:
        return _core.parse_toml(text)
    except InvalidError as error:
        raise InvalidError(f'loading registries configuration "{path}": {error}', path=path) from error


def _read_registry(table: Any) -> Registry:
    if not isinstance(table, dict):
        raise InvalidError("`registry` must be an array of tables")
    location = _location(_typed(table, "location", str, ""))
    prefix = _location(_typed(table, "prefix", str, ""))
    if not location and not prefix:
        raise InvalidError("invalid condition: both location and prefix are unset")
    if not location and not prefix.startswith("*."):
        raise InvalidError("invalid condition: location is unset and prefix is not in the format: *.example.com")
    if table.get("pull-from-mirror"):
        raise InvalidError(f'pull-from-mirror must not be used for a non-mirror registry "{prefix or location}"')
    by_digest = _typed(table, "mirror-by-digest-only", bool, False)
    mirrors = [_read_mirror(mirror, prefix or location) for mirror in _typed(table, "mirror", list, [])]
    if by_digest and any(mirror.use for mirror in mirrors):
        raise InvalidError(
            f'cannot set mirror usage mirror-by-digest-only for the registry ("{prefix or location}") and pull-from-mirror'
            " for its mirrors at the same time"
        )
    return Registry(
        prefix or location,
        Endpoint(location, insecure=_typed(table, "insecure", bool, False)),
        blocked=_typed(table, "blocked", bool, False),
        mirrors=mirrors,
        mirror_by_digest_only=by_digest,
    )


def _read_mirror(table: Any, registry: str) -> Endpoint:
    location = _location(_typed(table, "location", str, "")) if isinstance(table, dict) else ""
    if not location:
        raise InvalidError(f'invalid condition: mirror location is unset, registry "{registry}"')
    use = _typed(table, "pull-from-mirror", str, "")
    if use not in MIRROR_USES:
        raise InvalidError(f'unsupported pull-from-mirror value "{use}" for mirror "{location}"')
    return Endpoint(location, insecure=_typed(table, "insecure", bool, False), use=use)


def _check_conflicts(tables: list[Registry]) -> None:
    seen: dict[str, Registry] = {}
    for table in tables:
        other = seen.setdefault(table.endpoint.location or table.prefix, table)
        for setting, mine, theirs in (
            ("insecure", table.endpoint.insecure, other.endpoint.insecure),
            ("blocked", table.blocked, other.blocked),
        ):
            if mine != theirs:
                location = table.endpoint.location or table.prefix
                raise InvalidError(
                    f"registry '{location}' is defined multiple times with conflicting '{setting}' setting"
                )


def _location(text: str) -> str:
    location = text.rstrip("/")
    if "://" in location:
        raise InvalidError(f"invalid location '{location}': URI schemes are not supported")
    return location


def _from_version_1(document: dict[str, Any]) -> dict[str, Any]:
    """Return a file of the first format (`[registries.search]`…) as one of the second."""
    old = document.get("registries")
    if not isinstance(old, dict):
        return document
    lists = {kind: _strings(_typed(old, kind, dict, {}), "registries") for kind in ("search", "insecure", "block")}
    if not any(lists.values()):
        return document
    if document.get("registry") or document.get("unqualified-search-registries"):
        raise InvalidError("mixing sysregistry v1/v2 is not supported")
    tables: dict[str, dict[str, Any]] = {}
    for kind, setting in (("insecure", "insecure"), ("block", "blocked")):
        for location in lists[kind]:
            tables.setdefault(location, {"location": location})[setting] = True
    return {"unqualified-search-registries": lists["search"], "registry": list(tables.values())}


def _typed(table: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise InvalidError(f"`{key}` must be a {kind.__name__}")
    return value


def _strings(table: dict[str, Any], key: str) -> list[str]:
    values = _typed(table, key, list, [])
    if not all(isinstance(value, str) for value in values):
        raise InvalidError(f"`{key}` must be an array of strings")
    return list(values)
