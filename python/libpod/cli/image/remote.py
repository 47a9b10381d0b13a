"""What the commands that talk to registries share: their options, the prompt for a password, the end by Ctrl-C."""

from __future__ import annotations

import os
import sys

from libpod.cli.command import Option, flag
from libpod.cli.context import say
from libpod.cli.print.escape import printable
from libpod.config import lookup
from libpod.errors import InvalidError
from libpod.identity import Identity
from libpod.image.reference import split_transport
from libpod.image.transport import Options as TransportOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Options

AUTHFILE = Option(
    "--authfile",
    help="Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
)
CERT_DIR = Option("--cert-dir", help="Pathname of a directory containing TLS certificates and keys", metavar="Pathname")
CREDS = Option(
    "--creds",
    help="Credentials (USERNAME:PASSWORD) to use for authenticating to a registry",
    metavar="Credentials",
)
TLS_VERIFY = flag("--tls-verify", help="Require HTTPS and verify certificates when contacting registries", default=True)
CONTENT_TRUST = flag(
    "--disable-content-trust",
    help="This is a Docker specific option and is a NOOP",
    idle="Docker's; it has no meaning in Podman either",
)


def transport_options(options: Options) -> TransportOptions:
    """Return what the user said about reaching registries; a missing password is asked for.

    Raises: InvalidError for credentials without a user, OSError for an authfile that does not exist.
    """
    check_authfile(options)
    return TransportOptions(
        authfile=options.authfile or None,
        credentials=_credentials(options.creds) if "creds" in options.given and options.creds else None,
        cert_dir=options.cert_dir or None,
        tls_verify=options.tls_verify if "tls_verify" in options.given else None,
        on_retry=lambda text: say(f"WARNING: {printable(text)}"),
    )


def check_authfile(options: Options, *, context: str = "") -> None:
    """Refuse an authfile that does not exist, given by option or environment.

    Raises: InvalidError in Podman's words.
    """
    path = lookup.named_auth_file(Identity(), options.authfile)
    if path:
        try:
            os.stat(path)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise InvalidError(f"{context}stat {path}: {reason}", path=path, errno=error.errno) from None


def _credentials(text: str) -> str:
    username, colon, password = text.partition(":")
    if not username:
        raise InvalidError("username cannot be empty")
    if colon:
        return f"{username}:{password}"
    try:
        return f"{username}:{ask_password()}"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidError(f"could not read password from terminal: {reason}") from None


def ask_password(prompt: str = "Password: ") -> str:
    """Ask for a password without showing it.

    Raises: OSError where stdin is no terminal.
    """
    import termios

    try:
        before = termios.tcgetattr(0)
    except termios.error as error:
        sys.stdout.write(prompt)
        sys.stdout.flush()
        raise OSError(*error.args) from None
    hidden = list(before)
    hidden[3] &= ~termios.ECHO
    # Before the prompt: a program that answers it at once must not see its answer on the screen.
    termios.tcsetattr(0, termios.TCSADRAIN, hidden)
    try:
        sys.stdout.write(prompt)
        sys.stdout.flush()
        return sys.stdin.readline().rstrip("\r\n")
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        sys.stdout.write("\n")


def is_registry(reference: str) -> bool:
    """Whether a reference names an image of a registry, with its transport or without."""
    return split_transport(reference)[0] in ("", "docker")


def end_on_interrupt() -> None:
    """Let Ctrl-C end the process at once: it may wait for a registry in the extension, and Python's own handler for it.

    Nothing half-done becomes visible by that: layers are staged, and what a dead process staged is swept by the next one; a
    registry forgets an upload that is not completed.
    """
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
