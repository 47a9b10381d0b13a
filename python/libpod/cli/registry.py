"""What the program knows: its own options, and which module serves which command.

A new command is one line here and one module beside this one.
"""

from __future__ import annotations

from libpod.cli.command import Option, flag, unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.command import Command

#: Options that stand before the command.
GLOBAL_OPTIONS = (
    Option("--cgroup-manager", help='Cgroup manager to use ("cgroupfs")', choices=("cgroupfs",)),
    Option(
        "--log-level", help="Log messages above specified level (warn, warning, error, fatal, panic)", default="warn"
    ),
    Option("--root", help="Path to the root directory in which data, including images, is stored"),
    Option("--runroot", help="Path to the 'run directory' where all state information is stored"),
    Option("--storage-driver", help="Select which storage driver is used to manage storage of images and containers"),
    Option("--storage-opt", kind="array", help="Used to pass an option to the storage driver"),
    flag("--version", "-v", help="version for podman"),
    unsupported("--runtime"),
    unsupported("--runtime-flag", kind="array"),
    unsupported("--conmon"),
    unsupported("--events-backend"),
    unsupported("--hooks-dir", kind="strings"),
    unsupported("--namespace"),
    unsupported("--network-cmd-path"),
    unsupported("--network-config-dir"),
    unsupported("--noout", kind="bool"),
    unsupported("--syslog", kind="bool"),
    unsupported("--tmpdir"),
    unsupported("--volumepath"),
    unsupported("--remote", "-r", kind="bool"),
    unsupported("--connection", "-c"),
    unsupported("--identity"),
    unsupported("--ssh"),
    unsupported("--url"),
)

#: Top-level commands: name → `module` or `module:ATTRIBUTE`.
COMMANDS: dict[str, str] = {
    "attach": "attach",
    "completion": "completion",
    "create": "run:CREATE",
    "exec": "exec",
    "history": "history",
    "images": "images",
    "import": "importing",
    "info": "info",
    "inspect": "inspect",
    "kill": "stop:KILL",
    "load": "load",
    "login": "login",
    "logout": "logout",
    "logs": "logs",
    "pause": "stop:PAUSE",
    "port": "port",
    "ps": "ps",
    "pull": "pull",
    "push": "push",
    "rename": "rename",
    "restart": "start:RESTART",
    "rm": "rm",
    "rmi": "rmi",
    "run": "run",
    "save": "save",
    "start": "start",
    "stop": "stop",
    "tag": "tag",
    "top": "top",
    "unpause": "stop:UNPAUSE",
    "untag": "tag:UNTAG",
    "version": "version",
    "wait": "stop:WAIT",
}

#: Commands of a group (`podman image ls`): group → name → module.
GROUPS: dict[str, dict[str, str]] = {
    "container": {
        "attach": "attach",
        "cleanup": "rm:CLEANUP",
        "create": "run:CREATE",
        "exec": "exec",
        "exists": "rename:EXISTS",
        "inspect": "rename:INSPECT",
        "kill": "stop:KILL",
        "list": "ps",
        "logs": "logs",
        "ls": "ps",
        "pause": "stop:PAUSE",
        "port": "port",
        "ps": "ps",
        "rename": "rename",
        "restart": "start:RESTART",
        "rm": "rm",
        "run": "run",
        "start": "start",
        "stop": "stop",
        "top": "top",
        "unpause": "stop:UNPAUSE",
        "wait": "stop:WAIT",
    },
    "image": {
        "exists": "inspect:EXISTS",
        "history": "history",
        "import": "importing",
        "inspect": "inspect:IMAGE",
        "list": "images",
        "load": "load",
        "ls": "images",
        "prune": "rmi:PRUNE",
        "pull": "pull",
        "push": "push",
        "rm": "rmi",
        "save": "save",
        "tag": "tag",
        "untag": "tag:UNTAG",
    },
    "network": {
        "exists": "network:EXISTS",
        "inspect": "network:INSPECT",
        "list": "network",
        "ls": "network",
    },
    "system": {"info": "info"},
}

#: Commands of Podman's that libpod does not have yet: their use says so.
MISSING = frozenset(
    f"podman {name}"
    for name in (
        "auto-update build commit cp diff events export generate healthcheck init kube machine manifest mount pod play"
        " secret search stats unmount umount unshare update volume"
    ).split()
) | frozenset(
    f"podman {group} {name}"
    for group, names in (
        ("container", "checkpoint clone commit cp diff export init mount prune restore runlabel stats unmount update"),
        ("image", "build diff mount scp search sign tree trust unmount"),
        ("network", "connect create disconnect prune reload rm"),
        ("system", "connection df migrate prune renumber reset service"),
    )
    for name in names.split()
)


def load(home: str) -> Command:
    """Import the command at `module` or `module:NAME` (default `COMMAND`)."""
    module, _, attribute = home.partition(":")
    command: Command = getattr(__import__(f"libpod.cli.{module}", fromlist=["COMMAND"]), attribute or "COMMAND")
    return command
