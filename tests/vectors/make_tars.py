"""Make the tars of this folder and `tars.json`, which says what each must lead to. Run it to make them anew: nothing may change.

A vector is either applied (`"files"`: what the tree must hold, and the tar must come back byte for byte) or refused (`"error"`: the
kind of the error, `"entry"`: the entry it names). Rust reads them in `rust/layer/tests/vectors.rs`, Python in `tests/attacks`.
Start at VECTORS. The headers are made by hand here: a library would repair what is meant to be wrong.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

BLOCK = 512
MTIME = 1_600_000_000
END = bytes(2 * BLOCK)


def pad(data: bytes) -> bytes:
    """Content and the zeros after it."""
    return data + bytes(-len(data) % BLOCK)


def octal(value: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, value)


def base256(value: int, width: int) -> bytes:
    return bytes([0x80]) + value.to_bytes(width - 1, "big")


def header(
    name: bytes,
    *,
    kind: bytes = b"0",
    size: int = 0,
    link: bytes = b"",
    mode: int = 0o644,
    uid: bytes = octal(0, 8),
    mtime: bytes = octal(MTIME, 12),
    magic: bytes = b"ustar\x0000",
    device: tuple[int, int] = (0, 0),
    prefix: bytes = b"",
    size_field: bytes | None = None,
    tail: bytes = b"",
) -> bytes:
    """One block; every field can be made wrong."""
    block = bytearray(BLOCK)
    block[0 : len(name)] = name[:100]
    block[100:108] = octal(mode, 8)
    block[108:116] = uid
    block[116:124] = octal(0, 8)
    block[124:136] = octal(size, 12) if size_field is None else size_field
    block[136:148] = mtime
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257 : 257 + len(magic)] = magic
    if magic.strip(b"\0"):
        block[329:337] = octal(device[0], 8)
        block[337:345] = octal(device[1], 8)
    block[345 : 345 + len(prefix)] = prefix
    block[512 - len(tail) :] = tail
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert len(block) == BLOCK
    return bytes(block)


def file(name: bytes, content: bytes = b"", **fields: object) -> bytes:
    return header(name, size=len(content), **fields) + pad(content)  # type: ignore[arg-type]


def directory(name: bytes, mode: int = 0o755) -> bytes:
    return header(name, kind=b"5", mode=mode)


def symlink(name: bytes, target: bytes) -> bytes:
    return header(name, kind=b"2", link=target, mode=0o777)


def hardlink(name: bytes, target: bytes) -> bytes:
    return header(name, kind=b"1", link=target)


def record(key: bytes, value: bytes) -> bytes:
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def pax(*records: tuple[bytes, bytes], raw: bytes = b"", kind: bytes = b"x") -> bytes:
    content = b"".join(record(*pair) for pair in records) + raw
    return file(b"PaxHeaders/x", content, kind=kind)


def gnu_long(kind: bytes, text: bytes) -> bytes:
    return file(b"././@LongLink", text + b"\0", kind=kind, magic=b"ustar  \0")


def old_sparse(name: bytes, parts: list[tuple[int, bytes]], real_size: int) -> bytes:
    """GNU's own sparse type: four parts in the header, 21 in each block after it."""
    stored = b"".join(content for _, content in parts)
    pairs = [octal(offset, 12) + octal(len(content), 12) for offset, content in parts]
    first, rest = pairs[:4], pairs[4:]
    block = bytearray(header(name, kind=b"S", size=len(stored), magic=b"ustar  \0"))
    block[386 : 386 + 24 * len(first)] = b"".join(first)
    block[482] = 1 if rest else 0
    block[483:495] = octal(real_size, 12)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    out = bytes(block)
    while rest:
        chunk, rest = rest[:21], rest[21:]
        extension = bytearray(BLOCK)
        extension[: 24 * len(chunk)] = b"".join(chunk)
        extension[504] = 1 if rest else 0
        out += bytes(extension)
    return out + pad(stored)


def holes(parts: list[tuple[int, bytes]], size: int) -> bytes:
    out = bytearray(size)
    for offset, content in parts:
        out[offset : offset + len(content)] = content
    return bytes(out)


