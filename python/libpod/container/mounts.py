"""Mounts as the user names them: `-v`, `--mount`, `--tmpfs`, and volumes of the image.

Everything becomes a `Mount` with OCI options in Podman's order, or an error in Podman's words. Nothing is created or
mounted here. Start reading at `parse_volume`.
"""

from __future__ import annotations

import os
from errno import ENOENT

from libpod.arguments import host_path
from libpod.errors import InvalidError, UnsupportedError
from libpod.record import Document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar, Self

_PROPAGATION = frozenset(("shared", "rshared", "private", "rprivate", "slave", "rslave", "unbindable", "runbindable"))
_TMPFS_SWITCHES = frozenset(("rw", "ro", "tmpcopyup", "notmpcopyup", "noatime", "noswap"))
_SWITCHES = frozenset(("exec", "noexec", "suid", "nosuid", "dev", "nodev"))
_VOLUME_OPTIONS = _PROPAGATION | _SWITCHES | {"rw", "ro", "z", "Z", "U", "bind", "rbind", "copy", "nocopy", "O"}
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
#: Where an image can have no volume: these come with every container, and nothing works without them.
_RUNTIMES_OWN = frozenset(
    "/proc /dev /dev/console /dev/fd /dev/full /dev/null /dev/ptmx /dev/random /dev/stderr /dev/stdin /dev/stdout /dev/tty"
    " /dev/urandom /dev/zero".split()
)


