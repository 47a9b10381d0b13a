"""The words of `-v`, `--mount` and `--tmpfs`: each becomes a `Mount` with OCI options in Podman's order, or an error in Podman's words.

Nothing is created or mounted here. Start reading at `parse_volume`.
"""

from __future__ import annotations

from libpod.container.mount_options import SWITCHES, bind, check_destination, number, tmpfs, volume
from libpod.container.mounts import PROPAGATION, Mount
from libpod.errors import InvalidError, UnsupportedError
from libpod.words import split_commas


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
    check_destination(destination)
    if source.startswith(("/", ".")):
        return bind(source, destination, options)
    return volume(source, destination, options)


def _split_colons(text: str) -> list[str]:
    """Split at colons; a backslash protects one."""
    if "\\:" not in text:
        return text.split(":")
    return [part.replace("\0", ":") for part in text.replace("\\:", "\0").split(":")]


def parse_tmpfs(text: str) -> Mount:
    """Parse `--tmpfs DESTINATION[:OPTIONS]`."""
    destination, colon, rest = text.partition(":")
    check_destination(destination)
    return tmpfs(destination, rest.split(",") if colon else [])


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
        check_destination(self.destination)
        if self.kind == "tmpfs":
            return tmpfs(self.destination, self.options)
        if self.kind == "devpts":
            return Mount("devpts", self.destination, "devpts", self.options, copy_up=False)
        if self.kind == "volume":
            return volume(self.source, self.destination, self.options)
        return bind(self.source or self.destination, self.destination, self.options)

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
                self.options.append(f"{name}={number(name, value)}")
                return True
            return False
        if name in _ACCESS:
            writable = _truth(name, equals, value) == (name == "rw")
            self.options.append("rw" if writable else "ro")
        elif name in SWITCHES or name in PROPAGATION:
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
            self.options.append(f"mode={number(name, value)}")
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
            if value not in PROPAGATION:
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
