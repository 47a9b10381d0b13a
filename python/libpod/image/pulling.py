"""`podman pull`: from what the user typed to an image in the store.

A short name is resolved to candidates that are tried in order; the trust policy speaks before a source is read.
"""

from __future__ import annotations

from libpod.config.registries import record_alias
from libpod.errors import ImageNotFoundError, InvalidError, LibpodError
from libpod.image.copy import copy_image
from libpod.image.lookup import lookup, normalize_tag, resolve, unknown_image
from libpod.image.reference import is_short, parse_normalized, split_transport
from libpod.image.shortnames import Candidates, pull_candidates
from libpod.image.storage import StoreDestination
from libpod.image.transport import Options, Progress, naming, open_source
from libpod.image.trust import check_allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.image.lookup import Image
    from libpod.image.manifest import Platform
    from libpod.store import Store

    Choose = Callable[[list[str]], int]

POLICIES = ("always", "missing", "newer", "never")


def pull(
    store: Store,
    name: str,
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
    transport, rest = split_transport(name)
    if transport == "docker":
        name = str(parse_normalized(rest.removeprefix("//")))
    elif transport:
        return _pull_local(store, transport, rest, options, progress, platform)
    local = _local(store, name) if policy in ("missing", "never", "newer") else None
    if local is not None and policy != "newer":
        return local.id
    if policy == "never":
        raise unknown_image(name)
    return _pull_remote(store, _candidates(store, name, choose), platform, options, progress, local)


def _local(store: Store, name: str) -> Image | None:
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
        full = str(candidate)
        try:
            check_allowed("docker", f"//{full}")
            progress.message(f"Trying to pull {full}...")
            with open_source(f"docker://{full}", options) as source, StoreDestination(store, [full]) as target:
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


def _candidates(store: Store, name: str, choose: Choose | None) -> Candidates:
    """Resolve the name; a short one that the store knows already stands for what it stands for there."""
    if len(name) == 64 and all(digit in "0123456789abcdef" for digit in name):
        raise InvalidError(f"pull policy is always but image has been referred to by ID ({name})")
    if is_short(name):
        try:
            known = resolve(store, name)[1]
        except LibpodError:
            known = ""
        if known and not known.startswith("localhost/"):
            return pull_candidates(known)
    return pull_candidates(name, choose=choose)


def _pull_local(
    store: Store, transport: str, rest: str, options: Options, progress: Progress, platform: Platform | None
) -> str:
    """Bring in the image of an archive, a directory or another store, under the names that it has there."""
    check_allowed(transport, rest)
    if transport == "containers-storage" and not rest.startswith("["):
        # It is there, or it is nowhere.
        return lookup(store, rest).id
    path = rest if transport in ("dir", "containers-storage") else rest.partition(":")[0]
    with naming(path), open_source(f"{transport}:{rest}", options) as source:
        names = [normalize_tag(text) for text in source.names if "@" not in text]
        if transport == "oci":
            # Podman calls such an image by its path, whatever the layout calls it.
            names = [normalize_tag(rest.partition(":")[0].strip("./"))]
        with StoreDestination(store, names) as target:
            return copy_image(source, target, platform=platform, progress=progress).image_id
