"""The engine: one object that ties store, images, containers, networks and configuration together.

The command line and the library both go through it. Start reading at `Engine.run`. Nothing is opened before it is needed;
nothing here prints.
"""

from __future__ import annotations

import os

from libpod import arguments
from libpod.errors import InvalidError
from libpod.host import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Any, Self

    from libpod.arguments import Word
    from libpod.config.containers import ContainersConf
    from libpod.container.manager import ContainerManager
    from libpod.image.manager import ImageManager
    from libpod.network.manager import NetworkManager
    from libpod.store import Store


class Completed:
    """How a container's command ended: exit code, and what it wrote to its two streams."""

    __slots__ = ("exit_code", "stderr", "stdout")

    def __init__(self, exit_code: int, stdout: bytes, stderr: bytes) -> None:
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr

    def __repr__(self) -> str:
        return f"Completed(exit_code={self.exit_code}, stdout={self.stdout!r}, stderr={self.stderr!r})"


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
        self._images: ImageManager | None = None
        self._containers: ContainerManager | None = None
        self._networks: NetworkManager | None = None

    def __enter__(self) -> Self:
        _ = self.store
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine; what is asked of it or of its managers afterwards is a `StateError`. Containers run on.

        A second call does nothing.
        """
        self.host.close()

    @property
    def store(self) -> Store:
        """The store of images, layers and containers.

        Raises: StateError when the engine is closed.
        """
        return self.host.store

    @property
    def conf(self) -> ContainersConf:
        """containers.conf, read on first use."""
        return self.host.conf

    @property
    def images(self) -> ImageManager:
        """The images of the store."""
        _ = self.store
        if self._images is None:
            from libpod.image.manager import ImageManager

            self._images = ImageManager(self.host)
        return self._images

    @property
    def containers(self) -> ContainerManager:
        """The containers of the store."""
        _ = self.store
        if self._containers is None:
            from libpod.container.manager import ContainerManager

            self._containers = ContainerManager(self.host)
        return self._containers

    def run(
        self,
        image: str,
        argv: Iterable[Word] = (),
        *,
        network: str | None = None,
        remove: bool = True,
        name: str = "",
        env: Mapping[str, Word] | Iterable[str] | None = None,
        volumes: Iterable[Word] | Mapping[Word, Word | Mapping[str, str]] = (),
        tmpfs: Iterable[Word] | Mapping[Word, str] = (),
        workdir: str | os.PathLike[str] = "",
        user: str | int = "",
        entrypoint: str | Iterable[Word] | None = None,
        hostname: str = "",
        stdin: bytes | None = None,
        timeout_s: float | None = None,
        output_limit: int = 64 << 20,
        read_only: bool = False,
        privileged: bool = False,
        cap_add: Iterable[str] = (),
        cap_drop: Iterable[str] = (),
        memory: str | int = "",
        cpus: float | None = None,
        pids_limit: int | None = None,
        publish: Iterable[str] = (),
        labels: Mapping[str, str] | Iterable[str] | None = None,
        pull: str = "missing",
        **options: Any,
    ) -> Completed:
        """Run a command in a new container and return how it ended, with all that it wrote.

        network: `none`, `host`, `container:NAME`, or the default bridge for None. remove: remove the container afterwards.
        stdin: what it reads; without it, nothing. timeout_s: kill it when it takes longer. output_limit: most bytes that it
        may write. env, labels: a mapping, or a list of `name=value`. volumes: a list of words of `-v`, or a mapping of
        sources to paths in the container, or to `{"bind": path, "mode": options}`. tmpfs: a list of words of `--tmpfs`, or
        a mapping of paths to options. options: any other option of `podman run`, by its long name with `_` for `-`.
        The exit code of the command is a result, not an error. On any error the container is killed first.
        Raises: TypeError (unknown option, value of the wrong shape), UnsupportedError (an option that libpod lacks),
        ImageNotFoundError, InvalidError (bad option, too much output), CommandNotFoundError, CommandNotExecutableError,
        TimeoutError, other LibpodErrors, OSError.
        """
        from libpod.container.request import ContainerRequest

        if stdin is not None and not isinstance(stdin, bytes):
            raise TypeError(f"stdin must be bytes, not {type(stdin).__name__}")
        if not 0 <= arguments.integer("output_limit", output_limit) < 1 << 63:
            raise InvalidError(f"output_limit: {output_limit} is no number of bytes")
        if timeout_s is not None and not 0 <= arguments.number("timeout_s", timeout_s) < 1 << 63:
            raise InvalidError(f"timeout_s: {timeout_s} is no number of seconds")
        request = ContainerRequest(
            network=[network] if network else [],
            rm=arguments.flag("remove", remove),
            name=name,
            env=env,
            volume=arguments.volumes("volumes", volumes),
            tmpfs=tmpfs,
            workdir=workdir,
            user=user,
            entrypoint=entrypoint,
            hostname=hostname,
            interactive=stdin is not None,
            read_only=read_only,
            privileged=privileged,
            cap_add=cap_add,
            cap_drop=cap_drop,
            memory=memory,
            cpus=cpus,
            pids_limit=pids_limit,
            publish=publish,
            label=None if labels is None else arguments.pairs("labels", labels),
            **options,
        )
        container = self.containers.create(request, image, argv, pull=pull)
        stay = self.containers.stay(container, self.containers.start(container, fresh=True), owner=True)
        return Completed(*stay.collect(stdin or b"", output_limit, timeout_s))

    @property
    def networks(self) -> NetworkManager:
        """The networks of the host."""
        _ = self.store
        if self._networks is None:
            from libpod.network.manager import NetworkManager

            self._networks = NetworkManager(self.host)
        return self._networks
