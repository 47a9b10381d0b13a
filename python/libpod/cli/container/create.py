"""`podman create`, and the creation that `run` begins with."""

from __future__ import annotations

from libpod.cli.command import Command, Option, unsupported
from libpod.cli.container import terminal
from libpod.cli.container.options import OPTIONS, CidFile, container_options, lacking, parse_streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options
    from libpod.cli.print.progress import Reporter
    from libpod.container.model import Container

ATTACH = Option("--attach", "-a", kind="strings", help="Attach to STDIN, STDOUT or STDERR")
DETACH_KEYS = Option(
    "--detach-keys",
    default="ctrl-p,ctrl-q",
    metavar="[a-Z]",
    help="Override the key sequence for detaching a container. Format is a single character [a-Z] or a comma separated sequence of"
    " `ctrl-<value>`, where `<value>` is one of: `a-cf`, `@`, `^`, `[`, `\\`, `]`, `^` or `_`",
)


def create_container(context: Context, options: Options, arguments: list[str]) -> Container:
    """Create a container as the command line says; one that it cannot be written down for (`--cidfile`) is removed again."""
    if options.tty and options.interactive:
        terminal.warn_without_terminal(context)
    wanted = container_options(options)
    # Also before a --cidfile that is in the way is found, as with Podman.
    if options.replace and options.name and (killed := context.engine.containers.replace(options.name)):
        terminal.warn_killed(context, killed, None)
    cidfile, container, pulling = CidFile(options.cidfile), None, _Pulling(quiet=options.quiet)
    try:
        pull = options.pull if "pull" in options.given and options.pull else context.engine.conf.engine["pull_policy"]
        container = context.engine.containers.create(
            wanted, arguments[0], arguments[1:], pull=pull, progress=pulling.begin
        )
        cidfile.write(container.id)
    except BaseException:
        cidfile.close(keep=False)
        if container is not None:
            context.engine.containers.discard(container)
        raise
    finally:
        pulling.end()
    cidfile.close(keep=True)
    if wanted.network.ports and container.settings.network.kind != "bridge":
        context.warn(
            "Port mappings have been discarded as one of the Host, Container, Pod, and None network modes are in use"
        )
    for text in container.warnings:
        context.log("warning", text)
    return container


class _Pulling:
    """Tells of a pull, should there be one; what is needed for that is imported then."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._reporter: Reporter | None = None

    def begin(self) -> Reporter:
        from libpod.cli.print.progress import choose

        self._reporter = choose(quiet=self._quiet)
        return self._reporter

    def end(self) -> None:
        if self._reporter is not None:
            self._reporter.close()


def create(context: Context, options: Options, arguments: list[str]) -> int:
    """Create a container and print its id."""
    # Which streams are attached is a matter of the start; here the words are only judged.
    parse_streams(options.attach)
    container = create_container(context, options, arguments)
    context.write(container.id)
    return 0


COMMAND = Command(
    "create",
    call=create,
    usage="[options] IMAGE [COMMAND [ARG...]]",
    short="Create but do not start a container",
    long="Creates a new container from the given image or storage and prepares it for running the specified "
    "command.\n"
    "\n"
    "  The container ID is then printed to stdout. You can then start it at any time with the podman "
    "start <container_id> command. The container will be created with the initial state 'created'.",
    options=(*OPTIONS, ATTACH, DETACH_KEYS, unsupported("--sig-proxy", kind="bool")),
    lacking=lacking,
    least=1,
    interspersed=False,
    examples=(
        "podman create alpine ls",
        "podman create --annotation HELLO=WORLD alpine ls",
        "podman create -t -i --name myctr alpine ls",
    ),
)
