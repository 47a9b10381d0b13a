"""`podman run` and `podman create`."""

from __future__ import annotations

from libpod.cli import terminal
from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.container_options import OPTIONS, check_cidfile, request_of, write_cidfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context
    from libpod.cli.parser import Options
    from libpod.container.model import Container

_ATTACH = Option("--attach", "-a", kind="strings", help="Attach to STDIN, STDOUT or STDERR")
_DETACH_KEYS = Option(
    "--detach-keys", default="ctrl-p,ctrl-q", help="Override the key sequence for detaching a container"
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Create a container, start it, and stay with it until it ends, unless it is detached."""
    from libpod.container.resolve import parse_streams
    from libpod.errors import InvalidError

    streams = parse_streams(options.attach)
    if options.detach and options.rm and options.attach:
        streams = set()
    if options.sig_proxy and "sig_proxy" in options.given and options.tty:
        raise InvalidError("--sig-proxy and --tty cannot be set together")
    container = _create(context, options, arguments)
    engine = context.engine
    if options.detach:
        try:
            session = engine.start(
                container, detach=True, fresh=True, initial_size=terminal.size() if options.tty else None
            )
        except BaseException:
            _discard(context, container)
            raise
        session.close()
        context.write(container.id)
        return 0
    return _attached(context, options, container, streams)


def _attached(context: Context, options: Options, container: Container, streams: set[str]) -> int:
    engine, settings = context.engine, container.settings
    try:
        session = engine.start(container, fresh=True, initial_size=terminal.size() if settings.terminal else None)
    except BaseException:
        _discard(context, container)
        raise
    record = terminal.relay(
        session,
        stdin=settings.stdin_open and (not streams or "stdin" in streams),
        stdout=not streams or "stdout" in streams,
        stderr=not streams or "stderr" in streams,
        terminal=settings.terminal,
        detach_keys=settings.detach_keys,
        sig_proxy=options.sig_proxy and not settings.terminal,
    )
    if record.get("detached"):
        session.close()
        return 0
    if settings.remove:
        engine.finish(container)
        session.cleanup_done()
    session.close()
    return int(record["exit_code"])


def _create(context: Context, options: Options, arguments: list[str]) -> Container:
    check_cidfile(options.cidfile)
    if options.tty and options.interactive:
        terminal.warn_without_terminal()
    request = request_of(options)
    if options.replace and options.name and context.engine.containers.replace(options.name):
        context.write(options.name)
    container = context.engine.create(request, arguments[0], arguments[1:], pull=options.pull)
    write_cidfile(options.cidfile, container.id)
    if (request.publish or request.publish_all) and container.settings.network != "bridge":
        context.warn(
            "Port mappings have been discarded as one of the Host, Container, Pod, and None network modes are in use"
        )
    return container


def _discard(context: Context, container: Container) -> None:
    """Take away a container of `--rm` that could not be started."""
    if container.settings.remove:
        context.engine.finish(container)


def create(context: Context, options: Options, arguments: list[str]) -> int:
    """Create a container and print its id."""
    container = _create(context, options, arguments)
    context.write(container.id)
    return 0


COMMAND = Command(
    "run",
    call=run,
    usage="[options] IMAGE [COMMAND [ARG...]]",
    short="Run a command in a new container",
    long="Runs a command in a new container from the given image",
    options=(
        *OPTIONS,
        _ATTACH,
        _DETACH_KEYS,
        flag("--detach", "-d", help="Run container in background and print container ID"),
        flag("--sig-proxy", default=True, help="Proxy received signals to the process"),
    ),
    least=1,
    interspersed=False,
    examples=(
        "podman run imageID ls -alF /etc",
        "podman run --network=host imageID dnf -y install java",
        "podman run --volume /var/hostdir:/var/ctrdir -i -t fedora /bin/bash",
    ),
)

CREATE = Command(
    "create",
    call=create,
    usage="[options] IMAGE [COMMAND [ARG...]]",
    short="Create but do not start a container",
    long="Creates a new container from the given image or storage and prepares it for running the specified command.",
    options=(*OPTIONS, _ATTACH, _DETACH_KEYS, unsupported("--sig-proxy", kind="bool")),
    least=1,
    interspersed=False,
    examples=(
        "podman create alpine ls",
        "podman create --annotation HELLO=WORLD alpine ls",
        "podman create -t -i --name myctr alpine ls",
    ),
)
