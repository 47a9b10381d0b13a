"""What is measured on: a large image made from the machine's own files, in every form, and a busybox image."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

#: Size and shape of the large image. Real programs, libraries and texts compress as images do; random bytes would not.
TARGET_BYTES = 1_440_000_000
TARGET_FILES = 25_000
LAYERS = 4
SOURCES = ("/usr/share", "/usr/lib", "/usr/bin", "/root/.rustup", "/usr/local", "/usr/include", "/opt", "/root/.cargo")


def sh(*words: str, **options: object) -> str:
    """Run a command that must succeed and return its stdout."""
    done = subprocess.run(words, check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    return str(done.stdout)


def _files() -> list[Path]:
    """Regular files of the machine, small ones first choice, until both targets are met."""
    found: list[tuple[int, Path]] = []
    for source in SOURCES:
        for directory, _, names in os.walk(source):
            for name in names:
                path = Path(directory, name)
                if path.is_file() and not path.is_symlink():
                    found.append((path.stat().st_size, path))
    found.sort()
    step = max(1, len(found) // TARGET_FILES)
    chosen = found[::step][:TARGET_FILES]
    total = sum(size for size, _ in chosen)
    taken = set(chosen)
    for size, path in reversed(found):
        if total >= TARGET_BYTES:
            break
        if (size, path) not in taken and size < 200_000_000:
            chosen.append((size, path))
            total += size
    return [path for _, path in sorted(chosen, key=lambda item: str(item[1]))]


def make_layers(directory: Path) -> list[Path]:
    """Write the layers' tars; each file keeps its path below a folder of its layer."""
    files = _files()
    tars = []
    for index in range(LAYERS):
        path = directory / f"layer{index}.tar"
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            if index == 0:
                _add_busybox(tar)
            for file in files[index::LAYERS]:
                try:
                    tar.add(file, arcname=f"data{index}{file}", recursive=False)
                except OSError:
                    continue
        tars.append(path)
    return tars


def _add_busybox(tar: tarfile.TarFile) -> None:
    tar.add(shutil.which("busybox") or "/bin/busybox", arcname="bin/busybox")
    for name in ("sh", "true", "sleep", "echo", "cat"):
        info = tarfile.TarInfo(f"bin/{name}")
        info.type, info.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(info)


def busybox_tar(path: Path) -> Path:
    """Write the small image's only layer."""
    with tarfile.open(path, "w") as tar:
        _add_busybox(tar)
        passwd = b"root:x:0:0:root:/root:/bin/sh\n"
        info = tarfile.TarInfo("etc/passwd")
        info.size = len(passwd)
        tar.addfile(info, io.BytesIO(passwd))
    return path


class Inputs:
    """The large image as docker-archive, OCI archive with gzip and with zstd; all written by the peers."""

    def __init__(self, directory: Path, podman: list[str]) -> None:
        self.directory = directory
        self.podman = podman
        self.docker_archive = directory / "large.docker.tar"
        self.oci_gzip = directory / "large.oci-gzip.tar"
        self.oci_zstd = directory / "large.oci-zstd.tar"
        self.small = directory / "busybox.tar"

    def make_small(self) -> None:
        """Make the small image if it is not there yet."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.small.exists():
            busybox_tar(self.small)

    def make_large(self) -> None:
        """Make the large image if it is not there yet; half an hour of saving is not spent twice."""
        if self.oci_zstd.exists():
            return
        # The last one to be made is missing: what is there is of a run that was interrupted.
        self.docker_archive.unlink(missing_ok=True)
        self.oci_gzip.unlink(missing_ok=True)
        tars = make_layers(self.directory)
        storage = self.directory / "buildah"
        buildah = ["buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run")]
        container = sh(*buildah, "from", "scratch").strip()
        for index, tar in enumerate(tars):
            sh(*buildah, "add", container, str(tar), "/")
            sh(*buildah, "commit", container, f"localhost/large:{index}")
            sh(*buildah, "rm", container)
            container = sh(*buildah, "from", "--pull-never", f"localhost/large:{index}").strip()
            tar.unlink()
        sh(*buildah, "tag", f"localhost/large:{LAYERS - 1}", "localhost/large:latest")
        source = f"containers-storage:[overlay@{storage / 'root'}+{storage / 'run'}]localhost/large:latest"
        sh("skopeo", "copy", "-q", source, f"docker-archive:{self.docker_archive}:localhost/large:latest")
        sh("skopeo", "copy", "-q", source, f"oci-archive:{self.oci_gzip}:localhost/large:latest")
        zstd = ("--dest-compress-format", "zstd")
        sh("skopeo", "copy", "-q", *zstd, source, f"oci-archive:{self.oci_zstd}.part:localhost/large:latest")
        Path(f"{self.oci_zstd}.part").rename(self.oci_zstd)
