"""The words of `--security-opt`. Start reading at `parse_security_options`."""

from __future__ import annotations

from libpod.container.security import check_paths, check_patterns
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from libpod.container.options import SecurityOptions


def parse_security_options(options: SecurityOptions, texts: Iterable[str]) -> None:
    """Parse `--security-opt` values, and enter them into `options`.

    Raises: InvalidError in Podman's words.
    """
    for text in texts:
        if text == "no-new-privileges":
            options.no_new_privileges = True
            continue
        separator = "=" if "=" in text else ":"
        name, found, value = text.partition(separator)
        if not found:
            raise InvalidError(f'invalid --security-opt 1: "{text}"')
        _security_option(options, name, value, text)


def _security_option(options: SecurityOptions, name: str, value: str, text: str) -> None:
    if name == "no-new-privileges":
        if value.lower() not in ("true", "false", "1", "0", "t", "f"):
            raise InvalidError(f'invalid --security-opt 2: "{text}"')
        options.no_new_privileges = value.lower() in ("true", "1", "t")
    elif name == "seccomp":
        # Empty means the default profile, as for Podman.
        options.seccomp = value
    elif name == "label":
        options.label.append(value)
    elif name == "apparmor":
        options.apparmor = value
    elif name == "mask":
        options.masked += _parse_paths(value)
    elif name == "unmask":
        options.unmasked += _parse_patterns(value)
    elif name == "systempaths":
        if value != "unconfined":
            raise InvalidError(f'invalid systempaths option "{value}", only `unconfined` is supported')
        options.unmasked.append("ALL")
    elif name == "proc-opts":
        words = [word for word in value.split(",") if word]
        if not words:
            raise InvalidError(f'invalid --security-opt "{text}": it names no mount option of /proc')
        options.proc_options += words
    else:
        raise InvalidError(f'invalid --security-opt 2: "{text}"')


def _parse_paths(value: str) -> list[str]:
    """Split the list of `mask`: absolute paths; Podman's manual writes colons between them, people write commas.

    Raises: InvalidError for a member that is empty or relative: it would hide or open nothing.
    """
    paths = value.replace(",", ":").split(":")
    check_paths("mask", value, paths)
    return paths


def _parse_patterns(value: str) -> list[str]:
    """Split the list of `unmask`: patterns of absolute paths, or the word ALL.

    Raises: InvalidError for a member that can match nothing.
    """
    patterns = [("ALL" if word.upper() == "ALL" else word) for word in value.replace(",", ":").split(":")]
    check_patterns(value, patterns)
    return patterns
