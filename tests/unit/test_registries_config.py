"""registries.conf: prefixes, mirrors, drop-ins, aliases, both formats, and what makes a file wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from libpod import _core
from libpod.config import lookup
from libpod.config import registries as configuration
from libpod.config.registries import Registries, read
from libpod.errors import DeniedError, InvalidError, NotFoundError
from libpod.identity import Identity
from libpod.image import shortnames
from libpod.image.reference import ShortName, parse_name, parse_normalized

SHA256 = "sha256:" + "ab" * 32


def parsed(text: str) -> Registries:
    registries = Registries("test.conf")
    registries.merge(_core.parse_toml(text), "test.conf")
    return registries


PREFIXES = """
[[registry]]
location = "example.com"
[[registry]]
prefix = "example.com/team"
location = "mirror.local/t"
[[registry]]
prefix = "*.example.org"
blocked = true
[[registry]]
prefix = "*.deep.example.org"
location = "deep.local"
[[registry]]
prefix = "a.exact.org"
location = "exact.local"
[[registry]]
prefix = "*.exact.org"
location = "wild.local"
[[registry]]
prefix = "pinned.io/app:1"
location = "old.local/app:0"
[[registry]]
location = "plain.io:5000"
insecure = true
"""


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("example.com/x:1", "example.com"),
        ("example.com/team/x:1", "example.com/team"),
        ("example.com/teams/x:1", "example.com"),
        ("example.com.evil/x:1", None),
        ("example.com:5000/x:1", "example.com"),
        ("a.example.org/x:1", "*.example.org"),
        ("a.deep.example.org/x:1", "*.deep.example.org"),
        ("a.exact.org/x:1", "a.exact.org"),
        ("b.exact.org/x:1", "*.exact.org"),
        ("a.exact.org.exact.org/x:1", "*.exact.org"),
        ("example.org/x:1", None),
        ("evil.io/a.example.org/x:1", None),
        ("a.example.orgx/x:1", None),
        ("pinned.io/app:1", "pinned.io/app:1"),
        ("pinned.io/app:10", None),
        ("plain.io:5000/x:1", "plain.io:5000"),
        ("plain.io/x:1", None),
    ],
)
def test_longest_prefix_wins_and_ends_at_a_boundary(name: str, prefix: str | None) -> None:
    found = parsed(PREFIXES).find(name)
    assert (found.prefix if found else None) == prefix


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("example.com/team/x:1", ["mirror.local/t/x:1"]),
        ("example.com/x:1", ["example.com/x:1"]),
        ("a.deep.example.org/x:1", ["deep.local/x:1"]),
        ("pinned.io/app:1", ["old.local/app:0"]),
        ("other.io/x:1", ["other.io/x:1"]),
    ],
)
def test_names_are_rewritten_to_their_location(name: str, places: list[str]) -> None:
    assert [source.name for source in parsed(PREFIXES).sources(name)] == places


MIRRORS = """
[[registry]]
prefix = "r.io"
location = "r.io"
[[registry.mirror]]
location = "both.local/r"
insecure = true
[[registry.mirror]]
location = "digests.local"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.local"
pull-from-mirror = "tag-only"
[[registry]]
location = "d.io"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m.local"
"""


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("r.io/x:1", ["both.local/r/x:1", "tags.local/x:1", "r.io/x:1"]),
        (f"r.io/x@{SHA256}", [f"both.local/r/x@{SHA256}", f"digests.local/x@{SHA256}", f"r.io/x@{SHA256}"]),
        ("d.io/x:1", ["d.io/x:1"]),
        (f"d.io/x@{SHA256}", [f"m.local/x@{SHA256}", f"d.io/x@{SHA256}"]),
    ],
)
def test_mirrors_come_first_where_they_fit(name: str, places: list[str]) -> None:
    sources = parsed(MIRRORS).sources(name)
    assert [source.name for source in sources] == places
    assert [source.insecure for source in sources] == [source.name.startswith("both.") for source in sources]


def test_endpoints_are_insecure_where_any_table_says_so() -> None:
    registries = parsed(PREFIXES + '[[registry]]\nprefix = "alias.io"\nlocation = "plain.io:5000"\ninsecure = true\n')
    (endpoint,) = shortnames.endpoints(parse_normalized("alias.io/x"), registries)
    assert (str(endpoint.reference), endpoint.insecure) == ("plain.io:5000/x:latest", True)


@pytest.mark.parametrize("name", ["a.example.org/x", "a.example.org/x:1"])
def test_blocked_registries_are_refused(name: str) -> None:
    with pytest.raises(DeniedError, match=r"registry \*\.example\.org is blocked in test\.conf"):
        shortnames.endpoints(parse_normalized(name), parsed(PREFIXES))


def test_a_blocked_location_is_refused_behind_another_prefix_too() -> None:
    conf = '[[registry]]\nprefix = "a.io"\nlocation = "b.io/x"\n[[registry]]\nlocation = "b.io"\nblocked = true\n'
    with pytest.raises(DeniedError, match=r"b\.io is blocked"):
        shortnames.endpoints(parse_normalized("a.io/y"), parsed(conf))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[registry]]\n", "both location and prefix are unset"),
        ('[[registry]]\nprefix = "a.io"\n', "location is unset and prefix is not in the format"),
        ('[[registry]]\nlocation = "https://a.io"\n', "URI schemes are not supported"),
        ('[[registry]]\nlocation = "a.io"\ninsecure = "yes"\n', "`insecure` must be a bool"),
        ('[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\ninsecure = true\n', "mirror location is unset"),
        ('[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "x"\n', "unsupported"),
        ('[[registry]]\nlocation = "a"\npull-from-mirror = "all"\n', "must not be used for a non-mirror"),
        (
            '[[registry]]\nlocation = "a"\n[[registry]]\nprefix = "b"\nlocation = "a"\nblocked = true\n',
            "conflicting 'blocked'",
        ),
        ('short-name-mode = "maybe"\n', "invalid short-name mode"),
        ('unqualified-search-registries = "a"\n', "must be a list"),
        ("unqualified-search-registries = [1]\n", "must be an array of strings"),
        ('[registries.search]\nregistries = ["a"]\n[[registry]]\nlocation = "b"\n', "mixing sysregistry v1/v2"),
    ],
)
def test_wrong_files_are_refused_with_their_name(text: str, words: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parsed(text)
    assert words in str(caught.value)
    assert '"test.conf"' in str(caught.value)


def test_first_format_is_read_as_the_second() -> None:
    text = '[registries.search]\nregistries = ["s.io"]\n[registries.insecure]\nregistries = ["i.io"]\n'
    registries = parsed(text + '[registries.block]\nregistries = ["b.io", "i.io"]\n')
    assert registries.unqualified_search == ["s.io"]
    found = registries.find("i.io/x")
    assert found is not None
    assert (found.endpoint.insecure, found.blocked) == (True, True)
    assert registries.is_insecure("i.io")
    assert not registries.is_insecure("b.io")


def test_drop_ins_override_in_order(tmp_path: Path) -> None:
    main, first, second = tmp_path / "registries.conf", tmp_path / "one.d", tmp_path / "two.d"
    first.mkdir()
    second.mkdir()
    main.write_text('unqualified-search-registries = ["main.io"]\n[aliases]\n"a" = "main.io/a"\n"b" = "main.io/b"\n')
    (first / "10.conf").write_text('[[registry]]\nlocation = "x.io"\ninsecure = true\n[aliases]\n"a" = "ten.io/a"\n')
    (first / "20.conf").write_text('unqualified-search-registries = ["twenty.io"]\n[aliases]\n"b" = ""\n')
    (first / "30.txt").write_text("this is no configuration")
    (second / "05.conf").write_text('[[registry]]\nlocation = "x.io"\nblocked = true\n')
    registries = read(str(main), [str(first), str(second), str(tmp_path / "absent")])
    assert (registries.unqualified_search, registries.search_file) == (["twenty.io"], str(first / "20.conf"))
    assert registries.aliases == {"a": ("ten.io/a", str(first / "10.conf"))}
    table = registries.find("x.io/y")
    assert table is not None
    assert (table.blocked, table.endpoint.insecure) == (True, False), (
        "a table of the same prefix is replaced as a whole"
    )


def test_files_are_looked_up_as_the_manual_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CONTAINERS_REGISTRIES_CONF", raising=False)
    own = tmp_path / ".config/containers/registries.conf"
    assert lookup.registries_conf(Identity()) == (
        "/etc/containers/registries.conf",
        ["/etc/containers/registries.conf.d", f"{own}.d"],
    )
    own.parent.mkdir(parents=True)
    own.touch()
    assert lookup.registries_conf(Identity()) == (str(own), [f"{own}.d"])
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", "/x.conf")
    assert lookup.registries_conf(Identity())[0] == "/x.conf"


SHORT = 'unqualified-search-registries = ["one.io", "two.io:5000/ns"]\n[aliases]\n"tool" = "home.io/team/tool"\n'


@pytest.mark.parametrize(
    ("text", "full", "description"),
    [
        ("tool", ["home.io/team/tool:latest"], 'Resolved "tool" as an alias (test.conf)'),
        ("tool:2", ["home.io/team/tool:2"], 'Resolved "tool" as an alias (test.conf)'),
        (f"tool:2@{SHA256}", [f"home.io/team/tool@{SHA256}"], 'Resolved "tool" as an alias (test.conf)'),
        (
            "x/y",
            ["one.io/x/y:latest", "two.io:5000/ns/x/y:latest"],
            'Resolving "x/y" using unqualified-search registries (test.conf)',
        ),
        ("r.io/x", ["r.io/x:latest"], ""),
        (f"r.io/x:1@{SHA256}", [f"r.io/x@{SHA256}"], ""),
    ],
)
def test_short_names_resolve_to_candidates(text: str, full: list[str], description: str) -> None:
    found = shortnames.pull_candidates(parse_name(text), parsed(SHORT))
    assert ([str(candidate) for candidate in found.references], found.description) == (full, description)


def test_short_name_that_means_nothing_says_so() -> None:
    words = (
        'short-name "x:1" did not resolve to an alias and no unqualified-search registries are defined in "test.conf"'
    )
    with pytest.raises(NotFoundError) as caught:
        shortnames.pull_candidates(parse_name("x:1"), parsed(""))
    assert str(caught.value) == words


def test_enforcing_refuses_to_guess_between_registries() -> None:
    with pytest.raises(DeniedError, match="cannot prompt without a TTY"):
        shortnames.pull_candidates(parse_name("x"), parsed('short-name-mode = "enforcing"\n' + SHORT))
    assert shortnames.pull_candidates(parse_name("tool"), parsed('short-name-mode = "enforcing"\n' + SHORT)).references


@pytest.mark.parametrize(("mode", "asked"), [("enforcing", True), ("permissive", True), ("disabled", False)])
def test_a_user_who_can_be_asked_chooses_between_registries(mode: str, asked: bool) -> None:
    offered: list[list[str]] = []

    def choose(names: list[str]) -> int:
        offered.append(names)
        return 1

    registries = parsed(f'short-name-mode = "{mode}"\n' + SHORT)
    found = shortnames.pull_candidates(parse_name("x:1"), registries, choose=choose)
    every = ["one.io/x:1", "two.io:5000/ns/x:1"]
    assert offered == ([every] if asked else [])
    assert [str(candidate) for candidate in found.references] == (every[1:] if asked else every)
    assert found.choice == (("x", "two.io:5000/ns/x") if asked else None)
    assert shortnames.pull_candidates(parse_name("tool"), registries, choose=choose).choice is None, (
        "an alias asks nobody"
    )


def test_a_choice_is_recorded_beside_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = tmp_path / "cache" / "short-name-aliases.conf"
    monkeypatch.setattr(lookup, "recorded_aliases", lambda _who: str(recorded))
    configuration.record_alias("x", "one.io/x")
    configuration.record_alias("y/z", "two.io:5000/y/z")
    configuration.record_alias("x", "two.io:5000/x")
    aliases = configuration.read(str(tmp_path / "none"), []).aliases
    assert aliases == {"x": ("two.io:5000/x", str(recorded)), "y/z": ("two.io:5000/y/z", str(recorded))}


def test_local_look_up_tries_alias_localhost_search_list_hub() -> None:
    short = parse_name("tool:1")
    assert isinstance(short, ShortName)
    found = [str(candidate) for candidate in shortnames.local_candidates(short, parsed(SHORT))]
    wanted = ["home.io/team/tool:1", "localhost/tool:1", "one.io/tool:1", "two.io:5000/ns/tool:1"]
    assert found == [*wanted, "docker.io/library/tool:1"]
