"""`podman run`."""

from __future__ import annotations

from libpod.cli.command import Command, flag
from libpod.cli.container import terminal
from libpod.cli.container.create import ATTACH, DETACH_KEYS, create_container
from libpod.cli.container.options import OPTIONS, lacking, parse_streams
from libpod.cli.context import message_of
from libpod.errors import InvalidError, LibpodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Session
    from libpod.cli.context import Context, Options
    from libpod.container.model import Container

#: Podman's exit code for a container that exists and cannot be started.
_NOT_STARTED = 126


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Create a container, start it, and stay with it until it ends, unless it is detached."""
    streams = parse_streams(options.attach)
    if "attach" in options.given and not streams:
        error = InvalidError("must provide at least one stream to attach to: invalid argument")
        error.exit_code = _NOT_STARTED
        raise error
    if options.detach and options.rm and options.attach:
        streams = set()
    container = create_container(context, options, arguments)
    if options.detach:
        _start(context, container, detach=True).close()
        context.write(container.id)
        return 0
    return _attached(context, options, container, streams)


def _attached(context: Context, options: Options, container: Container, streams: set[str]) -> int:
    settings = container.settings
    stay = context.engine.containers.stay(container, _start(context, container), owner=True)
    if streams == {"stdin"}:
        # Nothing that the container writes comes here: its name has to do.
        context.write(container.id)
    try:
        return terminal.stay(
            context,
            stay,
            container,
            stdin=settings.stdin_open and (not streams or "stdin" in streams),
            stdout=not streams or "stdout" in streams,
            stderr=not streams or "stderr" in streams,
            detach_keys=settings.detach_keys,
            sig_proxy=options.sig_proxy,
        )
    except LibpodError as error:
        raise not_started(error) from None


def _start(context: Context, container: Container, *, detach: bool = False) -> Session:
    """Start a container that was just created.

    A container that exists and cannot be started is exit code 126, whatever the reason, unless its command is missing.
    """
    size = terminal.size() if container.settings.terminal else None
    try:
        session = context.engine.containers.start(container, detach=detach, fresh=True, initial_size=size)
    except BaseException as error:
        raise not_started(error) from None
    terminal.show_warnings(context, session.warnings())
    return session


def not_started(error: BaseException) -> BaseException:
    """The same error with Podman's exit code for a container that exists and could not be started or attached."""
    if isinstance(error, OSError) and not isinstance(error, LibpodError):
        error = LibpodError(message_of(error), path=error.filename, errno=error.errno)
    if isinstance(error, LibpodError) and error.exit_code == LibpodError.exit_code:
        error.exit_code = _NOT_STARTED
    return error


COMMAND = Command(
    "run",
    call=run,
    usage="[options] IMAGE [COMMAND [ARG...]]",
    short="Run a command in a new container",
    long="Runs a command in a new container from the given image",
    options=(
        *OPTIONS,
        ATTACH,
        DETACH_KEYS,
        flag("--detach", "-d", help="Run container in background and print container ID"),
        flag("--sig-proxy", default=True, help="Proxy received signals to the process"),
    ),
    lacking=lacking,
    least=1,
    interspersed=False,
    examples=(
        "podman run imageID ls -alF /etc",
        "podman run --network=host imageID dnf -y install java",
        "podman run --volume /var/hostdir:/var/ctrdir -i -t fedora /bin/bash",
    ),
)
