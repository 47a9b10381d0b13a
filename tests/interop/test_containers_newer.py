"""What a container is made of, beside the newer Podman: where it differs from the old one, libpod follows the new."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, container_images, newer, probe
from tests.support.images import config, docker_archive, tar

LIMITS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")
ZONE = Path("/usr/share/zoneinfo/Europe/Berlin")

#: `@` is a directory of the host that both see.
SCRIPTS: dict[str, list[str]] = {
    "read-only": [
        "run --rm --read-only rich sh -c 'ls -A /run; touch /x || touch /run/x /tmp/x /var/tmp/x /dev/shm/x'",
        "run --rm --read-only --privileged --name n rich sh -c 'grep -v ^engine /run/.containerenv'",
        "run --rm --read-only --read-only-tmpfs=false rich sh -c 'touch /x /dev/x /dev/shm/x /run/x /tmp/x; ls -A /run'",
        "run --rm --read-only --read-only-tmpfs=false rich sh -c 'echo ok > /dev/null; stat -c %a /dev/shm'",
    ],
    "what is mounted at /run": [
        "run --rm --tmpfs /run rich ls -A /run",
        "run --rm -v @:/run rich ls -A /run",
        "run --rm -v v:/run rich ls -A /run",
    ],
    "time zone of the image": [
        "run --rm --tz Europe/Berlin zoned sh -c 'readlink /etc/localtime; date -d @0 +%Z'",
        "run --name tz --tz Europe/Berlin zoned readlink /etc/localtime",
        "start -a tz",
        "rm tz",
        "run --rm --read-only --tz Europe/Berlin zoned readlink /etc/localtime",
    ],
    "time zone of the host": [
        "run --rm --tz Europe/Berlin rich sh -c 'readlink /etc/localtime; date -d @0 +%Z'",
        "run --rm --tz Europe/Paris zoned sh -c 'readlink /etc/localtime; cat /etc/zone'",
        "run --rm --tz ../../../etc/passwd rich true",
        "run --rm --tz /etc/passwd rich true",
        "run --rm --tz Europe rich true",
        "run --rm --tz Foo/Bar rich true",
    ],
    "masks": [
        "run --rm --security-opt mask=/etc/group:/home rich sh -c 'wc -c < /etc/group; ls -A /home'",
        "run --rm --privileged --security-opt mask=/data/file rich sh -c 'wc -c < /data/file'",
        "run --rm --security-opt systempaths=x rich true",
        "run --rm --security-opt mask rich true",
    ],
    "parameters of the host": [
        "run --name hs --network host --sysctl net.ipv4.ip_forward=1 rich true",
        "container exists hs",
    ],
}


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Path, cli.Cli, cli.Cli]]:
    """A directory, and us and Podman with the images `rich` and `zoned`, which has a time zone and a link in its place."""
    probe.needs_root()
    with tempfile.TemporaryDirectory(prefix="cn-", dir="/tmp") as name:
        directory = Path(name)
        container_images.write_root(directory / "root.tar")
        base = (directory / "root.tar").read_bytes()
        zones = tar(
            ("etc/localtime", "/etc/zone"), ("etc/zone", b"the image's\n"), ("usr/share/zoneinfo/Europe/Berlin", ZONE.read_bytes())
        )  # fmt: skip
        settings = {"Cmd": ["true"], "Env": ["PATH=/bin"]}
        for image, layers in (("rich", (base,)), ("zoned", (base, zones))):
            text = json.dumps(json.loads(config(*layers)) | {"config": settings}).encode()
            names = (f"localhost/{image}:latest",)
            (directory / image).write_bytes(docker_archive(*layers, names=names, image_config=text))
        (directory / "shared").mkdir()
        (directory / "shared" / "file").write_text("the user's\n")
        with newer.podman(directory / "theirs") as theirs:
            ours = cli.Cli([str(cli.OURS)], directory / "ours", run_flags=LIMITS)
            for program in (ours, theirs):
                program.root.parent.mkdir()
                for image in ("rich", "zoned"):
                    program("load", "-q", "-i", str(directory / image))
            yield directory / "shared", ours, theirs
            ours.remove_all()


def outcome(program: cli.Cli, line: str, shared: Path) -> tuple[int, str, list[str]]:
    """Exit code, output, and what the errors are about."""
    words = shlex.split(line.replace("@:", f"{shared}:"))
    if words[0] == "run" and "--network" not in words:
        words[1:1] = ["--network", "none"]
    done = program(*words, code=None)
    errors = [re.sub(r"^(time=.* msg=|Error: )", "", text) for text in done.stderr.splitlines()]
    return done.returncode, re.sub(r"\b[0-9a-f]{64}\b", "<ID>", done.stdout), errors


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_on_the_newer_podman_and_on_us(pair: tuple[Path, cli.Cli, cli.Cli], name: str) -> None:
    shared, ours, theirs = pair
    for line in SCRIPTS[name]:
        assert outcome(ours, line, shared) == outcome(theirs, line, shared), line
    assert [path.name for path in shared.iterdir()] == ["file"]
