"""The engine: one object that ties store, images, containers, networks and configuration together.

The command line and the library both go through it. Start reading at `Engine.run`. Nothing is opened before it is needed;
nothing here prints.
"""

from __future__ import annotations

import os
import sys

from libpod import arguments
from libpod.errors import ImageNotFoundError, InvalidError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, Self

    from libpod._core import Session
    from libpod.arguments import Word
    from libpod.config.containers import ContainersConf
    from libpod.container.manager import ContainerManager
    from libpod.container.model import Container
    from libpod.container.request import ContainerRequest
    from libpod.container.settings import ContainerSettings
    from libpod.image.lookup import Image
    from libpod.image.manager import ImageManager
    from libpod.network.manager import NetworkManager
    from libpod.store import Store

_HELPER = "libpod-runtime"


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
        from libpod.store import open_store

        self._given = (
            None if root is None else arguments.text("root", root),
            None if runroot is None else arguments.text("runroot", runroot),
            None if storage_driver is None else arguments.text("storage_driver", storage_driver),
            None if storage_options is None else arguments.strings("storage_options", storage_options),
        )
        self._helper = None if helper is None else arguments.text("helper", helper)
        self.store: Store = open_store(*self._given)
        self.graphroot: str = self.store.graphroot
        self.runroot: str = self.store.runroot
        #: Asks the user which of several full names a short image name means; None where there is nobody to ask.
        self.choose_name: Callable[[list[str]], int] | None = None
        self._conf: ContainersConf | None = None
        self._images: ImageManager | None = None
        self._containers: ContainerManager | None = None
        self._networks: NetworkManager | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Containers go on running."""
        self._images = None
        self._containers = None

    @property
    def conf(self) -> ContainersConf:
        """containers.conf, read on first use."""
        if self._conf is None:
            from libpod.config.containers import load_containers_conf

            self._conf = load_containers_conf()
        return self._conf

    @property
    def images(self) -> ImageManager:
        """The images of the store."""
        if self._images is None:
            from libpod.image.manager import ImageManager

            self._images = ImageManager(self.store)
            self._images.choose = self.choose_name
        return self._images

    @property
    def containers(self) -> ContainerManager:
        """The containers of the store."""
        if self._containers is None:
            from libpod.container.manager import ContainerManager

            self._containers = ContainerManager(self)
        return self._containers

    @property
    def log_driver(self) -> str:
        """Name of the log driver that containers get by default."""
        return "none" if self.conf.containers["log_driver"] == "none" else "k8s-file"

    @property
    def helper_path(self) -> str:
        """Path of the helper program.

        Raises: NotFoundError where it is not installed.
        """
        if self._helper is None:
            self._helper = find_helper()
        return self._helper

    def find_image(self, name: str, *, pull: str = "missing") -> tuple[Image, str]:
        """Find an image, or bring it in; return it with the name by which it was meant.

        pull: `missing`, `never`, `always` or `newer`.
        Raises: ImageNotFoundError, InvalidError, and what a pull raises.
        """
        if pull not in ("missing", "never", "always", "newer"):
            raise InvalidError(f'unsupported pull policy "{pull}"')
        from libpod.image.lookup import lookup, resolve

        name = arguments.text("image", name)
        if pull in ("missing", "never"):
            try:
                return resolve(self.store, name)
            except ImageNotFoundError:
                if pull == "never":
                    raise
        image_id = self.images.pull(name, policy=pull)
        try:
            return resolve(self.store, name)
        except ImageNotFoundError:
            return lookup(self.store, image_id), ""

    def create(
        self, request: ContainerRequest, image: str, argv: Iterable[Word] = (), *, pull: str = "missing"
    ) -> Container:
        """Create a container from a request; nothing of it runs.

        Raises: TypeError for an argv that is one string; what `find_image` and `ContainerManager.create` raise.
        """
        words = arguments.strings("argv", argv)
        found, name = self.find_image(image, pull=pull)
        return self.containers.create(request, found, words, image_name=name)

    def start(
        self,
        container: Container,
        *,
        detach: bool = False,
        fresh: bool = False,
        initial_size: tuple[int, int] | None = None,
    ) -> Session:
        """Start a container; its program runs when this returns. The session is the connection with its monitor."""
        from libpod.container.foreground import begin

        return begin(self, container, detach=detach, fresh=fresh, initial_size=initial_size)

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
        Raises: TypeError (unknown option, value of the wrong shape), ImageNotFoundError, InvalidError (bad option, too much output), CommandNotFoundError,
        CommandNotExecutableError, TimeoutError, other LibpodErrors, OSError.
        """
        from libpod.container.request import ContainerRequest

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
        from libpod.container.foreground import Stay

        container = self.create(request, image, argv, pull=pull)
        stay = Stay(self, container, self.start(container, fresh=True), owner=True)
        return Completed(*stay.collect(stdin or b"", output_limit, timeout_s))

    # What a start needs to know of networks --------------------------------------------------------------------------

    @property
    def networks(self) -> NetworkManager:
        """The networks of the host."""
        if self._networks is None:
            from libpod.network.manager import NetworkManager

            conf = self.conf.network
            self._networks = NetworkManager(default=conf["default_network"], default_subnet=conf["default_subnet"])
        return self._networks

    def network_request(self, container: Container) -> dict[str, Any]:
        """Return what the monitor must know to attach a container to its bridge, which is made if it does not stand."""
        from libpod.network import bridge

        settings = container.settings
        network = self.networks.lookup(settings.network_name)
        bridge.ensure(network)
        return bridge.attach_request(
            self.runroot, network, ports=settings.ports, address=settings.address, mac=settings.mac
        )

    def check_network(self, name: str) -> None:
        """Refuse a network that is not there, or that libpod cannot attach a container to.

        Raises: NetworkNotFoundError, UnsupportedError.
        """
        self.networks.lookup(name).check()

    def network_gateway(self, settings: ContainerSettings) -> str:
        """Return the host's address on a container's bridge."""
        return self.networks.lookup(settings.network_name).gateway

    def release_network(self, container: Container) -> None:
        """Take back what a container holds of its networks; nothing if it was taken back already."""
        if container.is_ours and container.settings.network == "bridge":
            from libpod.network.bridge import release

            release(self.runroot, container.id)

    def cleanup_command(self, container: Container) -> list[str]:
        """Return the command that removes a container of `--rm` where no client does."""
        root, runroot, _, options = self._given
        words = [sys.executable, "-m", "libpod"]
        words += ["--root", root] if root is not None else []
        words += ["--runroot", runroot] if runroot is not None else []
        for option in options or ():
            words += ["--storage-opt", option]
        return [*words, "container", "cleanup", "--rm", container.id]


def find_helper() -> str:
    """Find `libpod-runtime`: named by LIBPOD_RUNTIME, beside the interpreter, or on PATH.

    Raises: NotFoundError.
    """
    named = os.environ.get("LIBPOD_RUNTIME")
    if named:
        return named
    beside = os.path.join(os.path.dirname(sys.executable), _HELPER)
    if os.access(beside, os.X_OK):
        return beside
    for directory in os.environ.get("PATH", "").split(":"):
        candidate = os.path.join(directory or ".", _HELPER)
        if os.access(candidate, os.X_OK):
            return os.path.abspath(candidate)
    raise NotFoundError(f"the program {_HELPER} is not installed beside {sys.executable} or on PATH")
