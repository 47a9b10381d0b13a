"""What lists and documents print beside the newer Podman: tables, templates, JSON and the exact words of their errors."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import cli, container_images, newer
from tests.support.cli import Cli

LIMITS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")


class Pair:
    """libpod and the newer Podman, each with the same images, and with a container that runs, one that ended, one that never ran."""

    def __init__(self, ours: Cli, theirs: Cli, directory: Path) -> None:
        self.ours, self.theirs = ours, theirs
        for archive in container_images.make_images(theirs, directory):
            ours("load", "-q", "-i", str(archive))
        for program in (ours, theirs):
            program(
                "create", "--name", "made", "--network", "podman", "-p", "8080:80", "-v", "/tmp:/mnt", "rich", "true"
            )
            program("run", "--name", "ended", "--network", "none", "rich", "sh", "-c", "exit 3", code=3)
            words = ["--label", "a=b", "--label", "t=<&>", "--entrypoint", "sleep", "-e", "Z=1", "full", "1000"]
            program("run", "-d", "--name", "runs", "--network", "none", *words)

    def printed(self, line: str) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
        """What both print for one line, without what differs by nature."""
        return self._one(self.ours, line), self._one(self.theirs, line)

    def on_their_store(self, *words: str) -> str:
        """What libpod prints of the store that the other program made."""
        reader = Cli(self.ours.program, self.theirs.root.parent)
        return reader(*words).stdout

    def _one(self, program: Cli, line: str) -> tuple[int, str, str]:
        done = program(*shlex.split(line), code=None)
        out, err = (text.replace(str(program.root), "<ROOT>") for text in (done.stdout, done.stderr))
        return done.returncode, neutral(out), neutral(err)


def neutral(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{64}\b", "<ID>", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<SHORT>", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?", "<TIME>", text)
    text = re.sub(r"(Less than a second|About a minute|\d+ (second|minute)s?)", "<AGE>", text)
    # The columns of a table are as wide as the ages in it.
    return re.sub(r" {2,}", "  ", text)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        ours = Cli([str(cli.OURS)], directory / "u", run_flags=LIMITS)
        with newer.podman(directory / "p") as theirs:
            yield Pair(ours, theirs, directory)
            ours.remove_all()


LINES = r"""
ps
ps -a
ps -a --pod
ps -a --noheading
ps -aq
ps -aq --no-trunc
ps -a --no-trunc
ps --last 1
ps -n 2 --format '{{.Names}}'
ps -l --format '{{.Names}}'
ps -l -n 1
ps -q --size
ps --size --ns
ps -a --sort names --format '{{.Names}}'
ps -a --sort image --format '{{.Names}} {{.Image}}'
ps -a --sort status --format '{{.Names}} {{.Status}}'
ps --sort foo
ps x
ps -a --format '{{.Names}} {{.State}} {{.Status}} {{.ExitCode}} {{.Exited}} {{.Restarts}} {{.Pod}}|{{.PodName}}|{{.IsInfra}}'
ps -a --format '{{.Command}}|{{.Ports}}|{{.Networks}}|{{.Mounts}}|{{.Labels}}|{{.AutoRemove}}|{{.CIDFile}}|{{.ExposedPorts}}'
ps -a --format '{{.ID}} {{.ImageID}} {{.CreatedHuman}} {{.CreatedAt}} {{.RunningFor}} {{.Created}} {{.Created.IsZero}}'
ps -a --format '{{.ListContainer.Names}} {{.ListContainer.Command}} {{.ListContainer.Ports}} {{.ListContainer.ID}}'
ps -a --format '{{.IPC}}|{{.MNT}}|{{.NET}}|{{.PIDNS}}|{{.UTS}}|{{.USERNS}}|{{.User}}|{{.Cgroup}}|{{.CGROUPNS}}|{{.Namespaces.IPC}}'
ps -a --format '{{.Label "a"}}|{{.Labels.a}}|{{json .Labels}}'
ps -a --format 'table {{.Names}} {{.ExitCode}} {{.RunningFor}} {{.CreatedAt}} {{.Cgroup}} {{.User}} {{.Pod}} {{.PodName}}'
ps -a --format 'table {{.Restarts}} {{.CIDFile}} {{.ExposedPorts}} {{.ImageID}} {{.ListContainer}}' --noheading --filter name=nosuch
ps -a --format '{{range .}}<{{.Names}}>{{end}}'
ps -a --format '{{json .Names}} {{json .Mounts}} {{len .Labels}}'
ps -a --format '{{.Foo}}'
ps -a --format '{{.Created.Foo}}'
ps -a --format '{{.Label}}'
ps -a --format '{{.Names'
ps -a --format '{{foo .Names}}'
ps -a --format '{{if .Names}}x'
ps -a --format ''
ps -a --format 'table {{.Labels.a}}'
ps --filter name=nosuch
ps --filter name=nosuch -q
ps --filter name=nosuch --format json
ps --filter name=nosuch --format '{{.ID}}'
ps --filter name=nosuch --format 'table {{.ID}}'
container ls -a --format '{{.Names}}'
container list -q --filter name=nosuch
images --filter reference=nosuch
images --filter reference=nosuch --format json
images --filter reference=nosuch --format '{{.ID}}'
images --format '{{.Os}} {{.Arch}} {{.IsManifestList}} {{.IsDangling}} {{.IsReadOnly}} {{.Dangling}} {{.ReadOnly}} {{.ImageSummary.Names}}' rich
images --format 'table {{.Arch}} {{.Os}} {{.IsManifestList}} {{.Digest}} {{.Containers}} {{.ParentId}} {{.SharedSize}}' rich
images --format '{{json .Labels}} {{json .Names}}' full
images --format '{{.Created.Unix}}' rich
history rich
history full --format '{{.Tags}}|{{.CreatedBy}}|{{.ImageHistoryLayer.Size}}|{{.Size}}|{{.ImageHistoryLayer.CreatedBy}}'
history rich --format 'table {{.ID}} {{.CreatedBy}} {{.Size}} {{.Comment}} {{.Tags}}'
history rich --format '{{.Foo}}'
history nosuch
network ls --format 'table {{.ID}} {{.Name}} {{.NetworkInterface}} {{.IPv6Enabled}} {{.Network}} {{.Labels}}' --filter name=nosuch
inspect nosuch
inspect made nosuch --format '{{.Name}}'
inspect made rich --format '{{.ID}}'
inspect podman --format '{{.ID}}'
inspect rich --format '{{.Name}}'
inspect --type image made
inspect --type container rich
inspect --type foo made
inspect --type image -s rich
inspect -l made
inspect
container inspect
image inspect
image inspect nosuch
container inspect nosuch
network inspect nosuch
inspect made --format 'table {{.Name}} {{.State.Status}}'
inspect -s ended --format '{{.Name}}'
inspect made --format '{{.State.Health.Status}}'
inspect made --format '{{.State.Status}} {{.State.Pid}} {{.State.StartedAt}} {{.State.FinishedAt.Unix}} {{.State.OOMKilled}}'
inspect runs --format '{{.State.Running}} {{.Path}} {{.Args}} {{.Config.Cmd}} {{.Config.Entrypoint}} {{.Config.StopSignal}} {{.Config.User}}'
inspect made --format '{{.Path}} {{.Args}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.CapAdd}} {{.HostConfig.CapDrop}}'
inspect made --format '{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}} {{json .NetworkSettings.Networks}}'
inspect ended --format '{{json .NetworkSettings.Networks}} {{.HostConfig.NetworkMode}}'
inspect made --format '{{.Config.Annotations}} {{.HostConfig.Annotations}} {{.Config.Labels}} {{.Config.OnBuild}} {{.Config.Passwd}}'
inspect made --format '{{json .Mounts}} {{json .Config.Volumes}} {{json .HostConfig.Tmpfs}} {{json .HostConfig.Binds}}'
inspect made --format '{{.SizeRw}} {{.SizeRootFs}} {{json .SizeRw}} {{.Config.Healthcheck}} {{json .Config.Healthcheck}}'
inspect made --format '{{.Config.Healthcheck.Test}}'
inspect made --format '{{.Config.Domainname}}'
inspect made --format '{{.HostConfig.Foo}}'
inspect made --format '{{.GraphDriver.Data.LowerDir}}'
inspect made --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}|{{.NetworkSettings.IPAddress}}'
inspect made --format '{{.KubeExitCodePropagation}} {{.UseImageHosts}} {{.Config.HealthLogDestination}} {{.Config.HealthMaxLogCount}}'
image inspect full --format '{{.Config.ExposedPorts}} {{.Config.Volumes}} {{.Config.Labels}} {{.Config.StopSignal}} {{.HealthCheck}}'
image inspect rich --format '{{.Config.User}}|{{.Config.ExposedPorts}}|{{json .Config.Volumes}}|{{.Created.Unix}}|{{.Id}}|{{.RootFS.Type}}'
image inspect rich --format '{{.GraphDriver.Data.LowerDir}}|{{.Config.Healthcheck}}'
""".strip().splitlines()


@pytest.mark.parametrize("line", LINES)
def test_both_print_the_same(pair: Pair, line: str) -> None:
    ours, theirs = pair.printed(line)
    assert ours == theirs


@pytest.mark.parametrize("template", ["{{json .}}", "{{.}}", "json", "{{json .Repository}}{{json .ImageSummary}}"])
def test_images_of_one_store_are_told_to_the_byte(pair: Pair, template: str) -> None:
    names = [f"more.example:5000/team/app:{number}" for number in "12"]
    pair.theirs("tag", "rich", *names)
    try:
        ours = pair.on_their_store("images", "--format", template)
        assert ours == pair.theirs("images", "--format", template).stdout
        assert "more.example:5000/team/app" in ours
    finally:
        pair.theirs("untag", "rich", *names)


def documents(pair: Pair, *words: str) -> tuple[Any, Any]:
    return tuple(json.loads(program(*words).stdout) for program in (pair.ours, pair.theirs))


def shape(value: Any) -> Any:
    """The members of a document in their order, and the types of their values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return type(value).__name__


