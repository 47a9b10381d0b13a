"""The image verbs beside Podman's: the same commands on stores loaded alike print the same and exit alike.

What they print is compared with the newer Podman, whose output libpod follows (docs/compatibility.md).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cli, newer, probe
from tests.support.images import config, docker_archive, tar

#: The config's date, so that "2 weeks ago" cannot change between two commands.
CREATED = "2020-01-02T03:04:05.678Z"

BASE, TOP = tar(("etc/", ""), ("etc/base", b"base\n")), tar(("etc/", ""), ("etc/top", b"top\n" * 5000))


def archives(directory: Path) -> list[Path]:
    """A base image, one that was built on it, and one without a name."""
    steps = [
        {"created": CREATED, "created_by": "/bin/sh -c #(nop) ADD file:" + "0" * 64 + " in /"},
        {"created": CREATED, "created_by": "/bin/sh -c make all", "comment": "FROM localhost/base:1"},
        {"created": CREATED, "created_by": "/bin/sh -c #(nop) CMD x", "empty_layer": True},
    ]
    defaults = {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "Labels": {"a": "b", "html": "<&>"}, "WorkingDir": "/etc"}
    base = config(BASE, created=CREATED, history=steps[:1], config=defaults)
    top = config(BASE, TOP, created="2021-01-02T03:04:05Z", history=steps[:2], config=defaults | {"Labels": {"c": "d"}})
    more = config(BASE, TOP, created="2022-01-02T03:04:05Z", history=steps, config={"Entrypoint": ["/x"]}, author="me")
    made = {
        "base": docker_archive(BASE, names=("localhost/base:1",), image_config=base),
        "top": docker_archive(BASE, TOP, names=("localhost/top:2", "quay.io/team/top:latest"), image_config=top),
        "more": docker_archive(BASE, TOP, names=(), image_config=more),
    }
    for name, data in made.items():
        (directory / name).write_bytes(data)
    return [directory / name for name in made]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[cli.Cli, cli.Cli]]:
    """We and Podman, each with the three images; no test of this module changes them."""
    probe.needs_root()
    with tempfile.TemporaryDirectory(prefix="iv-", dir="/tmp", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        with newer.podman(directory / "theirs") as theirs:
            programs = cli.ours(directory / "ours"), theirs
            for program in programs:
                program.root.parent.mkdir()
                for path in archives(directory):
                    program("load", "-q", "-i", str(path))
            yield programs


#: Commands that read. `{base}`, `{top}` and `{more}` are ids.
COMMANDS = """
images
images -a
images -n
images -q
images -q --no-trunc
images --no-trunc
images --digests
images --history
images --sort size
images --sort tag
images --sort repository
images --sort id
images --format json
images --format {{.ID}}
images --format {{.Repository}}:{{.Tag}}\\t{{.Size}}\\t{{.CreatedAt}}\\t{{.Digest}}\\t{{.CreatedSince}}
images --format {{.Names}}\\t{{.RepoTags}}\\t{{.Labels}}\\t{{.Containers}}\\t{{.VirtualSize}}\\t{{.History}}\\t{{.ParentId}}
images --format {{.RepoDigests}}
images --format {{if_.Nope}}
images base
images top
images localhost/top
images quay.io/*/top
images nothing
images base top
images base --filter dangling=true
images --filter dangling=true
images --filter dangling=false
images --filter dangling=maybe
images --filter intermediate=false
images --filter label=a
images --filter label=a=b
images --filter label=a=c
images --filter label!=a
images --filter label=a --filter label=c
images --filter reference=t*
images --filter reference=base:1
images --filter reference=*/*
images --filter before=top:2
images --filter since=base:1
images --filter after=top:2
images --filter before=nothing
images --filter until=2021-06-01T00:00:00
images --filter until=1h
images --filter id={base}
images --filter containers=false
images --filter readonly=true
images --filter wrong
image ls -q
image list -n
history base:1
history top:2
history {more}
history -q top
history --no-trunc top:2
history --human=false top:2
history --format json {more}
history --format {{.ID}}|{{.Created}}|{{.CreatedAt}}|{{.CreatedBy}}|{{.Size}}|{{.Comment}} {more}
history nothing
history
inspect --type image base:1
inspect --type image top:2 {more}
inspect top
inspect {base} --format {{.Id}}|{{.Digest}}|{{.RepoTags}}|{{.Created}}|{{.Size}}|{{.Labels}}|{{.User}}|{{.Architecture}}|{{.Os}}
inspect {more} --format {{.Author}}|{{.Config}}|{{.RootFS}}|{{.GraphDriver.Name}}|{{.ManifestType}}|{{.NamesHistory}}
inspect top:2 --format {{.Config.Cmd}}|{{.Config.Entrypoint}}|{{.Config.WorkingDir}}|{{.History}}|{{len_.RootFS.Layers}}
inspect top:2 --format {{json_.Config}}
inspect --format {{range_.Config.Env}}{{.}}{{end}} base:1
inspect nothing
inspect base:1 nothing --format {{.Id}}
inspect --type image nothing
inspect --type wrong base:1
inspect
image inspect nothing
image inspect base:1 --format {{.Id}}
image exists base:1
image exists base
image exists team/top
image exists {base}
image exists nothing
image exists
tag nothing x
tag base:1
tag base:1 Upper/Case
tag base:1 a@sha256:{base}
untag nothing
untag base:1 other:1
rmi nothing
rmi nothing other
rmi -i nothing
rmi -f nothing
rmi
rmi -a x
rmi {top}
save
save nothing
save --format wrong base:1
save --compress base:1
load x
load -i
import /nonexistent
import
import a b c
import /etc/hostname -c WRONG=x
image prune --filter
"""


def words_of(line: str, ids: dict[str, str]) -> list[str]:
    # An underscore stands for a blank inside of a template.
    words = [word.replace("_", " ") if word.startswith("{{") else word for word in line.split(" ")]
    return [word.replace("\\t", "\t").format_map(ids) if "{{" not in word else word for word in words]


@pytest.mark.parametrize("line", COMMANDS.strip().splitlines())
def test_the_same_output_and_exit_code(pair: tuple[cli.Cli, cli.Cli], line: str) -> None:
    ours, theirs = pair
    listed = theirs("images", "--no-trunc", "--format", "{{.ID}} {{.CreatedAt}}").stdout.splitlines()
    years = {year: next(row[7:71] for row in listed if f" {year}-" in row) for year in ("2020", "2021", "2022")}
    words = words_of(line, {"base": years["2020"], "top": years["2021"], "more": years["2022"]})
    mine, other = ours(*words, code=None), theirs(*words, code=None)
    stores = {str(ours.root): "ROOT", str(theirs.root): "ROOT"}
    outputs = []
    for done in (mine, other):
        out, err = done.stdout, done.stderr
        for path, word in stores.items():
            out, err = out.replace(path, word), err.replace(path, word)
        outputs.append((done.returncode, out, err))
    assert outputs[0] == outputs[1]


def test_names_and_removals_step_by_step(podman: cli.Cli, peer: cli.Cli, tmp_path: Path) -> None:
    """Commands that change a store: the same output, exit code and listing after each."""
    base, top, _ = archives(tmp_path)
    script = [
        ("load", "-q", "-i", str(top)), ("load", "-q", "-i", str(base)),
        ("tag", "top:2", "one", "localhost/two:3", "quay.io/x/y:z"), ("tag", "base:1", "one"),
        ("untag", "top:2", "localhost/two:3"), ("untag", "one:latest", "one"), ("tag", "base:1", "one"),
        ("rmi", "one"), ("rmi", "quay.io/x/y:z", "nothing"), ("rmi", "base:1"), ("images", "-a"),
        ("load", "-q", "-i", str(base)), ("untag", "base:1"), ("images", "-a"), ("images",), ("image", "prune", "-f"),
        ("rmi", "team/top"), ("rmi", "top:2"), ("images", "-a"),
        ("load", "-q", "-i", str(base)), ("load", "-q", "-i", str(top)), ("rmi", "-f", "-a"), ("images", "-a"),
        ("load", "-q", "-i", str(top)), ("create", "--name", "user", "top:2"), ("rmi", "quay.io/team/top"),
        ("rmi", "-f", "top:2"), ("ps", "-a"), ("images", "-a"),
    ]  # fmt: skip
    for words in script:
        mine, other = podman(*words, code=None), peer(*words, code=None)
        if words[0] == "create":
            assert (mine.returncode, len(mine.stdout)) == (other.returncode, len(other.stdout))
            continue
        assert (mine.returncode, mine.stdout, mine.stderr) == (other.returncode, other.stdout, other.stderr), words
        names = ("images", "-a", "--format", "{{.ID}} {{.Names}} {{.History}}")
        assert podman(*names).stdout == peer(*names).stdout, words


def test_a_wrong_field_for_sorting_is_named(pair: tuple[cli.Cli, cli.Cli]) -> None:
    """Podman lists the fields in an order that changes from run to run."""
    for program in pair:
        done = program("images", "--sort", "wrong", code=125)
        assert done.stderr.startswith('Error: "wrong" is not a valid field for sorting. Choose from: ')
        assert all(field in done.stderr for field in ("created", "id", "repository", "size", "tag"))
