"""TLS to registries: who is trusted, who sees the client certificate, and that nothing falls back to plain HTTP by itself."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from libpod import _core
from libpod.errors import DeniedError, InvalidError, LibpodError, RegistryError
from tests.support import probe
from tests.support.hostile import Handler, Request, Server, serving
from tests.support.registry import make_certificates

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(directory: Path, *words: str) -> None:
    subprocess.run(("openssl", *words), cwd=directory, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    probe.needs_programs("openssl")
    make_certificates(tmp_path)
    return tmp_path


def context(directory: Path, *, clients: bool | None = None) -> ssl.SSLContext:
    """TLS with the directory's certificate; clients: whether a client certificate is demanded (True) or asked for."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(directory / "server.cert", directory / "server.key")
    if clients is not None:
        made.verify_mode = ssl.CERT_REQUIRED if clients else ssl.CERT_OPTIONAL
        made.load_verify_locations(directory / "trusted" / "ca.crt")
    return made


def fine(request: Request, answer: Handler) -> None:
    answer.send(200, b"{}")


def connect(server: Server, directory: Path | None, *, insecure: bool = False) -> str:
    certificates = str(directory / "trusted") if directory else None
    return _core.RegistryClient(server.address, insecure=insecure, certificates=certificates, retries=0).ping()


def self_signed(directory: Path, name: str) -> None:
    """A certificate that is its own authority, as `openssl req -x509` makes it by default."""
    (directory / "trusted").mkdir(exist_ok=True)
    subject = ("-subj", "/CN=registry", "-addext", f"subjectAltName={name}", "-days", "2")
    openssl(directory, "req", "-x509", *CURVE, *subject, "-keyout", "server.key", "-out", "server.cert")
    (directory / "trusted" / "ca.crt").write_bytes((directory / "server.cert").read_bytes())


def test_unknown_authority_is_refused(authority: Path) -> None:
    with serving(fine, tls=context(authority)) as server:
        with pytest.raises(RegistryError, match="x509: certificate signed by unknown authority"):
            connect(server, None)
        assert not server.requests


def test_authority_of_the_hosts_directory_is_trusted(authority: Path) -> None:
    with serving(fine, tls=context(authority)) as server:
        assert connect(server, authority) == f"https://{server.address}/v2/"


def test_any_certificate_will_do_where_the_user_said_so(authority: Path) -> None:
    with serving(fine, tls=context(authority)) as server:
        assert connect(server, None, insecure=True).startswith("https:")


def test_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    make_certificates(tmp_path, "DNS:registry.example")
    with (
        serving(fine, tls=context(tmp_path)) as server,
        pytest.raises(RegistryError, match=r"x509: .*not valid for name"),
    ):
        connect(server, tmp_path)


