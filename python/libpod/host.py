"""The ground that every noun stands on: the store, the configuration, the places on disk, the helper program.

A `Host` holds values and has no verbs. An engine makes one and hands it to its managers; a test makes one on a temporary
directory. What costs something to find is found on first use.
"""

from __future__ import annotations

import os
import sys

from libpod import arguments
from libpod.errors import NotFoundError, StateError
from libpod.places import Places
from libpod.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from libpod.config.containers import ContainersConf
    from libpod.store import Store

_HELPER = "libpod-runtime"
_PROGRAM = "libpod"


class Host:
    """One store on this host, and what containers on it need.

    root, runroot: directories in place of those in storage.conf. storage_driver: only `overlay`. storage_options: in place of
    storage.conf's. helper: path of `libpod-runtime`; without it, the program is found on first use. Nothing is made on disk.
    Raises: InvalidError, UnsupportedError (a configuration that libpod cannot serve), OSError.
    """

    __slots__ = ("_conf", "_given", "_helper", "_store", "choose_name", "places")

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        runroot: str | os.PathLike[str] | None = None,
        *,
        storage_driver: str | None = None,
        storage_options: Iterable[str] | None = None,
        helper: str | os.PathLike[str] | None = None,
    ) -> None:
        self._given = (
            None if root is None else arguments.text("root", root),
            None if runroot is None else arguments.text("runroot", runroot),
            None if storage_driver is None else arguments.text("storage_driver", storage_driver),
            None if storage_options is None else arguments.strings("storage_options", storage_options),
        )
        self._store: Store | None = open_store(*self._given)
        self.places = Places(self._store.graphroot, self._store.runroot)
        self._helper = None if helper is None else arguments.text("helper", helper)
        self._conf: ContainersConf | None = None
        #: Asks the user which of several full names a short image name means; None if nobody can be asked.
        self.choose_name: Callable[[list[str]], int] | None = None

    @property
    def store(self) -> Store:
        """The store.

        Raises: StateError when the host's engine is closed.
        """
        if self._store is None:
            raise StateError("the engine is closed")
        return self._store

    def close(self) -> None:
        """Let go of the store; an engine does it when it is closed."""
        self._store = None

    @property
    def conf(self) -> ContainersConf:
        """containers.conf."""
        if self._conf is None:
            from libpod.config.containers import load_containers_conf

            self._conf = load_containers_conf()
        return self._conf

    @property
    def helper_path(self) -> str:
        """Path of the helper program.

        Raises: NotFoundError if it is not installed.
        """
        if self._helper is None:
            self._helper = find_helper()
        return self._helper

    def exit_command(self, container_id: str) -> list[str]:
        """Return the command that removes a container of `--rm` when no client does.

        Raises: NotFoundError if neither the program `libpod` nor a Python that runs it can be found.
        """
        root, runroot, _, options = self._given
        words = find_libpod(self.helper_path)
        words += ["--root", root] if root is not None else []
        words += ["--runroot", runroot] if runroot is not None else []
        for option in options or ():
            words += ["--storage-opt", option]
        return [*words, "container", "cleanup", "--rm", container_id]


def find_helper() -> str:
    """Find `libpod-runtime`: named by LIBPOD_RUNTIME, beside the interpreter, or on PATH.

    Raises: NotFoundError.
    """
    named = os.environ.get("LIBPOD_RUNTIME")
    if named:
        return os.path.abspath(named)
    # In a program that embeds Python, the interpreter is that program, or has no name.
    for directory in (os.path.dirname(sys.executable or ""), f"{sys.prefix}/bin"):
        beside = f"{directory}/{_HELPER}"
        if directory.startswith("/") and os.access(beside, os.X_OK):
            return beside
    from libpod import programs

    found = programs.find(_HELPER)
    if found is None:
        raise NotFoundError(f"the program {_HELPER} is not installed in {sys.prefix}/bin or on PATH")
    return found


def find_libpod(helper_path: str) -> list[str]:
    """Return the words that run libpod's command line: the program beside the helper, or this Python with the module.

    Raises: NotFoundError.
    """
    beside = f"{os.path.dirname(helper_path)}/{_PROGRAM}"
    if os.access(beside, os.X_OK):
        return [beside]
    if os.path.basename(sys.executable or "").startswith(("python", "pypy")):
        return [os.path.abspath(sys.executable), "-m", "libpod"]
    from libpod import programs

    found = programs.find(_PROGRAM)
    if found is None:
        raise NotFoundError(f"the program {_PROGRAM} is not installed beside {helper_path} or on PATH")
    return [found]
