"""`-v`, `--mount`, `--tmpfs`: every line was run on Podman 4.3.1 first; options and errors are what it said."""

from __future__ import annotations

import pytest

from libpod.container.judge.mounts import merge_mounts
from libpod.container.mounts import Mount, clean_destination
from libpod.container.options.mounts import parse_mount, parse_tmpfs, parse_volume
from libpod.errors import InvalidError, UnsupportedError

ONCE = "options more than once: must provide an argument for option"


@pytest.mark.parametrize(
    ("text", "source", "options"),
    [
        ("/tmp:/mnt", "/tmp", ["rw", "rprivate", "rbind"]),
        ("/tmp:/mnt:ro", "/tmp", ["ro", "rprivate", "rbind"]),
        ("/tmp:/mnt:ro,z", "/tmp", ["ro", "rprivate", "rbind"]),
        ("/tmp:/mnt:Z,rshared", "/tmp", ["rshared", "rw", "rbind"]),
        ("/tmp:/mnt:noexec", "/tmp", ["noexec", "rw", "rprivate", "rbind"]),
        ("/tmp:/mnt:nosuid,ro", "/tmp", ["nosuid", "ro", "rprivate", "rbind"]),
        ("/tmp:/mnt:bind", "/tmp", ["bind", "rw", "rprivate"]),
        ("/tmp:/mnt:rslave", "/tmp", ["rslave", "rw", "rbind"]),
        ("/tmp:/mnt:rw,dev", "/tmp", ["rw", "dev", "rprivate", "rbind"]),
        ("/a\\:b:/mnt", "/a:b", ["rw", "rprivate", "rbind"]),
    ],
)
def test_a_bind_mount_gets_podmans_options(text: str, source: str, options: list[str]) -> None:
    mount = parse_volume(text)
    assert (mount.kind, mount.source, mount.destination, mount.options) == ("bind", source, "/mnt", options)


@pytest.mark.parametrize(
    ("text", "name", "options", "copy_up"),
    [
        ("named:/mnt", "named", ["rw", "rprivate", "nosuid", "nodev", "rbind"], True),
        ("named:/mnt:exec", "named", ["exec", "rw", "rprivate", "nosuid", "nodev", "rbind"], True),
        ("named:/mnt:suid,dev", "named", ["suid", "dev", "rw", "rprivate", "rbind"], True),
        ("named:/mnt:nocopy", "named", ["rw", "rprivate", "nosuid", "nodev", "rbind"], False),
        ("/mnt", "", ["rw", "rprivate", "nosuid", "nodev", "rbind"], True),
    ],
)
def test_a_volume_gets_podmans_options(text: str, name: str, options: list[str], copy_up: bool) -> None:
    mount = parse_volume(text)
    assert (mount.kind, mount.volume, mount.options, mount.copy_up) == ("volume", name, options, copy_up)
    assert mount.anonymous is (not name)


