"""Real registries on loopback: Debian's docker-registry, plain or with TLS and passwords, each with a port and data of its own.

Use the fixtures `plain_registry` and `secure_registry` (see `tests/conftest.py`), or `serve` where a test needs a fresh one.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support import probe

USERNAME, PASSWORD = "walrus", "under the sea"

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http:
  addr: {address}
"""
_TLS = "  tls: {{certificate: {directory}/server.cert, key: {directory}/server.key}}\n"
_AUTH = "auth: {{htpasswd: {{realm: tests, path: {directory}/htpasswd}}}}\n"


class Registry:
    """A running registry. address: `127.0.0.1:port`. certificates: directory to give as `--cert-dir`, where TLS is on."""

    def __init__(self, address: str, directory: Path, *, tls: bool, password: bool) -> None:
        self.address = address
        self.directory = directory
        self.tls = tls
        self.certificates = directory / "trusted" if tls else None
        self.username = USERNAME if password else None
        self.password = PASSWORD if password else None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{'https' if self.tls else 'http'}://{self.address}"

    @property
    def flags(self) -> list[str]:
        """Options with which podman's own commands reach it."""
        flags = [f"--cert-dir={self.certificates}"] if self.tls else ["--tls-verify=false"]
        return [*flags, f"--creds={self.username}:{self.password}"] if self.username else flags

    def skopeo(self, side: str) -> list[str]:
        """The same options for `skopeo copy`; side is `src` or `dest`."""
        return [flag.replace("--", f"--{side}-", 1) for flag in self.flags]

    @property
    def data(self) -> Path:
        """Where it keeps blobs, for tests that damage them."""
        return self.directory / "data"


def _run(*words: str, cwd: Path) -> None:
    subprocess.run(words, cwd=cwd, check=True, capture_output=True)


def make_certificates(directory: Path, *names: str) -> None:
    """Write an authority (`trusted/ca.crt`) and a server certificate of it (`server.cert`, `server.key`)."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    (directory / "trusted").mkdir()
    authority = ("-subj", "/CN=libpod tests", "-keyout", "ca.key", "-out", "trusted/ca.crt")
    _run("openssl", "req", "-x509", *curve, "-days", "2", *authority, cwd=directory)
    _run(
        "openssl", "req", *curve, "-subj", "/CN=registry", "-keyout", "server.key", "-out", "server.csr", cwd=directory
    )
    alternatives = ",".join(names or ("IP:127.0.0.1", "DNS:localhost"))
    (directory / "names").write_text(f"subjectAltName={alternatives}\n")
    signed = ("-CA", "trusted/ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
    _run("openssl", "x509", "-req", "-in", "server.csr", *signed, "-out", "server.cert", cwd=directory)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        port: int = probe_socket.getsockname()[1]
        return port


@contextlib.contextmanager
def serve(*, tls: bool = False, password: bool = False) -> Iterator[Registry]:
    """Run a registry with empty storage; it and its data are gone afterwards."""
    probe.needs_programs("docker-registry", "openssl", *(["htpasswd"] if password else []))
    with tempfile.TemporaryDirectory(prefix="lp-registry-") as name:
        directory = Path(name)
        address = f"127.0.0.1:{free_port()}"
        config = _CONFIG.format(data=directory / "data", address=address)
        if tls:
            make_certificates(directory)
            config += _TLS.format(directory=directory)
        if password:
            _run("htpasswd", "-Bbc", "-C", "5", "htpasswd", USERNAME, PASSWORD, cwd=directory)
            config += _AUTH.format(directory=directory)
        (directory / "config.yml").write_text(config)
        with (directory / "log").open("wb") as log:
            command = ["docker-registry", "serve", str(directory / "config.yml")]
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait(process, address, directory)
            yield Registry(address, directory, tls=tls, password=password)
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, directory: Path) -> None:
    host, _, port = address.partition(":")
    for _ in range(200):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("docker-registry did not start: " + (directory / "log").read_text())
