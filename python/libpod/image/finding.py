"""Find the image of a new container, or bring it in first.

On the way of every `run`: a local image is found without the image manager.
"""

from __future__ import annotations

from libpod import arguments
from libpod.errors import ImageNotFoundError, InvalidError
from libpod.image.lookup import lookup, parse_wanted, resolve
from libpod.image.reference import Reference, parse_stored, split_transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.host import Host
    from libpod.image.lookup import Image
    from libpod.image.transport import Progress


def find_or_pull(
    host: Host, name: str | Reference, *, policy: str = "missing", progress: Callable[[], Progress] | None = None
) -> tuple[Image, Reference | None]:
    """Find an image, or pull it; return it with the name by which it was meant, None for an id.

    policy: `missing`, `never`, `always` or `newer`. progress: makes what is told of a pull; called only before one.
    Raises: ImageNotFoundError, InvalidError, and what a pull raises.
    """
    if policy not in ("missing", "never", "always", "newer"):
        raise InvalidError(f'unsupported pull policy "{policy}"')
    if not isinstance(name, Reference):
        name = arguments.text("image", name)
        transport, rest = split_transport(name)
        if transport and (transport != "containers-storage" or rest.startswith("[")):
            return _pulled_by_location(host, name, policy)
    wanted = name if isinstance(name, Reference) else parse_wanted(name)
    if policy in ("missing", "never"):
        try:
            return resolve(host.store, wanted)
        except ImageNotFoundError:
            if policy == "never":
                raise
    from libpod.image.pulling import pull

    told = progress() if progress else None
    image_id = pull(host.store, wanted, policy=policy, progress=told, choose=host.choose_name)
    try:
        return resolve(host.store, wanted)
    except ImageNotFoundError:
        return lookup(host.store, image_id), None


def _pulled_by_location(host: Host, text: str, policy: str) -> tuple[Image, Reference | None]:
    from libpod.image.pulling import pull

    image = lookup(host.store, pull(host.store, text, policy=policy, choose=host.choose_name))
    return image, parse_stored(image.names[0]) if image.names else None
