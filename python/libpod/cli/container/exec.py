"""`podman exec`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag, unsupported
from libpod.cli.container import terminal
from libpod.cli.container.targets import LATEST
from libpod.cli.context import message_of
from libpod.errors import LibpodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Execute a command in a running container and return its exit code."""
    from libpod.container.exec import NO_SESSION, parse_environment

    if not arguments and not options.latest:
        raise UsageError("exec requires the name or ID of a container or the --latest flag")
    engine = context.engine
    if options.latest:
        container, argv = engine.containers.latest(), arguments
    else:
        container, argv = engine.containers.lookup(arguments[0]), arguments[1:]
    try:
        exec_id, session = engine.containers.exec(
            container,
            argv,
            env=parse_environment(options.env, options.env_file) if options.env or options.env_file else None,
            user=options.user,
            workdir=options.workdir,
            terminal=options.tty,
            stdin_open=options.interactive,
            privileged=options.privileged,
            detach=options.detach,
            initial_size=terminal.size() if options.tty else None,
        )
    except LibpodError as error:
        # Nobody waits for an exit code of the container's there.
        if options.detach:
            error.exit_code = LibpodError.exit_code
        raise
    terminal.show_warnings(context, session.warnings())
    if options.detach:
        session.close()
        context.write(exec_id)
        return 0
    try:
        record = terminal.relay(
            session,
            stdin=options.interactive,
            terminal=options.tty,
            detach_keys=options.detach_keys if "detach_keys" in options.given else engine.conf.engine["detach_keys"],
            sig_proxy=False,
        )
    except (LibpodError, BrokenPipeError):
        raise
    except OSError as error:
        refused = LibpodError(message_of(error), errno=error.errno)
        refused.exit_code = NO_SESSION
        raise refused from None
    finally:
        session.close()
    return int(record["exit_code"])


COMMAND = Command(
    "exec",
    call=run,
    usage="[options] CONTAINER COMMAND [ARG...]",
    short="Run a process in a running container",
    long="Execute the specified command inside a running container.\n",
    options=(
        flag("--detach", "-d", help="Run the exec session in detached mode (backgrounded)"),
        Option(
            "--detach-keys",
            shown='"ctrl-p,ctrl-q"',
            help="Select the key sequence for detaching a container. Format is a single character [a-Z] or ctrl-<value> where <value> is one of: a-z, @, ^, [, , or _",
        ),
        Option("--env", "-e", kind="array", help="Set environment variables"),
        Option("--env-file", kind="array", help="Read in a file of environment variables"),
        flag("--interactive", "-i", help="Make STDIN available to the contained process"),
        LATEST,
        unsupported("--preserve-fds", kind="uint"),
        flag(
            "--privileged",
            help="Give the process extended Linux capabilities inside the container.  The default is false",
        ),
        flag("--tty", "-t", help="Allocate a pseudo-TTY. The default is false"),
        Option(
            "--user",
            "-u",
            help="Sets the username or UID used and optionally the groupname or GID for the specified command",
        ),
        Option("--workdir", "-w", help="Working directory inside the container"),
        unsupported("--preserve-fd", kind="strings"),
    ),
    interspersed=False,
    examples=("podman exec -it ctrID ls", "podman exec -it -w /tmp myCtr pwd", "podman exec --user root ctrID ls"),
)