def test_expired_certificate_is_refused(authority: Path) -> None:
    signed = ("-CA", "trusted/ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "-1")
    openssl(authority, "x509", "-req", "-in", "server.csr", *signed, "-out", "server.cert")
    with serving(fine, tls=context(authority)) as server, pytest.raises(RegistryError, match=r"x509: .*expired"):
        connect(server, authority)


def test_pinned_certificate_expires_too(authority: Path) -> None:
    signed = ("-signkey", "server.key", "-extfile", "names", "-days", "-1")
    openssl(authority, "x509", "-req", "-in", "server.csr", *signed, "-out", "server.cert")
    (authority / "trusted" / "ca.crt").write_bytes((authority / "server.cert").read_bytes())
    with serving(fine, tls=context(authority)) as server, pytest.raises(RegistryError, match=r"x509: .*expired"):
        connect(server, authority)


def test_certificate_that_is_its_own_authority_is_trusted_where_it_is_pinned(tmp_path: Path) -> None:
    self_signed(tmp_path, "IP:127.0.0.1")
    with serving(fine, tls=context(tmp_path)) as server:
        assert connect(server, tmp_path).startswith("https:")
        with pytest.raises(RegistryError, match="x509"):
            connect(server, None)


def test_pinned_certificate_must_carry_the_right_name(tmp_path: Path) -> None:
    self_signed(tmp_path, "DNS:registry.example")
    with serving(fine, tls=context(tmp_path)) as server, pytest.raises(RegistryError, match="x509"):
        connect(server, tmp_path)


def test_pinned_certificate_does_not_vouch_for_another_one(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    self_signed(tmp_path, "IP:127.0.0.1")
    self_signed(tmp_path / "other", "IP:127.0.0.1")
    with serving(fine, tls=context(tmp_path)) as server, pytest.raises(RegistryError, match="x509"):
        connect(server, tmp_path / "other")


def give_client_certificate(directory: Path) -> None:
    trusted = directory / "trusted"
    openssl(directory, "req", *CURVE, "-subj", "/CN=walrus", "-keyout", "trusted/me.key", "-out", "me.csr")
    signed = ("-CA", "trusted/ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    openssl(directory, "x509", "-req", "-in", "me.csr", *signed, "-out", "trusted/me.cert")
    assert (trusted / "me.cert").exists()


def test_client_certificate_is_shown_to_the_registry_that_demands_it(authority: Path) -> None:
    with serving(fine, tls=context(authority, clients=True)) as server:
        with pytest.raises(RegistryError):
            connect(server, authority)
        give_client_certificate(authority)
        connect(server, authority)
        assert server.requests[-1].certificate["subject"] == ((("commonName", "walrus"),),)


def test_client_certificate_is_not_shown_to_a_host_redirected_to(authority: Path) -> None:
    give_client_certificate(authority)
    with serving(fine, tls=context(authority, clients=False)) as elsewhere:

        def away(request: Request, answer: Handler) -> None:
            answer.send(307, Location=f"https://{elsewhere.address}/x")

        with serving(away, tls=context(authority, clients=True)) as server:
            client = _core.RegistryClient(server.address, certificates=str(authority / "trusted"))
            client.manifest("a/b", "latest", ["*/*"])
        assert [request.certificate for request in elsewhere.requests] == [None]


@pytest.mark.parametrize("missing", ["me.key", "me.cert"])
def test_half_a_client_certificate_is_an_error(authority: Path, missing: str) -> None:
    give_client_certificate(authority)
    (authority / "trusted" / missing).unlink()
    with pytest.raises(InvalidError, match="missing"):
        _core.RegistryClient("r.example", certificates=str(authority / "trusted"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["fifo", "directory"])
@pytest.mark.parametrize("name", ["ca.crt", "me.cert", "me.key"])
def test_a_certificate_that_is_no_file_is_an_error(authority: Path, name: str, kind: str) -> None:
    give_client_certificate(authority)
    path = authority / "trusted" / name
    path.unlink()
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    with pytest.raises(InvalidError, match=f"{path}: .*not a regular file"):
        _core.RegistryClient("r.example", certificates=str(authority / "trusted"))


def test_verified_client_never_falls_back_to_plain_http() -> None:
    with serving(fine) as server:
        with pytest.raises(RegistryError, match="http: server gave HTTP response to HTTPS client"):
            connect(server, None)
        assert not server.requests


def test_redirect_out_of_tls_is_refused(authority: Path) -> None:
    with serving(fine) as plain:

        def away(request: Request, answer: Handler) -> None:
            answer.send(307, Location=f"http://{plain.address}/x")

        with serving(away, tls=context(authority)) as server:
            client = _core.RegistryClient(server.address, certificates=str(authority / "trusted"))
            with pytest.raises(DeniedError, match="it leaves TLS"):
                client.manifest("a/b", "latest", ["*/*"])
        assert not plain.requests


def test_password_does_not_go_to_a_token_server_without_tls(authority: Path) -> None:
    with serving(fine) as plain:

        def ask(request: Request, answer: Handler) -> None:
            answer.send(401, WWW_Authenticate=f'Bearer realm="http://{plain.address}/token"')

        with serving(ask, tls=context(authority), open_door=False) as server:
            trusted = str(authority / "trusted")
            client = _core.RegistryClient(server.address, certificates=trusted, username="me", password="pw")
            with pytest.raises(LibpodError, match="a token server without TLS"):
                client.manifest("a/b", "latest", ["*/*"])
        assert not plain.requests


class Proxy(threading.Thread):
    """A CONNECT proxy that leads every host to one port of loopback, and remembers which hosts were asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.asked: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://me:secret@127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.asked.append(head.decode().split("\r\n")[0])
        self.authorized = b"Basic bWU6c2VjcmV0" in head
        with client, socket.create_connection(("127.0.0.1", self.port)) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
            back.start()
            self.pump(client, server)
            back.join()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()


def test_proxy_of_the_environment_is_used_and_sees_ciphertext(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_certificates(tmp_path, "DNS:registry.invalid")
    with serving(fine, tls=context(tmp_path)) as server:
        proxy = Proxy(server.server_address[1])
        proxy.start()
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        monkeypatch.setenv("NO_PROXY", "other.invalid")
        trusted = str(tmp_path / "trusted")
        assert _core.RegistryClient("registry.invalid", certificates=trusted).ping() == "https://registry.invalid/v2/"
        assert proxy.asked == ["CONNECT registry.invalid:443 HTTP/1.1"]
        assert proxy.authorized
        monkeypatch.setenv("NO_PROXY", ".invalid")
        with pytest.raises(RegistryError):
            _core.RegistryClient("registry.invalid", certificates=trusted, retries=0).ping()
        assert len(proxy.asked) == 1
        proxy.stop()
