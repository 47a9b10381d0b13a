"""The runtime spec, against what Podman 4.3.1 wrote into config.json for the same options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod.config.containers import ContainersConf
from libpod.container import options, security
from libpod.container.judge import judge, unheeded
from libpod.container.options import ContainerOptions
from libpod.container.options.words import Words, parse_options
from libpod.container.settings import ContainerSettings
from libpod.container.spec import Start, build_spec
from libpod.container.view import mounts_of
from libpod.errors import InvalidError, UnsupportedError

ID = "0123456789ab" + "0" * 52
IMAGE = {
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"],
    "Cmd": ["echo", "default"],
    "Labels": {"l1": "v1"},
}
DEFAULT_CAPABILITIES = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
]


def settings_of(
    image: dict[str, Any] | None = None, argv: tuple[str, ...] = ("true",), **options: Any
) -> ContainerSettings:
    options.setdefault("network", ["none"])
    options.setdefault("ulimit", ["nofile=10000:20000", "nproc=10000:20000"])
    conf = ContainersConf()
    conf.containers["default_sysctls"] = ["net.ipv4.ping_group_range=0 0"]
    return judge(parse_options(Words(**options)).checked(), IMAGE if image is None else image, list(argv), conf)


def spec_of(user: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    settings = settings_of(**options)
    start = Start(ID, "/rootfs", settings)
    start.bind_files = {"/etc/hosts": "/run/hosts", "/run/.containerenv": "/run/ce", "/etc/hostname": "/run/hostname"}
    start.user |= user or {}
    start.volumes = {"/vol": "/volumes/v/_data"}
    start.init_path = "/usr/bin/init"
    start.mounts = mounts_of(settings, start)
    return build_spec(settings, start)


def mount_at(spec: dict[str, Any], destination: str) -> dict[str, Any] | None:
    found = [mount for mount in spec["mounts"] if mount["destination"] == destination]
    assert len(found) <= 1
    return found[0] if found else None


def test_the_plain_container() -> None:
    spec = spec_of()
    process = spec["process"]
    assert process["args"] == ["true"]
    assert process["cwd"] == "/"
    assert process["user"] == {"uid": 0, "gid": 0, "additionalGids": [0], "umask": 0o022}
    assert process["env"] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "container=podman",
        "A=1",
        "HOME=/",
        "HOSTNAME=0123456789ab",
    ]
    assert process["capabilities"] == {
        "bounding": DEFAULT_CAPABILITIES,
        "effective": DEFAULT_CAPABILITIES,
        "permitted": DEFAULT_CAPABILITIES,
    }
    assert process["rlimits"] == [
        {"type": "RLIMIT_NOFILE", "soft": 10000, "hard": 20000},
        {"type": "RLIMIT_NPROC", "soft": 10000, "hard": 20000},
    ]
    assert spec["hostname"] == "0123456789ab"
    linux = spec["linux"]
    assert linux["cgroupsPath"] == f"/libpod_parent/libpod-{ID}"
    assert linux["resources"] == {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 2048}}
    assert linux["sysctl"] == {"net.ipv4.ping_group_range": "0 0"}
    assert [n["type"] for n in linux["namespaces"] if n["type"] != "cgroup"] == [
        "pid",
        "network",
        "ipc",
        "uts",
        "mount",
    ]
    assert "/proc/interrupts" in linux["maskedPaths"]
    assert linux["maskedPaths"] == security.hidden_paths([])[0]
    assert len(linux["readonlyPaths"]) == 6


def test_mounts_stand_in_podmans_order_parents_first() -> None:
    assert [mount["destination"] for mount in spec_of(volume=["/tmp:/data"])["mounts"]] == [
        "/proc",
        "/dev",
        "/sys",
        "/data",
        "/dev/pts",
        "/dev/mqueue",
        "/dev/shm",
        "/etc/hosts",
        "/run/.containerenv",
        "/etc/hostname",
        "/sys/fs/cgroup",
    ]


def test_a_user_mount_replaces_the_engines_own() -> None:
    spec = spec_of(volume=["/tmp:/dev/shm", "/tmp:/etc/hosts"])
    assert mount_at(spec, "/dev/shm") == {
        "destination": "/dev/shm",
        "type": "bind",
        "source": "/tmp",
        "options": ["rw", "rprivate", "rbind"],
    }
    assert mount_at(spec, "/etc/hosts")["source"] == "/tmp"  # type: ignore[index]


def test_a_read_only_container_may_be_so_in_memory_too() -> None:
    spec = spec_of(read_only=True, read_only_tmpfs=False)
    assert mount_at(spec, "/tmp") is None
    for path in ("/dev", "/dev/shm"):
        assert "ro" in mount_at(spec, path)["options"]  # type: ignore[index]
    assert "ro" in mount_at(spec_of(read_only=True, read_only_tmpfs=False, ipc="host"), "/dev/shm")["options"]  # type: ignore[index]
    for given in ({"read_only": True}, {"read_only_tmpfs": False}):
        assert "ro" not in mount_at(spec_of(**given), "/dev/shm")["options"]  # type: ignore[index]


def test_privileged() -> None:
    spec = spec_of(privileged=True)
    linux = spec["linux"]
    assert "maskedPaths" not in linux
    assert "readonlyPaths" not in linux
    hiding = spec_of(privileged=True, security_opt=["mask=/a,/b"])["linux"]
    assert hiding["maskedPaths"] == ["/a", "/b"]
    assert linux["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert {"/dev/null", "/dev/full"} <= {device["path"] for device in linux["devices"]}
    assert len(spec["process"]["capabilities"]["effective"]) > len(DEFAULT_CAPABILITIES)
    assert mount_at(spec, "/sys")["options"] == ["rprivate", "nosuid", "noexec", "nodev", "rw"]  # type: ignore[index]
    assert "rw" in mount_at(spec, "/sys/fs/cgroup")["options"]  # type: ignore[index]
    assert settings_of(privileged=True).seccomp == "unconfined"


def test_read_only() -> None:
    spec = spec_of(read_only=True)
    assert spec["root"]["readonly"]
    for path in ("/run", "/tmp", "/var/tmp"):
        assert mount_at(spec, path)["options"] == ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]  # type: ignore[index]
    assert mount_at(spec, "/etc/hosts")["options"] == ["bind", "rprivate", "ro", "nosuid", "noexec", "nodev"]  # type: ignore[index]
    assert mount_at(spec, "/run/.containerenv")["options"] == ["bind", "rprivate", "ro", "nosuid", "noexec", "nodev"]  # type: ignore[index]
    bare = spec_of(read_only=True, read_only_tmpfs=False)
    assert mount_at(bare, "/tmp") is None
    assert mount_at(bare, "/run/.containerenv") is not None


def test_another_user_holds_only_what_was_added_by_name() -> None:
    caps = spec_of(user={"uid": 1000, "gid": 0})["process"]["capabilities"]
    assert caps == {"bounding": DEFAULT_CAPABILITIES}
    added = spec_of(user={"uid": 1000, "gid": 0}, cap_add=["NET_RAW"])["process"]["capabilities"]
    for name in ("effective", "permitted", "inheritable", "ambient"):
        assert added[name] == ["CAP_NET_RAW"]


def test_namespaces_of_the_host_are_left_out() -> None:
    spec = spec_of(pid="host", ipc="host", uts="host", network=["host"], cgroupns="host")
    assert [namespace["type"] for namespace in spec["linux"]["namespaces"]] == ["mount"]
    assert "hostname" not in spec
    assert mount_at(spec, "/dev/shm") == {
        "destination": "/dev/shm",
        "type": "bind",
        "source": "/dev/shm",
        "options": ["bind", "rprivate", "nosuid", "noexec", "nodev"],
    }
    assert spec["linux"]["sysctl"] == {}
    assert {"type": "cgroup"} in spec_of(cgroupns="private")["linux"]["namespaces"]
    assert mount_at(spec_of(ipc="none"), "/dev/shm") is None


def test_a_joined_namespace_has_its_path() -> None:
    settings = settings_of(ipc="container:other")
    start = Start(ID, "/rootfs", settings)
    start.joined = {"ipc": "/proc/7/ns/ipc"}
    spec = build_spec(settings, start)
    assert {"type": "ipc", "path": "/proc/7/ns/ipc"} in spec["linux"]["namespaces"]


@pytest.mark.parametrize(
    ("options", "resources"),
    [
        ({"memory": "64m"}, {"memory": {"limit": 67108864, "swap": 134217728}}),
        ({"memory": "64m", "memory_swap": "-1"}, {"memory": {"limit": 67108864}}),
        ({"memory_reservation": "64m"}, {"memory": {"reservation": 67108864}}),
        ({"memory_swappiness": 10}, {"memory": {"swappiness": 10}}),
        ({"oom_kill_disable": True}, {"memory": {"disableOOMKiller": True}}),
        ({"cpus": 1.5}, {"cpu": {"quota": 150000, "period": 100000}}),
        ({"cpu_shares": 512}, {"cpu": {"shares": 512}}),
        ({"cpuset_cpus": "0"}, {"cpu": {"cpus": "0"}}),
        ({"cpu_period": 50000, "cpu_quota": 25000}, {"cpu": {"quota": 25000, "period": 50000}}),
        ({"pids_limit": 100}, {"pids": {"limit": 100}}),
    ],
)
def test_resources(options: dict[str, Any], resources: dict[str, Any]) -> None:
    found = spec_of(**options)["linux"]["resources"]
    for name, value in resources.items():
        assert found[name] == value


def test_no_limit_of_processes() -> None:
    for limit in (-1, 0):
        assert "pids" not in spec_of(pids_limit=limit)["linux"]["resources"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": "10x"}, "invalid value for memory: invalid size: '10x'"),
        ({"memory_swap": "10m"}, "you should always set a memory limit when using a memoryswap limit, see usage"),
        (
            {"memory": "64m", "memory_swap": "10m"},
            "minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        (
            {"memory": "64m", "memory_reservation": "128m"},
            "minimum memory limit cannot be less than memory reservation limit, see usage",
        ),
        ({"memory_swappiness": 200}, "invalid value: 200, valid memory swappiness range is 0-100"),
        ({"cpus": 1.0, "cpu_quota": 1}, "--cpu-quota and --cpus cannot be set together"),
        ({"cpus": 0.000001}, "CPU cfs quota cannot be less than 1ms (i.e. 1000)"),
        ({"cpu_period": 1}, "CPU cfs period cannot be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"),
        ({"cpuset_cpus": "abc"}, "invalid value abc for cpuset cpus"),
        ({"sysctl": ["foo"]}, "foo is invalid, sysctl values must be in the form of KEY=VALUE"),
        ({"sysctl": ["kernel.hostname=x"]}, "sysctl 'kernel.hostname' is not allowed"),
        ({"sysctl": ["net.=1"]}, "sysctl 'net.' is malformed: a part of its name is empty"),
        (
            {"sysctl": ["net.ipv4.ip_forward=1"], "network": ["host"]},
            "sysctl net.ipv4.ip_forward=1 can't be set since Network Namespace set to host: invalid argument",
        ),
        *(
            (
                {"sysctl": [text], "ipc": "host"},
                f"sysctl {text} can't be set since IPC Namespace set to host: invalid argument",
            )
            for text in ("fs.mqueue.msg_max=10", "kernel.shmmax=1")
        ),
        ({"log_driver": "foo"}, "running container create option: invalid log driver: invalid argument"),
        ({"restart": "foo"}, 'running container create option: "foo" is not a valid restart policy: invalid argument'),
        ({"umask": "999"}, "running container create option: invalid umask string 999: invalid argument"),
        (
            {"name": "a b"},
            "running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
        ),
        ({"shm_size": "x"}, "unable to translate --shm-size: invalid size: 'x'"),
        ({"dns": ["bad"]}, "bad is not an ip address"),
        (
            {"security_opt": ["seccomp=/nonexist"]},
            "opening seccomp profile failed: open /nonexist: no such file or directory",
        ),
        ({"add_host": ["bad"]}, 'bad format for add-host: "bad"'),
        ({"add_host": ["a:1.1.1.1"], "no_hosts": True}, "--no-hosts and --add-host cannot be set together"),
        ({"init": True, "pid": "host"}, "cannot add init binary as PID 1 (PID namespace isn't private)"),
        (
            {"network": ["none", "bridge"]},
            "cannot set multiple networks without bridge network mode, selected mode none: invalid argument",
        ),
        (
            {"image_volume": "foo"},
            'invalid image volume mode "foo" required value: anonymous, tmpfs, ignore',
        ),
        *(
            ({"tz": name}, f"running container create option: finding timezone: {reason}")
            for name, reason in (
                ("../../../etc/passwd", "time: invalid location name"),
                ("/etc/passwd", "time: invalid location name"),
                ("Europe/../UTC", "time: invalid location name"),
                ("Europe", "is a directory"),
            )
        ),
        (
            {"tz": "Foo/Bar"},
            "running container create option: finding timezone: unknown time zone Foo/Bar",
        ),
    ],
)
def test_a_bad_request_is_refused_in_podmans_words(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        settings_of(**options)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "options",
    [
        {"restart": "always"},
        {"systemd": "always"},
        {"userns": "keep-id"},
        {"network": ["slirp4netns"]},
        {"group_add": ["keep-groups"]},
        {"log_driver": "journald"},
    ],
)
def test_what_is_not_there_yet_says_so(options: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="not supported by this version of libpod"):
        settings_of(**options)


def test_entrypoint_and_command() -> None:
    image = {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo from-cmd"]}
    assert settings_of(image, ()).argv == ["/bin/sh", "-c", "echo from-cmd"]
    assert settings_of(image, ("exit 4",)).argv == ["/bin/sh", "-c", "exit 4"]
    assert settings_of(image, ("x",), entrypoint="/bin/echo").argv == ["/bin/echo", "x"]
    assert settings_of(image, ("x",), entrypoint='["/bin/echo","a"]').argv == ["/bin/echo", "a", "x"]
    assert settings_of(image, ("x",), entrypoint='["broken"').argv == ['["broken"', "x"]
    # Nothing at all is for the runtime to refuse.
    assert settings_of(image, (), entrypoint="").argv == [""]


def test_an_image_workdir_is_made_and_a_users_is_not() -> None:
    image = {"Cmd": ["x"], "WorkingDir": "/work"}
    assert (settings_of(image).workdir, settings_of(image).create_workdir) == ("/work", True)
    given = settings_of(image, workdir="/other")
    assert (given.workdir, given.create_workdir) == ("/other", False)


def test_files_of_the_host_have_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that open them later have another working directory."""
    (tmp_path / "profile").write_text("{}")
    (tmp_path / "init").touch()
    monkeypatch.chdir(tmp_path)
    settings = settings_of(
        pidfile="pid",
        log_opt=["path=log"],
        security_opt=["seccomp=profile"],
        init=True,
        init_path="init",
        volume=["./init:/init"],
        device=[os.path.relpath("/dev/null", tmp_path)],
    )
    found = [settings.pidfile, settings.log_path, settings.seccomp, settings.init_path, settings.mounts[0].source]
    assert found == [f"{tmp_path}/{name}" for name in ("pid", "log", "profile", "init", "init")]
    assert settings.devices[0].source.startswith("/")
    assert (settings_of().pidfile, settings_of().log_path, settings_of().seccomp) == ("", "", "")
    assert settings_of(security_opt=["seccomp=unconfined"]).seccomp == "unconfined"


