"""Find the image of a new container, or bring it in first.

On the way of every `run`: a local image is found without the image manager.
"""

from __future__ import annotations

from libpod import arguments
from libpod.errors import ImageNotFoundError, InvalidError
from libpod.image.lookup import lookup, resolve
from libpod.image.reference import split_transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from libpod.host import Host
    from libpod.image.lookup import Image
    from libpod.image.transport import Progress


def find_or_pull(
    host: Host, name: str, *, policy: str = "missing", progress: Callable[[], Progress] | None = None
) -> tuple[Image, str]:
    """Find an image, or pull it; return it with the name by which it was meant, "" for an id.

    policy: `missing`, `never`, `always` or `newer`. progress: makes what is told of a pull; called only before one.
    Raises: ImageNotFoundError, InvalidError, and what a pull raises.
    """
    if policy not in ("missing", "never", "always", "newer"):
        raise InvalidError(f'unsupported pull policy "{policy}"')
    text = arguments.text("image", name)
    if split_transport(text)[0] not in ("", "containers-storage"):
        from libpod.image.manager import ImageManager

        image = lookup(host.store, ImageManager(host).pull(text, policy=policy))
        return image, image.names[0] if image.names else ""
    if policy in ("missing", "never"):
        try:
            return resolve(host.store, text)
        except ImageNotFoundError:
            if policy == "never":
                raise
    from libpod.image.manager import ImageManager

    image_id = ImageManager(host).pull(text, policy=policy, progress=progress() if progress else None)
    try:
        return resolve(host.store, text)
    except ImageNotFoundError:
        return lookup(host.store, image_id), ""
