"""Trust: may this image be used? Decided by policy.json before a byte of it is stored.

`check_allowed` is the way in. `insecureAcceptAnything` and `reject` are honoured; a requirement to verify signatures is refused
as unsupported: an image that should have been verified is never taken unverified.
Source: containers-policy.json(5), "SUPPORTED TRANSPORTS AND THEIR SCOPES".
"""

from __future__ import annotations

import os

from libpod.config.policy import load_policy
from libpod.errors import DeniedError, UnsupportedError
from libpod.image import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.config.policy import Policy


def check_allowed(transport: str, rest: str, policy: Policy | None = None) -> None:
    """Refuse an image that the policy does not let in.

    transport, rest: as in `docker` and `//quay.io/team/app:1`, or `oci` and `/dir:name`.

    Raises: DeniedError where it is rejected, UnsupportedError where it would have to be verified, and what reading the policy
    raises.
    """
    policy = policy or load_policy()
    shown = f"{transport}:{rest}"
    for rule in requirements(policy, transport, rest):
        kind = rule["type"]
        if kind == "reject":
            raise DeniedError(
                f"Source image rejected: Running image {shown} is rejected by policy.",
                hint=f"The rule stands in {policy.path}",
            )
        if kind != "insecureAcceptAnything":
            raise UnsupportedError(
                f"Source image rejected: the policy wants {kind} for {shown}, and signatures are not supported yet",
                hint=f"The rule stands in {policy.path}",
            )


def requirements(policy: Policy, transport: str, rest: str) -> list[dict[str, Any]]:
    """Return the requirements of the most specific scope that covers the image; all of them must be met."""
    scopes = policy.transports.get(transport, {})
    for scope in scope_chain(transport, rest):
        if scope in scopes:
            return scopes[scope]
    # An empty scope is the default of its transport.
    return scopes.get("", policy.default)


def scope_chain(transport: str, rest: str) -> list[str]:
    """Return the scopes that cover an image, most specific first, without the transport's default."""
    if transport == "docker":
        return _docker_scopes(rest)
    if transport in ("dir", "oci", "oci-archive"):
        return _path_scopes(transport, rest)
    # docker-archive knows no scope but its default.
    return []


def _docker_scopes(rest: str) -> list[str]:
    wanted = reference.parse_normalized(rest.removeprefix("//"))
    scopes = [str(wanted)]
    name = wanted.name
    while name:
        scopes.append(name)
        name = name.rpartition("/")[0]
    host = wanted.registry.partition(":")[0]
    labels = host.split(".")
    scopes.extend("*." + ".".join(labels[start:]) for start in range(1, len(labels)))
    return scopes


def _path_scopes(transport: str, rest: str) -> list[str]:
    path, colon, name = (rest, "", "") if transport == "dir" else rest.partition(":")
    path = os.path.realpath(path)
    scopes = [f"{path}:{name}"] if colon else []
    # The root itself is no scope: the transport's default says the same.
    while path != "/":
        scopes.append(path)
        path = os.path.dirname(path)
    return scopes
