"""Registries that hold their client: whatever they drip, there is one budget for each request and for each transfer."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libpod import _core
from libpod.errors import RegistryError
from tests.support import cli, probe
from tests.support.hostile import Handler, Request, Server, serving

#: What a request may take in these tests; and after how long a test that is held has failed.
PATIENCE_S, HELD_S = 1.0, 30.0

BLOB = os.urandom(200_000)
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()

Reply = Callable[[Request, Handler], None]


def drip(answer: Handler, data: bytes, pause_s: float = 0.05) -> None:
    """Send the same bytes for ever."""
    answer.close_connection = True
    with contextlib.suppress(OSError):
        for _ in range(int(3 * HELD_S / pause_s)):
            answer.wfile.write(data)
            answer.wfile.flush()
            time.sleep(pause_s)


def flood(answer: Handler, data: bytes) -> None:
    """Send the same bytes for ever, as fast as they are taken."""
    answer.close_connection = True
    end = time.monotonic() + 3 * HELD_S
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            answer.wfile.write(data * 1000)


def raw(answer: Handler, text: str) -> None:
    answer.wfile.write(text.replace("\n", "\r\n").encode())


def begin(head: str, go_on: Callable[[Handler, bytes], None], data: bytes) -> Reply:
    """An answer that begins well and goes on with the same bytes for ever."""

    def reply(request: Request, answer: Handler) -> None:
        raw(answer, head)
        go_on(answer, data)

    return reply


def silence(request: Request, answer: Handler) -> None:
    time.sleep(2 * PATIENCE_S)
    answer.close_connection = True


def busy(request: Request, answer: Handler) -> None:
    answer.send(429, Retry_After="99999999")


def redirect_after_redirect(request: Request, answer: Handler) -> None:
    time.sleep(0.4)
    answer.send(307, Location=f"/v2/a/b/manifests/{time.monotonic_ns()}")


CHUNKED = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\n{}\n0\n"

HOLDERS: dict[str, Reply] = {
    "headers": begin("HTTP/1.1 200 OK\n", drip, b"X-Drip: 1\r\n"),
    "interim_answers": begin("", flood, b"HTTP/1.1 100 Continue\r\n\r\n"),
    "status_line": begin("HTTP/1.1 200 ", drip, b"O"),
    "slow_trailers": begin(CHUNKED, drip, b"X-Drip: 1\r\n"),
    "endless_trailers": begin(CHUNKED, flood, b"X-Drip: 1\r\n"),
    "slow_body": begin("HTTP/1.1 200 OK\nContent-Length: 4000000\n\n", drip, b" "),
    "slow_error": begin("HTTP/1.1 400 Bad Request\nContent-Length: 60000\n\n", drip, b" "),
    "silence": silence,
    "busy": busy,
    "redirect_after_redirect": redirect_after_redirect,
}


@contextlib.contextmanager
def not_held() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < HELD_S, "the registry held its client"


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_request_has_one_budget(holder: str) -> None:
    with serving(HOLDERS[holder]) as server, not_held(), pytest.raises(RegistryError):
        server.client(patience_s=PATIENCE_S).manifest("a/b", "latest", ["*/*"])


@pytest.mark.parametrize("holder", HOLDERS)
def test_the_first_contact_has_one_budget(holder: str) -> None:
    with serving(HOLDERS[holder], open_door=False) as server, not_held(), pytest.raises(RegistryError):
        server.client(patience_s=PATIENCE_S).manifest("a/b", "latest", ["*/*"])


@pytest.mark.parametrize("holder", ["headers", "slow_body", "slow_error", "silence"])
def test_a_token_has_no_budget_of_its_own(holder: str) -> None:
    def with_token(request: Request, answer: Handler) -> None:
        if request.path.startswith("/token"):
            HOLDERS[holder](request, answer)
        else:
            realm = f"http://{answer.server.address}/token"
            answer.send(401, WWW_Authenticate=f'Bearer realm="{realm}",service="x"')

    with serving(with_token, open_door=False) as server, not_held(), pytest.raises(RegistryError):
        server.client(patience_s=PATIENCE_S).manifest("a/b", "latest", ["*/*"])


def blob_trailers(request: Request, answer: Handler) -> None:
    raw(answer, f"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n{len(BLOB):x}\n")
    answer.wfile.write(BLOB + b"\r\n0\r\n")
    flood(answer, b"X-Drip: 1\r\n")


def blob_drips(request: Request, answer: Handler) -> None:
    raw(answer, f"HTTP/1.1 200 OK\nContent-Length: {len(BLOB)}\n\n")
    drip(answer, b"x", pause_s=0.3)


@pytest.mark.parametrize("reply", [blob_trailers, blob_drips])
def test_a_transfer_is_waited_for_as_long_as_it_moves(reply: Reply) -> None:
    with serving(reply) as server, not_held(), pytest.raises(RegistryError, match="no complete answer"):
        server.client(patience_s=PATIENCE_S).open_blob("a/b", DIGEST, len(BLOB)).read_all(1 << 20)
    assert len(server.paths()) == 1, "what had its time is not asked again"


def test_a_slow_transfer_that_moves_is_complete() -> None:
    def steady(request: Request, answer: Handler) -> None:
        raw(answer, f"HTTP/1.1 200 OK\nContent-Length: {len(BLOB)}\n\n")
        for start in range(0, len(BLOB), 10_000):
            answer.wfile.write(BLOB[start : start + 10_000])
            answer.wfile.flush()
            time.sleep(0.1)

    with serving(steady) as server:
        assert server.client(patience_s=PATIENCE_S).open_blob("a/b", DIGEST, len(BLOB)).read_all(1 << 20) == BLOB


@pytest.mark.parametrize("place", ["POST", "PATCH", "PUT"])
def test_an_upload_has_a_budget_for_each_step(place: str) -> None:
    def reply(request: Request, answer: Handler) -> None:
        if request.method == place:
            silence(request, answer)
        else:
            answer.send(202, Location="/v2/a/b/blobs/uploads/1")

    with serving(reply) as server, not_held(), pytest.raises(RegistryError):
        server.client(patience_s=PATIENCE_S, push=True, retries=0).upload("a/b", _core.bytes_blob(BLOB))


def test_an_upload_that_nobody_takes_ends() -> None:
    """The registry stops to read in the middle of the blob."""
    done = threading.Event()

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while head := connection.recv(2000):
                if head.startswith(b"PATCH"):
                    done.wait(2 * HELD_S)
                    return
                location = b"Location: /v2/a/b/blobs/uploads/1\r\n"
                status = b"200 OK" if head.startswith(b"GET") else b"202 Accepted"
                connection.sendall(b"HTTP/1.1 " + status + b"\r\n" + location + b"Content-Length: 0\r\n\r\n")

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=answer, args=(listening.accept()[0],)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads = [threading.Thread(target=serve, args=(listening,))]
        threads[0].start()
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        client = _core.RegistryClient(address, insecure=True, push=True, retries=0, patience_s=PATIENCE_S)
        with not_held(), pytest.raises(RegistryError, match="no complete answer"):
            client.upload("a/b", _core.bytes_blob(os.urandom(64 << 20)))
        done.set()
        listening.shutdown(socket.SHUT_RDWR)
    del client
    for thread in threads:
        thread.join(HELD_S)


def test_a_pause_that_does_not_fit_is_told_and_not_waited_for() -> None:
    with serving(busy) as server, not_held(), pytest.raises(RegistryError, match="99999999 seconds"):
        server.client().manifest("a/b", "latest", ["*/*"])
    assert len(server.paths()) == 1


# What is asked again ----------------------------------------------------------------------------------------------------


def refused_client(told: list[tuple[str, int, int, float]]) -> _core.RegistryClient:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    return _core.RegistryClient(address, retry_delay_s=0.01, on_retry=lambda *said: told.append(said))


def test_a_refused_connection_is_tried_three_times_more_at_one_pace() -> None:
    told: list[tuple[str, int, int, float]] = []
    with pytest.raises(RegistryError, match="connection refused"):
        refused_client(told).manifest("a/b", "latest", ["*/*"])
    assert [said[1:] for said in told] == [(1, 3, 0.01), (2, 3, 0.01), (3, 3, 0.01)]
    assert all("connection refused" in said[0] for said in told)


def test_a_busy_registry_gets_twice_as_long_each_time() -> None:
    told: list[tuple[str, int, int, float]] = []
    with serving(lambda request, answer: answer.send(503)) as server, pytest.raises(RegistryError):
        server.client(retry_delay_s=0.01, on_retry=lambda *said: told.append(said)).manifest("a/b", "1", ["*/*"])
    assert [said[1:] for said in told] == [(1, 3, 0.01), (2, 3, 0.02), (3, 3, 0.04)]


def test_a_registry_that_begins_to_listen_is_reached() -> None:
    told: list[tuple[str, int, int, float]] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    servers: list[Server] = []

    def start(*said: object) -> None:
        if not servers:
            server = Server(lambda request, answer: answer.send(200, b"{}"))
            server.socket.close()
            server.socket = socket.create_server(("127.0.0.1", port))
            servers.append(server)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        told.append(said)  # type: ignore[arg-type]

    client = _core.RegistryClient(f"127.0.0.1:{port}", insecure=True, retry_delay_s=0.05, on_retry=start)
    assert client.manifest("a/b", "latest", ["*/*"])[0] == b"{}"
    assert len(told) == 1
    servers[0].shutdown()
    servers[0].server_close()


def test_the_command_says_that_it_tries_again_as_podman_does(store_directory: Path) -> None:
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    said = []
    for make in (cli.ours, cli.real_podman):
        (store_directory / make.__name__).mkdir()
        program = make(store_directory / make.__name__)
        failed = program("pull", "-q", f"{address}/a/b:1", code=125).stderr
        said.append([failed.count(f"Failed, retrying in 1s ... ({number}/3). Error: ") for number in (1, 2, 3)])
        assert failed.splitlines()[-1].startswith("Error: ")
        assert "connection refused" in failed.splitlines()[-1]
        subprocess.run(["umount", "-l", str(program.root / "overlay")], capture_output=True, check=False)
    assert said == [[1, 1, 1], [1, 1, 1]]
