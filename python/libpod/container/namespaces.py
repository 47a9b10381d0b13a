"""Which namespaces a container has of its own, shares with the host, or joins: `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--network`.

A `Namespace` is made of the user's words here, once, and travels as such. Start reading at `parse_namespace`.
"""

from __future__ import annotations

from libpod.errors import InvalidError, UnsupportedError
from libpod.record import Record

_ALLOWED = {
    "pid": ("private", "host"),
    "ipc": ("private", "host", "shareable", "none"),
    "uts": ("private", "host"),
    "cgroup": ("private", "host"),
    "user": ("host",),
}
_DEFAULTS = {"pid": "private", "ipc": "shareable", "uts": "private", "user": "host"}


class Namespace(Record):
    """A container's namespace of one sort: its own, the host's, or that of another container.

    kind: `private`, `host` or `container`; for ipc also `none` and `shareable`, for the network `bridge` and `none`.
    target: name or id of the other container, empty for every other kind.
    """

    kind: str
    target: str = ""

    def __str__(self) -> str:
        """The form that people and documents know: `host`, `container:ID`."""
        return f"{self.kind}:{self.target}" if self.target else self.kind

    def to_document(self) -> str:
        """Return the namespace as plain data for container.json."""
        return str(self)

    @classmethod
    def from_document(cls, text: str) -> Namespace:
        """Read what `to_document` wrote."""
        kind, _, target = text.partition(":")
        return cls(kind, target)


def parse_namespace(sort: str, text: str) -> Namespace | None:
    """Parse the words for one namespace; an empty text is the default, None if that depends on the host.

    sort: pid, ipc, uts, cgroup or user. Whether a `container:NAME` exists is found out at creation.
    Raises: InvalidError `unrecognized namespace mode … passed`; UnsupportedError for user namespaces and paths.
    """
    if not text:
        return Namespace(_DEFAULTS[sort]) if sort in _DEFAULTS else None
    if text in _ALLOWED[sort]:
        return Namespace(text)
    kind, colon, target = text.partition(":")
    if kind == "container" and colon and sort in ("pid", "ipc", "uts"):
        return _joined(target)
    if sort == "user" and kind in ("keep-id", "auto", "nomap", "ns", "private", "container"):
        raise UnsupportedError(f"the user namespace mode `{text}` is not supported by this version of libpod")
    if kind == "ns" and colon:
        raise UnsupportedError(f"joining a {sort} namespace by its path is not supported by this version of libpod")
    raise InvalidError(f"unrecognized namespace mode {text} passed")


def check_namespace(sort: str, namespace: Namespace) -> Namespace:
    """Return a namespace that a container can have; the rules are those of the words. Raises: what `parse_namespace` raises."""
    if parse_namespace(sort, str(namespace)) != namespace:
        raise InvalidError(f"unrecognized namespace mode {namespace} passed")
    return namespace


def default_cgroup_namespace(*, unified: bool) -> Namespace:
    """Podman gives a container a cgroup namespace on a host with cgroup v2 alone."""
    return Namespace("private" if unified else "host")


def parse_networks(texts: list[str]) -> tuple[Namespace, str, str]:
    """Parse the words of `--network`: the namespace, the name of a network or nothing for the default one, its options.

    Raises: InvalidError in Podman's words; UnsupportedError for several networks, paths and user-mode networks.
    """
    kind, colon, rest = texts[0].partition(":")
    joins = kind == "container" and bool(colon)
    if len(texts) > 1 or "," in kind:
        if joins or texts[0] in ("none", "host"):
            raise InvalidError(
                f"cannot set multiple networks without bridge network mode, selected mode {texts[0]}: invalid argument"
            )
        raise UnsupportedError("more than one network for a container is not supported by this version of libpod")
    if joins:
        return _joined(rest), "", ""
    if kind in ("none", "host"):
        if rest:
            raise InvalidError(f"invalid option for network {kind}: unknown bridge network option: {rest}")
        return Namespace(kind), "", ""
    if kind in ("slirp4netns", "pasta", "ns"):
        raise UnsupportedError(f"the network mode `{kind}` is not supported by this version of libpod")
    name = "" if kind in ("", "bridge", "private", "default") else kind
    return Namespace("bridge"), name, rest


def _joined(target: str) -> Namespace:
    if not target:
        raise InvalidError("invalid config provided: namespace mode container requires a value")
    return Namespace("container", target)
