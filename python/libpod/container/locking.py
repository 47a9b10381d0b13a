"""One lock for each container: whoever changes what a container is, holds it; nobody holds it while waiting for a container.

The lock is flock(2) on the container's directory, so there is no lock file to leave behind, and a dead process holds nothing.
A monitor that starts a container shares the lock of the command that started it, until the container runs: when the command is
killed meanwhile, the next one waits for the monitor.
"""

from __future__ import annotations

import os

from libpod.errors import ContainerNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from libpod.container.model import Container, ContainerState


class Lock:
    """The lock of one container, as a context manager.

    Raises, on entering: ContainerNotFoundError where the container was removed in the meantime.
    """

    __slots__ = ("_container", "_fd")

    def __init__(self, container: Container) -> None:
        self._container = container
        self._fd = -1

    def __enter__(self) -> int:
        """Take the lock; returns its descriptor."""
        from fcntl import LOCK_EX, flock

        try:
            self._fd = os.open(self._container.user_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise self._gone() from None
        flock(self._fd, LOCK_EX)
        if os.fstat(self._fd).st_nlink == 0:
            os.close(self._fd)
            raise self._gone()
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def _gone(self) -> ContainerNotFoundError:
        return ContainerNotFoundError(f'no container with name or ID "{self._container.name}" found: no such container')


def settled_state(container: Container) -> ContainerState:
    """What a container is; one that is being started for the first time is waited for.

    Raises: ContainerNotFoundError if it was removed.
    """
    state = container.state
    if state.status != "created":
        return state
    with Lock(container):
        return container.state
