"""What Podman makes of a mount's options: which there are, which exclude each other, and what is added to them.

Start reading at `complete_mount`.
"""

from __future__ import annotations

import os

from libpod.container.mounts import PROPAGATION, Mount, clean_destination
from libpod.errors import InvalidError, UnsupportedError

_TMPFS_SWITCHES = frozenset(("rw", "ro", "tmpcopyup", "notmpcopyup", "noatime", "noswap"))
SWITCHES = frozenset(("exec", "noexec", "suid", "nosuid", "dev", "nodev"))
_VOLUME_OPTIONS = PROPAGATION | SWITCHES | {"rw", "ro", "z", "Z", "U", "bind", "rbind", "copy", "nocopy", "O"}


def complete_mount(mount: Mount) -> Mount:
    """Return a mount with all the options that it gets; one that was completed before is as it was.

    Raises: InvalidError for a kind, a path or an option that there is not, UnsupportedError.
    """
    check_destination(mount.destination)
    if mount.kind == "tmpfs":
        return tmpfs(mount.destination, mount.options, copy_up=mount.copy_up)
    if mount.kind == "devpts":
        return Mount("devpts", mount.destination, "devpts", list(map(_terminal_option, mount.options)), copy_up=False)
    if mount.kind == "volume":
        if mount.anonymous and mount.volume:
            raise InvalidError(f"the volume {mount.volume} of {mount.destination} has a name and is not anonymous")
        return volume(mount.volume, mount.destination, mount.options, copy_up=mount.copy_up)
    if mount.kind != "bind":
        raise InvalidError(f'invalid filesystem type "{mount.kind}"')
    if not mount.source:
        raise InvalidError("host directory cannot be empty")
    return bind(mount.source, mount.destination, mount.options)


def check_destination(destination: str) -> None:
    """Refuse a place in the container that is none. Raises: InvalidError."""
    if not destination:
        raise InvalidError("container directory cannot be empty")
    if not destination.startswith("/"):
        raise InvalidError(f'invalid container path "{destination}", must be an absolute path')


def _check_volume_options(options: list[str]) -> None:
    groups = (
        (("rw", "ro"), "'rw' or 'ro'"),
        (("z", "Z", "O"), "'z', 'Z', or 'O'"),
        (tuple(PROPAGATION), "'[r]shared', '[r]private', '[r]slave' or '[r]unbindable'"),
        (("dev", "nodev"), "'dev' or 'nodev'"),
        (("exec", "noexec"), "'exec' or 'noexec'"),
        (("suid", "nosuid"), "'suid' or 'nosuid'"),
        (("bind", "rbind"), "'[r]bind'"),
        (("copy", "nocopy"), "'copy' or 'nocopy'"),
        (("U",), "'U'"),
    )
    for option in options:
        if option not in _VOLUME_OPTIONS:
            if option.startswith(("upperdir=", "workdir=", "idmap")):
                raise UnsupportedError(f"the volume option `{option}` is not supported by this version of libpod")
            raise InvalidError(f'invalid option type "{option}"')
    for words, shown in groups:
        if sum(option in words for option in options) > 1:
            raise InvalidError(f'invalid options "{", ".join(options)}", can only specify 1 {shown} option')
    for option in ("O", "U"):
        if option in options:
            raise UnsupportedError(f"the volume option `{option}` is not supported by this version of libpod")


def bind(source: str, destination: str, options: list[str]) -> Mount:
    """Return the mount of a file or directory of the host. Raises: InvalidError, UnsupportedError for an option."""
    complete = _complete_bind(options, volume=False)
    return Mount("bind", destination, os.path.abspath(source), complete, copy_up=False)


def volume(name: str, destination: str, options: list[str], *, copy_up: bool = True) -> Mount:
    """Return the mount of a volume, of an anonymous one without a name. Raises: InvalidError, UnsupportedError for an option."""
    # Whether the image's content is copied up is libpod's to do, not the kernel's: the words do not reach the mount options.
    copy_up = "copy" in options or (copy_up and "nocopy" not in options)
    complete = _complete_bind(options, volume=True)
    return Mount("volume", destination, "", complete, volume=name, anonymous=not name, copy_up=copy_up)


def _complete_bind(options: list[str], *, volume: bool) -> list[str]:
    """Add what Podman adds to a bind mount: rw, rprivate, nosuid and nodev for volumes, rbind."""
    _check_volume_options(options)
    # Nothing is copied to what is there already: `copy` is for volumes.
    complete = [option for option in options if option not in ("z", "Z", "U", "copy", "nocopy")]
    if not {"rw", "ro"}.intersection(complete):
        complete.append("rw")
    if not PROPAGATION.intersection(complete):
        complete.append("rprivate")
    if volume:
        complete += [
            word for word, other in (("nosuid", "suid"), ("nodev", "dev")) if not {word, other} & set(complete)
        ]
    if not {"bind", "rbind"}.intersection(complete):
        complete.append("rbind")
    return complete


def tmpfs(destination: str, options: list[str], *, copy_up: bool = True) -> Mount:
    """Return the mount of a tmpfs; copy_up: it first receives what the image has there. Raises: InvalidError for an option."""
    complete = []
    for option in options:
        name = option.partition("=")[0]
        known = option in PROPAGATION or option in SWITCHES or option in _TMPFS_SWITCHES
        if not known and name not in ("size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"):
            raise InvalidError(f'unknown mount option "{option}": invalid mount option')
        if option != "notmpcopyup":
            complete.append(option)
    if clean_destination(destination) == "/dev":
        # As in Podman, what is mounted here gets no more options: the devices in it must work.
        return Mount("tmpfs", destination, "tmpfs", complete, copy_up=False)
    if not {"rw", "ro"}.intersection(complete):
        complete.append("rw")
    if not PROPAGATION.intersection(complete):
        complete.append("rprivate")
    complete += [word for word, other in (("nosuid", "suid"), ("nodev", "dev")) if not {word, other} & set(complete)]
    if copy_up and "notmpcopyup" not in options and "tmpcopyup" not in complete:
        complete.append("tmpcopyup")
    return Mount("tmpfs", destination, "tmpfs", complete, copy_up=False)


def _terminal_option(option: str) -> str:
    name, _, value = option.partition("=")
    if name not in ("uid", "gid", "mode", "max"):
        raise InvalidError(f"{name}: invalid mount option")
    return f"{name}={number(name, value)}"


def number(name: str, value: str) -> str:
    """Check a number that the kernel reads: a mode in octal digits, anything else in decimal ones. Raises: InvalidError."""
    if not value:
        raise InvalidError(f"{name}: must provide an argument for option")
    digits = "01234567" if name.endswith("mode") else "0123456789"
    if not set(digits).issuperset(value) or len(value) > 10:
        raise InvalidError(f'{name}: "{value}" is no number: invalid mount option')
    return value
