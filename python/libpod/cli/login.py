"""`podman login`: prove credentials at a registry and keep them in auth.json."""

from __future__ import annotations

import sys

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.image import remote
from libpod.config.auth import Credentials
from libpod.errors import InvalidError, NotFoundError, UsageError
from libpod.image.login import LoginManager
from libpod.image.transport import Options as TransportOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Log in, or print who is logged in."""
    manager = LoginManager(options.authfile)
    key = manager.key(arguments[0] if arguments else None)
    existing = manager.find(key)
    if options.get_login:
        if existing is None:
            raise NotFoundError(f"not logged into {key}")
        context.write(existing.username)
        return 0
    username, password = options.username, _given_password(options)
    transport = TransportOptions(
        cert_dir=options.cert_dir or None,
        tls_verify=options.tls_verify if "tls_verify" in options.given else None,
        retries=0,
    )
    if not username and not password and existing is not None and existing.password:
        context.write(f"Authenticating with existing credentials for {key}")
        if manager.accepts(key, existing, transport):
            context.write(f"Existing credentials are valid. Already logged in to {key.partition('/')[0]}")
            return 0
        context.write("Existing credentials are invalid, please enter valid username and password")
    place = manager.login(key, _ask_for_rest(username, password, existing), transport)
    if options.verbose:
        context.write(f"Used:  {place}")
    context.write("Login Succeeded!")
    return 0


def _given_password(options: Options) -> str:
    if not options.password_stdin:
        return str(options.password)
    if options.password:
        raise UsageError("Can't specify both --password-stdin and --password")
    if not options.username:
        raise UsageError("Must provide --username with --password-stdin")
    return sys.stdin.readline().rstrip("\r\n")


def _ask_for_rest(username: str, password: str, existing: Credentials | None) -> Credentials:
    """Ask for what was not given."""
    if not username:
        known = existing.username if existing is not None else ""
        sys.stdout.write(f"Username ({known}): " if known else "Username: ")
        sys.stdout.flush()
        username = sys.stdin.readline().strip() or known
        if not username:
            raise InvalidError("getting username and password: reading username: EOF")
    if not password:
        try:
            password = remote.ask_password()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InvalidError(f"getting username and password: reading password: {reason}") from None
    return Credentials(username, password)


COMMAND = Command(
    "login",
    call=run,
    usage="[options] [REGISTRY]",
    short="Log in to a container registry",
    long="Log in to a container registry on a specified server.",
    examples=(
        "podman login quay.io",
        "podman login --username ... --password ... quay.io",
        "podman login --authfile dir/auth.json quay.io",
    ),
    most=1,
    options=(
        Option(
            "--authfile",
            help="path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
        ),
        Option("--cert-dir", help="use certificates at the specified path to access the registry"),
        flag("--get-login", help="Return the current login user for the registry"),
        Option("--password", "-p", help="Password for registry"),
        flag("--password-stdin", help="Take the password from stdin"),
        remote.TLS_VERIFY,
        Option("--username", "-u", help="Username for registry"),
        flag("--verbose", "-v", help="Write more detailed information to stdout"),
        unsupported("--compat-auth-file"),
        unsupported("--secret"),
    ),
)
