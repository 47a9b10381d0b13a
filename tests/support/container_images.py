"""Small images for tests that run containers: busybox with users, groups and odd files, made by real Podman."""

from __future__ import annotations

import os
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

from tests.support import probe
from tests.support.cli import Cli

#: Applets that get a link of their own; `sh` finds the rest.
_APPLETS = (
    "sh ls cat echo env id sleep true false mount ps grep head tail kill hostname pwd stat wc seq test touch mkdir date"
    " printf dd od md5sum ip sort sed awk ulimit stty tty rm ln cp chmod nc wget nslookup readlink find df yes"
).split()

PASSWD = "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/bin/false\napp:x:1000:1001:App:/home/app:/bin/sh\n"
GROUP = "root:x:0:root\nbin:x:1:root,bin\nadm:x:4:app\napp:x:1001:\naudio:x:29:app\n"

#: Image name → what `podman import --change` is told.
CHANGES = {
    "rich": ("ENV A=1", 'ENV B="two words"', 'CMD ["echo","default cmd"]'),
    "full": (
        "ENV A=1",
        "USER app",
        "WORKDIR /work/dir",
        "VOLUME /data",
        'ENTRYPOINT ["/bin/sh","-c"]',
        'CMD ["echo from-cmd"]',
        "EXPOSE 80",
        "LABEL l1=v1",
        "STOPSIGNAL SIGINT",
    ),
    "bare": (),
}


def write_root(path: Path) -> None:
    """Write the root file system as a tar."""
    busybox = shutil.which("busybox", path=os.environ.get("PATH", "") + ":/bin:/usr/bin")
    probe.require(busybox is not None, "needs the program busybox")
    with tarfile.open(path, "w") as archive:
        for name, mode, owner in (
            ("bin", 0o755, 0),
            ("etc", 0o755, 0),
            ("tmp", 0o1777, 0),
            ("data", 0o755, 1000),
            ("root", 0o755, 0),
            ("home", 0o755, 0),
            ("home/app", 0o755, 1000),
            ("run", 0o755, 0),
            ("var", 0o755, 0),
            ("var/tmp", 0o1777, 0),
            ("proc", 0o755, 0),
            ("sys", 0o755, 0),
            ("dev", 0o755, 0),
        ):
            _add(archive, name, mode, owner, kind=tarfile.DIRTYPE)
        assert busybox is not None
        _add(archive, "bin/busybox", 0o755, 0, Path(busybox).read_bytes())
        for applet in _APPLETS:
            _add(archive, f"bin/{applet}", 0o777, 0, kind=tarfile.SYMTYPE, link="busybox")
        _add(archive, "bin/noexec", 0o644, 0, b"not a program\n")
        _add(archive, "etc/passwd", 0o644, 0, PASSWD.encode())
        _add(archive, "etc/group", 0o644, 0, GROUP.encode())
        _add(archive, "data/file", 0o644, 1000, b"hello\n")


def _add(
    archive: tarfile.TarFile,
    name: str,
    mode: int,
    owner: int,
    body: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    link: str = "",
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(body)
    entry.uid, entry.gid = owner, owner and owner + 1
    entry.mtime = 1_700_000_000
    archive.addfile(entry, BytesIO(body))


def import_root(program: Cli, *changes: str, name: str = "rich") -> None:
    """Import the root file system into a program's store, with these `--change`s."""
    root = program.root.parent / "root.tar"
    write_root(root)
    program("import", "-q", *(word for change in changes for word in ("--change", change)), str(root), name)


def make_images(peer: Cli, directory: Path) -> list[Path]:
    """Import the images into Podman's store and return docker-archives of them, for ours."""
    root = directory / "root.tar"
    write_root(root)
    archives = []
    for name, changes in CHANGES.items():
        words = [word for change in changes for word in ("--change", change)]
        peer("import", "-q", *words, str(root), name)
        archive = directory / f"{name}.tar"
        peer("save", "-q", "-o", str(archive), f"localhost/{name}")
        archives.append(archive)
    return archives