def test_a_relative_source_is_a_path_below_the_working_directory(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    assert parse_volume("./img:/mnt").source == f"{tmp_path}/img"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/a:/b:bad", 'invalid option type "bad"'),
        ("/tmp:rel", 'invalid container path "rel", must be an absolute path'),
        ("rel", 'invalid container path "rel", must be an absolute path'),
        ("/tmp:/a:ro:rw", "/tmp:/a:ro:rw: incorrect volume format, should be [host-dir:]ctr-dir[:option]"),
        ("/tmp:/a:ro,rw", "invalid options \"ro, rw\", can only specify 1 'rw' or 'ro' option"),
        ("/tmp:/a:z,Z", "invalid options \"z, Z\", can only specify 1 'z', 'Z', or 'O' option"),
        (
            "/tmp:/a:shared,slave",
            'invalid options "shared, slave", can only specify 1'
            " '[r]shared', '[r]private', '[r]slave' or '[r]unbindable' option",
        ),
        (":", "host directory cannot be empty"),
        ("/tmp:", "container directory cannot be empty"),
        ("", "container directory cannot be empty"),
    ],
)
def test_a_bad_volume_is_refused_in_podmans_words(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_volume(text)
    assert caught.value.message == message


@pytest.mark.parametrize("option", ["O", "U", "upperdir=/x"])
def test_an_option_that_is_not_there_yet_says_so(option: str) -> None:
    with pytest.raises(UnsupportedError):
        parse_volume(f"/tmp:/a:{option}")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("/t", ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]),
        ("/t:size=64m,mode=1777", ["size=64m", "mode=1777", "rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]),
        ("/t:ro", ["ro", "rprivate", "nosuid", "nodev", "tmpcopyup"]),
        ("/t:rprivate", ["rprivate", "rw", "nosuid", "nodev", "tmpcopyup"]),
        ("/t:noexec,nosuid,notmpcopyup", ["noexec", "nosuid", "rw", "rprivate", "nodev"]),
    ],
)
def test_a_tmpfs_gets_podmans_options(text: str, options: list[str]) -> None:
    assert parse_tmpfs(text).options == options


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rel", 'invalid container path "rel", must be an absolute path'),
        ("/t:foo", 'unknown mount option "foo": invalid mount option'),
    ],
)
def test_a_bad_tmpfs_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_tmpfs(text)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "kind", "source", "options"),
    [
        ("type=bind,src=/tmp,target=/m", "bind", "/tmp", ["rw", "rprivate", "rbind"]),
        ("type=bind,src=/tmp,target=/m,ro=true", "bind", "/tmp", ["ro", "rprivate", "rbind"]),
        ("type=bind,src=/tmp,target=/m,readonly", "bind", "/tmp", ["ro", "rprivate", "rbind"]),
        ("type=bind,src=/tmp,target=/m,rw=false", "bind", "/tmp", ["ro", "rprivate", "rbind"]),
        ("type=bind,src=/tmp,target=/m,ro=false", "bind", "/tmp", ["rw", "rprivate", "rbind"]),
        ("src=/tmp,dst=/m,type=bind", "bind", "/tmp", ["rw", "rprivate", "rbind"]),
        ("type=bind,src=/tmp,dst=/m,bind-propagation=rslave", "bind", "/tmp", ["rslave", "rw", "rbind"]),
        ("type=bind,src=/tmp,dst=/m,bind-nonrecursive", "bind", "/tmp", ["bind", "rw", "rprivate"]),
        ("type=bind,src=/tmp,dst=/m,consistency=cached,relabel=shared", "bind", "/tmp", ["rw", "rprivate", "rbind"]),
        (
            "type=tmpfs,destination=/m,tmpfs-size=1000000",
            "tmpfs",
            "tmpfs",
            ["size=1000000", "rw", "rprivate", "nosuid", "nodev", "tmpcopyup"],
        ),
        (
            "type=tmpfs,dst=/m,tmpfs-mode=700,notmpcopyup",
            "tmpfs",
            "tmpfs",
            ["mode=700", "rw", "rprivate", "nosuid", "nodev"],
        ),
        ("dst=/m", "volume", "", ["rw", "rprivate", "nosuid", "nodev", "rbind"]),
        ("source=v2,dest=/m,readonly=1", "volume", "", ["ro", "rprivate", "nosuid", "nodev", "rbind"]),
        ("type=bind,src=/tmp,dest=/m,z,U=false,idmap=false", "bind", "/tmp", ["rw", "rprivate", "rbind"]),
        ("type=bind,src=/tmp,dst=/m,bind-nonrecursive=false", "bind", "/tmp", ["rw", "rprivate", "rbind"]),
        ("type=bind,src=/tmp,dst=/m,noexec=true,rslave", "bind", "/tmp", ["noexec", "rslave", "rw", "rbind"]),
        ('"type=bind","src=/tmp",dst=/m', "bind", "/tmp", ["rw", "rprivate", "rbind"]),
        ('type=bind,"src=/a,""b",dst=/m', "bind", '/a,"b', ["rw", "rprivate", "rbind"]),
        ("type=tmpfs,dst=/m,readonly=true", "tmpfs", "tmpfs", ["ro", "rprivate", "nosuid", "nodev", "tmpcopyup"]),
        (
            "type=tmpfs,dst=/m,noatime,noswap,rslave",
            "tmpfs",
            "tmpfs",
            ["noatime", "noswap", "rslave", "rw", "nosuid", "nodev", "tmpcopyup"],
        ),
        (
            "type=devpts,dst=/m,uid=5,gid=6,mode=620,max=10",
            "devpts",
            "devpts",
            ["uid=5", "gid=6", "mode=620", "max=10"],
        ),
        ("type=volume,src=v2,dst=/m,ro", "volume", "", ["ro", "rprivate", "nosuid", "nodev", "rbind"]),
        ("type=devpts,dst=/m", "devpts", "devpts", []),
    ],
)
def test_mount_fields(text: str, kind: str, source: str, options: list[str]) -> None:
    mount = parse_mount(text)
    assert (mount.kind, mount.source, mount.destination, mount.options) == (kind, source, "/m", options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type=foo,target=/a", 'invalid filesystem type "foo"'),
        ("type=,target=/a", 'invalid filesystem type ""'),
        ("TYPE=bind,target=/a", "TYPE: invalid mount option"),
        ("type=bind,type=tmpfs,target=/a", "type: invalid mount option"),
        (
            "",
            "incorrect mount format: should be --mount type=<bind|tmpfs|volume>,[src=<host-dir|volume-name>,]"
            "target=<ctr-dir>[,options]",
        ),
        (",", ": invalid mount option"),
        ("type=bind,src=/tmp,dst=", "container directory cannot be empty"),
        ("type=bind,src=/tmp,dst=a", 'invalid container path "a", must be an absolute path'),
        ("type=bind,src,dst=/a", "src: must provide an argument for option"),
        ("type=bind,src=,dst=/a", "host directory cannot be empty: must provide an argument for option"),
        (
            "type=bind,src=/tmp,dst=/a,target=/b",
            'cannot pass "dst" option more than once: must provide an argument for option',
        ),
        (
            "type=bind,src=/tmp,source=/tmp,dst=/a",
            'cannot pass "src" option more than once: must provide an argument for option',
        ),
        ("type=bind,src=/tmp,dst=/a,ro,rw", f"cannot pass 'readonly', 'ro', or 'rw' {ONCE}"),
        ("type=bind,src=/tmp,dst=/a,exec,noexec", f"cannot pass 'noexec' and 'exec' {ONCE}"),
        ("type=tmpfs,dst=/a,tmpcopyup,notmpcopyup", f"cannot pass 'tmpcopyup' and 'notmpcopyup' {ONCE}"),
        ("type=bind,src=/tmp,dst=/a,bind-propagation=x", 'invalid option type "x"'),
        ("type=bind,src=/tmp,dst=/a,noexec=false", "noexec=false: invalid mount option"),
        (
            "type=bind,src=/tmp,dst=/a,relabel",
            "relabel mount option must be 'private' or 'shared': invalid mount option",
        ),
        ("type=bind,src=/tmp,dst=/a,O", "O: invalid mount option"),
        ("type=bind,src=/tmp,dst=/a,tmpfs-size=5", "tmpfs-size: invalid mount option"),
        ("type=bind,src=/tmp,dst=/a,tmpcopyup", "tmpcopyup: invalid mount option"),
        ("type=bind,src=/tmp,dst=/a,readwrite", "readwrite: invalid mount option"),
        (
            "type=bind,src=/tmp,dst=/a,slave,shared",
            'invalid options "slave, shared", can only specify 1'
            " '[r]shared', '[r]private', '[r]slave' or '[r]unbindable' option",
        ),
        (
            "type=volume,src=v,dst=/a,U=x",
            "'U' or 'chown' must be set to true or false, instead received \"x\": must provide an argument for option",
        ),
        ("type=volume,src=v,dst=/a,nocopy", "nocopy: invalid mount option"),
        ("type=volume,src=v,dst=/a,bind-propagation=rslave", "bind-propagation: invalid mount option"),
        ("type=volume,src=v,dst=/a,volume-label=x", "the --volume-label option is not presently implemented"),
        ("type=tmpfs,dst=/a,size=1m", "size: invalid mount option"),
        ("type=tmpfs,dst=/a,z", "z: invalid mount option"),
        ("type=tmpfs,dst=/a,tmpfs-mode=9", 'tmpfs-mode: "9" is no number: invalid mount option'),
        ("type=devpts,dst=/a,uid=x", 'uid: "x" is no number: invalid mount option'),
        ("type=devpts,dst=/a,ro", "ro: invalid mount option"),
        ('type=bind,"src=/tmp', 'parse error on line 1, column 20: extraneous or missing " in quoted-field'),
        ("type=bind,src=/tmp", "must set volume destination"),
        ("type=bind,src=/tmp,target=/a,foo=bar", "foo: invalid mount option"),
        ("type=bind,,src=/tmp,dst=/a", ": invalid mount option"),
        ("type=bind,src=/tmp,dst", "dst: must provide an argument for option"),
        ("type=tmpfs,src=/x,target=/a", "source is not supported with tmpfs mounts"),
        (
            "type=bind,src=/tmp,target=/a,ro=maybe",
            "'readonly', 'ro', or 'rw' must be set to true or false, instead received"
            ' "maybe": must provide an argument for option',
        ),
    ],
)
def test_a_bad_mount_is_refused_in_podmans_words(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_mount(text)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "text",
    [
        "type=image,src=x,dst=/a",
        "type=glob,src=/tmp/*,dst=/a",
        "type=ramfs,dst=/a",
        "type=artifact,src=x,dst=/a",
        "type=bind,src=/tmp,dst=/a,U",
        "type=bind,src=/tmp,dst=/a,chown=true",
        "type=bind,src=/tmp,dst=/a,idmap",
        "type=bind,src=/tmp,dst=/a,no-dereference",
        "type=volume,src=v,dst=/a,subpath=/x",
        "type=volume,src=v,dst=/a,volume-opt=x",
        "type=volume,src=v,dst=/a,idmap=uids=0-1-10",
        "type=tmpfs,dst=/a,U",
    ],
)
def test_what_podman_knows_and_libpod_lacks_says_so(text: str) -> None:
    with pytest.raises(UnsupportedError, match="not supported by this version of libpod"):
        parse_mount(text)


