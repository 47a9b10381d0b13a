"""Every exception that libpod raises, with its cause, its remedy and the exit code of the command line.

    LibpodError                     base: op, path, errno, hint, exit_code (125)
    ├── NotFoundError               the named thing does not exist
    │   ├── ImageNotFoundError
    │   ├── ContainerNotFoundError
    │   └── NetworkNotFoundError
    ├── ExistsError                 the name or id is taken
    ├── InUseError                  the thing is needed by another thing
    ├── InvalidError                an argument, a file or a document is malformed
    │   └── UsageError              a malformed command line
    ├── StateError                  the container is in the wrong state for the operation
    ├── CorruptError                bytes do not match their digest or format; nothing was published
    ├── UnsupportedError            valid, and not supported by this version or this host
    ├── DeniedError                 refused by policy, by credentials or by the kernel
    ├── UnsafePathError             a path that would leave the tree it must stay in
    ├── RegistryError               a registry answered with an error, or not at all: status, code
    │   ├── RegistryDeniedError     … with 401 or 403; a DeniedError, too
    │   └── RegistryNotFoundError   … with 404; a NotFoundError, too
    ├── CommandNotFoundError        the container's command does not exist (exit code 127)
    └── CommandNotExecutableError   the container's command cannot be executed (exit code 126)

System calls that fail for a reason of the host (disk full, read-only, permission) raise the matching `OSError` with
`errno` and `filename`. An error of libpod that has an `errno` is of the matching class of `OSError`, too. So
`except FileNotFoundError` works for both. The command line exits 125 for those too.

Source of the exit codes: podman-run(1), "Exit Status".
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self


class LibpodError(Exception):
    """Base of all errors of libpod.

    message: one clause without a full stop, naming the thing and the cause. hint: the remedy, where there is one.
    op: the step that failed; path: the file or entry; errno: the kernel's error number. An error with an errno is an
    `OSError`, of the subclass that Python has for it, with `strerror` and `filename`.
    causes: the errors that this one sums up, such as one for each registry that was tried.
    """

    exit_code = 125

    def __new__(cls, message: str, *, errno: int | None = None, **more: Any) -> Self:
        """Choose the class: with an errno one that is an `OSError`, too."""
        chosen: type[Self] = cls if errno is None or issubclass(cls, OSError) else _with_os_class(cls, errno)
        # With `chosen`, not `cls`: the two have different constructors behind this one.
        return super(LibpodError, chosen).__new__(chosen, message)

    def __init__(
        self,
        message: str,
        *,
        op: str | None = None,
        path: str | None = None,
        errno: int | None = None,
        hint: str | None = None,
        causes: Sequence[Exception] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.causes = tuple(causes)
        self.op = op
        self.path = path
        self.errno = errno
        self.hint = hint
        if isinstance(self, OSError):
            self.strerror = os.strerror(errno) if errno is not None else None
            self.filename = path

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled as the declared class, which chooses again; the rest of the state goes behind.
        kind = type(self)
        declared = kind.__mro__[1] if "_chosen" in kind.__dict__ else kind
        return _restore, (declared, self.message, self.errno, self.__dict__)

    def __str__(self) -> str:
        return "\n * ".join((self.message, *map(str, self.causes)))

    def prefixed(self, prefix: str) -> Self:
        """The same error with a text in front that says what was being done."""
        other = type(self)(
            prefix + self.message,
            op=self.op,
            path=self.path,
            errno=self.errno,
            hint=self.hint,
            causes=self.causes,
        )
        other.exit_code = self.exit_code
        return other


_os_classes: dict[tuple[type, type], type] = {}


def _with_os_class(cls: type[Any], errno: int) -> type[Any]:
    """Return the class of errors that are both `cls` and what Python raises for `errno`."""
    key = (cls, type(OSError(errno, "")))
    if key not in _os_classes:
        names = {
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            "_chosen": True,
        }
        _os_classes[key] = type(cls.__name__, key, names)
    return _os_classes[key]


def _restore(cls: type[LibpodError], message: str, errno: int | None, state: dict[str, Any]) -> LibpodError:
    error = cls(message, errno=errno, path=state.get("path"))
    error.__dict__.update(state)
    return error


class NotFoundError(LibpodError):
    """The named thing does not exist."""


class ImageNotFoundError(NotFoundError):
    """No image of that name or id is in the store."""


class ContainerNotFoundError(NotFoundError):
    """No container of that name or id is in the store."""


class NetworkNotFoundError(NotFoundError):
    """No network has that name or id."""


class VolumeNotFoundError(NotFoundError):
    """No volume has that name."""


class ExistsError(LibpodError):
    """The name or id is taken."""


class InUseError(LibpodError):
    """The thing cannot be removed: another one needs it."""


class InvalidError(LibpodError):
    """An argument, a file or a document is malformed."""


class UsageError(InvalidError):
    """The command line is malformed: unknown flag, missing or surplus argument."""


class StateError(LibpodError):
    """The container is in the wrong state for the operation."""


class CorruptError(LibpodError):
    """Bytes do not match their digest or their format; nothing of them was published."""


class ForeignContainerError(StateError, CorruptError):
    """Another tool made the container, or its settings are lost: libpod does not know what it is and what it does."""


class UnsupportedError(LibpodError):
    """Valid input that this version or this host does not support."""


class DeniedError(LibpodError):
    """Refused: by a trust policy, by a registry's credentials check, or by the kernel."""


class UnsafePathError(LibpodError):
    """A path would leave the tree that it must stay in."""


class RegistryError(LibpodError):
    """A registry answered with an error, or could not be reached.

    status: the HTTP status of its answer, None where none came. code: its own word for the error, such as `UNAUTHORIZED`,
    `MANIFEST_UNKNOWN` or `TOOMANYREQUESTS`, None where it gave none. more: what every error takes.
    Source: OCI distribution-spec, "Error Codes".
    """

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.status = status
        self.code = code

    def prefixed(self, prefix: str) -> Self:
        """The same error, status and code with a text in front that says what was being done."""
        other = super().prefixed(prefix)
        other.status, other.code = self.status, self.code
        return other


class RegistryDeniedError(RegistryError, DeniedError):
    """A registry refused the credentials, or the access to this repository (401, 403)."""


class RegistryNotFoundError(RegistryError, NotFoundError):
    """A registry does not have the repository, manifest or blob (404)."""


class CommandNotFoundError(LibpodError):
    """The container's command does not exist."""

    exit_code = 127


class CommandNotExecutableError(LibpodError):
    """The container's command exists and cannot be executed."""

    exit_code = 126