class Mount(Document):
    """One mount: its kind, where it appears, what it shows, and its OCI options.

    kind: `bind`, `volume`, `tmpfs` or `devpts`; of libpod's own mounts also `proc`, `sysfs`, `mqueue` and `cgroup`.
    destination: as it was written.
    source: a path of the host, a volume's directory once that is known, or the name that the file system shows.
    volume: name of a named volume, or "" for an anonymous one. anonymous: created for this container alone, and removed
    with it where volumes are. copy_up: an empty volume first receives what the image has at the destination.
    """

    kind: str
    destination: str
    source: str = ""
    options: list[str] = []
    volume: str = ""
    anonymous: bool = False
    copy_up: bool = False

    @property
    def place(self) -> str:
        """The destination, absolute and without `.`, `..` and doubled slashes."""
        return clean_destination(self.destination)

    @property
    def is_writable(self) -> bool:
        """Whether it is mounted to be written to."""
        return "ro" not in self.options

    @property
    def propagation(self) -> str:
        """How mounts below it reach the host and come from there: `rprivate`, `shared`, …, or nothing."""
        return next((option for option in self.options if option in _PROPAGATION), "")

    @property
    def other_options(self) -> list[str]:
        """Its options but for access and propagation."""
        return [option for option in self.options if option not in ("ro", "rw") and option not in _PROPAGATION]

    def shows(self, source: str) -> Mount:
        """Return a copy that shows a directory of the host: a volume whose place on disk is known."""
        document = self.to_document()
        document["source"] = source
        return Mount.from_document(document)

    def to_oci(self) -> dict[str, Any]:
        """Return the mount as an entry of `mounts` of the runtime spec."""
        kind = "bind" if self.kind == "volume" else self.kind
        return {"destination": self.destination, "type": kind, "source": self.source, "options": self.options}

    #: What `to_document` returns.
    SHAPE: ClassVar[dict[str, Any]] = {
        "kind": str,
        "destination": str,
        "source": str,
        "options": [str],
        "volume": str,
        "anonymous": bool,
        "copy_up": bool,
    }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read what `to_document` wrote. Raises: KeyError for a missing member, ValueError for a name that leads elsewhere."""
        if document["kind"] == "volume" and not check_name(document["volume"]):
            raise ValueError(f"`{document['volume']}` is not the name of a volume")
        return super().from_document(document)


def check_name(name: str) -> bool:
    """Whether `name` is a valid name of a container or a volume."""
    return bool(name) and name[0].isalnum() and name[0].isascii() and _NAME_CHARACTERS.issuperset(name)


def parse_volume(text: str) -> Mount:
    """Parse `-v [SOURCE:]DESTINATION[:OPTIONS]`; a source that begins with `/` or `.` is a path, else a volume's name.

    Raises: InvalidError in Podman's words.
    """
    parts = _split_colons(text)
    if len(parts) > 3:
        raise InvalidError(f"{text}: incorrect volume format, should be [host-dir:]ctr-dir[:option]")
    source, destination, options = "", parts[0], list[str]()
    if len(parts) > 1:
        source, destination = parts[0], parts[1]
        if not source:
            raise InvalidError("host directory cannot be empty")
    if len(parts) == 3:
        options = parts[2].split(",")
    if not destination:
        raise InvalidError("container directory cannot be empty")
    if not destination.startswith("/"):
        raise InvalidError(f'invalid container path "{destination}", must be an absolute path')
    _check_volume_options(options)
    if source.startswith(("/", ".")):
        return _bind(os.path.abspath(source), destination, options)
    return _volume(source, destination, options)


def _split_colons(text: str) -> list[str]:
    """Split at colons; a backslash protects one."""
    if "\\:" not in text:
        return text.split(":")
    return [part.replace("\0", ":") for part in text.replace("\\:", "\0").split(":")]


def _check_volume_options(options: list[str]) -> None:
    groups = (
        (("rw", "ro"), "'rw' or 'ro'"),
        (("z", "Z", "O"), "'z', 'Z', or 'O'"),
        (tuple(_PROPAGATION), "'[r]shared', '[r]private', '[r]slave' or '[r]unbindable'"),
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


def _bind(source: str, destination: str, options: list[str]) -> Mount:
    return Mount("bind", destination, source, _complete_bind(options, volume=False))


def _volume(name: str, destination: str, options: list[str]) -> Mount:
    # Whether the image's content is copied up is ours to do, not the kernel's: the words do not reach the mount options.
    copy_up = "nocopy" not in options
    rest = [option for option in options if option not in ("copy", "nocopy")]
    return Mount(
        "volume", destination, "", _complete_bind(rest, volume=True), volume=name, anonymous=not name, copy_up=copy_up
    )


def _complete_bind(options: list[str], *, volume: bool) -> list[str]:
    """Add what Podman adds to a bind mount: rw, rprivate, nosuid and nodev for volumes, rbind."""
    # Nothing is copied to what is there already: `copy` is for volumes.
    complete = [option for option in options if option not in ("z", "Z", "U", "copy", "nocopy")]
    if not {"rw", "ro"}.intersection(complete):
        complete.append("rw")
    if not _PROPAGATION.intersection(complete):
        complete.append("rprivate")
    if volume:
        complete += [
            word for word, other in (("nosuid", "suid"), ("nodev", "dev")) if not {word, other} & set(complete)
        ]
    if not {"bind", "rbind"}.intersection(complete):
        complete.append("rbind")
    return complete


def parse_tmpfs(text: str) -> Mount:
    """Parse `--tmpfs DESTINATION[:OPTIONS]`."""
    destination, colon, rest = text.partition(":")
    if not destination.startswith("/"):
        raise InvalidError(
            "container directory cannot be empty"
            if not destination
            else f'invalid container path "{destination}", must be an absolute path'
        )
    return _tmpfs(destination, rest.split(",") if colon else [])


def _tmpfs(destination: str, options: list[str]) -> Mount:
    complete = []
    for option in options:
        name = option.partition("=")[0]
        known = option in _PROPAGATION or option in _SWITCHES or option in _TMPFS_SWITCHES
        if not known and name not in ("size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"):
            raise InvalidError(f'unknown mount option "{option}": invalid mount option')
        if option != "notmpcopyup":
            complete.append(option)
    if clean_destination(destination) == "/dev":
        # As in Podman, what is mounted here gets no more options: the devices in it must work.
        return Mount("tmpfs", destination, "tmpfs", complete)
    if not {"rw", "ro"}.intersection(complete):
        complete.append("rw")
    if not _PROPAGATION.intersection(complete):
        complete.append("rprivate")
    complete += [word for word, other in (("nosuid", "suid"), ("nodev", "dev")) if not {word, other} & set(complete)]
    if "notmpcopyup" not in options and "tmpcopyup" not in complete:
        complete.append("tmpcopyup")
    return Mount("tmpfs", destination, "tmpfs", complete)


def parse_mount(text: str) -> Mount:
    """Parse `--mount [type=bind|volume|tmpfs|devpts,]…`; without a type it is a volume.

    Raises: InvalidError in Podman's words; UnsupportedError for what Podman knows and libpod does not (`type=image`).
    Source: podman-run(1), "--mount".
    """
    if not text:
        raise InvalidError(
            "incorrect mount format: should be --mount type=<bind|tmpfs|volume>,[src=<host-dir|volume-name>,]"
            "target=<ctr-dir>[,options]"
        )
    from libpod.words import split_commas

    fields = split_commas(text)
    kind = "volume"
    for index, field in enumerate(fields):
        name, _, value = field.partition("=")
        if name == "type":
            kind = value
            del fields[index]
            break
    if kind in ("artifact", "glob", "image", "ramfs"):
        raise UnsupportedError(f"mounts of type {kind} are not supported by this version of libpod")
    if kind not in ("bind", "volume", "tmpfs", "devpts"):
        raise InvalidError(f'invalid filesystem type "{kind}"')
    return _MountFields(kind).read(fields)


_DESTINATION = ("destination", "dest", "dst", "target")
_SOURCE = ("source", "src")
_ACCESS = ("readonly", "ro", "rw")
#: Fields of which a mount has one at most, and what Podman calls them.
_ONCE = (
    (_ACCESS, "'readonly', 'ro', or 'rw' options"),
    (("nosuid", "suid"), "'nosuid' and 'suid' options"),
    (("nodev", "dev"), "'nodev' and 'dev' options"),
    (("noexec", "exec"), "'noexec' and 'exec' options"),
    (("tmpcopyup", "notmpcopyup"), "'tmpcopyup' and 'notmpcopyup' options"),
    (("U", "chown"), "'U' or 'chown' option"),
    (("relabel",), "'relabel' option"),
    (_DESTINATION, '"dst" option'),
    (_SOURCE, '"src" option'),
)


class _MountFields:
    """Reads the fields beside `type=`."""

    __slots__ = ("destination", "kind", "options", "source")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.source = ""
        self.destination: str | None = None
        self.options: list[str] = []

    def read(self, fields: list[str]) -> Mount:
        names = [field.partition("=")[0] for field in fields]
        for group, shown in _ONCE:
            if sum(name in group for name in names) > 1:
                raise InvalidError(f"cannot pass {shown} more than once: must provide an argument for option")
        for field in fields:
            self._field(field)
        if self.destination is None:
            raise InvalidError("must set volume destination")
        if not self.destination:
            raise InvalidError("container directory cannot be empty")
        if not self.destination.startswith("/"):
            raise InvalidError(f'invalid container path "{self.destination}", must be an absolute path')
        if self.kind == "tmpfs":
            return _tmpfs(self.destination, self.options)
        if self.kind == "devpts":
            return Mount("devpts", self.destination, "devpts", self.options)
        _check_volume_options(self.options)
        if self.kind == "volume":
            return _volume(self.source, self.destination, self.options)
        source = self.source or self.destination
        return _bind(os.path.abspath(source), self.destination, self.options)

    def _field(self, field: str) -> None:
        name, equals, value = field.partition("=")
        if name in _DESTINATION:
            self.destination = _required(name, equals, value)
        elif name in _SOURCE:
            if self.kind in ("tmpfs", "devpts"):
                raise InvalidError(f"source is not supported with {self.kind} mounts")
            self.source = _required(name, equals, value)
            if not self.source:
                raise InvalidError("host directory cannot be empty: must provide an argument for option")
        elif not self._option(name, equals, value):
            raise InvalidError(f"{name}: invalid mount option")

    def _option(self, name: str, equals: str, value: str) -> bool:
        """Read one option; return whether this kind of mount has it."""
        if self.kind == "devpts":
            if name in ("uid", "gid", "mode", "max"):
                self.options.append(f"{name}={_number(name, equals, value)}")
                return True
            return False
        if name in _ACCESS:
            writable = _truth(name, equals, value) == (name == "rw")
            self.options.append("rw" if writable else "ro")
        elif name in _SWITCHES or name in _PROPAGATION:
            if equals and value != "true":
                raise InvalidError(f"{name}={value}: invalid mount option")
            self.options.append(name)
        elif name in ("U", "chown"):
            if _truth(name, equals, value):
                raise UnsupportedError("the mount option `chown` is not supported by this version of libpod")
        elif name == "consistency":
            # Docker's, for a virtual machine around the containers.
            return True
        elif self.kind == "tmpfs":
            return self._tmpfs_option(name, equals, value)
        elif name in ("z", "Z") and not equals:
            # Without SELinux, which libpod does not label for, Podman relabels nothing either.
            return True
        elif name == "idmap":
            if value != "false":
                raise UnsupportedError("the mount option `idmap` is not supported by this version of libpod")
        elif self.kind == "volume":
            return self._volume_option(name)
        else:
            return self._bind_option(name, equals, value)
        return True

    def _tmpfs_option(self, name: str, equals: str, value: str) -> bool:
        if name == "tmpfs-size":
            self.options.append(f"size={_filled(name, equals, value)}")
        elif name == "tmpfs-mode":
            self.options.append(f"mode={_number(name, equals, value)}")
        elif name in ("tmpcopyup", "notmpcopyup", "noatime", "noswap") and not equals:
            self.options.append(name)
        else:
            return False
        return True

    def _volume_option(self, name: str) -> bool:
        if name == "volume-label":
            raise InvalidError("the --volume-label option is not presently implemented")
        if name in ("subpath", "volume-opt", "volume-subpath"):
            raise UnsupportedError(f"the mount option `{name}` is not supported by this version of libpod")
        return False

    def _bind_option(self, name: str, equals: str, value: str) -> bool:
        if name == "bind-propagation":
            if value not in _PROPAGATION:
                raise InvalidError(f'invalid option type "{value}"')
            self.options.append(value)
        elif name == "bind-nonrecursive":
            if _truth(name, equals, value):
                self.options.append("bind")
        elif name == "relabel":
            if value not in ("shared", "private"):
                raise InvalidError(f"{name} mount option must be 'private' or 'shared': invalid mount option")
        elif name == "no-dereference":
            if _truth(name, equals, value):
                raise UnsupportedError(f"the mount option `{name}` is not supported by this version of libpod")
        else:
            return False
        return True


def _required(name: str, equals: str, value: str) -> str:
    if not equals:
        raise InvalidError(f"{name}: must provide an argument for option")
    return value


def _filled(name: str, equals: str, value: str) -> str:
    if not equals or not value:
        raise InvalidError(f"{name}: must provide an argument for option")
    return value


def _number(name: str, equals: str, value: str) -> str:
    """Check a number that the kernel reads: a mode in octal digits, anything else in decimal ones."""
    digits = "01234567" if name.endswith("mode") else "0123456789"
    if not set(digits).issuperset(_filled(name, equals, value)) or len(value) > 10:
        raise InvalidError(f'{name}: "{value}" is no number: invalid mount option')
    return value


def _truth(name: str, equals: str, value: str) -> bool:
    """Read the value of a switch; the name alone switches it on."""
    if not equals or value.lower() in ("true", "1", "t"):
        return True
    if value.lower() in ("false", "0", "f"):
        return False
    shown = (
        "'readonly', 'ro', or 'rw'" if name in _ACCESS else "'U' or 'chown'" if name in ("U", "chown") else f"'{name}'"
    )
    raise InvalidError(
        f'{shown} must be set to true or false, instead received "{value}": must provide an argument for option'
    )


def merge_mounts(
    volumes: Iterable[str],
    mounts: Iterable[str],
    tmpfs: Iterable[str],
    image_volumes: Iterable[str] = (),
    *,
    image_kind: str = "bind",
) -> list[Mount]:
    """Parse all mounts of one container; the user's hide the image's volumes of the same destination.

    image_kind: what the image's volumes become, `bind` (anonymous volumes) or `tmpfs`.
    Raises: InvalidError `…: duplicate mount destination`; `statfs …` where a bind source does not exist; for a volume of the
    image at a place that must stay the runtime's.
    """
    by_destination: dict[str, Mount] = {}
    parsed = [parse_mount(text) for text in mounts]
    parsed += [parse_volume(text) for text in volumes]
    # Podman keeps --tmpfs in a map, so that a repeated destination is no error there: the last one wins.
    parsed += {text.partition(":")[0]: parse_tmpfs(text) for text in tmpfs}.values()
    for mount in parsed:
        if mount.place == "/":
            raise InvalidError(f"{mount.destination}: a mount cannot take the place of the container's root")
        if mount.place in by_destination:
            if by_destination[mount.place] == mount:
                continue
            raise InvalidError(f"{mount.place}: duplicate mount destination")
        by_destination[mount.place] = mount
        if mount.kind == "bind" and not os.path.lexists(host_path(mount.source)):
            raise InvalidError(f"statfs {mount.source}: no such file or directory", path=mount.source, errno=ENOENT)
    for path in image_volumes:
        destination = clean_destination(path)
        if destination not in by_destination:
            _check_image_volume(path, destination)
            by_destination[destination] = _tmpfs(path, []) if image_kind == "tmpfs" else _volume("", path, [])
    return list(by_destination.values())


def _check_image_volume(path: str, destination: str) -> None:
    """Refuse a volume of an image that would hide the root, or what the runtime puts into /proc and /dev."""
    if "\0" in path:
        reason = "it holds a zero byte"
    elif destination == "/":
        reason = "a mount cannot take the place of the container's root"
    elif destination in _RUNTIMES_OWN or destination.startswith("/proc/"):
        reason = f"{destination} is made by the runtime"
    else:
        return
    raise InvalidError(
        f"the volume {path!r} of the image cannot be mounted: {reason}",
        hint="ignore the image's volumes with --image-volume=ignore",
    )


def clean_destination(path: str) -> str:
    """Normalise a path in the container for comparison: absolute, no trailing slash, no `.` or `..`."""
    return "/" + os.path.normpath("/" + path).strip("/")
