"""A registry of a test's own making: it answers what the test says and remembers what came. For lies that no real one tells."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from libpod import _core

#: What a test makes of a request.
Reply = Callable[["Request", "Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request; answers with what the test's `reply` says, 404 otherwise, and remembers what came."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        request = Request(self.command, self.path, dict(self.headers), body)
        if isinstance(self.connection, ssl.SSLSocket):
            request.certificate = self.connection.getpeercert()
        self.server.requests.append(request)
        if self.path == "/v2/" and self.server.open_door:
            self.send(200, b"{}")
            return
        self.server.reply(request, self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def send(self, status: int, body: bytes = b"", *, cut_to: int | None = None, **headers: str) -> None:
        """Send an answer; cut_to ends the connection after so many bytes of the body."""
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut_to])
        if cut_to is not None:
            self.close_connection = True

    def log_message(self, *words: Any) -> None:
        """Stay silent."""


class Request:
    """What a client sent."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body
        self.certificate: Any = None


class Server(ThreadingHTTPServer):
    """A registry of the test's making on a port of loopback."""

    daemon_threads = True

    def __init__(self, reply: Reply, *, open_door: bool = True, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = tls
        self.reply = reply
        self.open_door = open_door
        self.requests: list[Request] = []

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread; a client that turns away is no error here."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with contextlib.suppress(OSError), self.tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients under test go away in the middle."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def client(self, **options: Any) -> _core.RegistryClient:
        return _core.RegistryClient(self.address, **({"insecure": True, "retry_delay_s": 0.01} | options))

    def paths(self, method: str = "GET") -> list[str]:
        return [request.path for request in self.requests if request.method == method and request.path != "/v2/"]

    def authorizations(self) -> list[str]:
        return [value for request in self.requests if (value := request.headers.get("authorization"))]


@contextlib.contextmanager
def serving(reply: Reply, *, open_door: bool = True, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve until the block ends. open_door: `/v2/` answers 200 without asking `reply`."""
    with Server(reply, open_door=open_door, tls=tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
