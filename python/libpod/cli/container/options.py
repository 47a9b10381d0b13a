"""Options of `run` and `create`, and how they become `ContainerOptions`.

Every option of Podman's is declared: those that libpod lacks say so when they are used. An option is spelled here, in
`container/options`, and in the line of `container/judge` that judges it.
"""

from __future__ import annotations

import os
import stat
import sys

from libpod import quantity
from libpod.cli.command import Option, flag, unsupported
from libpod.container.options.words import UNSUPPORTED, Words, parse_options
from libpod.errors import InvalidError, LibpodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Options
    from libpod.container.options import ContainerOptions

#: What some options were called in older releases of Podman.
_ALIASES = {
    "--arch": "--override-arch",
    "--health-cmd": "--healthcheck-command",
    "--health-interval": "--healthcheck-interval",
    "--health-retries": "--healthcheck-retries",
    "--health-start-period": "--healthcheck-start-period",
    "--health-timeout": "--healthcheck-timeout",
    "--os": "--override-os",
    "--variant": "--override-variant",
}

OPTIONS = (
    Option("--add-host", kind="strings", shown="[]", help="Add a custom host-to-IP mapping (host:ip)"),
    Option("--annotation", kind="array", help="Add annotations to container (key=value)"),
    Option("--cap-add", kind="strings", help="Add capabilities to the container"),
    Option("--cap-drop", kind="strings", help="Drop capabilities from the container"),
    Option("--cgroup-parent", help="Optional parent cgroup for the container"),
    Option("--cgroupns", help="cgroup namespace to use"),
    Option("--cidfile", help="Write the container ID to the file"),
    Option("--conmon-pidfile", help="Path to the file that will receive the PID of conmon"),
    Option("--cpu-period", kind="uint", help="Limit the CPU CFS (Completely Fair Scheduler) period"),
    Option("--cpu-quota", kind="int", help="Limit the CPU CFS (Completely Fair Scheduler) quota"),
    Option("--cpu-shares", "-c", kind="uint", help="CPU shares (relative weight)"),
    Option("--cpus", metavar="float", help="Number of CPUs. The default is 0.000 which means no limit"),
    Option("--cpuset-cpus", help="CPUs in which to allow execution (0-3, 0,1)"),
    Option(
        "--cpuset-mems",
        help="Memory nodes (MEMs) in which to allow execution (0-3, 0,1). Only effective on NUMA systems.",
    ),
    Option("--device", kind="array", help="Add a host device to the container"),
    Option("--device-cgroup-rule", kind="strings", help="Add a rule to the cgroup allowed devices list"),
    flag(
        "--disable-content-trust",
        help="This is a Docker specific option and is a NOOP",
        idle="Docker's; it has no meaning in Podman either",
    ),
    Option("--dns", kind="strings", help="Set custom DNS servers"),
    Option("--dns-option", kind="strings", help="Set custom DNS options"),
    Option("--dns-search", kind="strings", help="Set custom DNS search domains"),
    Option("--entrypoint", help="Overwrite the default ENTRYPOINT of the image"),
    Option(
        "--env",
        "-e",
        kind="array",
        shown="[PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin]",
        help="Set environment variables in container",
    ),
    Option("--env-file", kind="array", help="Read in a file of environment variables"),
    flag("--env-host", help="Use all current host environment variables in container"),
    Option("--expose", kind="strings", help="Expose a port or a range of ports"),
    Option(
        "--group-add",
        kind="strings",
        help="Add additional groups to the primary container process. 'keep-groups' allows container processes to use supplementary groups.",
    ),
    Option("--hostname", "-h", help="Set container hostname"),
    flag(
        "--http-proxy",
        default=True,
        help="Set proxy environment variables in the container based on the host proxy vars",
    ),
    Option(
        "--image-volume",
        default="bind",
        help='Tells podman how to handle the builtin image volumes ("bind"|"tmpfs"|"ignore")',
    ),
    flag("--init", help="Run an init binary inside the container that forwards signals and reaps processes"),
    Option("--init-path", help="Path to the container-init binary"),
    flag("--interactive", "-i", help="Make STDIN available to the contained process"),
    Option("--ip", help="Specify a static IPv4 address for the container"),
    Option("--ipc", help="IPC namespace to use"),
    Option("--label", "-l", kind="array", help="Set metadata on container"),
    Option("--label-file", kind="array", help="Read in a line delimited file of labels"),
    Option("--log-driver", shown='"k8s-file"', help="Logging driver for the container"),
    Option("--log-opt", kind="array", help="Logging driver options"),
    Option("--mac-address", help="Container MAC address (e.g. 92:d0:c6:0a:29:33)"),
    Option(
        "--memory",
        "-m",
        metavar="<number>[<unit>]",
        help="Memory limit (format: <number>[<unit>], where unit = b (bytes), k (kibibytes), m (mebibytes), or g (gibibytes))",
    ),
    Option(
        "--memory-reservation",
        metavar="<number>[<unit>]",
        help="Memory soft limit (format: <number>[<unit>], where unit = b (bytes), k (kibibytes), m (mebibytes), or g (gibibytes))",
    ),
    Option("--memory-swap", help="Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
    Option(
        "--memory-swappiness",
        kind="int",
        default=-1,
        help="Tune container memory swappiness (0 to 100, or -1 for system default)",
    ),
    Option("--mount", kind="array", help="Attach a filesystem mount to the container"),
    Option("--name", help="Assign a name to the container"),
    Option("--network", kind="array", help="Connect a container to a network", aliases=("--net",)),
    flag("--no-healthcheck", help="Disable healthchecks on container"),
    flag("--no-hosts", help="Do not create /etc/hosts within the container, instead use the version from the image"),
    flag("--oom-kill-disable", help="Disable OOM Killer"),
    Option("--oom-score-adj", kind="int", help="Tune the host's OOM preferences (-1000 to 1000)"),
    flag("--passwd", default=True, help="add entries to /etc/passwd and /etc/group"),
    Option("--pid", help="PID namespace to use"),
    Option("--pidfile", help="Write the container process ID to the file"),
    Option("--pids-limit", kind="int", default=2048, help="Tune container pids limit (set -1 for unlimited)"),
    flag("--privileged", help="Give extended privileges to container"),
    Option(
        "--publish",
        "-p",
        kind="strings",
        shown="[]",
        help="Publish a container's port, or a range of ports, to the host",
    ),
    flag("--publish-all", "-P", help="Publish all exposed ports to random ports on the host interface"),
    Option("--pull", default="missing", help='Pull image policy ("always"|"missing"|"never"|"newer")'),
    flag("--quiet", "-q", help="Suppress output information when pulling images"),
    flag("--read-only", help="Make containers root filesystem read-only"),
    flag(
        "--read-only-tmpfs",
        default=True,
        help="When running --read-only containers mount read-write tmpfs on /dev, /dev/shm, /run, /tmp and /var/tmp",
    ),
    flag("--replace", help="If a container with the same name exists, replace it"),
    Option("--restart", help='Restart policy to apply when a container exits ("no")'),
    flag("--rm", help="Remove container and any anonymous unnamed volume associated with the container after exit"),
    Option("--security-opt", kind="array", help="Security Options"),
    Option(
        "--shm-size",
        metavar="<number>[<unit>]",
        shown='"65536k"',
        help="Size of /dev/shm (format: <number>[<unit>], where unit = b (bytes), k (kibibytes), m (mebibytes), or g (gibibytes))",
    ),
    Option("--stop-signal", help="Signal to stop a container. Default is SIGTERM"),
    Option(
        "--stop-timeout",
        kind="int",
        default=10,
        help="Seconds that a container has to exit when it is stopped; a negative number waits for ever",
    ),
    Option("--sysctl", kind="strings", help="Sysctl options"),
    Option("--systemd", help='Run container in systemd mode ("false"; "true" is for containers that run systemd)'),
    Option(
        "--timeout",
        kind="uint",
        help="Maximum length of time a container is allowed to run. The container will be killed automatically after the time expires.",
    ),
    Option("--tmpfs", kind="array", metavar="tmpfs", help="Mount a temporary filesystem (tmpfs) into a container"),
    flag("--tty", "-t", help="Allocate a pseudo-TTY for container"),
    Option("--tz", help="Set timezone in container"),
    Option("--ulimit", kind="strings", help="Ulimit options"),
    Option("--umask", shown='"0022"', help="Set umask in container"),
    Option("--unsetenv", kind="array", help="Unset environment default variables in container"),
    flag("--unsetenv-all", help="Unset all default environment variables in container"),
    Option("--user", "-u", help="Username or UID (format: <name|uid>[:<group|gid>])"),
    Option("--userns", help='User namespace to use ("host")'),
    Option("--uts", help="UTS namespace to use"),
    Option("--volume", "-v", kind="array", help="Bind mount a volume into the container"),
    Option("--workdir", "-w", help="Working directory inside the container"),
)


def lacking() -> list[Option]:
    """Declare Podman's options that libpod lacks: only a command line that names one needs them."""
    declared = []
    for field, kind in UNSUPPORTED.items():
        name = "--" + field.replace("_", "-")
        declared.append(unsupported(name, kind=kind, aliases=(_ALIASES[name],) if name in _ALIASES else ()))
    return declared


_STREAMS = ("stdin", "stdout", "stderr")

#: Options that say how a command behaves, not what its container is.
NOT_OF_THE_CONTAINER = frozenset(("attach", "detach", "sig_proxy", "pull", "quiet", "disable_content_trust"))


def container_options(options: Options) -> ContainerOptions:
    """Parse what was given into the options of a container.

    Raises: UsageError for a number of processors that is none; what `parse_options` raises.
    """
    given = {name: getattr(options, name) for name in options.given if name in Words.FIELDS}
    if "cpus" in given:
        text = given["cpus"]
        try:
            given["cpus"] = quantity.parse_float(text)
        except InvalidError as error:
            raise UsageError(f'invalid argument "{text}" for "--cpus" flag: {error.message}') from None
    given["create_command"] = ["podman", *sys.argv[1:]]
    return parse_options(Words(**given))


def parse_streams(texts: list[str]) -> set[str]:
    """Parse `--attach` values.

    Raises: InvalidError for a word that names no stream.
    """
    streams = {text.lower() for text in texts}
    for stream in streams:
        if stream not in _STREAMS:
            raise InvalidError(
                f'invalid stream "{stream}" for --attach - must be one of stdin, stdout, or stderr: invalid argument'
            )
    return streams


class CidFile:
    """The file of `--cidfile`: opened before the container is made, so that none is made whose id could not be written.

    A file that is there already is written over, as Podman does since 5.
    """

    def __init__(self, path: str) -> None:
        """Make the file; nothing for an empty path.

        Raises: LibpodError if it cannot be opened.
        """
        self._path = path
        self._fd = -1
        self._made = False
        if not path:
            return
        try:
            self._made = not os.path.lexists(path)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
        except OSError as error:
            raise LibpodError(
                f"creating idfile: open {path}: {(error.strerror or '').lower()}", path=path, errno=error.errno
            ) from None

    def write(self, container_id: str) -> None:
        """Write the id.

        Raises: LibpodError where the disk is full.
        """
        if self._fd < 0:
            return
        try:
            os.write(self._fd, container_id.encode())
            if stat.S_ISREG(os.fstat(self._fd).st_mode):
                os.ftruncate(self._fd, len(container_id))
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise LibpodError(f"writing cidfile {self._path}: {reason}", path=self._path, errno=error.errno) from None

    def close(self, *, keep: bool) -> None:
        """Be done with the file; without a container, one that was made for it goes."""
        if self._fd >= 0:
            os.close(self._fd)
            if not keep and self._made:
                os.unlink(self._path)
