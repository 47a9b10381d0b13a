"""The filters of `podman images`: `key=value` and `key!=value`, any of one key and all of the keys; labels all count.

Source: podman-images(1), "--filter"; the messages are Podman's.
"""

from __future__ import annotations

from libpod import timestamp
from libpod.errors import ImageNotFoundError, InvalidError
from libpod.image import reference as references
from libpod.image.lookup import lookup
from libpod.image.tree import Tree
from libpod.pattern import match_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libpod.image.lookup import Image
    from libpod.store import Store

    Test = Callable[[Image], bool]

#: Filters that say yes or no: two different answers in one command contradict each other.
_BOOLEAN = ("dangling", "intermediate", "readonly")

_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


def apply_filters(store: Store, images: list[Image], filters: Sequence[str], *, hide_intermediate: bool) -> list[Image]:
    """Return the images that pass. hide_intermediate: leave out nameless images that others are built on."""
    compiler = _Compiler(store, images)
    texts = [*filters, "intermediate=false"] if hide_intermediate else list(filters)
    tests: dict[str, list[Test]] = {}
    for text in texts:
        key, test = compiler.compile(text)
        tests.setdefault(key, []).append(test)
    return [image for image in images if all(_passes(image, key, group) for key, group in tests.items())]


def _passes(image: Image, key: str, group: list[Test]) -> bool:
    """Filters of one key are alternatives; labels all count."""
    judge = all if key.startswith("label") else any
    return judge(test(image) for test in group)


class _Compiler:
    """Turns filter texts into tests of an image."""

    def __init__(self, store: Store, images: list[Image]) -> None:
        self._store = store
        self._images = images
        self._seen: dict[str, str] = {}
        self._built_tree: Tree | None = None

    @property
    def _tree(self) -> Tree:
        if self._built_tree is None:
            self._built_tree = Tree(self._store, self._images)
        return self._built_tree

    def compile(self, text: str) -> tuple[str, Test]:
        """Return the key of a filter and its test."""
        key, negated, value = _split(text)
        test = self._test(key, value)
        return (f"{key}!" if negated else key), ((lambda image: not test(image)) if negated else test)

    def _test(self, key: str, value: str) -> Test:
        if key in _BOOLEAN:
            return self._boolean(key, value)
        if key in ("after", "since"):
            moment = self._moment_of(key, value)
            return lambda image: _created(image) > moment
        if key == "before":
            moment = self._moment_of(key, value)
            return lambda image: _created(image) < moment
        if key == "until":
            moment = timestamp.parse_moment(value, timestamp.now())
            return lambda image: _created(image) < moment
        if key == "id":
            return lambda image: image.id == value
        if key == "label":
            return _label(value)
        if key == "reference":
            return lambda image: any(matches_reference(value, name) for name in image.names)
        if key == "containers":
            return self._containers(value)
        raise InvalidError(f'unsupported image filter "{key}"')

    def _moment_of(self, key: str, value: str) -> int:
        try:
            return _created(lookup(self._store, value))
        except ImageNotFoundError as error:
            raise ImageNotFoundError(f'could not find local image for filter "{key}"="{value}": {error}') from error

    def _boolean(self, key: str, value: str) -> Test:
        wanted = _parse_bool(key, value)
        if self._seen.setdefault(key, str(wanted)) != str(wanted):
            raise InvalidError(f'specifying "{key}" filter more than once with different values is not supported')
        if key == "readonly":
            return lambda image: image.is_read_only == wanted
        if key == "dangling":
            return lambda image: (image.is_dangling and not self._tree.children(image)) == wanted
        return lambda image: (image.is_dangling and bool(self._tree.children(image))) == wanted

    def _containers(self, value: str) -> Test:
        wanted = _parse_bool("containers", value)
        used = {container["image"] for container in self._store.containers()}
        return lambda image: (image.id in used) == wanted


def _split(text: str) -> tuple[str, bool, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise InvalidError(f'invalid image filter "{text}": must be in the format "filter=value or filter!=value"')
    if key.endswith("!"):
        return key[:-1], True, value
    return key, False, value


def _parse_bool(key: str, value: str) -> bool:
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise InvalidError(
        f'non-boolean value "{key}" for {value} filter: strconv.ParseBool: parsing "{value}": invalid syntax'
    )


def _created(image: Image) -> int:
    return timestamp.parse(image.created)


def _label(value: str) -> Test:
    key, separator, wanted = value.partition("=")

    def test(image: Image) -> bool:
        labels = image.labels
        if key.endswith("*"):
            return any(name.startswith(key[:-1]) and (not separator or labels[name] == wanted) for name in labels)
        return key in labels and (not separator or labels[key] == wanted)

    return test


# References ---------------------------------------------------------------------------------------------------------


def matches_reference(pattern: str, name: str) -> bool:
    """Say whether a pattern matches a name: whole, without its registry, or its last component, each with or without tag."""
    parsed = references.parse(name)
    suffix = f"@{parsed.digest}" if parsed.digest else f":{parsed.tag}"
    forms = (parsed.name, parsed.repository, parsed.repository.rpartition("/")[2])
    return any(match_path(pattern, form) or match_path(pattern, form + suffix) for form in forms)
