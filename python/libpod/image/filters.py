"""The filters of `podman images`: `key=value` and `key!=value`, any of one key and all of the keys; labels all count.

Source: podman-images(1), "--filter"; the messages are Podman's.
"""

from __future__ import annotations

from libpod import filters, timestamp
from libpod.errors import ImageNotFoundError, InvalidError, UnsupportedError
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


def apply_filters(store: Store, images: list[Image], texts: Sequence[str], *, hide_intermediate: bool) -> list[Image]:
    """Return the images that pass. hide_intermediate: leave out nameless images that others are built on.

    Raises: InvalidError for a filter that is none; ImageNotFoundError for one that names no image.
    """
    test = filters.combined(
        [*texts, "intermediate=false"] if hide_intermediate else texts,
        _Makers(store, images).table(),
        negatable=None,
        malformed='invalid image filter "{}": must be in the format "filter=value or filter!=value"',
        unknown='unsupported image filter "{}"',
        missing=("digest", "manifest"),
        lacks_every_label=True,
    )
    return [image for image in images if test(image)]


class _Makers:
    """What makes a test of an image from the value of each filter."""

    def __init__(self, store: Store, images: list[Image]) -> None:
        self._store = store
        self._images = images
        self._seen: dict[str, bool] = {}
        self._built_tree: Tree | None = None

    def table(self) -> dict[str, Callable[[str], Test]]:
        """The filters of images by key."""
        return {
            "after": lambda value: self._created_after("after", value),
            "before": self._created_before,
            "containers": self._containers,
            "dangling": self._dangling,
            "id": lambda value: lambda image: image.id == value,
            "intermediate": self._intermediate,
            "label": filters.label(lambda image: image.labels),
            "readonly": self._readonly,
            "reference": lambda value: lambda image: any(matches_reference(value, name) for name in image.names),
            "since": lambda value: self._created_after("since", value),
            "until": self._until,
        }

    @property
    def _tree(self) -> Tree:
        if self._built_tree is None:
            self._built_tree = Tree(self._store, self._images)
        return self._built_tree

    def _created_after(self, key: str, value: str) -> Test:
        moment = self._moment_of(key, value)
        return lambda image: _created(image) > moment

    def _created_before(self, value: str) -> Test:
        moment = self._moment_of("before", value)
        return lambda image: _created(image) < moment

    def _until(self, value: str) -> Test:
        moment = timestamp.parse_filter_moment(value)
        return lambda image: _created(image) < moment

    def _moment_of(self, key: str, value: str) -> int:
        try:
            return _created(lookup(self._store, value))
        except (ImageNotFoundError, InvalidError) as error:
            raise error.prefixed(f'could not find local image for filter "{key}"="{value}": ') from error

    def _wanted(self, key: str, value: str) -> bool:
        """Read a yes or no; two different answers in one command contradict each other."""
        wanted = filters.answer(key, value)
        if self._seen.setdefault(key, wanted) != wanted:
            raise InvalidError(f'specifying "{key}" filter more than once with different values is not supported')
        return wanted

    def _readonly(self, value: str) -> Test:
        wanted = self._wanted("readonly", value)
        return lambda image: image.is_read_only == wanted

    def _dangling(self, value: str) -> Test:
        wanted = self._wanted("dangling", value)
        return lambda image: (image.is_dangling and not self._tree.children(image)) == wanted

    def _intermediate(self, value: str) -> Test:
        wanted = self._wanted("intermediate", value)
        return lambda image: (image.is_dangling and bool(self._tree.children(image))) == wanted

    def _containers(self, value: str) -> Test:
        if value == "external":
            raise UnsupportedError("the filter `containers=external` is not supported by this version of libpod")
        if value not in ("true", "false"):
            raise InvalidError(f'unsupported value "{value}" for containers filter')
        wanted = value == "true"
        used = {container["image"] for container in self._store.containers()}
        return lambda image: (image.id in used) == wanted


def _created(image: Image) -> int:
    return timestamp.parse(image.created)


# References ---------------------------------------------------------------------------------------------------------


def matches_reference(pattern: str, name: str) -> bool:
    """Say whether a pattern matches a name: whole, without its registry, or its last component, each with or without tag."""
    parsed = references.parse(name)
    suffix = f"@{parsed.digest}" if parsed.digest else f":{parsed.tag}"
    forms = (parsed.name, parsed.repository, parsed.repository.rpartition("/")[2])
    return any(match_path(pattern, form) or match_path(pattern, form + suffix) for form in forms)
