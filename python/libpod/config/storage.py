"""`storage.conf`: where the store is and how its containers are mounted.

Start at `load_storage`. One file counts (`lookup.storage_conf`), they are not merged. Only the driver `overlay` is supported; a mount program, `force_mask`, composefs, quotas, a separate `imagestore`,
a transient store and additional layer stores are refused in words, never ignored. On the way of every command: imports nothing.

Source: containers-storage.conf(5).
"""

from __future__ import annotations

import os
from errno import ENOENT

from libpod import _core
from libpod.config import lookup
from libpod.errors import InvalidError, UnsupportedError
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

#: Options of the driver that change what is on disk in ways this version does not know.
_REFUSED = ("mount_program", "force_mask", "ignore_chown_errors", "use_composefs", "size", "inodes")
#: Options that count, and one that has meant nothing for years.
_KNOWN = ("mountopt", "skip_mount_home", "imagestore", "additionalimagestore", "override_kernel_check")


class StorageConfig:
    """Where a store is and what `_core.Store` must know about it."""

    __slots__ = ("graphroot", "options", "runroot", "source")

    def __init__(self, *, graphroot: str, runroot: str, options: dict[str, Any], source: str | None) -> None:
        self.graphroot = graphroot
        self.runroot = runroot
        self.options = options
        self.source = source


def load_storage(
    *,
    root: str | None = None,
    runroot: str | None = None,
    driver: str | None = None,
    driver_options: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    uid: int | None = None,
) -> StorageConfig:
    """Find, read and resolve the configuration; the arguments stand for `--root`, `--runroot`, `--storage-driver`, `--storage-opt`.

    With `root` the options of the file do not count, as Podman has it; the driver's options then come from `driver_options`.
    Raises: InvalidError (malformed file or option), UnsupportedError (another driver, a refused option).
    """
    who = Identity(environment, uid)
    env = who.environment
    source, own = lookup.storage_conf(who)
    table = _read(source) if source else {}
    storage = _table(table, "storage", source)
    given = _table(storage, "options", source)
    if root is not None:
        given = {}
    for name in ("imagestore", "transient_store"):
        if storage.get(name):
            raise UnsupportedError(f"{source}: `{name}` is not supported", path=source)
    _check_driver(driver or env.get("STORAGE_DRIVER") or storage.get("driver") or "overlay")
    text = env.get("STORAGE_OPTS")
    if driver_options is None and text:
        driver_options = text.split(",")
    graph = os.path.abspath(root) if root else _graphroot(storage, who, own)
    run = os.path.abspath(runroot) if runroot else _runroot(storage, who, own)
    return StorageConfig(graphroot=graph, runroot=run, options=_options(given, driver_options, source), source=source)


def config_file() -> str | None:
    """The file that counts for this process, or None when there is none."""
    return lookup.storage_conf(Identity())[0]


def _read(path: str) -> dict[str, Any]:
    text = lookup.read(path)
    if text is None:
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), path)
    try:
        return _core.parse_toml(text)
    except InvalidError as error:
        raise InvalidError(f"{path}: {error}", path=path) from error


def _table(parent: Mapping[str, Any], key: str, source: str | None) -> dict[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise InvalidError(f"{source}: `{key}` is not a table", path=source)
    return value


def _check_driver(driver: str) -> None:
    if driver not in ("overlay", "overlay2"):
        raise UnsupportedError(
            f"the storage driver `{driver}` is not supported", hint="use the driver `overlay`, the default of Podman"
        )


def _graphroot(storage: Mapping[str, Any], who: Identity, own: bool) -> str:
    if own and storage.get("graphroot"):
        return _expand(storage["graphroot"], who)
    if not who.is_rootless:
        return "/var/lib/containers/storage"
    if storage.get("rootless_storage_path"):
        return _expand(storage["rootless_storage_path"], who)
    return os.path.join(who.data_home, "containers", "storage")


def _runroot(storage: Mapping[str, Any], who: Identity, own: bool) -> str:
    if own and storage.get("runroot"):
        return _expand(storage["runroot"], who)
    if not who.is_rootless:
        return "/run/containers/storage"
    if who.runtime_directory:
        return os.path.join(who.runtime_directory, "containers")
    if os.path.isdir(f"/run/user/{who.uid}"):
        return f"/run/user/{who.uid}/containers"
    return os.path.join(who.environment.get("TMPDIR") or "/tmp", f"storage-run-{who.uid}", "containers")


def _expand(path: str, who: Identity) -> str:
    """Replace `$UID`, then `$NAME` and `${NAME}` of the environment; follow symlinks where the path exists."""
    out, rest = "", path.replace("$UID", str(who.uid))
    while "$" in rest:
        before, _, rest = rest.partition("$")
        if rest.startswith("{"):
            name, _, rest = rest[1:].partition("}")
        else:
            length = next((at for at, letter in enumerate(rest) if not (letter.isalnum() or letter == "_")), len(rest))
            name, rest = rest[:length], rest[length:]
        out += before + who.environment.get(name, "")
    return os.path.realpath(os.path.abspath(out + rest))


def _options(given: Mapping[str, Any], driver_options: Sequence[str] | None, source: str | None) -> dict[str, Any]:
    """The options of `_core.Store`; those of the command line or `STORAGE_OPTS` replace the file's driver options."""
    if driver_options is None:
        chosen = {**given, **_table(given, "overlay", source)}
        stores = _paths(given.get("additionalimagestores", []), source)
        if given.get("additionallayerstores"):
            raise UnsupportedError(f"{source}: `additionallayerstores` is not supported", path=source)
    else:
        pairs = [_split(option) for option in driver_options]
        chosen = dict(pairs)
        stores = [value for name, value in pairs if name in ("imagestore", "additionalimagestore")]
    for name in _REFUSED:
        if chosen.get(name) not in (None, "", False, "false"):
            raise UnsupportedError(f"the storage option `overlay.{name}` is not supported", path=source)
    mountopt = chosen.get("mountopt") or ""
    return {
        "additional_image_stores": [os.path.abspath(path) for path in stores],
        "mount_options": [part for part in mountopt.split(",") if part],
        "skip_mount_home": _truth(chosen.get("skip_mount_home")),
        "disable_volatile": _truth(given.get("disable-volatile")),
    }


def _split(option: str) -> tuple[str, str]:
    """Take `overlay.key=value` apart."""
    key, equals, value = option.partition("=")
    driver, dot, name = key.strip().partition(".")
    if not dot:
        driver, name = "overlay", driver
    if not equals or driver not in ("overlay", "overlay2", "storage"):
        raise InvalidError(f"`{option}` is not a storage option of the form `overlay.key=value`")
    if name not in _REFUSED and name not in _KNOWN:
        raise InvalidError(f"unknown storage option `overlay.{name}`")
    return name, value


def _paths(value: object, source: str | None) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise InvalidError(f"{source}: `additionalimagestores` is not a list of paths", path=source)
    return [path for path in value if path]


def _truth(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in ("true", "1", "t"))
