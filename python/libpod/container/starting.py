"""Start a container: spec, launch document, monitor.

Start reading at `launch`. This is the way of every `run`: it reads nothing twice and writes each file once. Names of the
launch document's fields are the monitor's; what they mean stands in its documentation.
"""

from __future__ import annotations

import os

from libpod import _core
from libpod.container import networking
from libpod.container.files import set_timezone, write_files
from libpod.container.locking import Lock
from libpod.container.spec import Start, build_spec
from libpod.container.view import check_workdir, find_user, look
from libpod.document import write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from libpod._core import Session
    from libpod.container.model import Container
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
            from libpod.container.removal import clean_before_start

            clean_before_start(host, container)
        document = prepare(host, container, detach=detach, initial_size=initial_size)
        session = _core.launch_monitor(host.helper_path, document, lock)
        try:
            session.wait_running()
        except BaseException:
            session.close()
            raise
    return session


def prepare(host: Host, container: Container, *, detach: bool, initial_size: tuple[int, int] | None) -> dict[str, Any]:
    """Write the files of one start and return the launch document."""
    settings = container.settings
    rootfs = host.store.rootfs(container.id)
    layers = [rootfs["upper"], *rootfs["lower"]] if rootfs.get("upper") else rootfs["lower"]
    start = Start(container.id, host.places.merged(container.layer_id), settings)
    networks = networking.find(host, settings)
    owner = None
    if settings.joined_ids:
        from libpod.container.joining import join

        owner = join(host, settings, start)
    changes = set_timezone(container, settings, start, layers) if settings.timezone else []
    names = write_files(host, container, start, owner=owner, network=networks[0] if networks else None)
    unowned: list[str] = []
    if settings.mounts:
        from libpod.container.volumes import fill

        start.volumes, unowned = fill(host, container, layers)
    if settings.init:
        start.init_path = settings.init_path or host.helper_path
    view = look(settings, start, layers)
    found = start.user = find_user(container, settings, view)
    owner_ids = {"uid": found["uid"], "gid": found["gid"]}
    for volume in unowned:
        os.chown(volume, **owner_ids, follow_symlinks=False)
    if settings.workdir != "/" and check_workdir(container, settings, start, view):
        changes.append({"kind": "directory", "path": settings.workdir, **owner_ids})
    if settings.passwd and (not found["known"] or ":" in settings.user):
        from libpod.container.accounts import write_accounts

        write_accounts(container, settings, start, view)
    spec = build_spec(settings, start)
    write_text(container.user_directory + "/config.json", _core.dump_json(spec))
    # Last, so that a start that fails before makes no bridge.
    requests = networking.attach_requests(host, settings, networks)
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
        "networks": requests,
        "hosts": {"path": start.bind_files["/etc/hosts"], "names": names}
        if names and "/etc/hosts" in start.bind_files
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
