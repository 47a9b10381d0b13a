"""Which namespaces a container has of its own, shares with the host, or joins: `--pid`, `--ipc`, `--uts`, `--cgroupns`.

A mode is `private`, `host`, `container:<id>`, for ipc also `none` and `shareable`. Start reading at `parse_mode`.
"""

from __future__ import annotations

from libpod.errors import InvalidError, UnsupportedError

_ALLOWED = {
    "pid": ("private", "host"),
    "ipc": ("private", "host", "shareable", "none"),
    "uts": ("private", "host"),
    "cgroup": ("private", "host"),
    "user": ("host",),
}


def parse_mode(kind: str, text: str) -> str:
    """Parse the mode of one namespace; an empty text is the default.

    kind: pid, ipc, uts, cgroup or user. A `container:NAME` is returned as it stands; who it is, is found at creation.
    Raises: InvalidError `unrecognized namespace mode … passed`; UnsupportedError for user namespaces and paths.
    """
    if not text:
        return {"cgroup": "", "user": "host", "ipc": "shareable"}.get(kind, "private")
    if text in _ALLOWED[kind]:
        return text
    if text.startswith("container:") and kind in ("pid", "ipc", "uts"):
        if text == "container:":
            raise InvalidError("invalid config provided: namespace mode container requires a value")
        return text
    if kind == "user" and text.partition(":")[0] in ("keep-id", "auto", "nomap", "ns", "private", "container"):
        raise UnsupportedError(f"the user namespace mode `{text}` is not supported by this version of libpod")
    if text.startswith("ns:"):
        raise UnsupportedError(f"joining a {kind} namespace by its path is not supported by this version of libpod")
    raise InvalidError(f"unrecognized namespace mode {text} passed")


def default_cgroup_mode(*, unified: bool) -> str:
    """Podman gives a container a cgroup namespace on a host with cgroup v2 alone."""
    return "private" if unified else "host"
