"""What content is called: `algorithm:hex`, checked once and a value from then on.

A `Digest` is a text: it compares, prints, hashes and is written as JSON like the `str` that it is. What it adds is the proof that
the text is one: an algorithm that libpod knows and as many lowercase hexadecimal digits as that has, which makes it safe in a path
and in a URL. Start at `Digest(text)` for what came from outside, at `Digest.of` for what is made here.

Source: OCI image-spec descriptor.md, "Digests". rust/digest is the same for the other half of the house.
"""

from __future__ import annotations

from libpod.errors import CorruptError, InvalidError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

#: What containers/storage, image ids and nearly all registries go by.
CANONICAL = "sha256"

#: How many digits a digest has, by algorithm. The tools of Go know sha384 too; no image uses it.
LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

_HEX = frozenset("0123456789abcdef")


class Digest(str):
    """The digest of some content, as in `sha256:0123…`. A text that is none does not become one."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check a text. Raises: InvalidError, or UnsupportedError for an algorithm that libpod does not have."""
        if type(text) is cls:
            return text
        algorithm, _, digits = text.partition(":")
        if LENGTHS.get(algorithm) != len(digits) or not _HEX.issuperset(digits):
            raise InvalidError(f"invalid digest {text[:150]!r}")
        if algorithm == "sha384":
            raise UnsupportedError("digests of sha384 are not supported")
        return super().__new__(cls, text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = CANONICAL) -> Self:
        """Return the digest of bytes in memory."""
        import hashlib

        return super().__new__(cls, f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")

    @classmethod
    def of_id(cls, hex: str) -> Self:
        """Return the digest whose digits an image id or a layer id is. Raises: InvalidError."""
        return cls(f"{CANONICAL}:{hex}")

    @property
    def algorithm(self) -> str:
        """`sha256` or `sha512`."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The digits, without the algorithm."""
        return self.partition(":")[2]

    @property
    def is_canonical(self) -> bool:
        """Say whether it is of sha256, the only algorithm by which stores know layers and images."""
        return self.startswith(CANONICAL)

    def names(self, data: bytes) -> bool:
        """Say whether these are the bytes that were digested."""
        return Digest.of(data, self.algorithm) == self

    def check(self, data: bytes, what: str) -> None:
        """Raise CorruptError, which begins with `what`, unless these are the bytes that were digested."""
        actual = Digest.of(data, self.algorithm)
        if actual != self:
            raise CorruptError(f"{what}: digest mismatch: wanted {self}, got {actual}")

    def __repr__(self) -> str:
        return f"Digest({str(self)!r})"
