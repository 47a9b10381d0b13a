"""Progress of image verbs as plain lines on stderr, in Podman's words."""

from __future__ import annotations

from libpod.image.transport import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Blob
    from libpod.cli.context import Context
    from libpod.image.transport import Descriptor


class LineProgress(Progress):
    """A line for each step and each blob."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def message(self, text: str) -> None:
        """Print the step."""
        self._context.warn(text)

    def blob_started(self, descriptor: Descriptor, kind: str, blob: Blob) -> None:
        """Print that a blob is copied."""
        self._context.warn(f"Copying {kind} {descriptor.digest}")

    def blob_done(self, descriptor: Descriptor, kind: str, *, skipped: bool) -> None:
        """Print that a blob was there already."""
        if skipped:
            self._context.warn(f"Copying {kind} {descriptor.digest}")
