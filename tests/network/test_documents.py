"""The examples of README and docs, run as a reader would run them; what a comment says is printed is printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.network.host import Host, needs_hosts
from tests.support import cli, container_images, registry

REPOSITORY = Path(__file__).parents[2]
IMAGE = "team/app:1.2"
#: The registry that the documents name.
_NAMED = "registry.example.org"

PYTHON = [
    pytest.param(path, number, id=f"{path}-{number}")
    for path in ("README.md", "docs/library.md", "docs/images.md")
    for number in range(len(re.findall(r"```python\n", (REPOSITORY / path).read_text())))
]
#: What an example may use without having made it.
_PREAMBLE = "import libpod\nengine = libpod.Engine()\n"


def examples(path: str, language: str) -> list[str]:
    """Return the blocks of one language in a document."""
    return re.findall(rf"```{language}\n(.*?)```", (REPOSITORY / path).read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def reader(plain_registry: registry.Registry) -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory to work in, and an environment whose store and registries are the test's own."""
    needs_hosts()
    directory = Path(tempfile.mkdtemp(prefix="lp-", dir="/tmp"))
    container_images.write_root(directory / "root.tar")
    with tarfile.open(directory / "root.tar", "a") as archive:
        for name, text in (("etc/os-release", b"ID=app\n"), ("usr/share/doc/notes", b"notes\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, BytesIO(text))
    (directory / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{directory}/root"\nrunroot = "{directory}/run"\n'
    )
    (directory / "registries.conf").write_text(
        f'[[registry]]\nprefix = "{_NAMED}"\nlocation = "{plain_registry.address}"\ninsecure = true\n'
    )
    environment = cli.clean_environment(
        CONTAINERS_STORAGE_CONF=str(directory / "storage.conf"),
        CONTAINERS_REGISTRIES_CONF=str(directory / "registries.conf"),
        HOME=str(directory),
        PATH=f"{cli.OURS.parent}:{os.environ['PATH']}",
    )
    work = directory / "work"
    (work / "data").mkdir(parents=True)
    (work / "data" / "file").write_text("data\n")

    def podman(*words: str) -> None:
        subprocess.run([cli.OURS, *words], env=environment, check=True, capture_output=True)

    command = 'CMD ["sh","-c","echo ready; sleep 4"]'
    podman("import", "-q", "--change", command, str(directory / "root.tar"), f"{_NAMED}/{IMAGE}")
    podman("push", "-q", "--tls-verify=false", f"{_NAMED}/{IMAGE}", f"{plain_registry.address}/{IMAGE}")
    podman("tag", f"{_NAMED}/{IMAGE}", "docker.io/library/alpine")
    podman("save", "-q", "-o", str(work / "app.tar"), IMAGE)
    yield work, environment
    subprocess.run([cli.OURS, "rm", "-f", "-a", "-t", "0"], env=environment, check=True, capture_output=True)
    shutil.rmtree(directory)


@pytest.mark.parametrize(("path", "number"), PYTHON)
def test_examples_in_python(reader: tuple[Path, dict[str, str]], path: str, number: int) -> None:
    directory, environment = reader
    text = examples(path, "python")[number]
    done = subprocess.run(
        [sys.executable, "-c", _PREAMBLE + text],
        capture_output=True,
        text=True,
        cwd=directory,
        env=environment,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = re.findall(r"(?m)^ *print\(.*\)  +# (.*)$", text)
    assert [line for line in done.stdout.splitlines() if line in said] == said


def test_the_tour(reader: tuple[Path, dict[str, str]]) -> None:
    directory, environment = reader
    (block,) = examples("README.md", "console")
    lines = [line.removeprefix("$ ") for line in block.splitlines()]
    assert len(lines) > 5
    # An archive that is there is not added to, as with Podman.
    (directory / "app.tar").unlink(missing_ok=True)
    with Host(directory.parent) as host:
        for line in lines:
            # The registry is on the loopback of this host, the containers' bridge on one of its own.
            # Entering it changes the working directory.
            inside = f"cd {directory} && {line}"
            words = ["sh", "-c", line] if " pull " in line else host.enter("sh", "-c", inside)
            done = subprocess.run(
                words,
                capture_output=True,
                text=True,
                cwd=directory,
                env=environment,
                input="exit\n",  # what a reader types in the shell
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"


def test_every_example_is_run() -> None:
    """No Python example of the documents is left out, but the one of the extension module."""
    found = {path.name for path in (REPOSITORY / "docs").glob("*.md") if "```python\n" in path.read_text()}
    assert found == {"images.md", "layers.md", "library.md"}
