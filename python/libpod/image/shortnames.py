"""What a name without a registry may mean: aliases, search lists, and where its images are pulled from.

`pull_candidates` answers for a pull, `local_candidates` for a look into the store. Both only compute: registries.conf goes in
(see `libpod.config.registries`), references come out, in the order in which they are to be tried.
Source: containers-registries.conf(5), "Short-Name Aliasing".
"""

from __future__ import annotations

from libpod.config import lookup
from libpod.config import registries as configuration
from libpod.errors import DeniedError, InvalidError, NotFoundError
from libpod.image import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.config.registries import Registries
    from libpod.digest import Digest
    from libpod.image.reference import Reference


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
    text: str, registries: Registries | None = None, *, choose: Callable[[list[str]], int] | None = None
) -> Candidates:
    """Resolve a user's name to the references to pull.

    choose: asks the user which of several names is meant and returns its index; None where nobody can be asked. Then
    `short-name-mode` decides: `enforcing` refuses, `permissive` and `disabled` try all. With `disabled` nobody is ever asked.
    Raises: InvalidError for no name, NotFoundError where a short name means nothing, DeniedError where it must be asked for.
    """
    if not reference.is_short(text):
        return Candidates([without_tag_beside_digest(reference.parse_normalized(text))])
    registries = registries or configuration.load_registries()
    name, tag, digest = reference.split(text)
    alias = registries.aliases.get(name)
    if alias is not None:
        target, path = alias
        return Candidates([_tagged(target, tag, digest)], f'Resolved "{name}" as an alias ({path})')
    if not registries.unqualified_search:
        raise NotFoundError(
            f'short-name "{text}" did not resolve to an alias and no unqualified-search registries are defined in'
            f' "{registries.path}"'
        )
    names = [f"{host}/{name}" for host in registries.unqualified_search]
    found = [_tagged(full, tag, digest) for full in names]
    if len(names) > 1 and registries.short_name_mode != "disabled":
        if choose is not None:
            chosen = choose([str(candidate) for candidate in found])
            return Candidates([found[chosen]], choice=(name, names[chosen]))
        if registries.short_name_mode == "enforcing":
            raise DeniedError("short-name resolution enforced but cannot prompt without a TTY")
    origin = f'Resolving "{name}" using unqualified-search registries ({registries.search_file})'
    return Candidates(found, origin)


def local_candidates(text: str, registries: Registries | None = None) -> list[Reference]:
    """Resolve a user's name to the references to look for in the store: alias, `localhost`, search list, `docker.io`.

    Raises: InvalidError for no name.
    """
    if not reference.is_short(text):
        return [reference.parse_normalized(text)]
    registries = registries or configuration.load_registries()
    name, tag, digest = reference.split(text)
    targets: list[str] = []
    alias = registries.aliases.get(name)
    if alias is not None:
        targets.append(alias[0])
    hosts = ["localhost", *registries.unqualified_search, reference.DEFAULT_REGISTRY]
    targets.extend(f"{host}/{name}" for host in hosts)
    found: list[Reference] = []
    for target in targets:
        candidate = _tagged(target, tag, digest)
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
            rewritten = reference.parse(source.name)
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


def without_tag_beside_digest(wanted: Reference) -> Reference:
    """Drop the tag of a reference that has a digest too: the digest decides."""
    if wanted.digest is None or wanted.tag is None:
        return wanted
    return reference.Reference(wanted.registry, wanted.repository, None, wanted.digest)


def _tagged(name: str, tag: str | None, digest: Digest | None) -> Reference:
    parsed = reference.parse(name)
    if digest is not None:
        return reference.Reference(parsed.registry, parsed.repository, None, digest)
    return reference.Reference(parsed.registry, parsed.repository, tag or reference.DEFAULT_TAG)
