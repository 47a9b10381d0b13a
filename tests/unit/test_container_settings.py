"""container.json: what a container was created with, of this release and of others."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from libpod.container.before import BEFORE
from libpod.container.settings import VERSION, ContainerSettings
from libpod.errors import CorruptError, UnsupportedError

FIELDS = ContainerSettings.FIELDS
PATH = "/somewhere/container.json"
RECORDED = Path(__file__).resolve().parents[1] / "vectors" / "release-before" / "container.json"


def read(document: dict[str, Any]) -> ContainerSettings:
    return ContainerSettings.from_document(copy.deepcopy(document), PATH)


def written() -> dict[str, Any]:
    """What is written of a container for which next to nothing was said."""
    document = ContainerSettings(argv=["true"], created="2026-11-28T07:00:00Z").to_document()
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain


def test_every_field_is_written_with_a_version() -> None:
    document = written()
    assert document["version"] == VERSION
    assert set(document) == {"version", *FIELDS}
    assert read(document).to_document() == document


def test_a_later_default_changes_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    document = written()
    old = json.loads(RECORDED.read_text())
    later = {**FIELDS, "stop_timeout": 99, "pids_limit": 1, "umask": "0077", "log_driver": "none", "masked": ["/x"]}
    monkeypatch.setattr(ContainerSettings, "FIELDS", later)
    for settings in (read(document), read(old)):
        found = (settings.stop_timeout, settings.pids_limit, settings.umask, settings.log_driver, settings.masked)
        assert found == (10, 2048, "0022", "k8s-file", [])


def test_settings_of_the_release_before_versions_are_read() -> None:
    document = json.loads(RECORDED.read_text())
    assert "version" not in document
    assert set(document) < set(BEFORE), "it left out what was a default"
    settings = read(document)
    assert settings.argv == ["sleep", "1000"]
    assert settings.network.kind == "none"
    assert [limit.to_document() for limit in settings.limits] == document["limits"]
    assert (settings.ipc.kind, settings.stop_signal, settings.cgroup_parent) == ("shareable", 15, "/libpod_parent")
    # Written again, by a rename, they are of this version and say the same.
    assert read(settings.to_document()).to_document() == settings.to_document()


def test_the_defaults_of_then_say_what_every_field_was() -> None:
    assert set(BEFORE) == set(FIELDS), "a new field: say in `before` what the release before versions did without it"
    assert read({"argv": ["true"], "created": "2026-11-28T07:00:00Z"}).to_document().keys() == written().keys()


@pytest.mark.parametrize("more", [{}, {"argv": 7, "shape": []}])
def test_settings_of_a_newer_release_are_refused_by_name(more: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError) as caught:
        read({**written(), "version": VERSION + 1, **more})
    assert caught.value.message == (
        f"{PATH}: settings of a container of version {VERSION + 1}: this release of libpod reads versions up to {VERSION}"
    )
    assert caught.value.path == PATH


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None, []])
def test_a_version_that_is_none_is_damage(version: object) -> None:
    with pytest.raises(CorruptError, match="`version`"):
        read({**written(), "version": version})


def test_a_field_more_or_less_is_damage() -> None:
    document = written()
    for field in FIELDS:
        less = {name: value for name, value in document.items() if name != field}
        with pytest.raises(CorruptError, match=f"{PATH}: `{field}` is missing"):
            read(less)
    for base in (document, json.loads(RECORDED.read_text())):
        with pytest.raises(CorruptError, match=f"{PATH}: `frob` is unknown"):
            read({**base, "frob": 1})
