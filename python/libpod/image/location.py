"""Where an image comes from or goes to: `transport:rest`, taken apart once.

Start at `Location.parse`. What each transport makes of its part is in its own module (see `transport`).
Source: containers-transports(5).
"""

from __future__ import annotations

from libpod.errors import InvalidError
from libpod.image.reference import Reference, parse_normalized, split_transport


class Location:
    """A place for one image. transport: `oci`, `docker`, … rest: what the user wrote behind it.

    path, name: of a file or directory, and of the image in it ("" for the only one; `@index` in an archive); a name in a store has
    no path. reference: of an image in a registry, with tag or digest, and None elsewhere. store: the `driver@root+runroot:options`
    of `containers-storage:[…]name`, None for the configured store.
    """

    __slots__ = ("name", "path", "reference", "rest", "store", "transport")

    def __init__(self, transport: str, rest: str) -> None:
        """Take the rest apart. Raises: InvalidError."""
        self.transport, self.rest = transport, rest
        self.path = self.name = ""
        self.reference: Reference | None = None
        self.store: str | None = None
        if transport == "docker":
            if not rest.startswith("//"):
                raise InvalidError(f"docker: image reference {rest} does not start with //")
            self.reference = parse_normalized(rest[2:]).pinned()
        elif transport == "containers-storage":
            self.name = self._without_store(rest)
        elif transport == "dir":
            self.path = rest
        else:
            self.path, _, self.name = rest.partition(":")

    @classmethod
    def parse(cls, text: str) -> Location:
        """Parse `transport:rest`.

        Raises: InvalidError when there is no transport in front, UnsupportedError for one that libpod does not have.
        """
        transport, rest = split_transport(text)
        if transport:
            return cls(transport, rest)
        before, colon, _ = text.partition(":")
        if colon:
            raise InvalidError(f'Invalid image name "{text}", unknown transport "{before}"', op="parse")
        raise InvalidError(f'Invalid image name "{text}", expected colon-separated transport:reference', op="parse")

    @classmethod
    def of(cls, reference: Reference) -> Location:
        """Return the place of a reference in its registry."""
        location = cls.__new__(cls)
        location.transport, location.rest = "docker", f"//{reference}"
        location.path = location.name = ""
        location.reference, location.store = reference.with_default_tag().pinned(), None
        return location

    def _without_store(self, rest: str) -> str:
        if not rest.startswith("["):
            return rest
        self.store, closed, name = rest[1:].partition("]")
        if not closed:
            raise InvalidError(f"invalid store specifier [{self.store}]")
        return name

    @property
    def is_own_store(self) -> bool:
        """Say whether it is the store that a command works on."""
        return self.transport == "containers-storage" and self.store is None

    def __str__(self) -> str:
        return f"{self.transport}:{self.rest}"

    def __repr__(self) -> str:
        return f"Location({str(self)!r})"
