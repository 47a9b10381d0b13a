"""`podman network ls`, `inspect`, `exists`: the same words to the newer Podman and to us, the same answers."""

from __future__ import annotations

import re

import pytest

from tests.support.cli import Cli


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


@pytest.mark.parametrize("verb", ["connect", "create", "disconnect", "prune", "reload", "rm"])
def test_a_verb_that_is_not_there_yet_says_so(podman: Cli, verb: str) -> None:
    assert podman("network", verb, code=125).stderr == (
        f"Error: `podman network {verb}` is not supported by this version of libpod\n"
    )
