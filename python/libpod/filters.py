"""`--filter`: how `key=value` and `key!=value` become one test of a container, an image or a network.

Start reading at `combined`. Filters of one key are alternatives, those of different keys all count; labels all count. Each listing
says which keys it knows and makes a test of each value; what they share (labels, patterns, ids, yes and no) is here.
Source: podman-ps(1), podman-images(1), podman-network-ls(1), "--filter"; Podman's behaviour where these are silent.
"""

from __future__ import annotations

from libpod.errors import InvalidError, UnsupportedError
from libpod.pattern import match_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping
    from typing import Any

    Test = Callable[[Any], bool]
    #: Makes a test of a filter's value.
    Maker = Callable[[str], Test]

_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


def combined(
    texts: Iterable[str],
    makers: Mapping[str, Maker],
    *,
    negatable: Container[str] | None,
    malformed: str,
    unknown: str,
    missing: Container[str] = (),
    lacks_every_label: bool = False,
) -> Test:
    """Turn filters into one test.

    negatable: keys that take `!=`, None for all. malformed, unknown: messages for a text without `=` and for a key that is none,
    with the place of either as `{}`. missing: keys of Podman's that libpod does not have. lacks_every_label: whether several `label!=`
    ask for what lacks each of the labels; otherwise it is enough to lack one.
    Raises: InvalidError in these words, or in those of a maker; UnsupportedError for a missing key.
    """
    groups: dict[str, list[Test]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise InvalidError(malformed.format(text))
        name = key.removesuffix("!")
        negated = name != key
        if name in missing:
            raise UnsupportedError(f"the filter {name} is not supported by this version of libpod")
        if name not in makers or (negated and negatable is not None and name not in negatable):
            raise InvalidError(unknown.format(key if negatable is not None else name))
        test = makers[name](value)
        groups.setdefault(key, []).append(_negation(test) if negated else test)
    strict = ("label", "label!") if lacks_every_label else ("label",)
    judged = [(all if key in strict else any, group) for key, group in groups.items()]
    return lambda thing: all(judge(test(thing) for test in group) for judge, group in judged)


def _negation(test: Test) -> Test:
    return lambda thing: not test(thing)


def label(labels_of: Callable[[Any], Mapping[str, str]]) -> Maker:
    """`label=KEY` and `label=KEY=VALUE`; a `*` in the key stands for any text, and the key then may be a part of the label's."""

    def make(text: str) -> Test:
        key, _, wanted = text.partition("=")

        def test(thing: Any) -> bool:
            return any(
                (name == key or ("*" in key and match_path(f"*{key}*", name))) and wanted in ("", value)
                for name, value in labels_of(thing).items()
            )

        return test

    return make


def expression(what: str, text_of: Callable[[Any], str]) -> Maker:
    """A regular expression that is found in a text. what: the key, for messages."""

    def make(text: str) -> Test:
        import re

        try:
            pattern = re.compile(text)
        except re.error as error:
            raise InvalidError(f"invalid {what} filter `{text}`: {error}") from None
        return lambda thing: pattern.search(text_of(thing)) is not None

    return make


def identity(id_of: Callable[[Any], str]) -> Maker:
    """The beginning of an id; a text that cannot be one is a regular expression."""
    search = expression("id", id_of)

    def make(text: str) -> Test:
        beginning = text.lower()
        if set(beginning) <= set("0123456789abcdef"):
            return lambda thing: id_of(thing).startswith(beginning)
        return search(text)

    return make


def answer(key: str, text: str) -> bool:
    """Read a yes or no. Raises: InvalidError in Podman's words, which name key and value the wrong way round."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidError(
        f'non-boolean value "{key}" for {text} filter: strconv.ParseBool: parsing "{text}": invalid syntax'
    )
