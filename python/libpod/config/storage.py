"""`storage.conf`: where the store is and how its containers are mounted.

Start at `load_storage`. One file counts, they are not merged: `CONTAINERS_STORAGE_CONF`, else for root
`/etc/containers/storage.conf` or `/usr/share/containers/storage.conf`, else the user's own, and without that a few keys of
the system's. Only the driver `overlay` is supported; a mount program, `force_mask`, composefs, quotas, a separate `imagestore`,
a transient store and additional layer stores are refused in words, never ignored. On the way of every command: imports nothing.

Source: containers-storage.conf(5).
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import InvalidError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

SYSTEM_FILES = ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf")
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
    env = os.environ if environment is None else environment
    user = os.geteuid() if uid is None else uid
    source, own = _find(env, user)
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
    graph = os.path.abspath(root) if root else _graphroot(storage, env, user, own)
    run = os.path.abspath(runroot) if runroot else _runroot(storage, env, user, own)
    return StorageConfig(graphroot=graph, runroot=run, options=_options(given, driver_options, source), source=source)


def config_file() -> str | None:
    """The file that counts for this process, or None when there is none."""
    return _find(os.environ, os.geteuid())[0]


def _find(env: Mapping[str, str], uid: int) -> tuple[str | None, bool]:
    """The file that counts, and whether its paths count too: a user reads the system's file for a few keys only."""
    forced = env.get("CONTAINERS_STORAGE_CONF")
    if forced:
        return forced, True
    if uid != 0:
        base = env.get("XDG_CONFIG_HOME") or os.path.join(_home(env), ".config")
        path = os.path.join(base, "containers", "storage.conf")
        if os.path.exists(path):
            return path, True
    for path in SYSTEM_FILES:
        if os.path.exists(path):
            return path, uid == 0
    return None, uid == 0


def _read(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        text = file.read()
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


def _graphroot(storage: Mapping[str, Any], env: Mapping[str, str], uid: int, own: bool) -> str:
    if own and storage.get("graphroot"):
        return _expand(storage["graphroot"], env, uid)
    if uid == 0:
        return "/var/lib/containers/storage"
    if storage.get("rootless_storage_path"):
        return _expand(storage["rootless_storage_path"], env, uid)
    data = env.get("XDG_DATA_HOME") or os.path.join(_home(env), ".local", "share")
    return os.path.join(data, "containers", "storage")


def _runroot(storage: Mapping[str, Any], env: Mapping[str, str], uid: int, own: bool) -> str:
    if own and storage.get("runroot"):
        return _expand(storage["runroot"], env, uid)
    if uid == 0:
        return "/run/containers/storage"
    if env.get("XDG_RUNTIME_DIR"):
        return os.path.join(env["XDG_RUNTIME_DIR"], "containers")
    if os.path.isdir(f"/run/user/{uid}"):
        return f"/run/user/{uid}/containers"
    return os.path.join(env.get("TMPDIR") or "/tmp", f"storage-run-{uid}", "containers")


def _home(env: Mapping[str, str]) -> str:
    return env.get("HOME") or os.path.expanduser("~")


def _expand(path: str, env: Mapping[str, str], uid: int) -> str:
    """Replace `$UID`, then `$NAME` and `${NAME}` of the environment; follow symlinks where the path exists."""
    out, rest = "", path.replace("$UID", str(uid))
    while "$" in rest:
        before, _, rest = rest.partition("$")
        if rest.startswith("{"):
            name, _, rest = rest[1:].partition("}")
        else:
            length = next((at for at, letter in enumerate(rest) if not (letter.isalnum() or letter == "_")), len(rest))
            name, rest = rest[:length], rest[length:]
        out += before + env.get(name, "")
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
