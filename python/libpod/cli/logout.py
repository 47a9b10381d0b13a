"""`podman logout`: forget the credentials for a registry."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.image import remote
from libpod.errors import UsageError
from libpod.image.login import LoginManager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Remove one registry's credentials, or all."""
    remote.check_authfile(options, context="checking authfile: ")
    manager = LoginManager(options.authfile)
    if options.all:
        if arguments:
            raise UsageError("--all takes no arguments")
        manager.logout_all()
        context.write("Removed login credentials for all registries")
        return 0
    key = manager.key(arguments[0] if arguments else None)
    if manager.logout(key):
        context.write(f"Removed login credentials for {key}")
    else:
        context.write(
            f"Not logged into {key} with current tool. Existing credentials were established via docker login."
            " Please use docker logout instead."
        )
    return 0


COMMAND = Command(
    "logout",
    call=run,
    usage="[options] [REGISTRY]",
    short="Log out of a container registry",
    long="Remove the cached username and password for the registry.",
    examples=("podman logout quay.io", "podman logout --authfile dir/auth.json quay.io", "podman logout --all"),
    most=1,
    options=(
        flag("--all", "-a", help="Remove the cached credentials for all registries in the auth file"),
        Option(
            "--authfile",
            help="path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
        ),
        unsupported("--compat-auth-file"),
    ),
)