@pytest.mark.parametrize(
    "words",
    [
        ("ps", "-a", "--format", "json"),
        ("ps", "-a", "--size", "--format", "json"),
        ("ps", "--ns", "--format", "json"),
        ("images", "--format", "json", "rich"),
        ("history", "--format", "json", "rich"),
        ("network", "ls", "--format", "json"),
        ("network", "inspect", "podman"),
        ("image", "inspect", "full"),
    ],
    ids=" ".join,
)
def test_json_has_the_same_members_of_the_same_types(pair: Pair, words: tuple[str, ...]) -> None:
    ours, theirs = documents(pair, *words)
    assert [list(document) for document in ours] == [list(document) for document in theirs]
    assert [shape(document) for document in ours] == [shape(document) for document in theirs]


#: Members that libpod has nothing to tell by, or that its own runtime and monitor decide.
OWN = {"Annotations", "CreateCommand", "Env"}


@pytest.mark.parametrize("name", ["made", "ended", "runs"])
def test_inspect_has_the_same_members(pair: Pair, name: str) -> None:
    (ours,), (theirs,) = documents(pair, "inspect", name)
    assert list(ours) == list(theirs)
    for part in ("State", "HostConfig", "NetworkSettings"):
        assert list(ours[part]) == list(theirs[part]), part
        ours_shape, theirs_shape = ({k: v for k, v in shape(d[part]).items() if k not in OWN} for d in (ours, theirs))
        assert ours_shape == theirs_shape, part
    # The image's exposed ports are part of what a container exposes.
    assert [member for member in theirs["Config"] if member not in ours["Config"]] in ([], ["ExposedPorts"])
    for member, value in ours["Config"].items():
        if member not in OWN:
            assert shape(value) == shape(theirs["Config"].get(member)), member