def test_two_mounts_at_one_place_are_refused() -> None:
    with pytest.raises(InvalidError, match="/a: duplicate mount destination"):
        merge_mounts([parse_volume("/tmp:/a"), parse_volume("/usr:/a/")])
    with pytest.raises(InvalidError, match="/a: duplicate mount destination"):
        merge_mounts([parse_volume("/tmp:/a"), parse_tmpfs("/a")])


def test_a_bind_source_must_exist() -> None:
    with pytest.raises(InvalidError, match="statfs /nonexistent: no such file or directory"):
        merge_mounts([parse_volume("/nonexistent:/a")])


def test_the_users_mount_hides_the_images_volume() -> None:
    mounts = merge_mounts([parse_volume("/tmp:/data")], ["/data", "/more"])
    assert [(mount.kind, mount.destination) for mount in mounts] == [("bind", "/data"), ("volume", "/more")]


def test_devices_work_in_a_tmpfs_at_dev() -> None:
    assert parse_tmpfs("/dev").options == []
    assert parse_tmpfs("/dev/:size=1m,notmpcopyup").options == ["size=1m"]
    assert "nodev" in parse_tmpfs("/dev/shm").options


@pytest.mark.parametrize("tmpfs", [False, True])
@pytest.mark.parametrize(
    "path",
    ["/", "", ".", "..", "/..", "//", "/../..", "/a/..", "x/..", "/proc", "proc", "/proc/sys", "/x/../proc/", "/dev", "/dev/null",
     "/dev/../dev/", "/dev/fd", "/a\0b"],
)  # fmt: skip
def test_an_image_cannot_have_a_volume_where_the_runtime_works(path: str, tmpfs: bool) -> None:
    with pytest.raises(InvalidError, match="of the image cannot be mounted") as caught:
        merge_mounts([], [path], tmpfs=tmpfs)
    assert caught.value.hint == "ignore the image's volumes with --image-volume=ignore"


