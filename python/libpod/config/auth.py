"""auth.json: who we are at which registry, read and written in the files that Podman, Buildah, Skopeo and Docker share.

Start with `find_credentials`. A key is a registry (`quay.io`) or a namespace or repository below one (`quay.io/team/app`); the
most specific key wins. Secrets are never logged and never put into an error; files are replaced atomically with mode 0600.
A credential helper is a program `docker-credential-<name>`; it is run only where a file names it.
Source: containers-auth.json(5).
"""

from __future__ import annotations

import os

from libpod import _core, programs
from libpod.config import lookup
from libpod.errors import InvalidError, NotFoundError
from libpod.file import replace_text
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The helper of registries.conf that stands for the files themselves.
FILE_HELPER = "containers-auth.json"
#: What a helper answers when it knows nothing.
_HELPER_MISS = "credentials not found in native keychain"
#: User name under which a helper hands out an identity token.
_TOKEN_USER = "<token>"
_HELPER_TIMEOUT_S = 60


class Credentials:
    """User name and password, or an identity token (an OAuth 2 refresh token). source: the file or helper they are from."""

    __slots__ = ("identity_token", "password", "source", "username")

    def __init__(self, username: str, password: str, *, identity_token: str = "", source: str = "") -> None:
        self.username = username
        self.password = password
        self.identity_token = identity_token
        self.source = source

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, source={self.source!r})"


def parse_credentials(text: str) -> Credentials:
    """Parse `--creds user:password`; a user alone has an empty password, which the caller may ask for."""
    username, _, password = text.partition(":")
    if not username:
        raise InvalidError("credentials cannot be empty" if not text else "username cannot be empty")
    return Credentials(username, password, source="--creds")


def find_credentials(key: str, *, authfile: str | None = None, helpers: list[str] | None = None) -> Credentials | None:
    """Return the credentials for a registry or a repository (`host/path`, no tag), or None.

    helpers: `credential-helpers` of registries.conf, in order; by default the files alone.

    Raises: InvalidError for a file that is no auth file, NotFoundError for a helper that is missing.
    """
    for helper in helpers or [FILE_HELPER]:
        if helper == FILE_HELPER:
            found = _find_in_files(key, lookup.auth_files(Identity(), authfile))
        else:
            found = _ask(helper, _host(key))
        if found is not None:
            return found
    return None


def set_credentials(key: str, credentials: Credentials, *, authfile: str | None = None) -> str:
    """Record credentials under a key and return the file (or helper) that holds them now."""
    path, document = _open_own(authfile)
    helper = _section(document, "credHelpers", path).get(key)
    if helper:
        _tell(helper, key, credentials)
        return f"docker-credential-{helper}"
    _section(document, "auths", path)[key] = {"auth": _encode(credentials.username, credentials.password)}
    _write(path, document)
    return path


def remove_credentials(key: str, *, authfile: str | None = None) -> bool:
    """Forget a key in the file that `login` writes; False where it is not there."""
    path, document = _open_own(authfile)
    helper = _section(document, "credHelpers", path).get(key)
    if helper:
        return _erase(helper, key)
    auths = _section(document, "auths", path)
    names = [name for name in auths if name == key or _normalized(name) == key]
    for name in names:
        del auths[name]
    if names:
        _write(path, document)
    return bool(names)


def remove_all(*, authfile: str | None = None) -> None:
    """Forget every key in the file that `login` writes, helpers' keys included."""
    path, document = _open_own(authfile)
    for key, helper in _section(document, "credHelpers", path).items():
        _erase(helper, key)
    document["credHelpers"] = {}
    document["auths"] = {}
    _write(path, document)


# Files --------------------------------------------------------------------------------------------------------------


def _find_in_files(key: str, paths: list[str]) -> Credentials | None:
    for path in paths:
        document = _read(path)
        found = _find_in(document, key, path)
        if found is not None:
            return found
    return None


def _find_in(document: dict[str, Any], key: str, path: str) -> Credentials | None:
    host = _host(key)
    helper = _section(document, "credHelpers", path).get(host)
    if helper:
        return _ask(helper, host)
    auths = document if path.endswith(".dockercfg") else _section(document, "auths", path)
    for candidate in _key_chain(key):
        found = _decode(auths.get(candidate), path)
        if found is not None:
            return found
    # Docker writes `https://index.docker.io/v1/` and the like.
    for name, entry in auths.items():
        if _is_docker_key(name) and _docker_host(name) == _docker_host(host):
            found = _decode(entry, path)
            if found is not None:
                return found
    store = document.get("credsStore")
    return _ask(store, host) if isinstance(store, str) and store and host in auths else None


def _key_chain(key: str) -> list[str]:
    """`a/b/c` → `a/b/c`, `a/b`, `a`."""
    parts = key.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


