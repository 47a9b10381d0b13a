"""One more process in a running container.

Start reading at `execute`. The helper does the work; here its document is made: who runs, with which environment and rights.
"""

from __future__ import annotations

import os

from libpod import _core, arguments
from libpod.container import environment, security, spec
from libpod.errors import InvalidError, LibpodError, StateError, UnsafePathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from libpod._core import Session
    from libpod.arguments import Word
    from libpod.container.model import Container, ContainerState
    from libpod.host import Host

#: Version of the exec document; the monitor refuses one with a member more or less than it knows.
EXEC_VERSION = 1
#: Podman's exit code where an exec session cannot be created at all.
NO_SESSION = 255

#: What a process's capabilities are told by; a set that is not named is empty.
_SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")


def execute(
    host: Host,
    container: Container,
    argv: Iterable[Word],
    *,
    env: Mapping[str, Word] | None = None,
    user: str | int = "",
    workdir: str | os.PathLike[str] = "",
    terminal: bool = False,
    stdin_open: bool = False,
    privileged: bool = False,
    detach: bool = False,
    initial_size: tuple[int, int] | None = None,
) -> tuple[str, Session]:
    """Start a command in a running container; return the exec session's id and its connection.

    The command runs when this returns; its exit code comes over the session.
    Raises: TypeError for an argv that is one string, StateError where the container does not run, InvalidError (exit code 255) for an empty command or a user that
    the container does not know, CommandNotFoundError, CommandNotExecutableError.
    """
    words = arguments.strings("argv", argv)
    if not words:
        raise InvalidError("must provide a non-empty command to start an exec session: invalid argument")
    state = container.state
    if state.status != "running":
        raise _refused(StateError("can only create exec sessions on running containers: container state improper"))
    exec_id = os.urandom(32).hex()
    document = {
        "version": EXEC_VERSION,
        "id": container.id,
        "run_dir": container.run_directory,
        "exec_id": exec_id,
        "pid": state.pid,
        "start_time": state.start_time,
        "process": _process(
            container,
            state,
            words,
            {} if env is None else arguments.mapping("env", env),
            arguments.text_or_integer("user", user),
            arguments.text("workdir", workdir),
            terminal,
            privileged,
        ),
        "stdin_open": stdin_open,
        "detach": detach,
        "cgroup": state.cgroup,
        "seccomp": _seccomp(container, privileged),
        "seccomp_cache": host.places.seccomp_cache,
        "initial_size": initial_size,
    }
    return exec_id, _start(host, document)


def _start(host: Host, document: dict[str, Any]) -> Session:
    session = _core.launch_exec(host.helper_path, document)
    try:
        session.wait_running()
    except BaseException:
        session.close()
        raise
    return session


def _refused(error: LibpodError) -> LibpodError:
    error.exit_code = NO_SESSION
    return error


def _process(
    container: Container,
    state: ContainerState,
    argv: Sequence[str],
    env: Mapping[str, str],
    user: str,
    workdir: str,
    terminal: bool,
    privileged: bool,
) -> dict[str, Any]:
    settings = container.settings
    found = _user(container, state, user or settings.user)
    variables = {**settings.env, **env}
    variables.setdefault("HOME", found["home"])
    return {
        "terminal": terminal,
        "user": {**spec.oci_user(found), "umask": int(settings.umask, 8)},
        "args": list(argv),
        "env": [f"{name}={value}" for name, value in variables.items()],
        "cwd": workdir or settings.workdir,
        "capabilities": dict.fromkeys(_SETS, ()) | _capabilities(container, found["uid"], privileged=privileged),
        "rlimits": [limit.to_oci() for limit in settings.limits],
        "noNewPrivileges": settings.no_new_privileges and not privileged,
    }


def _user(container: Container, state: ContainerState, user: str) -> dict[str, Any]:
    """Find a user by what the container itself sees now: its passwd and group may be mounted, or changed since the start."""
    try:
        view = _core.View.of_process(state.pid, state.start_time)
        found = view.find_user(user)
        for gid in map(view.find_group, container.settings.groups):
            if gid not in found["additional_gids"]:
                found["additional_gids"].append(gid)
    except (InvalidError, StateError, UnsafePathError) as error:
        raise _refused(error) from None
    return found


def _capabilities(container: Container, uid: int, *, privileged: bool) -> dict[str, list[str]]:
    if privileged:
        everything = security.choose_capabilities((), (), (), privileged=True)
        if uid == 0:
            return {"bounding": everything, "effective": everything, "permitted": everything}
        return {"bounding": everything}
    return security.capability_sets(container.settings, uid)


def _seccomp(container: Container, privileged: bool) -> str:
    return "unconfined" if privileged else container.settings.seccomp or "default"


def parse_environment(texts: Iterable[str], files: Iterable[str]) -> dict[str, str]:
    """Parse `--env` and `--env-file` of `exec`.

    Raises: InvalidError `parsing environment variables: …`, also for an empty text, which `run` takes.
    """
    variables = environment.parse_variables((), files)
    words = list(texts)
    try:
        if "" in words:
            raise InvalidError('invalid variable: ""')
        variables.update(environment.parse_variables(words, ()))
    except InvalidError as error:
        raise error.prefixed("parsing environment variables: ") from None
    return variables


def session_ids(state: ContainerState, container: Container) -> list[str]:
    """Ids of the exec sessions that run in a container."""
    if not state.is_running:
        return []
    try:
        names = os.listdir(container.run_directory + "/exec")
    except FileNotFoundError:
        return []
    return sorted(name for name in names if len(name) == 64)
