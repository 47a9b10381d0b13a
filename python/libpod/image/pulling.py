"""`podman pull`: from what the user typed to an image in the store.

A short name is resolved to candidates that are tried in order; the trust policy speaks before a source is read.
"""

from __future__ import annotations

from libpod.config.registries import record_alias
from libpod.errors import ImageNotFoundError, InvalidError, LibpodError
from libpod.image.copy import copy_image
from libpod.image.location import Location
from libpod.image.lookup import lookup, resolve, tag_reference, unknown_image
from libpod.image.reference import Reference, ShortName, parse_name, split_transport
from libpod.image.shortnames import Candidates, pull_candidates
from libpod.image.storage import StoreDestination
from libpod.image.transport import Options, Progress, naming, open_source
from libpod.image.trust import check_allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.image.lookup import Image, Wanted
    from libpod.image.manifest import Platform
    from libpod.image.reference import ImageId
    from libpod.store import Store

    Choose = Callable[[list[str]], int]

POLICIES = ("always", "missing", "newer", "never")


def pull(
    store: Store,
    name: Wanted,
    *,
    policy: str = "always",
    platform: Platform | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
    choose: Choose | None = None,
) -> str:
    """Bring an image in and return its id; see `ImageManager.pull`.

    choose: asks the user which of several full names a short one means; returns its index.

    Raises: ImageNotFoundError (policy `never`), DeniedError (trust), and what the transport raises.
    """
    if policy not in POLICIES:
        raise InvalidError(f'unsupported pull policy "{policy}"')
    options, progress = options or Options(), progress or Progress()
    if isinstance(name, str):
        place = _parse(name)
        if isinstance(place, Location):
            return _pull_local(store, place, options, progress, platform)
        name = place
    local = _local(store, name) if policy in ("missing", "never", "newer") else None
    if local is not None and policy != "newer":
        return local.id
    if policy == "never":
        raise unknown_image(name)
    return _pull_remote(store, _candidates(store, name, choose), platform, options, progress, local)


def _parse(text: str) -> ImageId | ShortName | Reference | Location:
    """Say what a text asks for: a name in a registry, with `docker://` or without, or a place of another transport."""
    transport, rest = split_transport(text)
    if not transport:
        return parse_name(text)
    place = Location(transport, rest)
    return place if place.reference is None else place.reference


def _local(store: Store, name: Wanted) -> Image | None:
    try:
        return lookup(store, name)
    except ImageNotFoundError:
        return None


def _pull_remote(
    store: Store,
    candidates: Candidates,
    platform: Platform | None,
    options: Options,
    progress: Progress,
    fallback: Image | None,
) -> str:
    """Try the candidates in order. fallback: what the store has, where a failure shall not matter (`newer`)."""
    if candidates.description:
        progress.message(candidates.description)
    errors: list[LibpodError | OSError] = []
    for candidate in candidates.references:
        place = Location.of(candidate)
        try:
            check_allowed(place)
            progress.message(f"Trying to pull {candidate}...")
            with open_source(place, options) as source, StoreDestination(store, [str(candidate)]) as target:
                image_id = copy_image(source, target, platform=platform, progress=progress).image_id
        except (LibpodError, OSError) as error:
            errors.append(error)
            continue
        _record(candidates, progress)
        return image_id
    if fallback is not None:
        return fallback.id
    if len(errors) == 1:
        raise errors[0]
    raise ImageNotFoundError(f"{len(errors)} errors occurred while pulling:", causes=errors)


def _record(candidates: Candidates, progress: Progress) -> None:
    """Record what the user chose a short name to mean. The image is there: what keeps it from being recorded is only said."""
    if candidates.choice is None:
        return
    try:
        record_alias(*candidates.choice)
    except (LibpodError, OSError) as error:
        progress.message(f'The choice for "{candidates.choice[0]}" is not recorded: {error}')


def _candidates(store: Store, name: ImageId | ShortName | Reference, choose: Choose | None) -> Candidates:
    """Resolve the name; a short one that the store knows already stands for what it stands for there."""
    if isinstance(name, ShortName):
        try:
            known = resolve(store, name)[1]
        except LibpodError:
            known = None
        if known is not None and known.registry != "localhost":
            return pull_candidates(known)
    return pull_candidates(name, choose=choose)


def _pull_local(store: Store, place: Location, options: Options, progress: Progress, platform: Platform | None) -> str:
    """Bring in the image of an archive, a directory or another store, under the names that it has there."""
    check_allowed(place)
    if place.is_own_store:
        # It is there, or it is nowhere.
        return lookup(store, place.name).id
    with naming(place.path or place.rest), open_source(place, options) as source:
        names = [tag_reference(text) for text in source.names if "@" not in text]
        if place.transport == "oci":
            # Podman calls such an image by its path, whatever the layout calls it.
            names = [tag_reference(place.path.strip("./"))]
        with StoreDestination(store, [str(name) for name in names]) as target:
            return copy_image(source, target, platform=platform, progress=progress).image_id
