"""policy.json: which images may be used at all.

`load_policy` finds and reads the file; a policy that is missing or malformed is an error, never an open door. What the rules
mean for an image is `libpod.image.trust`'s business.
Source: containers-policy.json(5).
"""

from __future__ import annotations

from errno import ENOENT

from libpod.config import lookup
from libpod.errors import InvalidError, NotFoundError
from libpod.identity import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Requirements that the file may hold, with the members that each may have. An unknown member is an error: it could
#: be a restriction that we would not enforce.
_MEMBERS = {
    "insecureAcceptAnything": frozenset(("type",)),
    "reject": frozenset(("type",)),
    "signedBy": frozenset(("type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity")),
    "signedBaseLayer": frozenset(("type", "baseLayerIdentity")),
    "sigstoreSigned": frozenset(
        "type keyPath keyData keyPaths keyDatas fulcio rekorPublicKeyPath rekorPublicKeyData rekorPublicKeyPaths"
        " rekorPublicKeyDatas signedIdentity pki".split()
    ),
}


class Policy:
    """A parsed policy. default: requirements for everything else; transports: name → scope → requirements."""

    __slots__ = ("default", "path", "transports")

    def __init__(
        self, default: list[dict[str, Any]], transports: dict[str, dict[str, list[dict[str, Any]]]], path: str
    ) -> None:
        self.default = default
        self.transports = transports
        self.path = path


def load_policy(path: str | None = None) -> Policy:
    """Read the policy.

    Raises: NotFoundError if there is none, InvalidError if it is malformed or no regular file, OSError if it cannot be read.
    """
    path = path or lookup.policy(Identity())
    data = lookup.read(path)
    if data is None:
        raise NotFoundError(
            f"open {path}: no such file or directory",
            errno=ENOENT,
            path=path,
            hint="A file that accepts any image holds: " + '{"default": [{"type": "insecureAcceptAnything"}]}',
        )
    import json

    try:
        return parse_policy(json.loads(data, object_pairs_hook=_unique), path)
    except (InvalidError, ValueError) as error:
        raise InvalidError(f'invalid policy in "{path}": {error}', path=path) from None


def parse_policy(document: Any, path: str = "policy.json") -> Policy:
    """Check a document and return it as a policy.

    Raises: InvalidError for anything that the format does not know.
    """
    if not isinstance(document, dict):
        raise InvalidError("not a JSON object")
    for member in document:
        if member not in ("default", "transports"):
            raise InvalidError(f'Unknown key "{member}"')
    if "default" not in document:
        raise InvalidError("Default policy is missing")
    transports: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for transport, scopes in _object(document.get("transports", {}), "transports").items():
        transports[transport] = {
            scope: _requirements(rules, f"{transport}:{scope}") for scope, rules in _object(scopes, transport).items()
        }
    return Policy(_requirements(document["default"], "default"), transports, path)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object whose keys were written once: which of two rules should count is nobody's guess."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidError(f'Duplicate key "{twice}"')
    return members


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidError(f'"{where}" is not an object')
    return value


def _requirements(rules: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(rules, list) or not rules:
        raise InvalidError(f'List of verification policy requirements must not be empty for "{where}"')
    for rule in rules:
        kind = _object(rule, where).get("type")
        members = _MEMBERS.get(kind) if isinstance(kind, str) else None
        if members is None:
            raise InvalidError(f'Unknown policy requirement type "{kind}" for "{where}"')
        for member in rule:
            if member not in members:
                raise InvalidError(f'Unknown key "{member}" in a requirement for "{where}"')
    return rules
