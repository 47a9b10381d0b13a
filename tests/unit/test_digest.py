"""Digests as values: which texts become one, and that one still is the text that it was."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle

import pytest

from libpod import _core
from libpod.digest import Digest
from libpod.errors import CorruptError, InvalidError, UnsupportedError

SHA256 = "sha256:" + hashlib.sha256(b"abc").hexdigest()
SHA512 = "sha512:" + hashlib.sha512(b"abc").hexdigest()


@pytest.mark.parametrize("text", [SHA256, SHA512])
def test_a_digest_is_its_text(text: str) -> None:
    digest = Digest(text)
    assert digest == text
    assert {digest: 1}[text] == 1
    assert f"{digest}" == str(digest) == text
    assert f"{digest.algorithm}:{digest.hex}" == text
    assert json.loads(json.dumps([digest])) == json.loads(_core.dump_json([digest])) == [text]
    assert Digest(digest) is digest
    for twin in (copy.deepcopy(digest), pickle.loads(pickle.dumps(digest))):
        assert (type(twin), twin) == (Digest, digest)
    assert eval(repr(digest)) == digest
    assert digest.is_canonical == (digest.algorithm == "sha256")


def test_a_digest_names_its_bytes_and_no_others() -> None:
    for text in (SHA256, SHA512):
        digest = Digest(text)
        assert Digest.of(b"abc", digest.algorithm) == digest
        assert digest.names(b"abc")
        assert not digest.names(b"abd")
        digest.check(b"abc", "thing")
        with pytest.raises(CorruptError, match=f"thing: digest mismatch: wanted {digest}, got {digest.algorithm}:"):
            digest.check(b"abd", "thing")
    assert Digest.of_id(SHA256[7:]) == SHA256


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        SHA256[:-1],
        SHA256 + "0",
        SHA256.upper(),
        "sha256:" + SHA256[7:].upper(),
        SHA256.replace("sha256", "sha512"),
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:../../../etc/passwd",
        "sha256:" + "٣" * 64,
        SHA256 + "\n",
        ":" + SHA256,
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Digest(text)
    assert repr(text[:150]) in caught.value.message


def test_an_algorithm_of_others_is_called_unsupported() -> None:
    with pytest.raises(UnsupportedError, match="sha384"):
        Digest("sha384:" + "0" * 96)
    with pytest.raises(InvalidError):
        Digest.of_id("sha256:" + SHA256[7:])


@pytest.mark.parametrize("text", [SHA256, SHA512])
def test_a_proven_blob_ends_well_only_for_its_bytes(text: str) -> None:
    assert _core.prove_blob(_core.bytes_blob(b"abc"), text).read_all(10) == b"abc"
    with pytest.raises(CorruptError, match=f"wanted {text}, got"):
        _core.prove_blob(_core.bytes_blob(b"abcd"), text).read_all(10)
    with pytest.raises(InvalidError):
        _core.prove_blob(_core.bytes_blob(b"abc"), text[:-1])
