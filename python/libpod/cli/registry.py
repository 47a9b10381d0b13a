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
    unsupported("--config"),
    unsupported("--cpu-profile"),
    unsupported("--default-mounts-file"),
    unsupported("--imagestore"),
    unsupported("--max-workers", kind="int"),
    unsupported("--memory-profile"),
    unsupported("--module", kind="array"),
    unsupported("--out"),
    unsupported("--registries-conf"),
    unsupported("--trace", kind="bool"),
    unsupported("--transient-store", kind="bool"),
)

_OF_THE_PROGRAM = "--version --noout --remote --connection --identity --ssh --url --config --module --out".split()
#: Global options that may stand behind the command, too; the others are of the program alone.
PERSISTENT = tuple(option for option in GLOBAL_OPTIONS if option.names[0] not in _OF_THE_PROGRAM)

#: Top-level commands: name → the module whose `COMMAND` it is.
COMMANDS: dict[str, str] = {
    "attach": "container.attach",
    "completion": "completion",
    "create": "container.create",
    "exec": "container.exec",
    "history": "image.history",
    "images": "image.ls",
    "import": "image.importing",
    "info": "system.info",
    "inspect": "inspect",
    "kill": "container.kill",
    "load": "image.load",
    "login": "login",
    "logout": "logout",
    "logs": "container.logs",
    "pause": "container.pause",
    "port": "container.port",
    "ps": "container.ps",
    "pull": "image.pull",
    "push": "image.push",
    "rename": "container.rename",
    "restart": "container.restart",
    "rm": "container.rm",
    "rmi": "image.rm",
    "run": "container.run",
    "save": "image.save",
    "start": "container.start",
    "stop": "container.stop",
    "tag": "image.tag",
    "top": "container.top",
    "unpause": "container.unpause",
    "untag": "image.untag",
    "version": "system.version",
    "wait": "container.wait",
}

#: Commands of a group (`podman image ls`): group → name → module.
GROUPS: dict[str, dict[str, str]] = {
    "container": {
        "attach": "container.attach",
        "cleanup": "container.cleanup",
        "create": "container.create",
        "exec": "container.exec",
        "exists": "container.exists",
        "inspect": "container.inspect",
        "kill": "container.kill",
        "list": "container.ps",
        "logs": "container.logs",
        "ls": "container.ps",
        "pause": "container.pause",
        "port": "container.port",
        "ps": "container.ps",
        "rename": "container.rename",
        "restart": "container.restart",
        "rm": "container.rm",
        "run": "container.run",
        "start": "container.start",
        "stop": "container.stop",
        "top": "container.top",
        "unpause": "container.unpause",
        "wait": "container.wait",
    },
    "image": {
        "exists": "image.exists",
        "history": "image.history",
        "import": "image.importing",
        "inspect": "image.inspect",
        "list": "image.ls",
        "load": "image.load",
        "ls": "image.ls",
        "prune": "image.prune",
        "pull": "image.pull",
        "push": "image.push",
        "rm": "image.rm",
        "save": "image.save",
        "tag": "image.tag",
        "untag": "image.untag",
    },
    "network": {
        "exists": "network.exists",
        "inspect": "network.inspect",
        "list": "network.ls",
        "ls": "network.ls",
    },
    "system": {"info": "system.info"},
}

#: Other names of a group's commands: group → name → the name that its help lists.
ALIASES: dict[str, dict[str, str]] = {
    "container": {"ls": "list"},
    "image": {"ls": "list"},
    "network": {"list": "ls"},
}

#: Commands that no list of commands shows.
HIDDEN = frozenset(("completion",))

#: What the groups are for.
GROUP_TITLES = {
    "container": "Manage containers",
    "image": "Manage images",
    "network": "Manage networks",
    "system": "Manage podman",
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
    """Import the command of a module below `libpod.cli`."""
    command: Command = __import__(f"libpod.cli.{home}", fromlist=["COMMAND"]).COMMAND
    return command