def _unheeded(image: dict[str, Any] | None = None, argv: tuple[str, ...] = ("true",), **options: Any) -> list[str]:
    options.setdefault("network", ["none"])
    found = IMAGE if image is None else image
    return unheeded(parse_options(Words(**options)), found, settings_of(found, argv, **options))


def test_what_has_no_effect_is_said() -> None:
    assert _unheeded() == []
    health = {"Healthcheck": {"Test": ["CMD", "true"]}}
    assert "health check is not run" in _unheeded(health)[0]
    assert _unheeded(health, no_healthcheck=True) == []
    assert _unheeded({"Healthcheck": {"Test": ["NONE"]}}) == []
    assert _unheeded(log_opt=["max-file=3", "max-size=1m"]) == ["the log option max-file has no effect"]
    for program in ("/sbin/init", "/usr/lib/systemd/systemd"):
        assert "systemd mode" in _unheeded(argv=(program,))[0]
        assert _unheeded(argv=(program,), systemd="false") == []
        with pytest.raises(UnsupportedError):
            settings_of(argv=(program,), systemd="true")
    assert _unheeded(systemd="true") == []


def test_settings_survive_container_json() -> None:
    settings = settings_of(volume=["named:/vol", "/tmp:/t"], memory="64m", cap_add=["NET_RAW"], device=["/dev/null"])
    settings.created = "2026-01-02T03:04:05Z"
    again = ContainerSettings.from_document(settings.to_document(), "container.json")
    assert again.to_document() == settings.to_document()
    assert again.mounts[0].volume == "named"


