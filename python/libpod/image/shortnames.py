"""What a name without a registry may mean: aliases, search lists, and where its images are pulled from.

`pull_candidates` answers for a pull, `local_candidates` for a look into the store. Both only compute: registries.conf goes in
(see `libpod.config.registries`), references come out, in the order in which they are to be tried.
Source: containers-registries.conf(5), "Short-Name Aliasing".
"""

from __future__ import annotations

from libpod.config import lookup
from libpod.config import registries as configuration
from libpod.errors import DeniedError, InvalidError, NotFoundError
from libpod.image.reference import DEFAULT_REGISTRY, ImageId, Reference, ShortName, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.config.registries import Registries


class Candidates:
    """What a name may mean, best first, and how that was found out, in Podman's words ("" for a full name).

    choice: the short name and the name that the user chose for it, to be recorded once that proved right.
    """

    __slots__ = ("choice", "description", "references")

    def __init__(
        self, references: list[Reference], description: str = "", *, choice: tuple[str, str] | None = None
    ) -> None:
        self.references = references
        self.description = description
        self.choice = choice


class Endpoint:
    """One place to pull a reference from: the reference as the mirror or registry knows it."""

    __slots__ = ("insecure", "reference")

    def __init__(self, reference: Reference, *, insecure: bool) -> None:
        self.reference = reference
        self.insecure = insecure


def pull_candidates(
    wanted: ImageId | ShortName | Reference,
    registries: Registries | None = None,
    *,
    choose: Callable[[list[str]], int] | None = None,
) -> Candidates:
    """Resolve a user's name to the references to pull.

    choose: asks the user which of several names is meant and returns its index; None where nobody can be asked. Then
    `short-name-mode` decides: `enforcing` refuses, `permissive` and `disabled` try all. With `disabled` nobody is ever asked.
    Raises: InvalidError for an id, NotFoundError where a short name means nothing, DeniedError where it must be asked for.
    """
    if isinstance(wanted, Reference):
        return Candidates([wanted.with_default_tag().pinned()])
    if isinstance(wanted, ImageId):
        raise InvalidError(f"pull policy is always but image has been referred to by ID ({wanted})")
    registries = registries or configuration.load_registries()
    name = wanted.repository
    alias = registries.aliases.get(name)
    if alias is not None:
        target, path = alias
        return Candidates([wanted.under(target)], f'Resolved "{name}" as an alias ({path})')
    if not registries.unqualified_search:
        raise NotFoundError(
            f'short-name "{wanted}" did not resolve to an alias and no unqualified-search registries are defined in'
            f' "{registries.path}"'
        )
    names = [f"{host}/{name}" for host in registries.unqualified_search]
    found = [wanted.under(full) for full in names]
    if len(names) > 1 and registries.short_name_mode != "disabled":
        if choose is not None:
            chosen = choose([str(candidate) for candidate in found])
            return Candidates([found[chosen]], choice=(name, names[chosen]))
        if registries.short_name_mode == "enforcing":
            raise DeniedError("short-name resolution enforced but cannot prompt without a TTY")
    origin = f'Resolving "{name}" using unqualified-search registries ({registries.search_file})'
    return Candidates(found, origin)


def local_candidates(wanted: ShortName, registries: Registries | None = None) -> list[Reference]:
    """Resolve a short name to the references to look for in the store: alias, `localhost`, search list, `docker.io`."""
    registries = registries or configuration.load_registries()
    name = wanted.repository
    targets: list[str] = []
    alias = registries.aliases.get(name)
    if alias is not None:
        targets.append(alias[0])
    hosts = ["localhost", *registries.unqualified_search, DEFAULT_REGISTRY]
    targets.extend(f"{host}/{name}" for host in hosts)
    found: list[Reference] = []
    for target in targets:
        candidate = wanted.under(target)
        if candidate not in found:
            found.append(candidate)
    return found


def endpoints(wanted: Reference, registries: Registries | None = None) -> list[Endpoint]:
    """Return the places to pull a full reference from, mirrors first.

    Raises: DeniedError for a blocked registry, InvalidError where registries.conf rewrites the name to no name.
    """
    registries = registries or configuration.load_registries()
    text = str(wanted)
    check_not_blocked(text, registries)
    found = []
    for source in registries.sources(text):
        check_not_blocked(source.name, registries)
        try:
            rewritten = parse(source.name)
        except InvalidError as error:
            raise InvalidError(f"rewriting reference {text} to {source.name}: {error}") from error
        found.append(Endpoint(rewritten, insecure=source.insecure or registries.is_insecure(source.name)))
    return found


def check_not_blocked(name: str, registries: Registries) -> None:
    """Refuse a full name whose registry is blocked.

    Raises: DeniedError.
    """
    registry = registries.find(name)
    if registry is not None and registry.blocked:
        places = f"{registries.path} or {lookup.REGISTRIES_CONF}.d"
        raise DeniedError(f"registry {registry.prefix} is blocked in {places}")
