"""policy.json: the most specific scope decides, and whatever is not understood closes the door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libpod.config import lookup
from libpod.config.policy import load_policy, parse_policy
from libpod.errors import DeniedError, InvalidError, NotFoundError, UnsupportedError
from libpod.identity import Identity
from libpod.image.location import Location
from libpod.image.trust import check_allowed

ACCEPT, REJECT = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]
SIGNED = [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/key"}]
SHA256 = "sha256:" + "ab" * 32


def allowed(document: dict[str, Any], transport: str, rest: str) -> bool:
    try:
        check_allowed(Location(transport, rest), parse_policy(document))
    except (DeniedError, UnsupportedError):
        return False
    return True


DOCKER = {
    "default": REJECT,
    "transports": {
        "docker": {
            "r.io": ACCEPT,
            "r.io/bad": REJECT,
            "r.io/bad/good": ACCEPT,
            "r.io/bad/good/x:1": REJECT,
            f"r.io/bad@{SHA256}": ACCEPT,
            "*.w.io": ACCEPT,
            "a.w.io": REJECT,
            "docker.io/library": ACCEPT,
            "port.io:5000": ACCEPT,
        },
        "oci": {"": ACCEPT, "/srv/closed": REJECT, "/srv/closed/open:name": ACCEPT},
        "docker-archive": {"": ACCEPT},
        "dir": {"/srv": ACCEPT},
    },
}


@pytest.mark.parametrize(
    ("transport", "rest", "wanted"),
    [
        ("docker", "//r.io/x", True),
        ("docker", "//r.io/bad", False),
        ("docker", "//r.io/bad/x", False),
        ("docker", "//r.io/badly", True),
        ("docker", "//r.io/bad/good/x", True),
        ("docker", "//r.io/bad/good/x:1", False),
        ("docker", f"//r.io/bad@{SHA256}", True),
        ("docker", "//b.w.io/x", True),
        ("docker", "//c.b.w.io/x", True),
        ("docker", "//a.w.io/x", False),
        ("docker", "//w.io/x", False),
        ("docker", "//busybox", True),
        ("docker", "//docker.io/team/x", False),
        ("docker", "//port.io:5000/x", True),
        ("docker", "//port.io/x", False),
        ("docker", "//r.io.evil/x", False),
        ("oci", "/srv/open:x", True),
        ("oci", "/srv/closed:x", False),
        ("oci", "/srv/closed/sub:x", False),
        ("oci", "/srv/closed/open:name", True),
        ("oci", "/srv/x/../closed:x", False),
        ("docker-archive", "/srv/closed/x.tar", True),
        ("dir", "/srv/x", True),
        ("dir", "/other", False),
        ("containers-storage", "x", False),
    ],
)
def test_most_specific_scope_decides(transport: str, rest: str, wanted: bool) -> None:
    assert allowed(DOCKER, transport, rest) is wanted


def test_symbolic_links_do_not_lead_around_a_scope(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "link").symlink_to("closed")
    policy = {"default": ACCEPT, "transports": {"dir": {str(tmp_path / "closed"): REJECT}}}
    assert not allowed(policy, "dir", str(tmp_path / "link"))


def test_all_requirements_must_be_met() -> None:
    assert not allowed({"default": ACCEPT + REJECT}, "docker", "//x")
    assert not allowed({"default": ACCEPT + SIGNED}, "docker", "//x")


def test_refusals_are_in_podmans_words() -> None:
    with pytest.raises(DeniedError) as caught:
        check_allowed(Location("docker", "//r.io/x:1"), parse_policy({"default": REJECT}))
    assert str(caught.value) == "Source image rejected: Running image docker://r.io/x:1 is rejected by policy."
    with pytest.raises(UnsupportedError, match="signatures are not supported"):
        check_allowed(Location("docker", "//r.io/x:1"), parse_policy({"default": SIGNED}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"default": []}',
        '{"default": {}}',
        '{"default": [{}]}',
        '{"default": [{"type": "maybe"}]}',
        '{"default": [{"type": "reject", "except": "me"}]}',
        '{"default": [{"type": "insecureAcceptAnything"}], "extra": 1}',
        '{"default": [{"type": "reject"}], "default": [{"type": "insecureAcceptAnything"}]}',
        '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": []}}',
        '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"x": []}}}',
        '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"x": [{"type": ["reject"]}]}}}',
    ],
)
def test_malformed_policies_let_nothing_in(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.json"
    path.write_text(text)
    with pytest.raises(InvalidError, match="invalid policy in"):
        load_policy(str(path))


def test_missing_policy_lets_nothing_in(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file or directory"):
        load_policy(str(tmp_path / "policy.json"))


def test_own_policy_replaces_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lookup.policy(Identity()) == "/etc/containers/policy.json"
    own = tmp_path / ".config/containers/policy.json"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"default": REJECT}))
    assert lookup.policy(Identity()) == str(own)
    assert not allowed({"default": load_policy().default}, "docker", "//x")
