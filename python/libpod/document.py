"""JSON documents and small texts of libpod's own: read only from regular files, replaced in one step.

A reader sees the old content or the new one, whole; an error leaves the old one and no temporary file. A FIFO or a device under
a name is an error and is never waited for. Start at `read_document` and `write_document`. On the way of every command: imports
nothing heavy.
"""

from __future__ import annotations

from libpod import _core
from libpod.errors import CorruptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: No document of libpod's own is larger; what is, is damaged.
MAX_DOCUMENT_BYTES = 16 << 20


def read_document(path: str) -> dict[str, Any] | None:
    """Read a JSON object; None where the file does not exist.

    Raises: CorruptError where it is something else.
    """
    document = _core.read_json(path, MAX_DOCUMENT_BYTES)
    if document is not None and document.__class__ is not dict:
        raise CorruptError(f"{path}: not a JSON object", path=path)
    return document


def write_document(path: str, document: object) -> None:
    """Write a JSON document in one step, readable by its owner alone. Not synced: it is on the disk when the kernel sees fit."""
    _core.replace_file(path, _core.dump_json(document).encode())


def write_text(path: str, text: str, *, mode: int = 0o600) -> None:
    """Write a text in one step. Not synced."""
    _core.replace_file(path, text.encode(errors="surrogateescape"), mode=mode)
