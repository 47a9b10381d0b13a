"""A blob on its way to a file: copied once, hashed on that way, and compared with what was promised."""

from __future__ import annotations

from libpod import _core
from libpod.digest import Digest
from libpod.errors import CorruptError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Blob


def copy_blob(
    blob: Blob, fd: int, *, digest: Digest | None = None, size: int | None = None, name: str | None = None
) -> tuple[Digest, int]:
    """Copy a blob to `fd` and return its digest and size.

    digest, size: what was promised, None where the blob is made while it flows. name: what the user calls the file.
    Raises: CorruptError when the blob is another one, OSError.
    """
    done = _core.pack(blob if digest is None else proven(blob, digest), fd, "none", None, name=name)
    written, length = Digest(done["digest"]), int(done["size"])
    if digest is not None and not digest.is_canonical:
        written = digest
    elif digest is not None and written != digest:
        raise CorruptError(f"blob digest mismatch: wanted {digest}, got {written}")
    if size is not None and length != size:
        raise CorruptError(f"blob {written} has {length} bytes, not {size}")
    return written, length


def proven(blob: Blob, digest: Digest) -> Blob:
    """Return the blob for a reader that computes its sha256 and no other digest.

    Where `digest` is of another algorithm, reading to the end raises CorruptError unless it names what was read.
    """
    return blob if digest.is_canonical else _core.prove_blob(blob, digest)
