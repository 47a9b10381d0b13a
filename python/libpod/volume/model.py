"""One volume: what it was asked for as, what it is, and the document that says so."""

from __future__ import annotations

from libpod.document import require
from libpod.errors import UnsupportedError
from libpod.record import Document, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self

#: Version of a volume's document.
VERSION = 1
#: The one driver: a directory of the store.
LOCAL = "local"


class VolumeOptions(Record):
    """What a new volume shall be.

    name: "" draws one. driver: only `local`. options: those of the driver, of which `local` has none here. anonymous: it goes
    with the container that it is made for.
    """

    name: str = ""
    driver: str = LOCAL
    labels: dict[str, str] = {}
    options: dict[str, str] = {}
    anonymous: bool = False


class Volume(Document):
    """A volume. path: the directory of its content. created: an RFC 3339 text. The rest is as in `VolumeOptions`."""

    name: str
    path: str
    created: str
    driver: str = LOCAL
    labels: dict[str, str] = {}
    options: dict[str, str] = {}
    anonymous: bool = False

    SHAPE: ClassVar[dict[str, Any]] = {
        "version": int,
        "name": str,
        "created": str,
        "driver": str,
        "labels": {str: str},
        "options": {str: str},
        "anonymous": bool,
    }

    def to_document(self) -> dict[str, Any]:
        """Return what is recorded of the volume: all but its path, which follows from the store's."""
        document = super().to_document()
        del document["path"]
        return {"version": VERSION, **document}

    @classmethod
    def from_record(cls, document: dict[str, Any], source: str, path: str) -> Self:
        """Read what `to_document` wrote. source: the file that it is from. path: the directory of the content.

        Raises: CorruptError that names file and member, UnsupportedError for a document of a newer release.
        """
        version = document.get("version")
        if version.__class__ is int and version > VERSION:
            raise UnsupportedError(f"{source}: version {version} was written by a newer release of libpod", path=source)
        require(document, cls.SHAPE, source, needed=cls.SHAPE)
        return cls.from_document({**document, "path": path})
