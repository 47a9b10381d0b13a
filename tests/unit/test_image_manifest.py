"""Manifests, indexes and configs: what is read, what is refused, and the bytes that are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libpod.digest import Digest
from libpod.errors import InvalidError, LibpodError, NotFoundError, UnsupportedError
from libpod.image import manifest as m
from libpod.image.descriptor import Descriptor

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def descriptor(media_type: str = "", digest: str = DIGEST, size: int = 3) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def image(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": m.OCI_MANIFEST,
        "config": descriptor(m.OCI_CONFIG),
        "layers": [descriptor(m.OCI_LAYER + "+gzip", OTHER, 9)],
    }
    value.update(changes)
    return {name: member for name, member in value.items() if member is not ...}


def index(*platforms: tuple[str, str, str]) -> dict[str, Any]:
    members = []
    for place, (os_name, architecture, variant) in enumerate(platforms):
        platform = {"os": os_name, "architecture": architecture} | ({"variant": variant} if variant else {})
        members.append({**descriptor(m.OCI_MANIFEST, f"sha256:{place:064x}"), "platform": platform})
    return {"schemaVersion": 2, "mediaType": m.OCI_INDEX, "manifests": members}


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


def test_manifest_keeps_its_raw_bytes_and_their_digest() -> None:
    text = json.dumps(image(), indent=7).encode() + b"\n"
    parsed = m.parse_manifest(text)
    assert isinstance(parsed, m.Manifest)
    assert (parsed.raw, parsed.digest) == (text, Digest.of(text))
    assert [layer.digest for layer in parsed.layers] == [OTHER]
    assert parsed.layers[0].size == 9


@pytest.mark.parametrize(
    ("value", "claimed", "wanted"),
    [
        (image(), "", m.OCI_MANIFEST),
        (image(mediaType=...), "", m.OCI_MANIFEST),
        (image(mediaType=...), m.DOCKER_MANIFEST, m.DOCKER_MANIFEST),
        (image(mediaType=m.DOCKER_MANIFEST), m.DOCKER_MANIFEST, m.DOCKER_MANIFEST),
        (image(layers=...), "", m.OCI_MANIFEST),
        (index(("linux", "amd64", "")), "", m.OCI_INDEX),
        ({**index(), "mediaType": m.DOCKER_LIST}, "", m.DOCKER_LIST),
        ({"schemaVersion": 2, "manifests": []}, m.DOCKER_LIST, m.DOCKER_LIST),
    ],
)
def test_the_type_is_the_documents_own_or_the_claimed_one(value: dict[str, Any], claimed: str, wanted: str) -> None:
    assert m.parse_manifest(raw(value), claimed).media_type == wanted


@pytest.mark.parametrize(
    ("value", "claimed"),
    [
        (image(mediaType=m.DOCKER_MANIFEST), m.OCI_MANIFEST),
        (image(), m.DOCKER_MANIFEST),
        (image(), m.OCI_INDEX),
        (image(mediaType=...), m.OCI_INDEX),
        (image(mediaType=...), "text/html"),
        (image(), m.DOCKER_SCHEMA1_SIGNED),
        ({**index(), "mediaType": m.DOCKER_LIST}, m.OCI_INDEX),
        ({"schemaVersion": 2, "manifests": []}, m.OCI_MANIFEST),
    ],
)
def test_a_document_of_another_type_than_was_said_is_refused(value: dict[str, Any], claimed: str) -> None:
    with pytest.raises(InvalidError, match="was said to be of type"):
        m.parse_manifest(raw(value), claimed)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ({**image(), "manifests": []}, InvalidError, "ambiguous"),
        ({**index(), "config": descriptor()}, InvalidError, "ambiguous"),
        ({**index(), "layers": []}, InvalidError, "ambiguous"),
        ({**image(), "fsLayers": []}, InvalidError, "ambiguous"),
        ({**index(), "fsLayers": []}, InvalidError, "ambiguous"),
        (image(mediaType=m.OCI_INDEX), InvalidError, "ambiguous"),
        ({**index(), "mediaType": m.OCI_MANIFEST}, InvalidError, "ambiguous"),
        (image(mediaType="text/plain"), UnsupportedError, "text/plain"),
        ({"schemaVersion": 1, "fsLayers": [], "history": []}, UnsupportedError, "schema 1"),
        ({"schemaVersion": 2}, InvalidError, "neither"),
        (image(schemaVersion=3), InvalidError, "schemaVersion"),
        (image(schemaVersion=...), InvalidError, "schemaVersion"),
        ([], InvalidError, "is a list, not an object"),
        (image(config=...), InvalidError, "config"),
        (image(config=[]), InvalidError, "config"),
        (image(layers={}), InvalidError, "layers"),
        (image(layers=[1]), InvalidError, "layers[0]"),
        (image(layers=[descriptor(size=-5)]), InvalidError, "layers[0].size is negative"),
        (image(layers=[descriptor(size=-1)]), InvalidError, "layers[0].size is negative"),
        (image(config={"digest": DIGEST}), InvalidError, "config.size is missing"),
        (image(layers=[{**descriptor(), "size": "9"}]), InvalidError, "layers[0].size"),
        (image(layers=[{**descriptor(), "size": True}]), InvalidError, "layers[0].size"),
        (image(layers=[descriptor(digest="sha256:" + "A" * 64)]), InvalidError, "layers[0].digest"),
        (image(layers=[descriptor(digest="sha256:../../../../etc/passwd")]), InvalidError, "layers[0].digest"),
        (image(layers=[descriptor(digest="sha512:" + "a" * 64)]), InvalidError, "layers[0].digest"),
        (
            image(layers=[descriptor(digest="sha384:" + "a" * 96)]),
            UnsupportedError,
            "layers[0].digest: digests of sha384",
        ),
        (image(layers=[descriptor(digest="md5:" + "a" * 32)]), InvalidError, "layers[0].digest"),
        (image(layers=[{"mediaType": "x"}]), InvalidError, "layers[0].digest"),
        (image(layers=[descriptor()] * (m.LAYER_LIMIT + 1)), InvalidError, "limit"),
        (image(annotations={"a": 1}), InvalidError, "annotations"),
    ],
)
def test_refused_manifests(value: object, error: type[LibpodError], text: str) -> None:
    with pytest.raises(error) as caught:
        m.parse_manifest(raw(value))
    assert text in str(caught.value)


def test_manifest_above_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(InvalidError, match="4194305 bytes, more than the limit"):
        m.parse_manifest(b"{" + b" " * m.DOCUMENT_LIMIT)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"a": 1} trailing'])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidError, match="parsing the manifest"):
        m.parse_manifest(data)


@pytest.mark.parametrize(
    ("offered", "wanted", "place"),
    [
        ([("linux", "arm64", ""), ("linux", "amd64", "")], ("linux", "amd64", ""), 1),
        ([("windows", "amd64", ""), ("linux", "amd64", "")], ("linux", "amd64", ""), 1),
        ([("linux", "arm64", "v8")], ("linux", "arm64", ""), 0),
        ([("linux", "arm64", "v8"), ("linux", "arm64", "")], ("linux", "arm64", ""), 1),
        ([("linux", "arm", "v6"), ("linux", "arm", "v7"), ("linux", "arm", "v5")], ("linux", "arm", "v7"), 1),
        ([("linux", "arm", "v5"), ("linux", "arm", "v6")], ("linux", "arm", "v7"), 1),
        ([("linux", "arm", "")], ("linux", "arm", "v7"), 0),
        ([("linux", "amd64", ""), ("linux", "amd64", "")], ("linux", "amd64", ""), 0),
    ],
)
def test_platform_choice(offered: list[tuple[str, str, str]], wanted: tuple[str, str, str], place: int) -> None:
    document = m.parse_manifest(raw(index(*offered)))
    assert isinstance(document, m.Index)
    chosen = document.choose(m.Platform(wanted[0], wanted[1], wanted[2]))
    assert chosen is document.members[place]


@pytest.mark.parametrize("wanted", [("linux", "s390x", ""), ("linux", "arm", "v6"), ("freebsd", "amd64", "")])
def test_no_member_for_the_platform(wanted: tuple[str, str, str]) -> None:
    document = m.parse_manifest(raw(index(("linux", "amd64", ""), ("linux", "arm", "v7"))))
    assert isinstance(document, m.Index)
    with pytest.raises(NotFoundError, match=f"no image found in manifest list for architecture {wanted[1]}"):
        document.choose(m.Platform(*wanted))


def test_a_v8_arm_image_does_not_run_on_v7() -> None:
    document = m.parse_manifest(raw(index(("linux", "arm", "v8"))))
    assert isinstance(document, m.Index)
    with pytest.raises(NotFoundError):
        document.choose(m.Platform("linux", "arm", "v7"))


def test_config_members() -> None:
    text = raw(
        {
            "created": "2026-01-02T03:04:05Z",
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["A=b"], "Labels": None},
            "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
            "history": [{"created_by": "x"}, {"empty_layer": True}],
        }
    )
    config = m.parse_config(text)
    assert config.digest == Digest.of(text)
    assert config.diff_ids == [DIGEST]
    assert config.config == {"Env": ["A=b"], "Labels": None}
    assert [bool(entry.get("empty_layer")) for entry in config.history] == [False, True]


@pytest.mark.parametrize("value", [{}, {"config": None, "rootfs": None, "history": None, "created": None}])
def test_an_empty_config_is_read(value: dict[str, Any]) -> None:
    config = m.parse_config(raw(value))
    assert (config.config, config.diff_ids, config.history, config.created) == ({}, [], [], None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"rootfs": []}, "rootfs"),
        ({"rootfs": {"diff_ids": "x"}}, "diff_ids"),
        ({"rootfs": {"diff_ids": ["../x"]}}, "diff_ids[0]"),
        ({"history": {}}, "history"),
        ({"history": ["x"]}, "history"),
        ({"config": "x"}, "config"),
        ({"created": 1}, "created"),
        ({"architecture": []}, "architecture"),
        ({"config": {"Env": "A=b"}}, "Env"),
        ({"config": {"Cmd": [1]}}, "Cmd"),
        ({"config": {"Entrypoint": {}}}, "Entrypoint"),
        ({"config": {"User": 0.5}}, "User"),
        ({"config": {"Labels": {"a": 1}}}, "Labels"),
        ({"config": {"Volumes": ["/x"]}}, "Volumes"),
    ],
)
def test_refused_configs(value: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        m.parse_config(raw(value))
    assert text in str(caught.value)


def test_docker_manifest_is_written_as_docker_writes_it() -> None:
    config = Descriptor(m.DOCKER_CONFIG, Digest(DIGEST), 5)
    layer = Descriptor(m.layer_type(m.DOCKER_MANIFEST, "gzip"), Digest(OTHER), 6)
    assert m.build_manifest(m.DOCKER_MANIFEST, config, [layer]) == (
        b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",'
        b'"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":5,"digest":"'
        + DIGEST.encode()
        + b'"},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":6,"digest":"'
        + OTHER.encode()
        + b'"}]}'
    )


def test_oci_manifest_sorts_annotations_and_escapes_as_go() -> None:
    config = Descriptor(m.OCI_CONFIG, Digest(DIGEST), 5)
    text = m.build_manifest(m.OCI_MANIFEST, config, [], {"z": "<&>", "a": "\u2028"})
    assert text.endswith(b'"layers":[],"annotations":{"a":"\\u2028","z":"\\u003c\\u0026\\u003e"}}')
    assert m.parse_manifest(text).annotations == {"a": "\u2028", "z": "<&>"}


def test_a_docker_manifest_has_no_word_for_zstd() -> None:
    assert m.layer_type(m.OCI_MANIFEST, "zstd") == "application/vnd.oci.image.layer.v1.tar+zstd"
    with pytest.raises(UnsupportedError, match="zstd"):
        m.layer_type(m.DOCKER_MANIFEST, "zstd")


def test_oci_config_drops_what_only_docker_knows() -> None:
    config = m.parse_config(
        raw(
            {
                "docker_version": "20.10",
                "id": "x",
                "os": "linux",
                "architecture": "amd64",
                "container_config": {"Cmd": ["x"]},
                "config": {
                    "Hostname": "h",
                    "Cmd": ["sh"],
                    "Env": ["A=b"],
                    "Healthcheck": {},
                    "Labels": {"b": "1", "a": "2"},
                },
                "rootfs": {"diff_ids": [DIGEST], "type": "layers"},
                "history": [{"created_by": "x", "created": "2026-01-02T03:04:05Z", "junk": 1}],
            }
        )
    )
    assert m.to_oci_config(config) == (
        b'{"architecture":"amd64","os":"linux","config":{"Env":["A=b"],"Cmd":["sh"],"Labels":{"a":"2","b":"1"}},'
        b'"rootfs":{"type":"layers","diff_ids":["' + DIGEST.encode() + b'"]},'
        b'"history":[{"created":"2026-01-02T03:04:05Z","created_by":"x"}]}'
    )
