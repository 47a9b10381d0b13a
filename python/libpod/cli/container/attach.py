"""`podman attach`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag
from libpod.cli.container import terminal
from libpod.cli.container.targets import LATEST
from libpod.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.container.foreground import Stay
    from libpod.container.model import Container


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Join the streams of a running container."""
    if len(arguments) > 1:
        raise UsageError("`podman attach` accepts at most one argument")
    if not arguments and not options.latest:
        raise UsageError('"podman attach" requires a name, id, or the "--latest" flag')
    manager = context.engine.containers
    container = manager.latest() if options.latest else manager.lookup(arguments[0])
    return relay(context, manager.attach(container), container, stdin=not options.no_stdin, options=options)


def relay(context: Context, stay: Stay, container: Container, *, stdin: bool, options: Options) -> int:
    """Relay the streams of a container that this command did not create; return its exit code, 0 after a detach.

    options: those of `attach` and `start`, `--detach-keys` and `--sig-proxy`.
    """
    settings = container.settings
    return terminal.stay(
        context,
        stay,
        container,
        stdin=stdin and settings.stdin_open,
        detach_keys=options.detach_keys if "detach_keys" in options.given else settings.detach_keys,
        sig_proxy=options.sig_proxy if "sig_proxy" in options.given else True,
    )


COMMAND = Command(
    "attach",
    call=run,
    usage="[options] CONTAINER",
    short="Attach to a running container",
    long="The podman attach command allows you to attach to a running container using the container's ID or name, either to "
    "view its ongoing output or to control it interactively.",
    options=(
        Option(
            "--detach-keys",
            metavar="[a-Z]",
            shown='"ctrl-p,ctrl-q"',
            help="Select the key sequence for detaching a container. Format is a single character [a-Z] or a comma separated sequence of `ctrl-<value>`, where `<value>` is one of: `a-z`, `@`, `^`, `[`, `\\`, `]`, `^` or `_`",
        ),
        LATEST,
        flag("--no-stdin", help="Do not attach STDIN. The default is false"),
        flag("--sig-proxy", default=True, help="Proxy received signals to the process"),
    ),
    examples=(
        "podman attach ctrID",
        "podman attach 1234",
        "podman attach --no-stdin foobar",
    ),
)