def _host(key: str) -> str:
    return key.partition("/")[0]


def _is_docker_key(name: str) -> bool:
    return name.startswith(("https://", "http://"))


def _normalized(name: str) -> str:
    """A key without scheme and path, as a registry's host."""
    for scheme in ("https://", "http://"):
        name = name.removeprefix(scheme)
    return name.partition("/")[0]


def _docker_host(name: str) -> str:
    host = _normalized(name)
    return "docker.io" if host in ("registry-1.docker.io", "index.docker.io") else host


def _open_own(authfile: str | None) -> tuple[str, dict[str, Any]]:
    """The file that `login` writes, and what is in it now.

    Raises: InvalidError for a device, which a file must not replace, /dev/null included.
    """
    path = lookup.auth_file(Identity(), authfile)
    if os.path.exists(path) and not os.path.isfile(path):
        raise InvalidError(f"{path}: not a regular file", path=path)
    return path, _read(path)


def _read(path: str) -> dict[str, Any]:
    data = lookup.read(path)
    if data is None or not data.strip():
        return {}
    try:
        document = _core.parse_json(data)
    except InvalidError as error:
        raise InvalidError(f'unmarshaling JSON at "{path}": {error}', path=path) from None
    if not isinstance(document, dict):
        raise InvalidError(f'unmarshaling JSON at "{path}": not an object', path=path)
    return document


def _section(document: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    """Return a member that is an object, created where it is missing."""
    section = document.get(name)
    if section is None:
        section = {}
        if name == "auths":
            document[name] = section
    if not isinstance(section, dict):
        raise InvalidError(f'unmarshaling JSON at "{path}": {name} is not an object', path=path)
    return section


def _decode(entry: Any, path: str) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    identity = entry.get("identitytoken") or ""
    username, password = _decode_pair(entry.get("auth") or "")
    if not username and not password and not identity:
        return None
    return Credentials(username, password, identity_token=identity, source=path)


def _decode_pair(text: str) -> tuple[str, str]:
    """User and password of the base64 text; anything else counts as absent, as in Docker."""
    from base64 import b64decode

    try:
        decoded = b64decode(text, validate=True).decode(errors="surrogateescape")
    except ValueError:
        return "", ""
    username, colon, password = decoded.partition(":")
    return (username, password.strip("\0")) if colon else ("", "")


def _encode(username: str, password: str) -> str:
    from base64 import b64encode

    return b64encode(os.fsencode(f"{username}:{password}")).decode()


def _write(path: str, document: dict[str, Any]) -> None:
    """Replace the file in one step, readable by its owner alone, in the layout that other engines write."""
    import json

    kept = {name: value for name, value in document.items() if value or name == "auths"}
    if isinstance(kept.get("auths"), dict):
        kept["auths"] = dict(sorted(kept["auths"].items()))
    replace_text(path, json.dumps(kept, indent="\t", ensure_ascii=False))


# Helpers ------------------------------------------------------------------------------------------------------------


def _ask(helper: str, registry: str) -> Credentials | None:
    answer = _run(helper, "get", registry)
    if answer is None:
        return None
    document = _core.parse_json(answer)
    username, secret = str(document.get("Username", "")), str(document.get("Secret", ""))
    source = f"docker-credential-{helper}"
    if username == _TOKEN_USER:
        return Credentials("", "", identity_token=secret, source=source)
    return Credentials(username, secret, source=source)


def _tell(helper: str, registry: str, credentials: Credentials) -> None:
    secret = credentials.identity_token or credentials.password
    username = _TOKEN_USER if credentials.identity_token else credentials.username
    _run(helper, "store", _core.dump_json({"ServerURL": registry, "Username": username, "Secret": secret}))


def _erase(helper: str, registry: str) -> bool:
    return _run(helper, "erase", registry) is not None


def _run(helper: str, verb: str, text: str) -> str | None:
    """Run a helper with `text` on its stdin; None where it knows nothing of the registry."""
    import subprocess

    program = f"docker-credential-{helper}"
    if "/" in helper:
        raise InvalidError(f"invalid credential helper {helper!r}")
    path = programs.find(program)
    if path is None:
        raise NotFoundError(f'exec: "{program}": executable file not found in $PATH')
    try:
        done = subprocess.run(
            [path, verb], input=text, capture_output=True, text=True, timeout=_HELPER_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise InvalidError(f"{program} {verb} did not answer within {_HELPER_TIMEOUT_S} seconds") from None
    if done.returncode == 0:
        return done.stdout
    if _HELPER_MISS in done.stdout:
        return None
    # The helper's stderr is shown; its stdout may hold secrets.
    raise InvalidError(f"{program} {verb} failed with exit code {done.returncode}: {done.stderr.strip()}")
