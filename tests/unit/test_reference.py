"""Image names: what is filled in, what is refused, in which words."""

from __future__ import annotations

import random
import re

import pytest

from libpod.digest import Digest
from libpod.errors import InvalidError, UnsupportedError
from libpod.image import reference
from libpod.image.location import Location
from tests.support.names import PIECES

SHA256 = "sha256:" + "ab" * 32
SHA512 = "sha512:" + "ab" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("team/app", "docker.io/team/app:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        ("docker.io/library/busybox", "docker.io/library/busybox:latest"),
        ("quay.io/a/b/c:v1", "quay.io/a/b/c:v1"),
        ("quay.io/busybox", "quay.io/busybox:latest"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest"),
        ("localhost:5000/x:y", "localhost:5000/x:y"),
        ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest"),
        ("Host.Example/x:T.a-g_1", "Host.Example/x:T.a-g_1"),
        ("foo_bar.com/x", "docker.io/foo_bar.com/x:latest"),
        ("host/x", "docker.io/host/x:latest"),
        (f"x@{SHA256}", f"docker.io/library/x@{SHA256}"),
        (f"x:1@{SHA256}", f"docker.io/library/x:1@{SHA256}"),
        (f"r.io/x@{SHA512}", f"r.io/x@{SHA512}"),
        ("a__b/c-d/e--f/g.h", "docker.io/a__b/c-d/e--f/g.h:latest"),
        ("x:" + "t" * 128, "docker.io/library/x:" + "t" * 128),
    ],
)
def test_names_are_filled_in(text: str, full: str) -> None:
    assert str(reference.parse_normalized(text)) == full


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "repository name must have at least one component"),
        ("Busybox", "repository name must be lowercase"),
        ("localhost/Busybox", "repository name must be lowercase"),
        ("a/B:1", "repository name must be lowercase"),
        ("a" * 256, "repository name must not be more than 255 characters"),
        ("ab" * 32, f"invalid repository name ({'ab' * 32}), cannot specify 64-byte hexadecimal strings"),
        ("x@md5:" + "ab" * 16, "unsupported digest algorithm"),
        ("x@sha256:" + "ab" * 31, "invalid checksum digest length"),
        ("x@sha256:" + "AB" * 32, "invalid checksum digest format"),
    ]
    + [
        (text, "invalid reference format")
        for text in (
            "x:",
            "x:y:z",
            "x/",
            "/x",
            "x//y",
            "x y",
            "x\n",
            "x:a b",
            "x:-a",
            "x:.a",
            "x:" + "t" * 129,
            "x@sha256:12",
            "x@",
            "@" + SHA256,
            "-x",
            "x-",
            "x_",
            "a___b",
            "a.-b",
            "a..b",
            ".",
            "..",
            "../x",
            "x/../y",
            "./x",
            "~",
            "x:1@sha256",
            "é",
            "xⅣ",
            "x:٣",
            "host:port/x",
            "docker://x",
        )
    ]
    + [
        (text, f'invalid reference format: unknown transport "{text.partition(":")[0]}"')
        for text in ("http://x/y", "foo:/x", "foo:///x:y", "a-b://c")
    ],
)
def test_what_is_no_name_is_refused_in_podmans_words(text: str, words: str) -> None:
    with pytest.raises(InvalidError) as caught:
        reference.parse_normalized(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("x", True),
        ("x:1", True),
        ("a/b", True),
        ("a/b/c", True),
        ("a.b", True),
        ("a.b/c", False),
        ("localhost/c", False),
        ("a:1/c", False),
        ("foo_bar.com/x", True),
    ],
)
def test_a_name_is_short_when_it_leaves_its_registry_open(text: str, short: bool) -> None:
    assert isinstance(reference.parse_name(text), reference.ShortName) is short


def test_a_host_below_the_default_registry_keeps_its_registry() -> None:
    full = reference.parse("docker.io/quay.io/x:1")
    assert full.familiar == "docker.io/quay.io/x:1"


@pytest.mark.parametrize("text", ["busybox:1", "team/app:latest", f"x@{SHA256}", "quay.io/a/b:1", "localhost/x:latest"])
def test_familiar_names_lead_back(text: str) -> None:
    full = reference.parse_normalized(text)
    assert full.familiar == text
    assert reference.parse_normalized(str(full)) == full
    assert hash(reference.parse_normalized(full.familiar)) == hash(full)


