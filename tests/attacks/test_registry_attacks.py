"""Registries that lie, break, loop, or send their clients elsewhere: what the client must not believe, and what it must survive."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from libpod import _core
from libpod.errors import CorruptError, DeniedError, InvalidError, LibpodError, NotFoundError, RegistryError
from libpod.store import open_store
from tests.support import probe
from tests.support.hostile import Handler, Request, serving
from tests.support.store import tar_of

BLOB = b"".join(hashlib.sha256(index.to_bytes(4, "big")).digest() for index in range(8000))
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
SECRET = "Basic " + base64.b64encode(b"walrus:hunter2").decode()


def read(client: _core.RegistryClient, size: int | None = len(BLOB)) -> bytes:
    return client.open_blob("a/b", DIGEST, size).read_all(1 << 20)


# Bytes --------------------------------------------------------------------------------------------------------------


def test_blob_with_another_digest_is_an_error_at_its_end() -> None:
    forged = bytes([BLOB[0] ^ 1]) + BLOB[1:]
    with serving(lambda request, answer: answer.send(200, forged)) as server:
        with pytest.raises(CorruptError, match="digest of blob"):
            read(server.client())
        assert len(server.paths()) == 1, "a wrong digest is not asked for again"


@pytest.mark.parametrize("size", [len(BLOB) - 1, len(BLOB) + 1])
def test_blob_of_another_size_than_its_descriptor_is_refused_before_it_flows(size: int) -> None:
    with (
        serving(lambda request, answer: answer.send(200, BLOB)) as server,
        pytest.raises(CorruptError, match="size of"),
    ):
        server.client().open_blob("a/b", DIGEST, size)


def test_blob_without_declared_length_stops_at_the_descriptors_size() -> None:
    def endless(request: Request, answer: Handler) -> None:
        answer.send_response(200)
        answer.send_header("Transfer-Encoding", "chunked")
        answer.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                answer.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        answer.close_connection = True

    with serving(endless) as server, pytest.raises(CorruptError, match="size of blob"):
        read(server.client())


def test_broken_connection_is_resumed_by_range() -> None:
    def flaky(request: Request, answer: Handler) -> None:
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        rest, total = BLOB[start:], len(BLOB)
        headers = {"Content_Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
        answer.send(206 if start else 200, rest, cut_to=min(len(rest), 100_000) if start < 200_000 else None, **headers)

    with serving(flaky) as server:
        assert read(server.client()) == BLOB
        ranges = [request.headers.get("range") for request in server.requests if "/blobs/" in request.path]
        assert ranges == [None, "bytes=100000-", "bytes=200000-"]


def test_registry_that_ignores_ranges_is_read_again_from_the_start() -> None:
    cuts = iter([100_000, 150_000, None])
    with serving(lambda request, answer: answer.send(200, BLOB, cut_to=next(cuts))) as server:
        assert read(server.client()) == BLOB
        assert len(server.paths()) == 3


def test_resumed_part_that_is_forged_is_found_by_the_digest() -> None:
    def reply(request: Request, answer: Handler) -> None:
        if "range" not in request.headers:
            answer.send(200, BLOB, cut_to=100_000)
        else:
            answer.send(206, bytes(len(BLOB) - 100_000), Content_Range=f"bytes 100000-{len(BLOB) - 1}/{len(BLOB)}")

    with serving(reply) as server, pytest.raises(CorruptError, match="digest of blob"):
        read(server.client())


def test_wrong_range_is_refused() -> None:
    def reply(request: Request, answer: Handler) -> None:
        if "range" not in request.headers:
            answer.send(200, BLOB, cut_to=100_000)
        else:
            answer.send(206, BLOB[200_000:], Content_Range=f"bytes 200000-{len(BLOB) - 1}/{len(BLOB)}")

    with serving(reply) as server, pytest.raises(LibpodError, match="another range"):
        read(server.client())


def test_connection_that_breaks_without_progress_is_given_up() -> None:
    with serving(lambda request, answer: answer.send(200, BLOB, cut_to=0)) as server:
        with pytest.raises(RegistryError, match="at byte 0"):
            read(server.client(retries=2))
        assert len(server.paths()) == 3


def test_layer_that_stays_broken_is_the_registrys_error_and_leaves_nothing(store_directory: Path) -> None:
    probe.needs_root()
    layer = tar_of({"file": BLOB})
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    with serving(lambda request, answer: answer.send(200, layer, cut_to=100_000)) as server:
        store = open_store(str(store_directory / "root"), str(store_directory / "run"))
        blob = server.client(retries=1).open_blob("a/b", digest, len(layer))
        with pytest.raises(RegistryError, match="at byte 100000"):
            store.stage_layer(blob)
    assert store.layers() == []
    assert store.check() == []


def test_manifest_above_the_limit_is_refused() -> None:
    huge = b'{"x": "' + b"a" * (4 << 20) + b'"}'
    too_large = pytest.raises(CorruptError, match="larger than the limit of 4194304 bytes")
    with serving(lambda request, answer: answer.send(200, huge)) as server, too_large:
        server.client().manifest("a/b", "latest", ["*/*"])


def test_manifest_is_proven_against_the_digest_it_was_asked_by() -> None:
    differs = pytest.raises(CorruptError, match="digest of manifest")
    with serving(lambda request, answer: answer.send(200, b"{}")) as server, differs:
        server.client().manifest("a/b", DIGEST, ["*/*"])


def test_manifest_is_proven_against_the_digest_that_the_registry_names() -> None:
    differs = pytest.raises(CorruptError, match="digest of manifest")
    with serving(lambda request, answer: answer.send(200, b"{}", Docker_Content_Digest=DIGEST)) as server, differs:
        server.client().manifest("a/b", "latest", ["*/*"])


@pytest.mark.parametrize("repository", ["../x", "a/../b", "a//b", "a?x=1", "a#b", "a b", "", "a/b\r\nX: y"])
def test_repository_cannot_leave_its_path(repository: str) -> None:
    with serving(lambda request, answer: answer.send(200, b"{}")) as server:
        with pytest.raises(InvalidError, match="invalid repository"):
            server.client().manifest(repository, "latest", ["*/*"])
        assert not server.paths()


def test_error_text_cannot_drive_the_terminal() -> None:
    evil = json.dumps({"errors": [{"code": "DENIED", "message": "\x1b[2Jowned\r\n"}]}).encode()
    with serving(lambda request, answer: answer.send(403, evil)) as server, pytest.raises(DeniedError) as caught:
        server.client().manifest("a/b", "latest", ["*/*"])
    assert "\x1b" not in str(caught.value)
    assert "owned" in str(caught.value)


# Credentials --------------------------------------------------------------------------------------------------------


def _guarded(request: Request, answer: Handler, then: Callable[[], None]) -> None:
    if request.headers.get("authorization") == SECRET:
        then()
    else:
        answer.send(401, WWW_Authenticate='Basic realm="x"')


def test_redirect_to_another_host_carries_no_credentials() -> None:
    with serving(lambda request, answer: answer.send(200, BLOB)) as elsewhere:

        def reply(request: Request, answer: Handler) -> None:
            target = f"http://{elsewhere.address}/storage?signature=1"
            _guarded(request, answer, lambda: answer.send(307, Location=target))

        with serving(reply, open_door=False) as server:
            client = server.client(username="walrus", password="hunter2")
            # The ping must answer 401 and no redirect: it is asked without credentials.
            assert read(client) == BLOB
            assert server.authorizations()
        assert elsewhere.paths() == ["/storage?signature=1"]
        assert elsewhere.authorizations() == []


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_host_that_was_redirected_to_cannot_ask_for_credentials(scheme: str) -> None:
    def greedy(request: Request, answer: Handler) -> None:
        challenge = f'{scheme} realm="http://{request.headers["host"]}/token",service="give"'
        answer.send(401, WWW_Authenticate=challenge)

    with serving(greedy, open_door=False) as elsewhere:

        def reply(request: Request, answer: Handler) -> None:
            _guarded(request, answer, lambda: answer.send(302, Location=f"http://{elsewhere.address}/x"))

        with serving(reply, open_door=False) as server:
            client = server.client(username="walrus", password="hunter2")
            # The second time shows whether the foreign challenge was learnt from.
            for _ in range(2):
                with pytest.raises(DeniedError):
                    read(client)
            assert server.authorizations()
        assert elsewhere.authorizations() == []
        assert "/token" not in "".join(elsewhere.paths())


def test_upload_location_on_another_host_gets_no_credentials() -> None:
    def storage(request: Request, answer: Handler) -> None:
        answer.send(202 if request.method == "PATCH" else 201, Location="/up/2")

    with serving(storage) as elsewhere:

        def reply(request: Request, answer: Handler) -> None:
            _guarded(request, answer, lambda: answer.send(202, Location=f"http://{elsewhere.address}/up/1?state=s"))

        with serving(reply, open_door=False) as server:
            client = server.client(username="walrus", password="hunter2", push=True)
            digest, size = client.upload("a/b", _core.bytes_blob(BLOB))
        assert (digest, size) == (DIGEST, len(BLOB))
        assert elsewhere.requests[0].body == BLOB
        assert elsewhere.authorizations() == []


def test_endless_challenges_end() -> None:
    def never(request: Request, answer: Handler) -> None:
        answer.send(401, WWW_Authenticate='Basic realm="again"')

    with serving(never, open_door=False) as server:
        with pytest.raises(DeniedError):
            server.client(username="walrus", password="hunter2").manifest("a/b", "latest", ["*/*"])
        assert len(server.paths()) <= 2


def test_endless_bearer_challenges_end() -> None:
    with serving(lambda request, answer: _token_loop(request, answer), open_door=False) as server:
        with pytest.raises(DeniedError):
            server.client().manifest("a/b", "latest", ["*/*"])
        assert sum(path.startswith("/v2/a/b/") for path in server.paths()) <= 2


def _token_loop(request: Request, answer: Handler) -> None:
    if request.path.startswith("/token"):
        answer.send(200, b'{"token": "useless"}')
    else:
        realm = f"http://{request.headers['host']}/token"
        answer.send(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"')


def test_endless_redirects_end() -> None:
    with serving(lambda request, answer: answer.send(302, Location=request.path + "x")) as server:
        with pytest.raises(DeniedError, match="too many redirects"):
            read(server.client())
        assert len(server.paths()) == 11


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/x", "https://user:pass@host/x", "::::", ""])
def test_redirect_to_what_is_no_web_address_is_refused(target: str) -> None:
    refused = pytest.raises(LibpodError)
    with serving(lambda request, answer: answer.send(302, Location=target)) as server, refused as caught:
        read(server.client())
    assert "pass" not in str(caught.value).replace("passwd", "")


def test_token_is_asked_for_once_per_scope_and_with_the_password_only_there() -> None:
    def reply(request: Request, answer: Handler) -> None:
        if request.path.startswith("/token"):
            assert request.headers["authorization"] == SECRET
            query = parse_qs(urlsplit(request.path).query)
            assert query == {"account": ["walrus"], "service": ["s"], "scope": ["repository:a/b:pull"]}
            answer.send(200, b'{"access_token": "tok", "expires_in": 300}')
        elif request.headers.get("authorization") == "Bearer tok":
            answer.send(200, b"{}")
        else:
            realm = f"http://{request.headers['host']}/token"
            answer.send(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"')

    with serving(reply, open_door=False) as server:
        client = server.client(username="walrus", password="hunter2")
        for _ in range(3):
            client.manifest("a/b", "latest", ["*/*"])
        assert sum(path.startswith("/token") for path in server.paths()) == 1


def test_token_that_expired_is_renewed() -> None:
    tokens = iter(["one", "two"])
    valid = ["one"]

    def reply(request: Request, answer: Handler) -> None:
        if request.path.startswith("/token"):
            answer.send(200, json.dumps({"token": next(tokens)}).encode())
        elif request.headers.get("authorization") == f"Bearer {valid[0]}":
            answer.send(200, b"{}")
        else:
            realm = f"http://{request.headers['host']}/token"
            answer.send(401, WWW_Authenticate=f'Bearer realm="{realm}"')

    with serving(reply, open_door=False) as server:
        client = server.client()
        client.manifest("a/b", "latest", ["*/*"])
        valid[0] = "two"
        client.manifest("a/b", "latest", ["*/*"])


def test_identity_token_is_exchanged_by_form() -> None:
    def reply(request: Request, answer: Handler) -> None:
        if request.path.startswith("/token"):
            form = parse_qs(request.body.decode())
            assert (request.method, form["grant_type"], form["refresh_token"]) == (
                "POST",
                ["refresh_token"],
                ["re/fresh"],
            )
            assert "authorization" not in request.headers
            answer.send(200, b'{"access_token": "tok"}')
        elif request.headers.get("authorization") == "Bearer tok":
            answer.send(200, b"{}")
        else:
            realm = f"http://{request.headers['host']}/token"
            answer.send(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"')

    with serving(reply, open_door=False) as server:
        server.client(identity_token="re/fresh").manifest("a/b", "latest", ["*/*"])


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\r\\nX: y"}', b"x" * (2 << 20)])
def test_token_server_that_answers_nonsense_is_an_error(body: bytes) -> None:
    def reply(request: Request, answer: Handler) -> None:
        if request.path.startswith("/token"):
            answer.send(200, body)
        else:
            realm = f"http://{request.headers['host']}/token"
            answer.send(401, WWW_Authenticate=f'Bearer realm="{realm}"')

    with serving(reply, open_door=False) as server, pytest.raises(LibpodError):
        server.client().manifest("a/b", "latest", ["*/*"])


def test_errors_do_not_show_secrets() -> None:
    def reply(request: Request, answer: Handler) -> None:
        _guarded(request, answer, lambda: answer.send(500, b"no", Location="/x?signature=topsecret"))

    with serving(reply, open_door=False) as server, pytest.raises(RegistryError) as caught:
        server.client(username="walrus", password="hunter2").blob_size("a/b", DIGEST)
    assert "hunter2" not in str(caught.value)
    assert SECRET.split()[1] not in str(caught.value)


# Patience -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_busy_registry_is_asked_again(status: int) -> None:
    answers = iter([status, status, 200])
    with serving(lambda request, answer: answer.send(next(answers), b"{}")) as server:
        raw, _, _ = server.client().manifest("a/b", "latest", ["*/*"])
    assert raw == b"{}"


def test_registry_that_stays_busy_is_an_error_after_the_retries() -> None:
    with serving(lambda request, answer: answer.send(503)) as server:
        with pytest.raises(RegistryError, match="503"):
            server.client(retries=2).manifest("a/b", "latest", ["*/*"])
        assert len(server.paths()) == 3


def test_retry_after_is_obeyed() -> None:
    answers = iter([429, 200])
    with serving(lambda request, answer: answer.send(next(answers), b"{}", Retry_After="1")) as server:
        start = time.monotonic()
        server.client().manifest("a/b", "latest", ["*/*"])
    assert time.monotonic() - start >= 1


def test_error_that_will_not_pass_is_not_repeated() -> None:
    with serving(lambda request, answer: answer.send(400)) as server:
        with pytest.raises(RegistryError):
            server.client().manifest("a/b", "latest", ["*/*"])
        assert len(server.paths()) == 1


# Uploads ------------------------------------------------------------------------------------------------------------


def test_upload_whose_bytes_are_not_the_promised_ones_is_cancelled() -> None:
    def reply(request: Request, answer: Handler) -> None:
        answer.send({"POST": 202, "PATCH": 202}.get(request.method, 204), Location="/v2/a/b/blobs/uploads/1")

    with serving(reply) as server:
        with pytest.raises(CorruptError, match="digest of the blob to upload"):
            server.client(push=True).upload("a/b", _core.bytes_blob(b"other"), digest=DIGEST)
        assert server.paths("DELETE") == ["/v2/a/b/blobs/uploads/1"]
        assert not server.paths("PUT")


def test_lost_answer_to_a_commit_is_looked_up() -> None:
    def reply(request: Request, answer: Handler) -> None:
        if request.method == "PUT":
            answer.close_connection = True
        elif request.method == "HEAD":
            answer.send(200, BLOB)
        else:
            answer.send(202, Location="/v2/a/b/blobs/uploads/1")

    with serving(reply) as server:
        assert server.client(push=True).upload("a/b", _core.bytes_blob(BLOB)) == (DIGEST, len(BLOB))


def test_tag_list_that_leads_in_a_circle_ends() -> None:
    def reply(request: Request, answer: Handler) -> None:
        answer.send(200, b'{"tags": ["a"]}', Link=f'<{request.path}>; rel="next"')

    with serving(reply) as server:
        assert server.client().tags("a/b") == ["a"]


# What a caller may match on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kinds", "code"),
    [
        (
            404,
            '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
            NotFoundError,
            "MANIFEST_UNKNOWN",
        ),
        (403, '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}', DeniedError, "DENIED"),
        (400, '{"errors":[{"code":"NAME_INVALID","message":"bad"},{"code":"OTHER"}]}', RegistryError, "NAME_INVALID"),
        (404, "<html>not here</html>", NotFoundError, None),
        (500, "", RegistryError, None),
    ],
)
def test_an_answer_is_told_by_status_and_code(
    status: int, body: str, kinds: type[LibpodError], code: str | None
) -> None:
    def answer(request: Request, handler: Handler) -> None:
        handler.send(200 if request.path == "/v2/" else status, b"" if request.path == "/v2/" else body.encode())

    with serving(answer) as server, pytest.raises(kinds) as raised:
        server.client(retries=0).manifest("a/b", "latest", ["application/json"])
    error = raised.value
    assert isinstance(error, RegistryError)
    assert (error.status, error.code) == (status, code)
    again = error.prefixed("initializing source: ")
    assert (type(again), again.status, again.code) == (type(error), status, code)
    assert str(again) == f"initializing source: {error}"


def test_a_registry_that_does_not_answer_has_no_status() -> None:
    with pytest.raises(RegistryError) as raised:
        _core.RegistryClient("127.0.0.1:1", insecure=True, retries=0).ping()
    assert (raised.value.status, raised.value.code) == (None, None)
