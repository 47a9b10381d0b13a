"""Stay with a container to its end: start it or join it, relay its streams, detach, give back, exit code.

`run`, `start --attach`, `attach` and the library's `Engine.run` all go this way. Start reading at `Stay`. When anything here
returns at the end of a container of `--rm`, the container is gone.
"""

from __future__ import annotations

from errno import ETIMEDOUT

from libpod import _core
from libpod.container import ending
from libpod.container.locking import Lock
from libpod.container.records import Records
from libpod.errors import ContainerNotFoundError, ExistsError, LibpodError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import Session
    from libpod.container.model import Container
    from libpod.host import Host


def begin(
    host: Host,
    container: Container,
    *,
    detach: bool = False,
    fresh: bool = False,
    initial_size: tuple[int, int] | None = None,
) -> Session:
    """Start a container and return the session with its monitor; its program runs when this returns.

    detach: the session will be closed at once. fresh: the caller has just created it. initial_size: rows and columns of its
    terminal. A container of `--rm` that cannot be started is removed.
    Raises: what `starting.launch` raises.
    """
    from libpod.container.starting import launch

    try:
        return launch(host, container, detach=detach, fresh=fresh, initial_size=initial_size)
    except BaseException:
        if container.settings.remove and (fresh or not container.state.is_running):
            from libpod.container.removal import discard

            # If others depend on it, it stays; why it could not be started is what matters.
            if not container.is_joined:
                discard(host, container)
        raise


def finish(host: Host, container: Container, session: Session | None) -> None:
    """Remove a container of `--rm` whose end was told or seen, and return when it is gone.

    session: the connection with its monitor, if there is one. The record goes when the monitor has given network and cgroup
    back, and not before: without the record, libpod would not find them. A container that another client starts again
    stays.
    Raises: ExistsError if others depend on the container; then it stays, too.
    """
    taken = ending.wait_taken_down(session)
    if taken is not None and taken["restarts"]:
        return
    try:
        if taken is None or taken["complaints"] or not _drop(host, container):
            from libpod.container.removal import remove

            remove(host, container)
    except StateError:
        # It was started again meanwhile; it will be removed at the end of that run.
        return
    except ExistsError:
        if session is not None:
            session.cleanup_done()
        raise
    if session is not None:
        session.cleanup_done()


def _drop(host: Host, container: Container) -> bool:
    """Remove what is left of a container of which the host holds nothing; False where more than that must be done."""
    try:
        with Lock(container):
            if container.state.is_running:
                return False
            if container.is_joined:
                from libpod.container.dependents import refuse

                refuse(host, container)
            if container.settings.mounts:
                from libpod.container.volumes import remove_anonymous

                remove_anonymous(host, container.settings)
            Records(host).drop(container)
    except ContainerNotFoundError:
        return False
    return True


class Stay:
    """One stay with a running container, until it ends or the user detaches.

    host, container: what runs where. session: the connection with its monitor; the stay closes it. owner: whether the
    container was created for this stay; a container of `--rm` then does not survive an error. complaint: why a container
    of `--rm` was not removed at its end.
    """

    __slots__ = ("_container", "_host", "_owner", "complaint", "session")

    def __init__(self, host: Host, container: Container, session: Session, *, owner: bool = False) -> None:
        self._host = host
        self._container = container
        self._owner = owner
        self.session = session
        self.complaint: ExistsError | None = None

    @classmethod
    def join(cls, host: Host, container: Container) -> Stay:
        """Join a container that runs.

        Raises: StateError if no monitor listens.
        """
        return cls(host, container, _core.attach_monitor(container.run_directory))

    def relay(
        self, stdin: int | None, stdout: int | None, stderr: int | None, *, detach_keys: str, sig_proxy: bool
    ) -> int:
        """Connect descriptors with the container until it ends; its exit code.

        It runs on if the user detaches (then the code is 0), or if the user's terminal hangs up (129).

        None for a descriptor leaves that stream alone. sig_proxy: signals that reach this process go to the container.
        Raises: OSError when stdout or stderr takes nothing more. The container runs on then, except one of `--rm` that was
        created for this stay: it is stopped and removed.
        """
        try:
            record = self.session.relay(
                stdin,
                stdout,
                stderr,
                tty=self._container.settings.terminal,
                detach_keys=detach_keys,
                sig_proxy=sig_proxy,
            )
        except (LibpodError, OSError):
            self.session.close()
            if self._owner and self._container.settings.remove:
                from libpod.container.removal import remove

                remove(self._host, self._container, force=True)
            raise
        if record.get("detached"):
            self.session.close()
        else:
            self._leave()
        return int(record["exit_code"])

    def collect(self, stdin: bytes, limit_bytes: int, timeout_s: float | None) -> tuple[int, bytes, bytes]:
        """Write `stdin`, keep both outputs until the container ends; return exit code, stdout, stderr.

        On every error (too late, too much, interrupted) the container is killed first.
        Raises: InvalidError for more than `limit_bytes` of output, TimeoutError (a LibpodError, too) after `timeout_s`.
        """
        try:
            collected = self.session.collect(stdin, limit_bytes, timeout_s)
        except BaseException as error:
            self.session.close()
            self._give_up()
            if isinstance(error, TimeoutError) and error.errno == ETIMEDOUT:
                raise LibpodError(
                    f"the command did not end within {timeout_s:g} seconds and was killed", op="run", errno=ETIMEDOUT
                ) from None
            raise
        self._leave()
        return collected

    def _leave(self) -> None:
        try:
            if self._container.settings.remove:
                finish(self._host, self._container, self.session)
        except ExistsError as error:
            self.complaint = error
        finally:
            self.session.close()

    def _give_up(self) -> None:
        from libpod.container import removal

        if self._container.settings.remove:
            removal.discard(self._host, self._container)
        else:
            removal.halt(self._host, self._container)