PARTS = [(index * 1000, b"part %02d" % index) for index in range(30)]
SPARSE_1_0 = b"2\n0\n3\n9000\n2\n"
LONG = b"long/" * 40 + b"name"

# name of the vector: (tar without its end, what it leads to)
APPLIED: dict[str, tuple[bytes, dict[bytes, bytes | str]]] = {
    "empty": (b"", {}),
    "v7": (
        header(b"d/", kind=b"\0", magic=b"", mode=0o755) + file(b"d/f", b"v7", kind=b"\0", magic=b""),
        {b"d/f": b"v7"},
    ),
    "ustar-prefix": (file(b"name", b"1", prefix=b"some/prefix"), {b"some/prefix/name": b"1"}),
    "star-prefix": (file(b"n", b"1", prefix=b"p", tail=b"tar\0"), {b"p/n": b"1"}),
    "gnu-long-name": (gnu_long(b"L", LONG) + file(b"short", b"1", magic=b"ustar  \0"), {LONG: b"1"}),
    "gnu-long-link": (gnu_long(b"K", b"t" * 300) + symlink(b"s", b"t"), {b"s": "-> " + "t" * 300}),
    "gnu-times-in-prefix": (
        file(b"f", b"1", magic=b"ustar  \0", prefix=octal(MTIME, 12) + octal(MTIME, 12)),
        {b"f": b"1"},
    ),
    "go-prefix-in-gnu": (
        file(b"f", b"1", magic=b"ustar  \0", prefix=b"a/long/prefix/of/old/go"),
        {b"a/long/prefix/of/old/go/f": b"1"},
    ),
    "base-256": (file(b"f", b"1", uid=base256(3_000_000, 8)), {b"f": b"1"}),
    "pax-path-and-link": (
        pax((b"path", "é/ü".encode()), (b"mtime", b"1600000000.123456789"))
        + file(b"x", b"1")
        + pax((b"linkpath", "é/ü".encode()))
        + hardlink(b"h", b"x"),
        {"é/ü".encode(): b"1", b"h": b"1"},
    ),
    "pax-size": (pax((b"size", b"3")) + header(b"f", size=0) + pad(b"abc"), {b"f": b"abc"}),
    "pax-global": (pax((b"comment", b"by git"), (b"path", b"not-this"), kind=b"g") + file(b"f", b"1"), {b"f": b"1"}),
    "pax-deleted-record": (pax((b"path", b"other"), (b"path", b"")) + file(b"f", b"1"), {b"f": b"1"}),
    "not-utf-8": (file(b"\xff\xfe", b"1") + symlink(b"s\xff", b"\xfe"), {b"\xff\xfe": b"1"}),
    "dot-slash": (directory(b"./") + directory(b"./d/") + file(b"./d/f", b"1"), {b"d/f": b"1"}),
    "absolute-names": (directory(b"/d/") + file(b"/d/f", b"1"), {b"d/f": b"1"}),
    "inner-dot-dot": (file(b"a/../b", b"1"), {b"b": b"1"}),
    "no-end": (file(b"f", b"1"), {b"f": b"1"}),
    "after-the-end": (file(b"f", b"1") + END + b"anything" * 100, {b"f": b"1"}),
    "hard-link-with-size": (file(b"f", b"1") + header(b"h", kind=b"1", link=b"f", size=1), {b"h": b"1"}),
    "hard-link-before-directory": (file(b"f", b"1") + hardlink(b"d/h", b"f") + directory(b"d/"), {b"d/h": b"1"}),
    "symlinked-parent": (directory(b"real/") + symlink(b"link", b"/real") + file(b"link/f", b"1"), {b"real/f": b"1"}),
    "symlinked-parent-up": (
        directory(b"real/") + directory(b"d/") + symlink(b"d/link", b"../../../real") + file(b"d/link/f", b"1"),
        {b"real/f": b"1"},
    ),
    "read-only-directory": (directory(b"d/", 0o555) + file(b"d/f", b"1"), {b"d/f": b"1"}),
    "whiteouts": (
        file(b".wh.gone") + directory(b"d/") + file(b"d/.wh..wh..opq") + file(b"d/kept", b"1") + file(b".wh..wh.plnk"),
        {b"d/kept": b"1"},
    ),
    "whiteout-of-own-file": (file(b"f", b"1") + file(b".wh.f"), {b"f": b"1"}),
    "whiteout-below-whiteout": (file(b".wh.d") + file(b"d/.wh.x"), {}),
    "whiteout-with-content": (file(b".wh.d", b"what for"), {}),
    "sparse-old": (old_sparse(b"s", PARTS, 40_000), {b"s": holes(PARTS, 40_000)}),
    "sparse-0.1": (
        pax((b"GNU.sparse.size", b"9100"), (b"GNU.sparse.numblocks", b"2"), (b"GNU.sparse.map", b"0,3,9000,2"))
        + file(b"s", b"abcde"),
        {b"s": holes([(0, b"abc"), (9000, b"de")], 9100)},
    ),
    "sparse-1.0": (
        pax(
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", b"s"),
            (b"GNU.sparse.realsize", b"9100"),
        )
        + file(b"GNUSparseFile/s", pad(SPARSE_1_0) + b"abcde"),
        {b"s": holes([(0, b"abc"), (9000, b"de")], 9100)},
    ),
    "deep": (b"".join(gnu_long(b"L", b"d/" * depth) + directory(b"d") for depth in (1, 150, 300)), {}),
    "component-of-255": (
        file(b"x", b"1", prefix=b"") + gnu_long(b"L", b"n" * 255) + file(b"n", b"2"),
        {b"n" * 255: b"2"},
    ),
    "overlay-attributes": (
        pax((b"SCHILY.xattr.trusted.overlay.redirect", b"/etc"), (b"SCHILY.xattr.trusted.overlay.opaque", b"y"))
        + directory(b"d/"),
        {},
    ),
}

