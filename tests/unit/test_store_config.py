"""Which storage.conf counts, and what of it reaches the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from libpod.config import lookup
from libpod.config.storage import StorageConfig, load_storage
from libpod.errors import InvalidError, UnsupportedError


@pytest.fixture(autouse=True)
def no_system_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's configuration does not count."""
    files = (str(tmp_path / "etc.conf"), str(tmp_path / "usr.conf"))
    monkeypatch.setattr(lookup, "STORAGE_CONF", files)


def load(tmp_path: Path, text: str | None = None, *, uid: int = 0, **env: str) -> StorageConfig:
    """Load with `text` as the forced file and no other environment."""
    if text is not None:
        (tmp_path / "storage.conf").write_text(text)
        env["CONTAINERS_STORAGE_CONF"] = str(tmp_path / "storage.conf")
    return load_storage(environment={"HOME": "/home/u", **env}, uid=uid)


def test_defaults_of_root(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert (config.graphroot, config.runroot) == ("/var/lib/containers/storage", "/run/containers/storage")
    assert config.source is None


def test_defaults_of_a_user(tmp_path: Path) -> None:
    config = load(tmp_path, uid=4242, XDG_RUNTIME_DIR="/run/user/4242")
    assert (config.graphroot, config.runroot) == (
        "/home/u/.local/share/containers/storage",
        "/run/user/4242/containers",
    )
    config = load(tmp_path, uid=4242, TMPDIR="/scratch", XDG_DATA_HOME="/data")
    assert (config.graphroot, config.runroot) == ("/data/containers/storage", "/scratch/storage-run-4242/containers")


def test_files_are_not_merged(tmp_path: Path) -> None:
    (tmp_path / "etc.conf").write_text('[storage]\ngraphroot = "/from/etc"\n')
    (tmp_path / "usr.conf").write_text('[storage]\ngraphroot = "/from/usr"\nrunroot = "/run/usr"\n')
    config = load(tmp_path)
    assert (config.graphroot, config.runroot) == ("/from/etc", "/run/containers/storage")


def test_a_user_takes_only_some_keys_of_the_system(tmp_path: Path) -> None:
    text = '[storage]\ngraphroot = "/from/etc"\nrootless_storage_path = "/users/$UID/$NAME-${NAME}"\n'
    (tmp_path / "etc.conf").write_text(text)
    assert load(tmp_path, uid=7, NAME="x").graphroot == "/users/7/x-x"
    own = tmp_path / "containers/storage.conf"
    own.parent.mkdir()
    own.write_text('[storage]\ngraphroot = "/mine"\n')
    assert load(tmp_path, uid=7, XDG_CONFIG_HOME=str(tmp_path)).graphroot == "/mine"


def test_options_reach_the_store(tmp_path: Path) -> None:
    text = '[storage]\ndriver = "overlay2"\n[storage.options]\ndisable-volatile = true\n[storage.options.overlay]\n'
    config = load(tmp_path, text + 'mountopt = "nodev,metacopy=on"\nskip_mount_home = "true"\n')
    assert config.options == {
        "additional_image_stores": [],
        "mount_options": ["nodev", "metacopy=on"],
        "skip_mount_home": True,
        "disable_volatile": True,
    }


def test_the_command_line_replaces_the_files_options(tmp_path: Path) -> None:
    (tmp_path / "etc.conf").write_text('[storage.options.overlay]\nmountopt = "nodev"\nmount_program = "/x"\n')
    config = load_storage(root="/r", runroot="/rr", environment={}, uid=0)
    assert (config.graphroot, config.runroot, config.options["mount_options"]) == ("/r", "/rr", [])
    config = load_storage(driver_options=["overlay.mountopt=noexec"], environment={}, uid=0)
    assert config.options["mount_options"] == ["noexec"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[storage]\ndriver = "vfs"\n', "`vfs`"),
        ('[storage.options.overlay]\nmount_program = "/usr/bin/fuse-overlayfs"\n', "mount_program"),
        ('[storage.options]\nadditionallayerstores = ["/x"]\n', "additionallayerstores"),
        ('[storage]\nimagestore = "/x"\n', "imagestore"),
        ("[storage]\ntransient_store = true\n", "transient_store"),
        ('[storage.options.overlay]\nsize = "1G"\n', "size"),
        ('[storage.options.overlay]\nuse_composefs = "true"\n', "use_composefs"),
        ('[storage.options.overlay]\nforce_mask = "0700"\n', "force_mask"),
    ],
)
def test_what_is_not_supported_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        load(tmp_path, text)


def test_additional_image_stores_come_from_the_file_or_the_command_line(tmp_path: Path) -> None:
    config = load(tmp_path, '[storage.options]\nadditionalimagestores = ["/x", "/y"]\n')
    assert config.options["additional_image_stores"] == ["/x", "/y"]
    given = ["overlay.imagestore=/a", "overlay.additionalimagestore=/b"]
    config = load_storage(driver_options=given, environment={}, uid=0)
    assert config.options["additional_image_stores"] == ["/a", "/b"]
    with pytest.raises(InvalidError, match="not a list"):
        load(tmp_path, '[storage.options]\nadditionalimagestores = "/x"\n')


def test_another_driver_of_the_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="btrfs"):
        load(tmp_path, STORAGE_DRIVER="btrfs")


@pytest.mark.parametrize("option", ["overlay.nonsense=1", "vfs.mountopt=x", "mountopt"])
def test_unknown_driver_options_are_errors(option: str) -> None:
    with pytest.raises(InvalidError):
        load_storage(driver_options=[option], environment={}, uid=0)


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"storage\.conf"):
        load(tmp_path, "[storage\n")
    with pytest.raises(InvalidError, match="not a table"):
        load(tmp_path, "storage = 1\n")
