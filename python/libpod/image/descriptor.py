"""A descriptor, the word of all image formats for a piece of content. How one is read from a document is in `manifest`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from libpod.digest import Digest


class Descriptor:
    """A reference to content: media type, digest and size in bytes, -1 where it is not known."""

    __slots__ = ("annotations", "digest", "media_type", "platform", "size", "urls")

    def __init__(
        self,
        media_type: str,
        digest: Digest,
        size: int,
        *,
        annotations: dict[str, str] | None = None,
        platform: dict[str, Any] | None = None,
        urls: Sequence[str] = (),
    ) -> None:
        self.media_type = media_type
        self.digest = digest
        self.size = size
        self.annotations = annotations or {}
        self.platform = platform
        self.urls = tuple(urls)

    def to_json(self) -> dict[str, Any]:
        """Return the descriptor as the specifications write it, members in the order of the Go types."""
        value: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.urls:
            value["urls"] = list(self.urls)
        if self.annotations:
            value["annotations"] = {name: self.annotations[name] for name in sorted(self.annotations)}
        if self.platform is not None:
            value["platform"] = self.platform
        return value

    def __repr__(self) -> str:
        return f"Descriptor({self.media_type!r}, {str(self.digest)!r}, {self.size})"
