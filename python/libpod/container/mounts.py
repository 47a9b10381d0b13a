"""A mount of a container. On the way of every command: what the options mean is in `mount_options`, their words in `options.mounts`."""

from __future__ import annotations

import os

from libpod.record import Document
from libpod.words import check_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self

PROPAGATION = frozenset(("shared", "rshared", "private", "rprivate", "slave", "rslave", "unbindable", "runbindable"))


class Mount(Document):
    """One mount: its kind, where it appears, what it shows, and its OCI options.

    kind: `bind`, `volume`, `tmpfs` or `devpts`; of libpod's own mounts also `proc`, `sysfs`, `mqueue` and `cgroup`.
    destination: as it was written.
    source: a path of the host, a volume's directory once that is known, or the name that the file system shows.
    volume: name of a named volume, or "" for an anonymous one. anonymous: created for this container alone, and removed
    with it where volumes are. copy_up: an empty volume first receives what the image has at the destination.
    """

    kind: str
    destination: str
    source: str = ""
    options: list[str] = []
    volume: str = ""
    anonymous: bool = False
    copy_up: bool = True

    @property
    def place(self) -> str:
        """The destination, absolute and without `.`, `..` and doubled slashes."""
        return clean_destination(self.destination)

    @property
    def is_writable(self) -> bool:
        """Whether it is mounted to be written to."""
        return "ro" not in self.options

    @property
    def propagation(self) -> str:
        """How mounts below it reach the host and come from there: `rprivate`, `shared`, …, or nothing."""
        return next((option for option in self.options if option in PROPAGATION), "")

    @property
    def other_options(self) -> list[str]:
        """Its options but for access and propagation."""
        return [option for option in self.options if option not in ("ro", "rw") and option not in PROPAGATION]

    def shows(self, source: str) -> Mount:
        """Return a copy that shows a directory of the host: a volume whose place on disk is known."""
        document = self.to_document()
        document["source"] = source
        return Mount.from_document(document)

    def to_oci(self) -> dict[str, Any]:
        """Return the mount as an entry of `mounts` of the runtime spec."""
        kind = "bind" if self.kind == "volume" else self.kind
        return {"destination": self.destination, "type": kind, "source": self.source, "options": self.options}

    #: What `to_document` returns.
    SHAPE: ClassVar[dict[str, Any]] = {
        "kind": str,
        "destination": str,
        "source": str,
        "options": [str],
        "volume": str,
        "anonymous": bool,
        "copy_up": bool,
    }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read what `to_document` wrote. Raises: KeyError for a missing member, ValueError for a name that leads elsewhere."""
        if document["kind"] == "volume" and not check_name(document["volume"]):
            raise ValueError(f"`{document['volume']}` is not the name of a volume")
        return super().from_document(document)


def clean_destination(path: str) -> str:
    """Normalise a path in the container for comparison: absolute, no trailing slash, no `.` or `..`."""
    return "/" + os.path.normpath("/" + path).strip("/")
