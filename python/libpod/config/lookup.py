"""Where the ecosystem's files are looked up, each in its order, and how they are read.

| file | named by | else, in this order |
|---|---|---|
| containers.conf | CONTAINERS_CONF | all of: /usr/share, /etc and its .d, the user's and its .d |
| storage.conf | CONTAINERS_STORAGE_CONF | the first of: the user's, /etc, /usr/share |
| registries.conf | CONTAINERS_REGISTRIES_CONF, REGISTRIES_CONFIG_PATH | the user's, else /etc's; then its .d |
| policy.json | (nothing) | the user's, else /etc's |
| auth.json | `--authfile`, REGISTRY_AUTH_FILE, DOCKER_CONFIG | $XDG_RUNTIME_DIR, else /run/containers/UID; the user's; Docker's two |
| networks | (nothing) | /etc |
| certs.d | `--cert-dir` | the user's, /etc/containers, /etc/docker |

/etc and /usr/share stand for the directory `containers` there. Root has no containers.conf and no storage.conf of its own. What the
files mean is in the module of each. On the way of every command: imports nothing heavy.
Source: containers.conf(5), containers-storage.conf(5), containers-registries.conf(5), containers-policy.json(5),
containers-auth.json(5), containers-certs.d(5).
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.errors import CorruptError, InvalidError
from libpod.identity import Identity

#: The system's own files, and those that its packages come with.
SYSTEM, VENDOR = "/etc/containers", "/usr/share/containers"
STORAGE_CONF = (f"{SYSTEM}/storage.conf", f"{VENDOR}/storage.conf")
REGISTRIES_CONF = f"{SYSTEM}/registries.conf"
POLICY = f"{SYSTEM}/policy.json"
#: The files of root's networks.
NETWORKS = f"{SYSTEM}/networks"

#: No file of the configuration is larger; what is, is something else.
MAX_BYTES = 16 << 20


def containers_conf(who: Identity) -> tuple[list[str], bool]:
    """Return the files to merge, in order, and whether they have to be there."""
    named = who.environment.get("CONTAINERS_CONF")
    if named is not None:
        return [named] if named else [], True
    files = [f"{VENDOR}/containers.conf", *_with_drop_ins(f"{SYSTEM}/containers.conf")]
    if who.is_rootless:
        files += _with_drop_ins(f"{who.config_home}/containers/containers.conf")
    return files, False


def storage_conf(who: Identity) -> tuple[str | None, bool]:
    """Return the file that counts, and whether its paths count, too: a user reads the system's file for a few keys only."""
    named = who.environment.get("CONTAINERS_STORAGE_CONF")
    if named:
        return named, True
    if who.is_rootless:
        own = f"{who.config_home}/containers/storage.conf"
        if os.path.exists(own):
            return own, True
    return next((path for path in STORAGE_CONF if os.path.exists(path)), None), not who.is_rootless


def registries_conf(who: Identity) -> tuple[str, list[str]]:
    """Return the main file and the directories of drop-ins, lowest precedence first.

    A user's own file replaces the system's with its drop-ins.
    """
    own = who.below_home(".config/containers/registries.conf")
    named = who.environment.get("CONTAINERS_REGISTRIES_CONF") or who.environment.get("REGISTRIES_CONFIG_PATH")
    if not named and os.path.exists(own):
        return own, [own + ".d"]
    return named or REGISTRIES_CONF, [REGISTRIES_CONF + ".d", own + ".d"]


def recorded_aliases(who: Identity) -> str:
    """Return the file in which engines record what a user chose a short name to mean."""
    if who.is_rootless:
        return who.below_home(".cache/containers/short-name-aliases.conf")
    return "/var/cache/containers/short-name-aliases.conf"


def policy(who: Identity) -> str:
    """Return the file that counts."""
    own = who.below_home(".config/containers/policy.json")
    return own if os.path.exists(own) else POLICY


def named_auth_file(who: Identity, authfile: str | None) -> str | None:
    """Return the file of credentials that an option or the environment names, if any."""
    return authfile or who.environment.get("REGISTRY_AUTH_FILE") or None


def auth_file(who: Identity, authfile: str | None = None) -> str:
    """Return the file that `login` writes, the first that is looked into."""
    named = named_auth_file(who, authfile)
    if named:
        return named
    docker = who.environment.get("DOCKER_CONFIG")
    if docker:
        return os.path.join(docker, "config.json")
    if who.runtime_directory:
        return os.path.join(who.runtime_directory, "containers", "auth.json")
    return f"/run/containers/{who.uid}/auth.json"


def auth_files(who: Identity, authfile: str | None = None) -> list[str]:
    """Return the files to look into; the first match counts."""
    docker = who.environment.get("DOCKER_CONFIG") or who.below_home(".docker")
    return [
        auth_file(who, authfile),
        os.path.join(who.config_home, "containers", "auth.json"),
        os.path.join(docker, "config.json"),
        who.below_home(".dockercfg"),
    ]


def certificate_directories(who: Identity) -> list[str]:
    """Return the directories that have one below them for each registry; the first one counts."""
    return [who.below_home(".config/containers/certs.d"), f"{SYSTEM}/certs.d", "/etc/docker/certs.d"]


def drop_ins(directory: str) -> list[str]:
    """Return the files `*.conf` of a directory, sorted; none if it cannot be listed."""
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return [f"{directory}/{name}" for name in sorted(names) if name.endswith(".conf")]


def _with_drop_ins(path: str) -> list[str]:
    return [path, *drop_ins(path + ".d")]


def read(path: str) -> bytes | None:
    """Read a file of the configuration; None if there is none. /dev/null is an empty one. Waits for nothing.

    Raises: InvalidError if it is a directory, a FIFO or a device, or too large; OSError if it cannot be read.
    """
    try:
        return _core.read_file(path, MAX_BYTES)
    except NotADirectoryError:
        return None
    except CorruptError as error:
        if _is_null(path):
            return b""
        raise InvalidError(error.message, path=path) from None


def _is_null(path: str) -> bool:
    from stat import S_ISCHR

    found = os.stat(path)
    return S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3)
