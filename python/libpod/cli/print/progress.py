"""How a copy shows its way: bars on a terminal, Podman's plain lines elsewhere, nothing with `--quiet`. All on stderr.

`choose` picks one. The pipeline calls it from several threads; `close` ends the drawing and must be called.
"""

from __future__ import annotations

import os
import sys

from libpod.cli.context import say
from libpod.image.transport import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Blob
    from libpod.image.descriptor import Descriptor

_UNITS = ("b", "KiB", "MiB", "GiB", "TiB")
#: Pause between two drawings.
_TICK_S = 0.1
#: Columns of a bar, and how many digits of a digest stand before it.
_BAR, _DIGITS = 38, {"blob": 12, "config": 10}


def choose(*, quiet: bool) -> Reporter:
    """Return the way to show a copy that suits this process's stderr."""
    if quiet:
        return Reporter()
    return Bars() if sys.stderr.isatty() else Lines()


class Reporter(Progress):
    """A progress that can be closed; this one is silent."""

    def close(self) -> None:
        """Stop drawing."""


class Lines(Reporter):
    """One line per step and per blob, as Podman writes them where nobody watches."""

    def message(self, text: str) -> None:
        """Write the step."""
        # One write per line: threads do not tear each other's lines apart.
        say(text)

    def blob_started(self, descriptor: Descriptor, kind: str, blob: Blob) -> None:
        """Write that it is copied."""
        self.message(f"Copying {kind} {descriptor.digest}")

    def blob_done(self, descriptor: Descriptor, kind: str, *, skipped: bool) -> None:
        """Write the line that a blob which was there already has not had yet."""
        if skipped:
            self.message(f"Copying {kind} {descriptor.digest}")


class _Row:
    """One blob on the terminal."""

    __slots__ = ("blob", "label", "size", "state")

    def __init__(self, descriptor: Descriptor, kind: str, blob: Blob | None) -> None:
        hexadecimal = descriptor.digest.hex
        self.label = f"Copying {kind} {hexadecimal[: _DIGITS.get(kind, 12)]}"
        self.size = descriptor.size
        self.blob = blob
        self.state = ""

    def text(self, columns: int) -> str:
        """What the row shows now, within the width of the terminal."""
        if self.state:
            return f"{self.label} {self.state}"[:columns]
        position = self.blob.position if self.blob is not None else 0
        if self.size <= 0:
            return f"{self.label} {_size(position)}"[:columns]
        tail = f" {_size(position)} / {_size(self.size)}"
        width = min(_BAR, columns - len(self.label) - len(tail) - 4)
        if width < 4:
            return (self.label + tail)[:columns]
        filled = min(position, self.size) * width // self.size
        head = ">" if 0 < filled < width else ""
        bar = ("=" * (filled - len(head)) + head).ljust(width, "-")
        return f"{self.label} [{bar}]{tail}"


class Bars(Reporter):
    """One moving row per blob. Rows stay where they are when a step's line follows."""

    def __init__(self) -> None:
        import threading

        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._rows: dict[tuple[str, str], _Row] = {}
        self._drawn = 0

    def message(self, text: str) -> None:
        """Leave the rows as they are and write the step below them."""
        with self._lock:
            self._draw()
            self._rows.clear()
            self._drawn = 0
            say(text)

    def blob_started(self, descriptor: Descriptor, kind: str, blob: Blob) -> None:
        """Add a row that follows the blob."""
        with self._lock:
            self._rows[kind, descriptor.digest] = _Row(descriptor, kind, blob)
            if self._thread is None:
                import threading

                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._draw()

    def blob_done(self, descriptor: Descriptor, kind: str, *, skipped: bool) -> None:
        """Let the row say how it ended."""
        with self._lock:
            row = self._rows.setdefault((kind, descriptor.digest), _Row(descriptor, kind, None))
            row.state = "skipped: already exists" if skipped else "done"
            row.blob = None
            self._draw()

    def close(self) -> None:
        """Draw a last time and stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._draw()

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        if not self._rows:
            return
        try:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        except OSError:
            columns = 80
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = "".join(f"\r\x1b[K{row.text(columns - 1)}\n" for row in self._rows.values())
        sys.stderr.write(up + lines)
        sys.stderr.flush()
        # What is done at the top moves no more: the part that is drawn again stays as small as what is under way.
        for key, row in list(self._rows.items()):
            if not row.state:
                break
            del self._rows[key]
        self._drawn = len(self._rows)


def _size(count: float) -> str:
    index = 0
    while count >= 1024 and index < len(_UNITS) - 1:
        count /= 1024
        index += 1
    return f"{count:.1f}{_UNITS[index]}"