# name of the vector: (tar without its end, kind of error, entry that the error names)
REFUSED: dict[str, tuple[bytes, str, bytes | None]] = {
    "escape-dot-dot": (file(b"../escape", b"1"), "UnsafePath", b"../escape"),
    "escape-absolute-dot-dot": (file(b"/../escape", b"1"), "UnsafePath", b"/../escape"),
    "escape-inner-dot-dot": (file(b"a/../../escape", b"1"), "UnsafePath", b"a/../../escape"),
    "escape-symlink-dangling": (symlink(b"s", b"../../escape") + file(b"s/f", b"1"), "Os", b"s/f"),
    "escape-hardlink": (hardlink(b"h", b"../../../../etc/passwd"), "UnsafePath", b"h"),
    "escape-hardlink-symlink": (symlink(b"s", b"/etc") + hardlink(b"h", b"s/passwd"), "Os", b"h"),
    "escape-whiteout": (file(b"d/.wh..."), "UnsafePath", b"d/.wh..."),
    "escape-whiteout-dot-dot": (file(b"d/../../.wh.x"), "UnsafePath", b"d/../../.wh.x"),
    "hardlink-to-itself": (hardlink(b"h", b"./h"), "UnsafePath", b"h"),
    "hardlink-to-directory": (directory(b"d/") + hardlink(b"h", b"d"), "Os", b"h"),
    "hardlink-to-nothing": (hardlink(b"h", b"missing"), "Os", b"h"),
    "symlink-loop": (symlink(b"a", b"b") + symlink(b"b", b"a") + file(b"a/f", b"1"), "Os", b"a/f"),
    "file-as-directory": (file(b"f", b"1") + file(b"f/x", b"1"), "Os", b"f/x"),
    "duplicate": (file(b"f", b"1") + file(b"./f", b"2"), "Unsupported", b"./f"),
    "duplicate-directory": (directory(b"d/") + directory(b"d"), "Unsupported", b"d"),
    "whiteout-without-name": (file(b".wh."), "UnsafePath", b".wh."),
    "whiteout-as-directory": (file(b".wh.d/f", b"1"), "UnsafePath", b".wh.d/f"),
    "root-as-file": (file(b"./", b"1"), "UnsafePath", b"./"),
    "component-too-long": (gnu_long(b"L", b"n" * 256) + file(b"n", b"1"), "Corrupt", b"n" * 256),
    "name-too-long": (gnu_long(b"L", b"d/" * 3000) + file(b"n", b"1"), "Corrupt", b"d/" * 3000),
    "nul-in-pax-path": (pax((b"path", b"a\0b")) + file(b"f", b"1"), "Corrupt", None),
    "nul-in-pax-link": (pax((b"linkpath", b"a\0b")) + symlink(b"s", b"a"), "Corrupt", None),
    "pax-bad-length": (pax(raw=b"99 path=a\n") + file(b"f"), "Corrupt", None),
    "pax-no-newline": (pax(raw=b"9 path=ab") + file(b"f"), "Corrupt", None),
    "pax-no-equals": (pax(raw=b"7 path\n") + file(b"f"), "Corrupt", None),
    "pax-negative-size": (pax((b"size", b"-1")) + file(b"f"), "Corrupt", None),
    "pax-huge-size": (pax((b"size", b"9" * 18)) + file(b"f"), "Corrupt", b"f"),
    "extension-too-large": (header(b"x", kind=b"x", size=1 << 30), "Corrupt", None),
    "long-name-too-large": (header(b"x", kind=b"L", size=1 << 30), "Corrupt", None),
    "size-negative": (header(b"f", size_field=b"\xff" * 12), "Corrupt", None),
    "size-2-to-63": (header(b"f", size_field=base256(1 << 63, 12)), "Corrupt", None),
    "size-absurd": (header(b"f", size_field=base256(1 << 60, 12)), "Corrupt", b"f"),
    "size-not-a-number": (header(b"f", size_field=b"12x456789ab\0"), "Corrupt", None),
    "owner-out-of-range": (file(b"f", b"1", uid=base256(1 << 40, 8)), "Unsupported", b"f"),
    "bad-checksum": (file(b"f", b"1").replace(b"ustar", b"uster", 1), "Corrupt", None),
    "zero-block-in-the-middle": (bytes(BLOCK) + file(b"f", b"1"), "Corrupt", None),
    "truncated-header": (file(b"f", b"1") + header(b"g")[:300], "Corrupt", None),
    "truncated-content": (header(b"f", size=5000) + bytes(1000), "Corrupt", b"f"),
    "dangling-extension": (pax((b"path", b"a")), "Corrupt", None),
    "unknown-type": (header(b"f", kind=b"V"), "Unsupported", b"f"),
    "sparse-overlap": (
        pax((b"GNU.sparse.size", b"90"), (b"GNU.sparse.numblocks", b"2"), (b"GNU.sparse.map", b"0,3,2,2"))
        + file(b"s", b"abcde"),
        "Corrupt",
        None,
    ),
    "sparse-past-end": (
        pax((b"GNU.sparse.size", b"4"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.map", b"0,5"))
        + file(b"s", b"abcde"),
        "Corrupt",
        None,
    ),
    "sparse-huge": (
        pax((b"GNU.sparse.size", b"9" * 18), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.map", b"0,5"))
        + file(b"s", b"abcde"),
        "Corrupt",
        b"s",
    ),
    "sparse-endless-map": (
        pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9"))
        + file(b"s", b"60000\n" + b"0\n" * 2000),
        "Corrupt",
        None,
    ),
}

# These end as they stand.
UNENDED = {"no-end", "after-the-end", "truncated-header", "truncated-content", "dangling-extension", "empty"}


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def main() -> None:
    """Write every tar and the table."""
    folder = Path(__file__).parent
    table: dict[str, dict[str, object]] = {}
    for name, (tar, files) in APPLIED.items():
        (folder / f"{name}.tar").write_bytes(tar if name in UNENDED else tar + END)
        table[name] = {
            "files": {
                text(path): content if isinstance(content, str) else text(content) for path, content in files.items()
            }
        }
    for name, (tar, kind, entry) in REFUSED.items():
        (folder / f"{name}.tar").write_bytes(tar if name in UNENDED else tar + END)
        table[name] = {"error": kind, "entry": None if entry is None else text(entry)}
    (folder / "tars.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
