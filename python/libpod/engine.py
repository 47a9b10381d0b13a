"""The engine: one object that ties store, images, containers, networks and configuration together.

The command line and the library both go through it. Start reading at `Engine.run`. Nothing is opened before it is needed;
nothing here prints.
"""

from __future__ import annotations

import os

from libpod.host import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Self, TypeVar, Unpack

    from libpod.arguments import Word
    from libpod.config.containers import ContainersConf
    from libpod.container.completed import Completed
    from libpod.container.manager import ContainerManager
    from libpod.container.options.keywords import RunOptions
    from libpod.container.records import Damaged
    from libpod.image.manager import ImageManager
    from libpod.image.reference import Reference
    from libpod.network.manager import NetworkManager
    from libpod.store import Store
    from libpod.volume.manager import VolumeManager

    Manager = TypeVar("Manager")


class Engine:
    """A container engine on one store.

    root, runroot: directories in place of those in storage.conf. storage_driver: only `overlay`. storage_options: in place
    of storage.conf's. helper: path of `libpod-runtime`, found beside the interpreter or on PATH where it is not given.
    An engine may be used by several threads; closing it closes nothing that runs.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        runroot: str | os.PathLike[str] | None = None,
        *,
        storage_driver: str | None = None,
        storage_options: Iterable[str] | None = None,
        helper: str | os.PathLike[str] | None = None,
    ) -> None:
        #: What the managers stand on.
        self.host = Host(root, runroot, storage_driver=storage_driver, storage_options=storage_options, helper=helper)
        self._managers: dict[object, Any] = {}

    def __enter__(self) -> Self:
        _ = self.store
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine; what is asked of it or of its managers afterwards is a `StateError`. Containers run on.

        A second call does nothing.
        """
        self.host.close()

    @property
    def store(self) -> Store:
        """The store of images, layers and containers. Raises: StateError when the engine is closed."""
        return self.host.store

    @property
    def conf(self) -> ContainersConf:
        """containers.conf, read on first use."""
        return self.host.conf

    @property
    def images(self) -> ImageManager:
        """The images of the store."""
        from libpod.image.manager import ImageManager

        return self._manager(ImageManager)

    @property
    def containers(self) -> ContainerManager:
        """The containers of the store."""
        from libpod.container.manager import ContainerManager

        return self._manager(ContainerManager)

    @property
    def networks(self) -> NetworkManager:
        """The networks of the host."""
        from libpod.network.manager import NetworkManager

        return self._manager(NetworkManager)

    @property
    def volumes(self) -> VolumeManager:
        """The volumes of the store."""
        from libpod.volume.manager import VolumeManager

        return self._manager(VolumeManager)

    def info(self, *, damaged: Damaged | None = None) -> dict[str, Any]:
        """Describe the host, the store and the registries in the members that `podman info` prints.

        damaged: gathers containers whose records cannot be read, each with its error.
        """
        from libpod.info import collect

        return collect(self.host, damaged=damaged)

    def _manager(self, kind: Callable[[Host], Manager]) -> Manager:
        """Return the one manager of a kind. Raises: StateError when the engine is closed."""
        _ = self.store
        if kind not in self._managers:
            self._managers[kind] = kind(self.host)
        manager: Manager = self._managers[kind]
        return manager

    def run(
        self,
        image: str | Reference,
        argv: Iterable[Word] = (),
        *,
        stdin: bytes | None = None,
        timeout_s: float | None = None,
        output_limit: int = 64 << 20,
        pull: str = "missing",
        **options: Unpack[RunOptions],
    ) -> Completed:
        """Run a command in a new container and return how it ended, with all that it wrote.

        stdin: what it reads; without it, nothing. timeout_s: kill it when it takes longer. output_limit: most bytes that it may
        write. pull: `always`, `missing`, `never` or `newer`. options: those of `container/options/keywords.py`. The exit code of the
        command is a result, not an error. On any error the container is killed first.
        Raises: TypeError (unknown option, value of the wrong shape), UnsupportedError (an option that libpod lacks), InvalidError (bad
        option, too much output), ImageNotFoundError, CommandNotFoundError, CommandNotExecutableError, TimeoutError, other
        LibpodErrors, OSError.
        """
        from libpod.container.completed import run

        return run(self.containers, image, argv, {**options}, stdin, timeout_s, output_limit, pull)
