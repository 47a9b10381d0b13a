"""`podman network ls`, `inspect`, `exists`: the same words to the newer Podman and to us, the same answers."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.networks import write


@pytest.mark.parametrize(
    "words",
    [
        "ls",
        "ls -q",
        "ls --no-trunc",
        "ls --noheading",
        "ls --filter name=xyz",
        "ls --filter name=pod --filter driver=bridge",
        "ls --filter foo=bar",
        "ls --format json",
        "ls --format {{.Name}}",
        "ls --format {{.Name}}_{{.Network.Driver}}_{{.IPAMOptions}}_{{.NetworkDNSServers}}_{{.Routes}}_{{.Labels}}",
        "ls --filter name=nosuch --format {{.Name}}",
        "ls --filter name=nosuch --format json",
        "ls --filter name=nosuch",
        "ls --filter name=nosuch -q",
        "ls --format {{.Nosuch}}",
        "inspect",
        "inspect podman",
        "inspect podman nonet",
        "inspect nonet",
        "inspect 2f259 -f {{.Driver}}",
        "inspect podman -f {{range.Subnets}}{{.Gateway}}{{end}}{{.Network.Name}}{{.Containers}}{{.Created.IsZero}}",
        "inspect podman -f {{.Nosuch}}",
        "exists podman",
        "exists nonet",
    ],
)
def test_the_same_answer(podman: Cli, newer_peer: Cli, words: str) -> None:
    ours, theirs = (program("network", *words.split(), code=None) for program in (podman, newer_peer))
    assert ours.returncode == theirs.returncode
    # The default network has no file: the time at which it was made is the time of the question.
    created = re.compile(r'"created": "[^"]*"')
    assert created.sub("", ours.stdout) == created.sub("", theirs.stdout)
    assert ours.stderr.splitlines()[:1] == theirs.stderr.splitlines()[:1]


def test_broken_files_are_named_and_the_other_networks_served(podman: Cli, peer: Cli, tmp_path: Path) -> None:
    """In a mount namespace whose /etc/containers is this directory, so that the host's own networks are not touched."""
    (tmp_path / "networks").mkdir()
    write(tmp_path / "networks", "good")
    for name, text in (("syntax", "{"), ("labels", '{"name": "labels", "labels": [1]}'), ("other", '{"name": "x"}')):
        (tmp_path / "networks" / f"{name}.json").write_text(text)

    def run(program: Cli, *words: str) -> subprocess.CompletedProcess[str]:
        script = 'mount --bind "$0" /etc/containers && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", script, str(tmp_path), *program.command("network", *words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=program.environment)

    ours, theirs = (run(program, "ls", "--format", "{{.Name}}") for program in (podman, peer))
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout) == (0, "good\npodman\n")
    for done in (ours, theirs):
        warnings = done.stderr.splitlines()
        assert len(warnings) == 3
        assert all("level=warning" in line for line in warnings)
        assert all(any(f"{name}.json" in line for line in warnings) for name in ("syntax", "labels", "other"))
    for program in (podman, peer):
        done = run(program, "inspect", "good", "labels")
        assert (done.returncode, [network["name"] for network in json.loads(done.stdout)]) == (125, ["good"])
        assert run(program, "exists", "good").returncode == 0
    assert "labels.json: `labels` is" in run(podman, "inspect", "labels").stderr


@pytest.mark.parametrize("verb", ["connect", "create", "disconnect", "prune", "reload", "rm"])
def test_a_verb_that_is_not_there_yet_says_so(podman: Cli, verb: str) -> None:
    assert podman("network", verb, code=125).stderr == (
        f"Error: `podman network {verb}` is not supported by this version of libpod\n"
    )