def test_any_text_is_a_name_or_refused_and_a_name_is_stable() -> None:
    chance = random.Random(1)
    pieces = [*PIECES, "sha256:", "ab" * 32, " ", "é"]
    names = 0
    for _ in range(20_000):
        text = "".join(chance.choices(pieces, k=chance.randint(0, 7)))
        try:
            full = reference.parse_normalized(text)
        except InvalidError:
            continue
        names += 1
        assert reference.parse_normalized(str(full)) == full, text
        assert reference.parse_normalized(full.familiar) == full, text
        assert not {"", ".", ".."} & set(full.repository.split("/")), text
    assert names > 500


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("oci:/x:y", ("oci", "/x:y")),
        ("docker://x", ("docker", "//x")),
        ("docker:x", ("", "docker:x")),
        ("dir:x", ("dir", "x")),
        ("containers-storage:[a@/b]c", ("containers-storage", "[a@/b]c")),
        ("oci", ("", "oci")),
        ("foo:bar", ("", "foo:bar")),
        ("host:5000/x", ("", "host:5000/x")),
        ("foo://x", ("", "foo://x")),
    ],
)
def test_a_transport_is_told_from_a_name(text: str, wanted: tuple[str, str]) -> None:
    assert reference.split_transport(text) == wanted


@pytest.mark.parametrize("name", reference.FOREIGN_TRANSPORTS)
def test_a_transport_of_other_tools_says_so(name: str) -> None:
    with pytest.raises(UnsupportedError, match=f'the transport "{name}:" is not supported'):
        reference.split_transport(f"{name}:x:y")


def test_a_short_name_gets_its_tag_or_digest_under_a_registry() -> None:
    for text, full in [
        ("a/b", "r.io/a/b:latest"),
        ("a/b:1", "r.io/a/b:1"),
        (f"a/b@{SHA512}", f"r.io/a/b@{SHA512}"),
        (f"a/b:1@{SHA256}", f"r.io/a/b@{SHA256}"),
    ]:
        short = reference.parse_name(text)
        assert isinstance(short, reference.ShortName)
        assert (str(short), str(short.under("r.io/a/b"))) == (text, full)


@pytest.mark.parametrize("text", ["ab" * 32, "sha256:" + "ab" * 32])
def test_an_id_is_no_name(text: str) -> None:
    wanted = reference.parse_name(text)
    assert isinstance(wanted, reference.ImageId)
    assert (str(wanted), wanted.hex) == (text, "ab" * 32)
    with pytest.raises(InvalidError, match="no 64-byte hexadecimal value"):
        reference.parse_name("sha256:" + "ab" * 31)


def test_a_digest_decides_over_a_tag() -> None:
    both = reference.parse(f"r.io/a:1@{SHA512}")
    assert (both.tag, both.digest) == ("1", SHA512)
    assert isinstance(both.digest, Digest)
    assert str(both.pinned()) == str(both.pinned().pinned()) == f"r.io/a@{SHA512}"
    assert str(reference.parse("r.io/a:1").pinned()) == "r.io/a:1"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("oci:/x/y", ("/x/y", "", None, None)),
        ("oci:/x/y:z:1", ("/x/y", "z:1", None, None)),
        ("docker-archive:x.tar:@1", ("x.tar", "@1", None, None)),
        ("dir:/x:y", ("/x:y", "", None, None)),
        ("docker://x", ("", "", "docker.io/library/x:latest", None)),
        (f"docker://r.io/x:1@{SHA256}", ("", "", f"r.io/x@{SHA256}", None)),
        ("containers-storage:x:1", ("", "x:1", None, None)),
        ("containers-storage:[overlay@/a+/b]x:1", ("", "x:1", None, "overlay@/a+/b")),
    ],
)
def test_a_place_is_taken_apart_once(text: str, wanted: tuple[str, str, str | None, str | None]) -> None:
    place = Location.parse(text)
    assert str(place) == text
    assert (place.path, place.name, place.reference and str(place.reference), place.store) == wanted
    assert place.is_own_store == (text == "containers-storage:x:1")
    if place.reference is not None:
        again = Location.of(place.reference)
        assert (str(again), again.reference) == (f"docker://{place.reference}", place.reference)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", 'Invalid image name "x", expected colon-separated transport:reference'),
        ("foo:x", 'Invalid image name "foo:x", unknown transport "foo"'),
        ("docker://X", "repository name must be lowercase"),
        ("containers-storage:[overlay@/a", "invalid store specifier [overlay@/a]"),
    ],
)
def test_what_is_no_place_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=re.escape(words)):
        Location.parse(text)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("localhost:5000/x:1", ("localhost:5000/x", "1")),
        (f"r.io/x@{SHA512}", ("r.io/x", SHA512)),
        ("x", ("x", "")),
    ],
)
def test_names_of_the_store_are_split(name: str, parts: tuple[str, str]) -> None:
    assert reference.split_stored(name) == parts
