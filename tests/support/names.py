"""The grammar of references as Go's tools have it, written as the regular expressions that they use, and texts near it.

Source: the reference package of the distribution project, regexp.go and normalize.go, as Podman 5 has it, and the algorithms of
go-digest. Its next release takes IPv6 addresses as hosts; libpod does so already.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_DOMAIN_COMPONENT = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_DOMAIN_COMPONENT}(?:\.{_DOMAIN_COMPONENT})*|\[(?:[a-fA-F0-9:]+)\])"
_DOMAIN = rf"{_HOST}(?::[0-9]+)?"
_REMOTE = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"((?:{_DOMAIN}/)?{_REMOTE})(?::({_TAG}))?(?:@({_DIGEST}))?")
_DIGITS = {"sha256": 64, "sha512": 128}


def normalized(text: str) -> str | None:
    """What `ParseNormalizedNamed` and `TagNameOnly` make of a text; None where they refuse it."""
    if re.fullmatch("[a-f0-9]{64}", text):
        return None
    first, slash, rest = text.partition("/")
    # Go leaves a first part such as `foo_bar.com` without a registry, and Podman fills one in afterwards.
    hosted = re.fullmatch(_DOMAIN, first) and (set(".:") & set(first) or first == "localhost")
    if not slash or not hosted:
        domain, remainder = "docker.io", text
    else:
        domain, remainder = first, rest
    if domain == "index.docker.io":
        domain = "docker.io"
    if domain == "docker.io" and "/" not in remainder:
        remainder = f"library/{remainder}"
    # The name ends at the first colon, as this look at it has it: of a tag or of a digest.
    name = remainder.partition(":")[0]
    if name.lower() != name:
        return None
    found = _REFERENCE.fullmatch(f"{domain}/{remainder}")
    if found is None or len(found[1]) > 255:
        return None
    if found[3] is not None:
        algorithm, _, digits = found[3].partition(":")
        if _DIGITS.get(algorithm) != len(digits) or not re.fullmatch("[a-f0-9]+", digits):
            return None
    return found[0] if found[2] or found[3] else f"{found[0]}:latest"


def _joined(parts: st.SearchStrategy[str], separators: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    def join(pairs: list[tuple[str, str]]) -> str:
        return "".join(separator + part for separator, part in pairs)[len(pairs[0][0]) :]

    return st.lists(st.tuples(separators, parts), min_size=1, max_size=most).map(join)


_words = st.text("abz09", min_size=1, max_size=4)
_components = _joined(_words, st.sampled_from([".", "_", "__", "-", "---"]), 3)
_paths = _joined(_components, st.just("/"), 4)
_labels = _joined(st.text("aZ9", min_size=1, max_size=3), st.sampled_from(["-", "--", "."]), 3)
_hosts = st.one_of(st.just("localhost"), st.just("docker.io"), _labels.map(lambda text: f"{text}.io"), st.just("[::1]"))
_domains = st.one_of(_hosts, st.builds("{}:{}".format, _hosts, st.integers(0, 65535)))
_tags = st.from_regex(re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", re.ASCII), fullmatch=True)
_digests = st.sampled_from(["sha256", "sha512"]).flatmap(
    lambda name: st.text("0123456789abcdef", min_size=_DIGITS[name], max_size=_DIGITS[name]).map(f"{name}:{{}}".format)
)


def _spelled(domain: str | None, path: str, tag: str | None, digest: str | None) -> str:
    name = path if domain is None else f"{domain}/{path}"
    return name + (f":{tag}" if tag is not None else "") + (f"@{digest}" if digest is not None else "")


#: Names by the grammar.
good = st.builds(_spelled, st.none() | _domains, _paths, st.none() | _tags, st.none() | _digests)

#: What names are put together of, and what looks like it.
PIECES = [
    "a",
    "B",
    "0",
    ".",
    "-",
    "_",
    "__",
    "/",
    ":",
    "@",
    "localhost",
    "docker.io",
    "library",
    "[::1]",
    "sha256:",
    "ab" * 32,
    " ",
    "é",
    "٣",
]

#: Texts of the grammar's pieces in any order, and good names with one piece put in somewhere.
near = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.builds(
        lambda name, piece, place: name[: place % (len(name) + 1)] + piece + name[place % (len(name) + 1) :],
        good,
        st.sampled_from(PIECES),
        st.integers(0, 200),
    ),
)
