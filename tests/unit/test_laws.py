"""Laws of pure functions, for generated input: names of images, digests, words of `-v` and `--mount`."""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st

from libpod.container.mounts import Mount, check_name, clean_destination
from libpod.container.options.mounts import parse_mount, parse_tmpfs, parse_volume
from libpod.digest import Digest
from libpod.errors import InvalidError, LibpodError, UnsupportedError
from libpod.image import reference
from libpod.words import split_commas
from tests.support import names

settings.register_profile("laws", deadline=None, derandomize=True, max_examples=400, database=None)
settings.load_profile("laws")


# Names ------------------------------------------------------------------------------------------------------------------


@given(names.good)
def test_a_name_by_the_grammar_is_taken_and_stays_what_it_is(text: str) -> None:
    full = reference.parse(text)
    assert reference.parse(str(full)) == full
    assert reference.parse(full.familiar) == full
    assert str(reference.parse_normalized(text)) == names.normalized(text)
    repository, rest = reference.split_stored(str(full.with_default_tag().pinned()))
    assert (repository, rest) == (full.name, full.digest or full.tag or "latest")
    assert reference.parse_stored(str(full.with_default_tag().pinned())) == full.with_default_tag().pinned()
    wanted = reference.parse_name(text)
    if isinstance(wanted, reference.Reference):
        assert wanted == full
    else:
        assert isinstance(wanted, reference.ShortName)
        assert str(wanted) == text
        assert wanted.under(f"docker.io/{wanted.repository}") == full.with_default_tag().pinned()


@settings(max_examples=3000)
@given(names.near)
def test_a_text_is_a_name_where_the_tools_of_go_take_it(text: str) -> None:
    try:
        ours = str(reference.parse_normalized(text))
    except (InvalidError, UnsupportedError):
        ours = None
    assert ours == names.normalized(text)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (reference.parse, reference.parse_name, reference.parse_local, Digest):
        try:
            parsed = parse(text)
        except LibpodError:
            continue
        if parse is Digest:
            assert str(parsed) == text


@given(st.binary(), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_is_read_as_it_is_written(data: bytes, algorithm: str) -> None:
    digest = Digest.of(data, algorithm)
    assert Digest(str(digest)) == f"{digest.algorithm}:{digest.hex}" == digest
    assert digest.names(data)
    assert not digest.names(data + b"x")


# Mounts -----------------------------------------------------------------------------------------------------------------

_paths = st.text(st.characters(codec="utf-8", exclude_characters="\\\0"), min_size=1, max_size=20).map(
    lambda text: "/" + text.lstrip("/")
)
_volumes = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,10}", fullmatch=True)
_options = st.lists(
    st.sampled_from([("ro", "rw"), ("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec"), ("rprivate", "rslave")]),
    unique=True,
).flatmap(lambda pairs: st.tuples(*(st.sampled_from(pair) for pair in pairs)).map(list))


def _colons(text: str) -> str:
    return text.replace(":", "\\:")


def _field(name: str, value: str) -> str:
    text = f"{name}={value}"
    return '"' + text.replace('"', '""') + '"' if set('",') & set(text) else text


@given(_paths | _volumes, _paths, _options)
def test_a_volume_is_read_as_it_is_written(source: str, destination: str, options: list[str]) -> None:
    text = ":".join([_colons(source), _colons(destination), *([",".join(options)] if options else [])])
    mount = parse_volume(text)
    assert mount.destination == destination
    assert set(options) <= set(mount.options)
    if source.startswith("/"):
        assert (mount.kind, clean_destination(mount.source)) == ("bind", clean_destination(source))
    else:
        assert (mount.kind, mount.volume) == ("volume", source)
    assert Mount.from_document(mount.to_document()).to_document() == mount.to_document()


@given(st.sampled_from(["bind", "volume"]), _paths, _volumes, _paths, st.randoms(use_true_random=False))
def test_a_mount_is_read_as_it_is_written_in_any_order(
    kind: str, path: str, volume: str, destination: str, chance: object
) -> None:
    source = path if kind == "bind" else volume
    fields = [f"type={kind}", _field("src", source), _field("dst", destination), "ro"]
    chance.shuffle(fields)  # type: ignore[attr-defined]
    mount = parse_mount(",".join(fields))
    assert (mount.kind, mount.destination, mount.is_writable) == (kind, destination, False)
    if kind == "bind":
        assert clean_destination(mount.source) == clean_destination(source)
    else:
        assert mount.volume == source


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"))))
def test_fields_of_a_list_are_read_as_they_are_written(fields: list[str]) -> None:
    text = ",".join('"' + field.replace('"', '""') + '"' for field in fields)
    assert split_commas(text) == fields


@settings(max_examples=2000)
@given(
    st.lists(
        st.sampled_from(
            [
                "type=",
                "bind",
                "tmpfs",
                "volume",
                "src=",
                "dst=",
                "/",
                "a",
                ",",
                ":",
                "\\",
                '"',
                "=",
                "ro",
                "size=1m",
                "..",
                " ",
                "Z",
                "idmap",
            ]
        ),
        max_size=9,
    ).map("".join)
)
def test_any_words_of_a_mount_are_read_or_refused(text: str) -> None:
    for parse in (parse_volume, parse_mount, parse_tmpfs):
        try:
            mount = parse(text)
        except LibpodError:
            continue
        assert mount.destination.startswith("/")
        # The name of a volume is judged when the container is made, and one without gets one then.
        mount.volume = mount.volume if check_name(mount.volume) else "x"
        assert Mount.from_document(mount.to_document()).to_document() == mount.to_document()


@given(_paths, _paths)
def test_a_place_in_the_container_never_leaves_its_root(path: str, other: str) -> None:
    place = clean_destination(path + "/../" + other)
    assert place.startswith("/")
    assert ".." not in place.split("/")
    assert clean_destination(place) == place
