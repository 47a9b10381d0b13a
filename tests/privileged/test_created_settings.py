"""What is recorded when a container is created: later defaults change nothing of it, and a newer release's record is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import container_images
from tests.support.cli import Cli


@pytest.fixture
def box(podman: Cli) -> Cli:
    """Our program on a fresh store with the image `rich`."""
    container_images.import_root(podman)
    return podman


def settings_path(box: Cli, name: str) -> Path:
    container_id = box("inspect", "--type", "container", "-f", "{{.Id}}", name).stdout.strip()
    return box.root / "overlay-containers" / container_id / "userdata" / "container.json"


def shown(box: Cli, name: str) -> dict[str, Any]:
    (document,) = json.loads(box("container", "inspect", name).stdout)
    return dict(document)


def test_a_change_of_the_configuration_changes_no_container(box: Cli, store_directory: Path) -> None:
    box("create", "--name", "c", "rich", "true")
    document = json.loads(settings_path(box, "c").read_text())
    assert [network["name"] for network in document["networks"]] == ["podman"]
    recorded = {name: document[name] for name in ("log_driver", "stop_timeout", "pids_limit", "umask")}
    assert recorded == {
        "log_driver": "k8s-file",
        "stop_timeout": 10,
        "pids_limit": 2048,
        "umask": "0022",
    }
    before = shown(box, "c")
    configuration = store_directory / "containers.conf"
    configuration.write_text(
        '[containers]\nlog_driver = "none"\npids_limit = 7\numask = "0077"\n'
        '[engine]\nstop_timeout = 77\n[network]\ndefault_network = "elsewhere"\n'
    )
    box.environment["CONTAINERS_CONF"] = str(configuration)
    after = shown(box, "c")
    for document in (before, after):
        # The network itself is looked up now, and is no longer the one that needs no file.
        assert document["NetworkSettings"]["Networks"]["podman"].pop("NetworkID")
    assert after == before
    box("create", "--name", "later", "--network", "none", "rich", "true")
    later = shown(box, "later")
    assert (later["HostConfig"]["LogConfig"]["Type"], later["Config"]["StopTimeout"]) == ("none", 77)


#: What has to be refused of a container that was created, and of one that runs. The rest does not need its settings.
REFUSED = {
    "created": (("start",), ("restart",), ("inspect", "--type", "container"), ("rename",), ("rm",), ("rm", "-f")),
    "running": (("stop",), ("restart",), ("inspect", "--type", "container"), ("rename",), ("exec",), ("rm", "-f")),
}


@pytest.mark.parametrize("status", sorted(REFUSED))
def test_a_container_of_a_newer_release_is_named_and_left_alone(box: Cli, status: str) -> None:
    verb = ("run", "-d") if status == "running" else ("create",)
    box(*verb, "--network", "none", "--name", "newer", "rich", "sleep", "1000")
    box("create", "--network", "none", "--name", "ours", "rich", "true")
    path = settings_path(box, "newer")
    good = path.read_text()
    text = json.dumps({"version": 2, "shape": "new"})
    path.write_text(text)
    named = f"{path}: settings of a container of version 2: this release of libpod reads versions up to 1"
    listed = box("ps", "-a", "--format", "{{.Names}}")
    assert listed.stdout == "ours\n"
    assert named in listed.stderr
    assert "rm -f" not in listed.stderr, "it is whole"
    for words in REFUSED[status]:
        more = {"rename": ("other",), "exec": ("true",)}.get(words[0], ())
        done = box(*words, "newer", *more, code=None)
        assert done.returncode != 0, words
        assert named in done.stderr, (words, done)
        assert "Traceback" not in done.stderr, (words, done)
        assert path.read_text() == text, words
    path.write_text(good)
    assert box("inspect", "-f", "{{.State.Status}}", "newer").stdout == f"{status}\n"
