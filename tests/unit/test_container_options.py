"""Options of a container as values: what the words of the command line become, and what a Python caller writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import libpod
from libpod import (
    Address,
    Attachment,
    ContainerOptions,
    Device,
    DeviceOptions,
    DeviceRule,
    EnvironmentOptions,
    ExposedPort,
    IdentityOptions,
    InvalidError,
    LifeOptions,
    Limit,
    LogOptions,
    Mount,
    MountOptions,
    Namespace,
    NamespaceOptions,
    NetworkOptions,
    Port,
    ProcessOptions,
    ResourceOptions,
    RestartPolicy,
    SecurityOptions,
    UnsupportedError,
    parse_address,
)
from libpod.config.containers import ContainersConf
from libpod.container.judge import judge
from libpod.container.options import Options
from libpod.container.options.words import Words, parse_options
from libpod.host import Host

IMAGE = {
    "Env": ["A=1"],
    "Cmd": ["echo"],
    "Labels": {"of": "image"},
    "Volumes": {"/data": {}},
    "ExposedPorts": {"80/tcp": {}},
}


def document(options: ContainerOptions, conf: ContainersConf | None = None) -> dict[str, Any]:
    settings = judge(options.checked(), IMAGE, ["true"], conf or ContainersConf())
    settings.created = "2026-11-28T07:00:00Z"
    return settings.to_document()


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ({}, {}),
        (
            {"name": "n", "label": ["a=1", "b"], "annotation": ["c=2"]},
            {"identity": IdentityOptions(name="n", labels={"a": "1", "b": ""}, annotations={"c": "2"})},
        ),
        (
            {"entrypoint": '["/bin/sh","-c"]', "user": "1000:5", "group_add": ["video"], "workdir": "/w", "umask": "22", "tty": True},
            {
                "process": ProcessOptions(
                    entrypoint=["/bin/sh", "-c"], user="1000:5", groups=["video"], workdir="/w", umask=0o22, terminal=True
                )
            },
        ),
        ({"entrypoint": ""}, {"process": ProcessOptions(entrypoint=[])}),
        (
            {"env": ["B=2", "C="], "unsetenv": ["A"], "http_proxy": False},
            {"environment": EnvironmentOptions(variables={"B": "2", "C": ""}, unset=["A"], http_proxy=False)},
        ),
        (
            {
                "mount": ["type=bind,src=/tmp,dst=/m,ro"],
                "volume": ["named:/v", "other:/w:nocopy,ro", "/anonymous"],
                "tmpfs": ["/t:size=1m", "/u:notmpcopyup"],
                "shm_size": "1m",
                "read_only": True,
                "tz": "UTC",
            },
            {
                "mounts": MountOptions(
                    mounts=[
                        Mount("bind", "/m", "/tmp", ["ro"]),
                        Mount("volume", "/v", volume="named"),
                        Mount("volume", "/w", volume="other", options=["ro"], copy_up=False),
                        Mount("volume", "/anonymous"),
                        Mount("tmpfs", "/t", options=["size=1m"]),
                        Mount("tmpfs", "/u", copy_up=False),
                    ],
                    shm_size=1 << 20,
                    read_only=True,
                    timezone="UTC",
                )
            },
        ),
        ({"image_volume": "ignore"}, {"mounts": MountOptions(image_volumes="ignore")}),
        (
            {"pid": "host", "ipc": "container:c", "uts": "host", "cgroupns": "private", "userns": "host"},
            {
                "namespaces": NamespaceOptions(
                    pid=Namespace("host"),
                    ipc=Namespace("container", "c"),
                    uts=Namespace("host"),
                    cgroup=Namespace("private"),
                    user=Namespace("host"),
                )
            },
        ),
        ({"network": ["none"]}, {"network": NetworkOptions(namespace=Namespace("none"))}),
        ({"network": ["container:c"]}, {"network": NetworkOptions(namespace=Namespace("container", "c"))}),
        (
            {
                "network": ["n:mac=02:00:00:00:00:01"],
                "ip": "10.0.0.9",
                "hostname": "h",
                "publish": ["127.0.0.1:8080-8081:80-81/udp"],
                "expose": ["90-91", "92/sctp"],
                "dns": ["1.1.1.1", "::1"],
                "dns_search": ["a.b"],
                "dns_option": ["ndots:1"],
                "add_host": ["x:10.0.0.1", "y:::1"],
            },
            {
                "network": NetworkOptions(
                    namespace=Namespace("bridge"),
                    attachments=[Attachment("n", address="10.0.0.9", mac="02:00:00:00:00:01")],
                    hostname="h",
                    ports=[Port("127.0.0.1", 8080, 80, "udp", 2)],
                    exposed=[ExposedPort(90), ExposedPort(91), ExposedPort(92, "sctp")],
                    dns=[parse_address("1.1.1.1"), Address(bytes(15) + b"\1")],
                    dns_search=["a.b"],
                    dns_options=["ndots:1"],
                    hosts=[("x", "10.0.0.1"), ("y", "::1")],
                )
            },
        ),
        ({"dns": ["none"]}, {"network": NetworkOptions(image_resolv_conf=True)}),
        (
            {"memory": "64m", "memory_swap": "-1", "memory_reservation": "32m", "memory_swappiness": 10, "cpus": 1.5, "cpu_shares": 512},
            {
                "resources": ResourceOptions(
                    memory=64 << 20, memory_swap=-1, memory_reservation=32 << 20, memory_swappiness=10, cpus=1.5, cpu_shares=512
                )
            },
        ),
        (
            {"ulimit": ["nofile=100:200", "host"], "pids_limit": 7, "oom_score_adj": 5, "cgroup_parent": "/x"},
            {
                "resources": ResourceOptions(
                    limits=[Limit("RLIMIT_NOFILE", 100, 200)], inherit_limits=True, pids_limit=7, oom_score_adj=5, cgroup_parent="/x"
                )
            },
        ),
        (
            {
                "cap_add": ["NET_RAW"],
                "cap_drop": ["chown"],
                "security_opt": [
                    "no-new-privileges", "seccomp=unconfined", "label=disable", "apparmor=unconfined", "mask=/a:/b", "unmask=/proc/kcore",
                    "proc-opts=nosuid",
                ],
                "sysctl": ["net.ipv4.ip_forward=1"],
            },
            {
                "security": SecurityOptions(
                    cap_add=["NET_RAW"],
                    cap_drop=["chown"],
                    no_new_privileges=True,
                    seccomp="unconfined",
                    label=["disable"],
                    apparmor="unconfined",
                    masked=["/a", "/b"],
                    unmasked=["/proc/kcore"],
                    proc_options=["nosuid"],
                    sysctls={"net.ipv4.ip_forward": "1"},
                )
            },
        ),
        (
            {"device": ["/dev/null:/dev/x:r"], "device_cgroup_rule": ["c 1:* rw"]},
            {"devices": DeviceOptions(devices=[Device("/dev/null", "/dev/x", "r")], rules=[DeviceRule("c", 1, access="rw")])},
        ),
        (
            {"log_driver": "none", "log_opt": ["max-size=1k", "path=/tmp/log", "max-file=3"]},
            {"log": LogOptions(driver="none", max_size=1000, path="/tmp/log", others=["max-file"])},
        ),
        (
            {"rm": True, "stop_signal": "INT", "stop_timeout": -1, "timeout": 5, "detach_keys": "", "restart": "no", "pidfile": "/p"},
            {
                "life": LifeOptions(
                    remove=True, stop_signal=2, stop_timeout=-1, timeout=5, detach_keys="", restart=RestartPolicy("no"), pidfile="/p"
                )
            },
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_words_and_values_make_the_same_container(words: dict[str, Any], options: dict[str, Any]) -> None:
    parsed = parse_options(Words(**words))
    assert parsed.checked() == parsed, "every option has the type that its field is annotated with"
    assert document(parsed) == document(ContainerOptions(**options))


LIMIT = Limit("RLIMIT_NOFILE", 1, 2)
LIMIT.soft = "1"  # type: ignore[assignment]
MOUNT = Mount("bind", "/a", "/tmp")
MOUNT.options = "ro"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        (ProcessOptions, {"user": 1000}, "ProcessOptions.user"),
        (ProcessOptions, {"entrypoint": "/bin/sh"}, "ProcessOptions.entrypoint"),
        (ResourceOptions, {"memory": "64m"}, "ResourceOptions.memory"),
        (ResourceOptions, {"memory": True}, "ResourceOptions.memory"),
        (ResourceOptions, {"limits": ["nofile=1"]}, r"ResourceOptions.limits\[0\]"),
        (ResourceOptions, {"limits": [LIMIT]}, r"ResourceOptions.limits\[0\].soft"),
        (SecurityOptions, {"cap_drop": "all"}, "SecurityOptions.cap_drop"),
        (SecurityOptions, {"no_new_privileges": "yes"}, "SecurityOptions.no_new_privileges"),
        (SecurityOptions, {"sysctls": ["a=b"]}, "SecurityOptions.sysctls"),
        (NamespaceOptions, {"pid": "host"}, "NamespaceOptions.pid"),
        (NetworkOptions, {"dns": ["1.1.1.1"]}, r"NetworkOptions.dns\[0\]"),
        (NetworkOptions, {"hosts": ["x:10.0.0.1"]}, r"NetworkOptions.hosts\[0\]"),
        (NetworkOptions, {"ports": Port("", 0, 80)}, "NetworkOptions.ports"),
        (
            MountOptions,
            {"mounts": [Mount(kind="bind", destination="/a", options="ro")]},
            r"MountOptions.mounts\[0\].options",
        ),
        (MountOptions, {"mounts": [Limit("RLIMIT_NOFILE", 1, 1)]}, r"MountOptions.mounts\[0\]"),
        (EnvironmentOptions, {"variables": {"A": 1}}, r"EnvironmentOptions.variables\['A'\]"),
        (DeviceOptions, {"devices": ["/dev/null"]}, r"DeviceOptions.devices\[0\]"),
        (ContainerOptions, {"process": SecurityOptions()}, "ContainerOptions.process"),
        (ContainerOptions, {"user": "1000"}, "user"),
        (SecurityOptions, {"mask": ["/a"]}, "mask"),
    ],
)
def test_a_value_of_another_type_is_a_type_error_that_names_the_field(
    kind: type[Options], given: dict[str, Any], field: str
) -> None:
    with pytest.raises(TypeError, match=field):
        kind(**given)


def test_what_is_set_later_is_checked_before_anything_is_done(tmp_path: Path) -> None:
    engine = libpod.Engine(tmp_path / "root", tmp_path / "run")
    options = ContainerOptions()
    options.security.cap_drop = "all"  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"SecurityOptions\.cap_drop must be a list of strings"):
        engine.containers.create(options, "dir:/nope")
    with pytest.raises(TypeError, match="options must be ContainerOptions, not dict"):
        engine.containers.create({"name": "x"}, "dir:/nope")  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        options.security.mask = ["/a"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resources": ResourceOptions(memory=-1)}, "memory: -1 is out of range"),
        ({"resources": ResourceOptions(memory=1 << 63)}, "memory: .* is out of range"),
        ({"resources": ResourceOptions(memory_swap=-2, memory=1)}, "memory_swap: -2 is out of range"),
        ({"resources": ResourceOptions(cpu_shares=-1)}, "cpu_shares: -1 is out of range"),
        ({"resources": ResourceOptions(limits=[Limit("NOFILE", 1, 1)])}, "invalid ulimit type: NOFILE"),
        ({"resources": ResourceOptions(limits=[Limit("RLIMIT_NOFILE", 2, 1)])}, "soft limit must be less"),
        ({"resources": ResourceOptions(limits=[Limit("RLIMIT_NOFILE", -1, -1)])}, "is out of range"),
        ({"process": ProcessOptions(umask=0o10000)}, "invalid umask string 10000"),
        ({"process": ProcessOptions(umask=-1)}, "invalid umask string"),
        ({"environment": EnvironmentOptions(variables={"A=B": "1"})}, "'A=B' cannot be the name of a variable"),
        ({"namespaces": NamespaceOptions(pid=Namespace("none"))}, "unrecognized namespace mode none passed"),
        ({"namespaces": NamespaceOptions(pid=Namespace("host", "x"))}, "unrecognized namespace mode host:x passed"),
        ({"namespaces": NamespaceOptions(ipc=Namespace("container"))}, "unrecognized namespace mode container passed"),
        ({"network": NetworkOptions(namespace=Namespace("private"))}, "unrecognized namespace mode private passed"),
        ({"network": NetworkOptions(namespace=Namespace("container"))}, "namespace mode container requires a value"),
        ({"network": NetworkOptions(namespace=Namespace("none"), attachments=[Attachment("n")])}, "is bridge, not none"),
        ({"network": NetworkOptions(attachments=[Attachment(address="x")])}, "invalid IP address: x"),
        ({"network": NetworkOptions(ports=[Port("", 0, 0)])}, "between 1 and 65535"),
        ({"network": NetworkOptions(ports=[Port("", 65535, 80, "tcp", 2)])}, "no range of ports"),
        ({"network": NetworkOptions(ports=[Port("", -1, 80)])}, "between 1 and 65535"),
        ({"network": NetworkOptions(ports=[Port("", 80, 80, "tcp", 0)])}, "no range of ports"),
        ({"network": NetworkOptions(ports=[Port("x", 80, 80)])}, 'cannot parse "x" as an IP address'),
        ({"network": NetworkOptions(exposed=[ExposedPort(0)])}, "between 1 and 65535"),
        ({"network": NetworkOptions(hosts=[("a:b", "10.0.0.1")])}, "bad format for add-host"),
        ({"network": NetworkOptions(hosts=[("a", "x")])}, "invalid IP address in add-host"),
        ({"mounts": MountOptions(mounts=[Mount("bind", "/a")])}, "host directory cannot be empty"),
        ({"mounts": MountOptions(mounts=[Mount("bind", "a", "/tmp")])}, "must be an absolute path"),
        ({"mounts": MountOptions(mounts=[Mount("proc", "/a")])}, 'invalid filesystem type "proc"'),
        ({"mounts": MountOptions(mounts=[Mount("bind", "/a", "/tmp", ["r0"])])}, 'invalid option type "r0"'),
        ({"mounts": MountOptions(mounts=[Mount("volume", "/a", volume="v", anonymous=True)])}, "has a name and is not"),
        ({"mounts": MountOptions(mounts=[Mount("devpts", "/a", options=["ro"])])}, "ro: invalid mount option"),
        ({"mounts": MountOptions(shm_size=-1)}, "shm_size: -1 is out of range"),
        ({"security": SecurityOptions(masked=["a"])}, 'the path "a" is not absolute'),
        ({"security": SecurityOptions(unmasked=["/proc/["])}, "syntax error in the pattern"),
        ({"security": SecurityOptions(seccomp="/nonexist")}, "opening seccomp profile failed"),
        ({"devices": DeviceOptions(devices=[Device("/dev/null", "x")])}, "x is not absolute"),
        ({"devices": DeviceOptions(devices=[Device("/dev/null", access="")])}, "invalid device mode"),
        ({"devices": DeviceOptions(rules=[DeviceRule("x")])}, "invalid device type"),
        ({"devices": DeviceOptions(rules=[DeviceRule("c", -1)])}, "invalid device major number"),
        ({"life": LifeOptions(stop_signal=0)}, "valid signals are 1 through 64"),
        ({"life": LifeOptions(timeout=-1)}, "timeout: -1 is out of range"),
        ({"life": LifeOptions(restart=RestartPolicy("maybe"))}, '"maybe" is not a valid restart policy'),
        ({"life": LifeOptions(restart=RestartPolicy("no", 3))}, "only be specified with on-failure"),
        ({"log": LogOptions(max_size=-1)}, "max_size: -1 is out of range"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        document(ContainerOptions(**options))


@pytest.mark.parametrize(
    "network",
    [
        NetworkOptions(attachments=[Attachment("a"), Attachment("b")]),
        NetworkOptions(attachments=[Attachment("a", aliases=["x"])]),
        NetworkOptions(attachments=[Attachment("a", interface="eth1")]),
        NetworkOptions(ports=[Port("", 80, 80, "sctp")]),
    ],
)
def test_a_network_that_libpod_lacks_says_so(network: NetworkOptions) -> None:
    with pytest.raises(UnsupportedError):
        document(ContainerOptions(network=network))


def test_options_may_be_used_again() -> None:
    """What is decided for one container is not written into the options."""
    mount, port, attachment = Mount("tmpfs", "/t"), Port("", 0, 80), Attachment()
    options = ContainerOptions(
        mounts=MountOptions(mounts=[mount]), network=NetworkOptions(ports=[port], attachments=[attachment])
    )
    conf = ContainersConf()
    conf.containers["netns"] = "other"
    assert document(options, conf)["networks"][0]["name"] == "other"
    assert document(options)["ports"][0]["host_port"] > 0
    assert (mount.options, port.host_port, attachment.name) == ([], 0, "")
    assert options.network.attachments == [Attachment()]
    given = ["a"]
    assert ProcessOptions(workdir=Path("/w"), user=b"u").checked() == ProcessOptions(workdir="/w", user="u")  # type: ignore[arg-type]
    process = ProcessOptions(groups=given)
    given.append("b")
    assert process.groups == ["a"]


def test_words_of_the_configuration_are_parsed_as_those_of_the_command_line() -> None:
    conf = ContainersConf()
    conf.containers.update(
        {
            "annotations": ["a=1"],
            "default_ulimits": ["core=5"],
            "devices": ["/dev/null:/dev/x:r"],
            "dns_servers": ["1.1.1.1"],
            "netns": "none",
            "pidns": "host",
            "umask": "77",
            "volumes": ["/tmp:/conf:ro"],
        }
    )
    found = document(ContainerOptions(), conf)
    assert found["annotations"] == {"a": "1"}
    assert ["RLIMIT_CORE", 5, 5] in found["limits"]
    assert found["devices"] == [["/dev/null", "/dev/x", "r"]]
    assert (found["dns"], found["network"], found["pid"], found["umask"]) == (["1.1.1.1"], "none", "host", "0077")
    assert [(mount["kind"], mount["destination"]) for mount in found["mounts"]] == [
        ("bind", "/conf"),
        ("volume", "/data"),
    ]
    conf.containers["umask"] = "9"
    with pytest.raises(InvalidError, match="invalid umask string 9"):
        document(ContainerOptions(), conf)


def test_the_configuration_of_a_host_decides_what_was_not_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "containers.conf").write_text("[containers]\npids_limit = 9\n[engine]\nstop_timeout = 3\n")
    monkeypatch.setenv("CONTAINERS_CONF", str(tmp_path / "containers.conf"))
    host = Host(tmp_path / "root", tmp_path / "run")
    found = document(ContainerOptions(), host.conf)
    assert (found["pids_limit"], found["stop_timeout"]) == (9, 3)
    said = ContainerOptions(resources=ResourceOptions(pids_limit=1), life=LifeOptions(stop_timeout=0))
    found = document(said, host.conf)
    assert (found["pids_limit"], found["stop_timeout"]) == (1, 0)


def test_inspect_has_security_options_in_podmans_order_and_form() -> None:
    texts = [
        "mask=/a",
        "apparmor=unconfined",
        "seccomp=unconfined",
        "label=type:a",
        "label=disable",
        "no-new-privileges:true",
    ]
    try:
        found = document(parse_options(Words(security_opt=texts)))
    except UnsupportedError:
        pytest.skip("needs a host without SELinux")
    assert found["security_options"] == [
        "no-new-privileges", "label=type:a,label=disable", "seccomp=unconfined", "apparmor=unconfined",
    ]  # fmt: skip
    assert found["annotations"]["io.podman.annotations.label"] == "type:a,label=disable"