def test_every_word_is_parsed() -> None:
    """An option is spelled in its declaration, among the words and in its part: none may be dropped on the way."""
    source = _sources("container/options/words")
    assert [name for name in Words.FIELDS if f"words.{name}" not in source] == []


def test_every_option_is_judged() -> None:
    """What the words became may not be dropped either."""
    judges = ("__init__", "confinement", "mounts", "network")
    source = _sources(*(f"container/judge/{name}" for name in judges), "container/creation")
    for part, kind in ContainerOptions.TYPES.items():
        for name in getattr(options, kind).FIELDS:
            owner = "given" if part == "environment" else "options"
            assert f"{owner}.{name}" in source or f"options.{part}.{name}" in source, f"{part}.{name}"


def test_every_option_of_the_command_line_is_one_of_the_words() -> None:
    from libpod.cli.container import create, run
    from libpod.cli.container.options import NOT_OF_THE_CONTAINER

    for command in (run.COMMAND, create.COMMAND):
        declared = {option.field for option in command.options if option.supported}
        assert declared - set(Words.FIELDS) - NOT_OF_THE_CONTAINER == set()


def test_every_setting_is_used() -> None:
    rooms = "spec security starting view files accounts joining networking records lifecycle removal foreground inspect model exec volumes listing manager".split()
    source = _sources("engine", "cli/container/run", "cli/container/create", *(f"container/{room}" for room in rooms))
    assert [name for name in ContainerSettings.FIELDS if f"settings.{name}" not in source] == []


def _sources(*names: str) -> str:
    home = Path(libpod.__file__).parent
    return "".join((home / f"{name}.py").read_text() for name in names)


def test_publish_all_takes_what_the_image_exposes() -> None:
    image = {**IMAGE, "ExposedPorts": {"80/tcp": {}, "53/udp": {}}}
    settings = settings_of(image, network=["bridge"], publish_all=True, expose=["90"])
    assert [(port.container_port, port.protocol) for port in settings.ports] == [
        (80, "tcp"),
        (53, "udp"),
        (90, "tcp"),
    ]
    assert all(port.host_port for port in settings.ports)
    assert settings_of(image, network=["bridge"]).ports == []
