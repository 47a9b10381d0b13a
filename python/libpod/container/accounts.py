"""A container's own passwd and group, for a user or a group of a number that its image does not know.

Loaded only for a container with such a user. Start reading at `write_accounts`.
"""

from __future__ import annotations

from libpod.container.files import write_file
from libpod.container.view import bind_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod._core import View
    from libpod.container.model import Container
    from libpod.container.settings import ContainerSettings
    from libpod.container.spec import Start


def write_accounts(container: Container, settings: ContainerSettings, start: Start, view: View) -> None:
    """Give a user and a group that the container does not know entries in copies of its passwd and group, as Podman does.

    The user as asked for becomes a member of the group. A container without such a file gets none, nor does one whose file comes
    with a mount: that is the user's own.
    """
    user = settings.user.partition(":")[0]
    uid, gid = start.user["uid"], start.user["gid"]
    additions = {
        "passwd": (uid, f"{uid}:*:{uid}:{gid}:container user:/:/bin/sh\n"),
        "group": (gid, f"{gid}:x:{gid}:{user}\n"),
    }
    for kind, (number, line) in additions.items():
        if view.place(f"/etc/{kind}") != ("file", "root"):
            continue
        text = view.accounts(kind).decode(errors="surrogateescape")
        known = (entry.split(":") for entry in text.splitlines())
        if not text or any(len(fields) > 2 and fields[2] == str(number) for fields in known):
            continue
        target = f"{container.boot_directory}/{kind}"
        write_file(target, text + ("" if text.endswith("\n") else "\n") + line)
        start.mounts.append(bind_file(settings, f"/etc/{kind}", target))
