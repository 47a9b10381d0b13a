"""`podman login`: prove credentials at a registry and keep them in auth.json."""

from __future__ import annotations

import sys

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.image import remote
from libpod.config import auth
from libpod.config import registries as configuration
from libpod.errors import DeniedError, InvalidError, LibpodError, NotFoundError, UsageError
from libpod.image import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Log in, or print who is logged in."""
    key = chosen_key(arguments)
    helpers = configuration.load_registries().credential_helpers
    existing = auth.find_credentials(key, authfile=options.authfile or None, helpers=helpers)
    if options.get_login:
        if existing is None:
            raise NotFoundError(f"not logged into {key}")
        context.write(existing.username)
        return 0
    username, password = options.username, _given_password(options)
    if not username and not password and existing is not None and existing.password:
        context.write(f"Authenticating with existing credentials for {key}")
        if _is_accepted(key, existing, options):
            context.write(f"Existing credentials are valid. Already logged in to {key.partition('/')[0]}")
            return 0
        context.write("Existing credentials are invalid, please enter valid username and password")
    credentials = _ask_for_rest(username, password, existing)
    if not _is_accepted(key, credentials, options):
        raise DeniedError(f'logging into "{key}": invalid username/password')
    place = auth.set_credentials(key, credentials, authfile=options.authfile or None)
    if options.verbose:
        context.write(f"Used:  {place}")
    context.write("Login Succeeded!")
    return 0


def chosen_key(arguments: list[str]) -> str:
    """Return the registry or repository that is meant; without one, the first of the search list.

    Raises: NotFoundError where there is none, InvalidError for a name with tag or digest.
    """
    if not arguments:
        search = configuration.load_registries().unqualified_search
        if not search:
            raise NotFoundError("no registries found in registries.conf, a registry must be provided")
        return search[0]
    text = arguments[0]
    for scheme in ("https://", "http://"):
        if text.startswith(scheme):
            return text.removeprefix(scheme).partition("/")[0]
    if "/" not in text:
        return text
    try:
        wanted = reference.parse_name(text)
    except InvalidError as error:
        raise InvalidError(f'parse reference from "{text}": {error}') from None
    if isinstance(wanted, reference.ImageId) or wanted.tag is not None or wanted.digest is not None:
        raise InvalidError(f'reference "{text}" contains tag or digest')
    if isinstance(wanted, reference.ShortName):
        raise InvalidError(f'"{text}" names no registry')
    return wanted.name


def _given_password(options: Options) -> str:
    if not options.password_stdin:
        return str(options.password)
    if options.password:
        raise UsageError("Can't specify both --password-stdin and --password")
    if not options.username:
        raise UsageError("Must provide --username with --password-stdin")
    return sys.stdin.readline().rstrip("\r\n")


def _ask_for_rest(username: str, password: str, existing: auth.Credentials | None) -> auth.Credentials:
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
    return auth.Credentials(username, password)


def _is_accepted(key: str, credentials: auth.Credentials, options: Options) -> bool:
    from libpod.image import docker
    from libpod.image.transport import Options as TransportOptions

    host = key.partition("/")[0]
    chosen = TransportOptions(
        cert_dir=options.cert_dir or None,
        tls_verify=options.tls_verify if "tls_verify" in options.given else None,
        retries=0,
    )
    insecure = configuration.load_registries().is_insecure(host)
    try:
        docker.open_client(host, chosen, insecure=insecure, credentials=credentials).check_credentials()
    except DeniedError:
        return False
    except LibpodError as error:
        raise error.prefixed(f'authenticating creds for "{key}": ') from None
    return True


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
