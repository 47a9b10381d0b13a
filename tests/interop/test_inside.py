"""What a process sees inside our container against what it sees inside Podman's: equal, or explained here line by line."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, probe
from tests.support.pairs import OLD, Pair
from tests.support.status import without_library_signals


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon", "busybox")
    directory = Path(tempfile.mkdtemp(prefix="in-", dir="/tmp"))
    for name in ("p", "u"):
        (directory / name).mkdir()
    pair = Pair(OLD, directory, cli.real_podman(directory / "p"))
    yield pair
    pair.close()
    shutil.rmtree(directory, ignore_errors=True)


#: Ways to be inside: name → options of `run`.
WAYS = {
    "plain": [],
    "user": ["-u", "app"],
    "user with a capability": ["-u", "app", "--cap-add", "net_raw"],
    "privileged": ["--privileged"],
    "read-only": ["--read-only"],
    "no new privileges": ["--security-opt", "no-new-privileges"],
    "all capabilities": ["--cap-add", "all"],
    "host namespaces": ["--ipc", "host", "--uts", "host"],
    "unmasked": ["--security-opt", "unmask=ALL"],
    "masked": ["--security-opt", "mask=/data/file:/home:/nonexistent"],
    "masked and privileged": ["--privileged", "--security-opt", "mask=/data/file:/home"],
    "limits": ["-m", "64m", "--cpus", "0.5", "--pids-limit", "50", "--ulimit", "core=1:2"],
    "mounts": ["-v", "/usr:/mnt:ro", "--tmpfs", "/data", "--device", "/dev/null:/dev/other"],
}

#: Paths that Podman hides since 5.8 and an older one shows.
NEWLY_MASKED = ("/proc/interrupts", "/sys/devices/virtual/powercap")

#: Fields of /proc/self/status that say what a process may do. The others count memory, switches and time.
STATUS = (
    "Umask Uid Gid Groups NStgid NSpid SigBlk SigIgn SigCgt CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp"
    " Seccomp_filters Cpus_allowed Mems_allowed_list"
).split()


def both(pair: Pair, way: str, *command: str) -> tuple[list[str], list[str]]:
    """Run a command inside each; return the lines of both, ids replaced."""
    lines = []
    for program in (pair.ours, pair.peer):
        done = program("run", "--rm", "--network", "none", *WAYS[way], "rich", *command)
        text = re.sub(r"[0-9a-f]{64}", "<ID>", done.stdout)
        lines.append(re.sub(r"\b[0-9a-f]{12}\b", "<SHORT>", text).splitlines())
    return lines[0], lines[1]


@pytest.mark.parametrize("way", WAYS)
def test_status(pair: Pair, way: str) -> None:
    ours, theirs = both(pair, way, "cat", "/proc/self/status")
    pick = re.compile("|".join(rf"^{name}:" for name in STATUS))
    seen = [[without_library_signals(line) for line in lines if pick.match(line)] for lines in (ours, theirs)]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("way", WAYS)
def test_limits(pair: Pair, way: str) -> None:
    ours, theirs = both(pair, way, "cat", "/proc/self/limits")
    assert ours == theirs


@pytest.mark.parametrize("way", WAYS)
def test_cgroup(pair: Pair, way: str) -> None:
    ours, theirs = both(pair, way, "cat", "/proc/self/cgroup")
    assert ours == theirs


@pytest.mark.parametrize("way", WAYS)
def test_environment(pair: Pair, way: str) -> None:
    ours, theirs = both(pair, way, "env")
    # Podman keeps variables in a Go map: their order is another one in every run.
    # The older Podman sets TERM without a terminal, too.
    assert sorted(ours) == sorted(set(theirs) - {"TERM=xterm"})


@pytest.mark.parametrize("way", WAYS)
def test_devices(pair: Pair, way: str) -> None:
    ours, theirs = both(
        pair, way, "sh", "-c", 'find /dev | sort | while read -r f; do stat -c "%n %F %a %u:%g %t:%T" "$f"; done'
    )
    assert ours == theirs


@pytest.mark.parametrize("way", WAYS)
def test_mounts(pair: Pair, way: str) -> None:
    ours, theirs = both(pair, way, "cat", "/proc/self/mountinfo")
    assert mounts(ours) == mounts(theirs)


@pytest.mark.parametrize("way", WAYS)
def test_files_of_the_host(pair: Pair, way: str) -> None:
    script = "cat /etc/hosts; cat /etc/hostname; echo; cat /etc/passwd /etc/group; hostname; id; pwd; ls -la / /etc"
    ours, theirs = both(pair, way, "sh", "-c", script)
    # The older Podman does not know the name that programs written for Docker look for.
    ours = [line.replace(" host.docker.internal", "") for line in ours]
    # Nor does it end the line of /etc/hostname.
    mine, other = (
        [re.sub(r"\d+ <DATE> hostname$", "<DATE> hostname", line) for line in map(file_line, lines) if line]
        for lines in (ours, theirs)
    )
    assert mine == other


@pytest.mark.parametrize("way", WAYS)
def test_system_settings(pair: Pair, way: str) -> None:
    script = (
        "cat /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/hostname; ls /proc/acpi /proc/scsi /sys/firmware 2>&1;"
        " head -c 1 /proc/timer_list | wc -c; touch /proc/sys/kernel/domainname 2>&1; ls /sys/fs/cgroup"
    )
    ours, theirs = both(pair, way, "sh", "-c", script)
    assert ours == theirs


def mounts(lines: list[str]) -> list[tuple[str, ...]]:
    """Where what is mounted how, sorted: Podman binds files of the host last, we do it before the root is entered."""
    return sorted(mount for line in lines if (mount := mount_of(line)) is not None)


def mount_of(line: str) -> tuple[str, ...] | None:
    """Destination, options, propagation, type and options of the file system of one line of mountinfo."""
    left, _, right = line.partition(" - ")
    fields, kind = left.split(), right.split()
    destination, options, propagation = fields[4], fields[5], " ".join(fields[6:])
    if destination in NEWLY_MASKED or destination.endswith("/thermal_throttle"):
        return None
    if destination == "/run/.containerenv":
        # With --read-only it is there since Podman 5.
        return None
    super_options = kind[2]
    if destination == "/":
        # The layers' directories differ, and ours are handed over one by one (`lowerdir+`). Podman names the effect of
        # `volatile` (`fsync=volatile`), which both have.
        super_options = ",".join(
            word for word in super_options.split(",") if not word.startswith(("lowerdir", "upperdir", "workdir"))
        )
    if destination == "/dev/shm":
        # Podman mounts a tmpfs on the host and binds it; ours is mounted in the container. Kernel and Podman write the
        # same size in different units.
        super_options = super_options.replace("size=64000k", "size=65536000").replace("size=65536k", "size=65536000")
    if kind[0] == "tmpfs" and destination in ("/run", "/tmp", "/var/tmp", "/data"):
        # The mode of what was there is copied up: runc sets it afterwards, we give it to the mount.
        super_options = super_options.replace(",mode=755", "").replace(",mode=1777", "")
    propagation = re.sub(r"\d+", "N", propagation)
    return destination, options, propagation, kind[0], super_options


def file_line(line: str) -> str:
    """A line of the files and listings without what differs by nature."""
    if "mtab ->" in line:
        # Podman makes /etc/mtab in the container's layer where an image has none; we leave the image's files alone.
        return ""
    if re.match(r"total \d+$", line):
        return ""
    if re.match(r"-\S+ +1 root +root +\d+ .* hosts$", line):
        # The container's random name stands in it: its size differs.
        return "hosts"
    # With --read-only the tmpfs at /run holds .containerenv since Podman 5.
    line = re.sub(r"^(drwxr-xr-x +2 root +root +)\d+ (.* run)$", r"\1\2", line)
    # /proc has a link for every process of the host.
    line = re.sub(r"^(dr-xr-xr-x) +\d+ (.* proc)$", r"\1 \2", line)
    # The container's own line: the name is a random one.
    line = re.sub(r"^(127\.0\.0\.1\t<SHORT>) \w+$", r"\1 <NAME>", line)
    return re.sub(r" [A-Z][a-z]{2} +\d+ +(\d\d:\d\d|\d{4}) ", " <DATE> ", line)
