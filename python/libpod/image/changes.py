"""`--change`: instructions of a Containerfile that alter an image's config, for `import` and `commit`.

The parser is Podman's, which is simpler than a Containerfile's: one pair for ENV and LABEL, one port for EXPOSE, double
quotes only. Source: podman-import(1), "--change"; containers/common libimage/import.go, ImageConfigFromChanges.
"""

from __future__ import annotations

import posixpath

from libpod import _core, quantity
from libpod.errors import InvalidError, LibpodError
from libpod.signals import parse_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: Members of the config, in the order in which they are written.
_MEMBERS = (
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "OnBuild",
)  # fmt: skip


def apply_changes(config: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """Return the config (the part about running) with the instructions applied in order.

    Raises: InvalidError in Podman's words, naming the instruction.
    """
    changed = dict(config)
    for change in changes:
        try:
            _apply(changed, change)
        except InvalidError as error:
            # Go quotes like JSON, as far as people type.
            raise InvalidError(f"invalid change {_core.dump_json(change)} - {error}") from None
    return {name: changed[name] for name in _MEMBERS if changed.get(name)}


def _apply(config: dict[str, Any], change: str) -> None:
    instruction, found, value = change.partition(" ")
    if not found:
        # `CMD=…` is accepted for `CMD …`, as it always was.
        instruction, found, value = change.partition("=")
    if not found:
        raise InvalidError("must be formatted as KEY VALUE")
    instruction = instruction.strip().upper()
    handler = _HANDLERS.get(instruction)
    if handler is None:
        raise InvalidError(f"invalid instruction {instruction}")
    handler(config, value.strip())


def _list(value: str) -> list[str] | None:
    """Read a JSON list of strings; None for any other text."""
    try:
        parsed = _core.parse_json(value)
    except LibpodError:
        return None
    if parsed is None:
        return []
    if not isinstance(parsed, list) or not all(isinstance(word, str | None) for word in parsed):
        return None
    return [word or "" for word in parsed]


def _cmd(config: dict[str, Any], value: str) -> None:
    words = _list(value)
    if words is None:
        words = ["/bin/sh", "-c", value] if value else ["/bin/sh", "-c"]
    config["Cmd"] = words


def _entrypoint(config: dict[str, Any], value: str) -> None:
    words = _list(value)
    if words is None:
        words = ["/bin/sh", "-c", value] if value else []
    config["Entrypoint"] = words


def _env(config: dict[str, Any], value: str) -> None:
    key, _, text = value.partition("=")
    if not key:
        raise InvalidError("ENV must have at least one argument")
    # A key that is there already stays: the last one counts when the image is run.
    config["Env"] = [*(config.get("Env") or []), f"{_unquote(key)}={_unquote(text)}"]


def _label(config: dict[str, Any], value: str) -> None:
    key, found, text = value.partition("=")
    if not found:
        raise InvalidError("LABEL must be formatted key=value")
    key = _unquote(key)
    if not key:
        raise InvalidError("LABEL must have a non-empty key")
    config["Labels"] = {**(config.get("Labels") or {}), key: _unquote(text)}


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _expose(config: dict[str, Any], value: str) -> None:
    text, *rest = value.split("/")
    if len(rest) > 1:
        raise InvalidError("EXPOSE port must be formatted as PORT[/PROTO]")
    try:
        port = quantity.parse_integer(text, function="Atoi")
    except InvalidError as error:
        raise InvalidError(f"EXPOSE port must be an integer: {error}") from None
    if not 0 < port < 65536:
        raise InvalidError("EXPOSE port must be a valid port number")
    protocol = rest[0].lower() if rest else "tcp"
    if protocol not in ("tcp", "udp"):
        raise InvalidError("EXPOSE protocol must be TCP or UDP")
    config["ExposedPorts"] = {**(config.get("ExposedPorts") or {}), f"{port}/{protocol}": {}}


def _volume(config: dict[str, Any], value: str) -> None:
    paths = _list(value)
    if paths is None:
        paths = value.split(" ")
    if not paths:
        raise InvalidError("must provide at least one argument to VOLUME")
    if "" in paths:
        raise InvalidError("VOLUME paths must not be empty")
    config["Volumes"] = {**(config.get("Volumes") or {}), **{path: {} for path in paths}}


def _workdir(config: dict[str, Any], value: str) -> None:
    if not value:
        raise InvalidError("must provide a non-empty WORKDIR")
    # Go joins an absolute path as well.
    joined = f"{config['WorkingDir']}/{value}" if config.get("WorkingDir") else value
    path = posixpath.normpath(joined)
    config["WorkingDir"] = path[1:] if path.startswith("//") else path


def _user(config: dict[str, Any], value: str) -> None:
    if not value:
        raise InvalidError("must provide a value to USER")
    config["User"] = value


def _stop_signal(config: dict[str, Any], value: str) -> None:
    try:
        config["StopSignal"] = str(parse_signal(value))
    except InvalidError as error:
        raise InvalidError(f"KILLSIGNAL must be given a valid signal: {error}") from None


def _on_build(config: dict[str, Any], value: str) -> None:
    if not value:
        raise InvalidError("ONBUILD must be given an argument")
    config["OnBuild"] = [*(config.get("OnBuild") or []), value]


_HANDLERS = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
