"""Start a container: spec, launch document, monitor.

Start reading at `launch`. This is the way of every `run`: it reads nothing twice and writes each file once. Names of the
launch document's fields are the monitor's; what they mean stands in its documentation.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.container import files, networking
from libpod.container.locking import Lock
from libpod.container.records import Records
from libpod.container.spec import StartContext, build_spec, layers_of, oci_user
from libpod.container.view import check_workdir, look
from libpod.document import write_text
from libpod.errors import InvalidError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import Session, View
    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.host import Host

#: Version of the launch document; the monitor refuses one with a member more or less than it knows.
LAUNCH_VERSION = 2


def launch(
    host: Host,
    container: Container,
    *,
    detach: bool = False,
    fresh: bool = False,
    initial_size: tuple[int, int] | None = None,
) -> Session:
    """Start a container and return the session with its monitor; its program runs when this returns.

    detach: the session will be closed at once. fresh: it was created by this call's caller and never started.
    Raises: StateError where it runs already; CommandNotFoundError, CommandNotExecutableError and other errors of the start.
    """
    with Lock(container) as lock:
        if not fresh:
            _prepare_restart(host, container)
        document = prepare(host, container, detach=detach, initial_size=initial_size)
        session = _core.launch(host.helper_path, document, lock)
        try:
            session.wait_running()
        except BaseException:
            session.close()
            raise
    return session


def _prepare_restart(host: Host, container: Container) -> None:
    from libpod.container.removal import clean_before_start

    state = container.state
    if state.is_running:
        raise StateError(f"container {container.id} is {state.status}: container already running")
    clean_before_start(host, container, state)


def prepare(host: Host, container: Container, *, detach: bool, initial_size: tuple[int, int] | None) -> dict[str, Any]:
    """Write the files of one start and return the launch document."""
    settings = container.settings
    rootfs = host.store.rootfs(container.id)
    context = StartContext(container.id, host.places.merged(container.layer_id))
    names = files.write_files(host, container, settings, context)
    layers = layers_of(rootfs)
    _join_namespaces(host, settings, context)
    unowned: list[str] = []
    if settings.mounts:
        from libpod.container.volumes import Volumes

        context.volumes, unowned = Volumes(host).fill(container, layers)
    if settings.init:
        context.init_path = settings.init_path or host.helper_path
    changes = files.set_timezone(container, settings, context, layers) if settings.timezone else []
    view = look(settings, context, layers)
    _resolve_user(container, settings, context, view)
    for volume in unowned:
        os.chown(volume, context.user["uid"], context.user["gid"], follow_symlinks=False)
    if settings.workdir != "/" and check_workdir(container, settings, context, view):
        owner = {"uid": context.user["uid"], "gid": context.user["gid"]}
        changes.append({"kind": "directory", "path": settings.workdir, **owner})
    spec = build_spec(settings, context)
    write_text(container.user_directory + "/config.json", _core.dump_json(spec))
    if settings.remove:
        # An earlier run, or filling a volume, has mounted it.
        host.store.allow_remount(container.id)
    return {
        "version": LAUNCH_VERSION,
        "id": container.id,
        "run_dir": container.run_directory,
        "exit_file": container.exit_path,
        "bundle": container.user_directory,
        "rootfs": rootfs,
        "root_changes": changes,
        "stdin_open": settings.stdin_open,
        "terminal": settings.terminal,
        "log": {
            "driver": settings.log_driver,
            "path": container.log_path,
            "max_size": settings.log_max_size or None,
        },
        "networks": networking.attachments(host, settings),
        "hosts": {"path": context.bind_files["/etc/hosts"], "names": names}
        if names and "/etc/hosts" in context.bind_files
        else None,
        # A container can end before a frame of its client's is read: who cleans up is settled before it starts.
        "client_cleans_up": settings.remove and not detach,
        "exit_command": host.exit_command(container.id) if settings.remove else None,
        "seccomp": settings.seccomp or "default",
        "seccomp_cache": host.places.seccomp_cache,
        "conmon_pidfile": container.conmon_pidfile,
        "pidfile": container.pidfile,
        "timeout": settings.timeout or None,
        "initial_size": initial_size,
    }


def _resolve_user(container: Container, settings: ContainerSettings, context: StartContext, view: View) -> None:
    found = view.find_user(settings.user)
    for group in settings.groups:
        try:
            gid = view.find_group(group)
        except InvalidError as error:
            reason = error.message[:1].upper() + error.message[1:]
            raise InvalidError(f"looking up supplemental groups for container {container.id}: {reason}") from None
        if gid not in found["additional_gids"]:
            found["additional_gids"].append(gid)
    context.user = oci_user(found)
    context.home = found["home"]
    if settings.passwd and (not found["known"] or ":" in settings.user):
        files.write_accounts(container, context, view, settings.user.partition(":")[0])


def _join_namespaces(host: Host, settings: ContainerSettings, context: StartContext) -> None:
    for kind, namespace, name in (
        ("pid", settings.pid, "pid"),
        ("ipc", settings.ipc, "ipc"),
        ("uts", settings.uts, "uts"),
        ("network", settings.network, "net"),
    ):
        if namespace.kind == "container":
            other = Records(host).lookup(namespace.target)
            state = other.state
            if not state.is_running:
                raise StateError(
                    f"cannot get namespace path unless container {other.id} is running: container is stopped"
                )
            context.joined[kind] = f"/proc/{state.pid}/ns/{name}"
            if kind == "ipc":
                # The runtime copies that mount from the other's mount namespace.
                context.shm = f"/proc/{state.pid}/root/dev/shm"
