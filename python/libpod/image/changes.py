"""`--change`: instructions of a Containerfile that alter an image's config, for `import` and `commit`.

Source: podman-import(1), "--change"; Dockerfile reference for the two forms (JSON and shell) of CMD and ENTRYPOINT.
"""

from __future__ import annotations

from libpod import _core, quantity
from libpod.errors import InvalidError, LibpodError

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

    Raises: InvalidError naming the instruction.
    """
    changed = dict(config)
    for change in changes:
        instruction, _, rest = change.strip().partition(" ")
        # `CMD=…` is accepted for `CMD …`, as it always was.
        if "=" in instruction and not rest:
            instruction, _, rest = instruction.partition("=")
        if not instruction:
            raise InvalidError(f'invalid change "{change}" - must be formatted as KEY VALUE')
        handler = _HANDLERS.get(instruction.upper())
        if handler is None:
            raise InvalidError(f'invalid change "{change}" - invalid instruction {instruction.upper()}')
        if not rest.strip():
            raise InvalidError(f'invalid change "{change}" - no value given')
        handler(changed, rest.strip(), change)
    return {name: changed[name] for name in _MEMBERS if name in changed}


def _words(rest: str) -> list[str]:
    """Read a command: a JSON list of strings, or a line for the shell."""
    if rest.startswith("["):
        try:
            value = _core.parse_json(rest)
        except LibpodError:
            value = None
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return value
    return ["/bin/sh", "-c", rest]


def _cmd(config: dict[str, Any], rest: str, change: str) -> None:
    config["Cmd"] = _words(rest)


def _entrypoint(config: dict[str, Any], rest: str, change: str) -> None:
    config["Entrypoint"] = _words(rest)


def _env(config: dict[str, Any], rest: str, change: str) -> None:
    key, value = _pair(rest, change)
    kept = [text for text in config.get("Env") or [] if not text.startswith(f"{key}=")]
    config["Env"] = [*kept, f"{key}={value}"]


def _label(config: dict[str, Any], rest: str, change: str) -> None:
    key, value = _pair(rest, change)
    config["Labels"] = {**(config.get("Labels") or {}), key: value}


def _pair(rest: str, change: str) -> tuple[str, str]:
    """Read `key=value` or `key value`; quotes around either go away."""
    split = "=" if "=" in rest.split(" ", 1)[0] else " "
    key, found, value = rest.partition(split)
    if not key or not found:
        raise InvalidError(f'invalid change "{change}" - must be of the form key=value')
    return _unquote(key.strip()), _unquote(value.strip())


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _expose(config: dict[str, Any], rest: str, change: str) -> None:
    ports = dict(config.get("ExposedPorts") or {})
    for word in rest.split():
        port, _, protocol = word.partition("/")
        number = quantity.parse_integer(port, signed=False) if quantity.is_decimal(port) and len(port) < 20 else 0
        if not 0 < number < 65536 or protocol not in ("", "tcp", "udp", "sctp"):
            raise InvalidError(f'invalid change "{change}" - {word} is no port')
        ports[f"{port}/{protocol or 'tcp'}"] = {}
    config["ExposedPorts"] = ports


def _volume(config: dict[str, Any], rest: str, change: str) -> None:
    words = _words(rest) if rest.startswith("[") else rest.split()
    config["Volumes"] = {**(config.get("Volumes") or {}), **{word: {} for word in words}}


def _text(member: str) -> Any:
    def assign(config: dict[str, Any], rest: str, change: str) -> None:
        config[member] = rest

    return assign


def _on_build(config: dict[str, Any], rest: str, change: str) -> None:
    config["OnBuild"] = [*(config.get("OnBuild") or []), rest]


_HANDLERS = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _text("StopSignal"),
    "USER": _text("User"),
    "VOLUME": _volume,
    "WORKDIR": _text("WorkingDir"),
}
