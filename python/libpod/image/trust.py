"""Trust: may this image be used? Decided by policy.json before a byte of it is stored.

`check_allowed` is the way in. `insecureAcceptAnything` and `reject` are honoured; a requirement to verify signatures is refused
as unsupported: an image that should have been verified is never taken unverified.
Source: containers-policy.json(5), "SUPPORTED TRANSPORTS AND THEIR SCOPES".
"""

from __future__ import annotations

import os

from libpod.config.policy import load_policy
from libpod.errors import DeniedError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod.config.policy import Policy
    from libpod.image.location import Location
    from libpod.image.reference import Reference


def check_allowed(location: Location, policy: Policy | None = None) -> None:
    """Refuse an image that the policy does not let in.

    Raises: DeniedError where it is rejected, UnsupportedError where it would have to be verified, and what reading the policy
    raises.
    """
    policy = policy or load_policy()
    for rule in requirements(policy, location):
        kind = rule["type"]
        if kind == "reject":
            raise DeniedError(
                f"Source image rejected: Running image {location} is rejected by policy.",
                hint=f"The rule stands in {policy.path}",
            )
        if kind != "insecureAcceptAnything":
            raise UnsupportedError(
                f"Source image rejected: the policy wants {kind} for {location}, and signatures are not supported yet",
                hint=f"The rule stands in {policy.path}",
            )


def requirements(policy: Policy, location: Location) -> list[dict[str, Any]]:
    """Return the requirements of the most specific scope that covers the image; all of them must be met."""
    scopes = policy.transports.get(location.transport, {})
    for scope in scope_chain(location):
        if scope in scopes:
            return scopes[scope]
    # An empty scope is the default of its transport.
    return scopes.get("", policy.default)


def scope_chain(location: Location) -> list[str]:
    """Return the scopes that cover an image, most specific first, without the transport's default."""
    if location.reference is not None:
        return _docker_scopes(location.reference)
    if location.transport in ("dir", "oci", "oci-archive"):
        return _path_scopes(location)
    # docker-archive knows no scope but its default.
    return []


def _docker_scopes(wanted: Reference) -> list[str]:
    scopes = [str(wanted)]
    name = wanted.name
    while name:
        scopes.append(name)
        name = name.rpartition("/")[0]
    host = wanted.registry.partition(":")[0]
    labels = host.split(".")
    scopes.extend("*." + ".".join(labels[start:]) for start in range(1, len(labels)))
    return scopes


def _path_scopes(location: Location) -> list[str]:
    path = os.path.realpath(location.path)
    scopes = [f"{path}:{location.name}"] if location.name else []
    # The root itself is no scope: the transport's default says the same.
    while path != "/":
        scopes.append(path)
        path = os.path.dirname(path)
    return scopes