@pytest.mark.parametrize(
    "path", ["/data", "data", "/../data", "//data/", "/sys/fs/cgroup", "/dev/shm", "/processes", "/device"]
)
def test_an_image_may_have_volumes_elsewhere(path: str) -> None:
    assert [(mount.kind, mount.destination) for mount in merge_mounts([], [path])] == [("volume", path)]
    # With the user's own mount there, the image's says nothing.
    [mount] = merge_mounts([parse_volume(f"/tmp:{clean_destination(path)}")], [path])
    assert mount.kind == "bind"


def test_a_path_of_an_image_is_never_read_as_options() -> None:
    [mount] = merge_mounts([], ["/data:size=1g,mode=777"], tmpfs=True)
    assert mount.destination == "/data:size=1g,mode=777"
    assert not [option for option in mount.options if "=" in option]
    [mount] = merge_mounts([parse_tmpfs("/data:size=1m")], ["/data"], tmpfs=True)
    assert "size=1m" in mount.options


def test_a_mount_survives_container_json() -> None:
    mount = parse_volume("named:/mnt:ro,nocopy")
    again = Mount.from_document(mount.to_document())
    assert again == mount
    assert again.shows("/volumes/named/_data").to_oci() == {
        "destination": "/mnt",
        "type": "bind",
        "source": "/volumes/named/_data",
        "options": ["ro", "rprivate", "nosuid", "nodev", "rbind"],
    }
    assert again.source == "", "the copy alone shows it"


@pytest.mark.parametrize(
    ("text", "place", "writable", "propagation", "others"),
    [
        ("/tmp:/a/../b/", "/b", True, "rprivate", ["rbind"]),
        ("/tmp://b:ro,rshared", "/b", False, "rshared", ["rbind"]),
        ("named:/b/./c:slave,noexec", "/b/c", True, "slave", ["noexec", "nosuid", "nodev", "rbind"]),
    ],
)
def test_a_mount_knows_its_place_and_what_its_options_mean(
    text: str, place: str, writable: bool, propagation: str, others: list[str]
) -> None:
    mount = parse_volume(text)
    assert (mount.place, mount.is_writable, mount.propagation) == (place, writable, propagation)
    assert mount.other_options == others
