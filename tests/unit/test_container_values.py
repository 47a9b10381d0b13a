"""Sizes, durations, signals, limits, environment, capabilities, devices: what a user types, and what Podman answers."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from libpod.container import environment, limits, namespaces, security
from libpod.container.devices import checked_device, parse_cgroup_rule, parse_device
from libpod.container.limits import Limit
from libpod.container.names import random_id, random_name
from libpod.container.namespaces import Namespace, default_cgroup_namespace, parse_namespace, parse_networks
from libpod.container.options import SecurityOptions
from libpod.container.options.security import parse_security_options
from libpod.errors import InvalidError, UnsupportedError
from libpod.quantity import parse_duration_ns, parse_size
from libpod.signals import parse_signal, signal_name
from libpod.timestamp import parse_moment


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("64", 64),
        ("64k", 65536),
        ("64m", 67108864),
        ("64mb", 67108864),
        ("1.5g", 1610612736),
        ("1 KiB", 1024),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10x", "-1", "bad", "1..5m", ".5m", "m", "1e3"])
def test_a_bad_size_is_named(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_size(text)
    assert caught.value.message == f"invalid size: '{text}'"


def test_durations() -> None:
    assert parse_duration_ns("1h30m") == 5400 * 10**9
    assert parse_duration_ns("250ms") == 250 * 10**6
    assert parse_duration_ns("-1.5s") == -1500 * 10**6
    for text in ("", "5", "5x", "h"):
        with pytest.raises(InvalidError):
            parse_duration_ns(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("9", 9), ("KILL", 9), ("sigkill", 9), ("kill", 9), ("HUP", 1), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("TERM", 15)],
)
def test_signals(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize(
    ("text", "message"),
    [("FOO", "invalid signal: FOO"), ("0", "invalid signal: 0"), ("99", "valid signals are 1 through 64")],
)
def test_a_bad_signal_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_signal(text)
    assert caught.value.message == message


def test_signal_names_round_trip() -> None:
    for number in (1, 9, 15, 31, 34, 37, 64):
        assert parse_signal(signal_name(number)) == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("foo=1", "invalid ulimit type: foo"),
        ("core", "invalid ulimit argument: core"),
        ("core=a", 'strconv.ParseInt: parsing "a": invalid syntax'),
        ("core=5:1", "ulimit soft limit must be less than or equal to hard limit: 5 > 1"),
    ],
)
def test_a_bad_limit_is_refused_in_podmans_words(text: str, reason: str) -> None:
    with pytest.raises(InvalidError) as caught:
        limits.parse_ulimit(text)
    assert caught.value.message == f'ulimit option "{text}" requires name=SOFT:HARD, failed to be parsed: {reason}'


def test_the_type_of_a_limit_is_known_in_any_case_and_with_its_prefix() -> None:
    for name in ("nofile", "NOFILE", "NoFile", "RLIMIT_NOFILE", "rlimit_nofile"):
        assert limits.parse_ulimit(f"{name}=1:2") == limits.Limit("RLIMIT_NOFILE", 1, 2)
    with pytest.raises(InvalidError, match="invalid ulimit type: rlimit_nofile"):
        limits.parse_ulimit("RLIMIT_RLIMIT_NOFILE=1")


def test_the_last_limit_of_a_type_wins_and_files_and_processes_are_always_limited() -> None:
    merged = limits.merge_limits(
        [], [limits.parse_ulimit(text) for text in ("nofile=100:200", "nofile=30:40", "core=-1")]
    )
    assert merged[0] == Limit("RLIMIT_CORE", limits.UNLIMITED, limits.UNLIMITED)
    assert merged[1] == Limit("RLIMIT_NOFILE", 30, 40)
    assert merged[2].kind == "RLIMIT_NPROC"
    assert merged[2].soft <= limits.MAXIMUM


def test_host_means_the_limits_of_this_process() -> None:
    kinds = {"RLIMIT_NOFILE": resource.RLIMIT_NOFILE, "RLIMIT_NPROC": resource.RLIMIT_NPROC}
    before = {name: resource.getrlimit(kind) for name, kind in kinds.items()}
    wanted = {name: (700, limits.UNLIMITED if hard == -1 else hard) for name, (_, hard) in before.items()}
    try:
        for name, kind in kinds.items():
            resource.setrlimit(kind, (700, before[name][1]))
        merged = {limit.kind: (limit.soft, limit.hard) for limit in limits.merge_limits(["core=5"], [], inherit=True)}
        mixed = {
            limit.kind: (limit.soft, limit.hard)
            for limit in limits.merge_limits([], [Limit("RLIMIT_NOFILE", 1, 2)], inherit=True)
        }
    finally:
        for name, kind in kinds.items():
            resource.setrlimit(kind, before[name])
    assert merged == wanted
    assert mixed == wanted | {"RLIMIT_NOFILE": (1, 2)}


def test_the_users_limits_replace_those_of_the_configuration() -> None:
    assert Limit("RLIMIT_CORE", 5, 5) not in limits.merge_limits(["core=5"], [Limit("RLIMIT_NOFILE", 1, 2)])
    assert Limit("RLIMIT_CORE", 5, 5) in limits.merge_limits(["core=5"], [])


def test_an_env_file_is_read_as_podman_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("A=1\n#c\n\nB\nC=x y\n  D=1\nHO*\n")
    host = {"B": "two", "HOME": "/root", "HOST": "h", "OTHER": "o"}
    assert environment.read_env_file(str(path), host) == {
        "A": "1",
        "B": "two",
        "C": "x y",
        "D": "1",
        "HOME": "/root",
        "HOST": "h",
    }


def test_bad_env_files_are_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("=bad\n")
    with pytest.raises(InvalidError) as caught:
        environment.read_env_file(str(bad))
    assert caught.value.message == f'parsing file "{bad}": invalid variable: "=bad"'
    with pytest.raises(InvalidError, match="open /nonexistent: no such file or directory"):
        environment.read_env_file("/nonexistent")


def test_an_image_env_line_without_a_value_takes_nothing_from_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hostage")
    merged = environment.merge_environment(defaults=(), image=["SECRET", "A=1"], given={})
    assert "SECRET" not in merged
    assert merged["A"] == "1"


def test_the_environment_is_merged_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy")
    merged = environment.merge_environment(
        defaults=["PATH=/bin", "TERM=xterm"], image=["PATH=/img", "A=1", "B=2"], given={"A": "user"}, unset=["B"]
    )
    assert merged == {
        "PATH": "/img",
        "TERM": "xterm",
        "container": "podman",
        "http_proxy": "http://proxy",
        "A": "user",
    }
    bare = environment.merge_environment(
        defaults=["PATH=/bin"], image=["A=1"], given={"X": "1"}, unset_all=True, http_proxy=False
    )
    assert bare == {"X": "1"}


def test_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_text("# c\na=file\nb\n")
    assert environment.parse_labels(["a=1=2"], [str(path)]) == {"a": "1=2", "b": ""}
    for text in ("", "=x"):
        with pytest.raises(InvalidError, match="unable to process labels: invalid label format"):
            environment.parse_labels([text], [])
    with pytest.raises(InvalidError, match="annotations must be formatted KEY=VALUE"):
        environment.parse_annotations(["a"])


def test_capabilities_are_added_and_dropped() -> None:
    default = security.DEFAULT_CAPABILITIES
    assert security.choose_capabilities(default, [], []) == sorted(default)
    assert security.choose_capabilities(default, ["chown"], ["ALL"]) == ["CAP_CHOWN"]
    assert "CAP_CHOWN" not in security.choose_capabilities(default, [], ["cap_chown"])
    assert security.choose_capabilities(default, [], ["all"]) == []


@pytest.mark.parametrize(
    ("add", "drop", "message"),
    [
        (["FOO"], [], '"CAP_FOO": unknown capability'),
        ([], ["FOO"], '"CAP_FOO": unknown capability'),
        (["chown"], ["chown"], 'capability "CAP_CHOWN" cannot be dropped and added'),
        (["all"], ["all"], "adding all caps and removing all caps not allowed"),
    ],
)
def test_bad_capabilities_are_refused(add: list[str], drop: list[str], message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        security.choose_capabilities(security.DEFAULT_CAPABILITIES, add, drop)
    assert caught.value.message == message


def security_options(texts: list[str]) -> SecurityOptions:
    options = SecurityOptions()
    parse_security_options(options, texts)
    return options


def test_security_options() -> None:
    options = security_options(
        [
            "no-new-privileges",
            "seccomp=unconfined",
            "mask=/proc/cpuinfo,/a:/b",
            "mask=/c",
            "unmask=/proc/acpi:/proc/kcore",
            "unmask=/proc/asound,/proc/keys",
            "label=disable",
        ]
    )
    assert options.no_new_privileges
    assert options.seccomp == "unconfined"
    assert options.masked == ["/proc/cpuinfo", "/a", "/b", "/c"]
    masked, readonly = security.hidden_paths(options.unmasked)
    assert {"/proc/acpi", "/proc/kcore", "/proc/keys"}.isdisjoint(masked)
    assert {"/proc/interrupts", "/proc/scsi", "/sys/devices/virtual/powercap"} <= set(masked)
    assert "/proc/asound" not in readonly
    for everything in ("unmask=ALL", "unmask=all", "unmask=/proc/keys,ALL", "systempaths=unconfined"):
        unmasks = security_options([everything]).unmasked
        assert security.hidden_paths(unmasks) == ([], [])
    star = security_options(["unmask=/proc/*"]).unmasked
    masked, _ = security.hidden_paths(star)
    assert [path for path in masked if path.startswith("/proc/")] == []
    assert {"/sys/firmware", "/sys/fs/selinux", "/sys/dev/block"} <= set(masked)


def test_processors_do_not_tell_how_hot_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cpu0/thermal_throttle", "cpu10/thermal_throttle", "cpu2/thermal_throttle", "cpu3", "cpufreq"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(security, "_PROCESSORS", str(tmp_path))
    found = [path for path in security.hidden_paths([])[0] if path not in security.MASKED_PATHS]
    assert found == [f"{tmp_path}/cpu{number}/thermal_throttle" for number in (0, 2, 10)]
    assert security.hidden_paths([f"{tmp_path}/cpu*/thermal_throttle"])[0] == list(security.MASKED_PATHS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", 'invalid --security-opt 1: "foo"'),
        ("foo=bar", 'invalid --security-opt 2: "foo=bar"'),
        ("systempaths=x", 'invalid systempaths option "x", only `unconfined` is supported'),
        ("mask", 'invalid --security-opt 1: "mask"'),
        ("proc-opts=,", 'invalid --security-opt "proc-opts=,": it names no mount option of /proc'),
        *(
            (
                text,
                f'invalid --security-opt "{text}": {fault} (absolute paths are separated by `:` or `,`)',
            )
            for text, fault in (
                ("mask=", "a path is empty"),
                ("mask=/a,,/b", "a path is empty"),
                ("mask=/a:", "a path is empty"),
                ("mask=/a,relative", 'the path "relative" is not absolute'),
                ("unmask=", "a path is empty"),
                ("unmask=ALL,proc/*", 'the path "proc/*" is not absolute'),
            )
        ),
        ("unmask=/proc/[", 'invalid --security-opt "unmask=/proc/[": syntax error in the pattern "/proc/["'),
    ],
)
def test_bad_security_options_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        security_options([text])
    assert caught.value.message == message


def test_devices() -> None:
    assert checked_device(parse_device("/dev/null")).to_document() == ["/dev/null", "/dev/null", "rwm"]
    assert checked_device(parse_device("/dev/null:/dev/foo:r")).to_document() == ["/dev/null", "/dev/foo", "r"]
    assert checked_device(parse_device("/dev/null:rw")).to_document() == ["/dev/null", "/dev/null", "rw"]
    assert checked_device(parse_device("/dev/null:")).to_document() == ["/dev/null", "/dev/null", "rwm"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("c 1:* rw", {"type": "c", "major": 1, "access": "rw"}),
        ("b 8:1 r", {"type": "b", "major": 8, "minor": 1, "access": "r"}),
        ("a *:* rwm", {"type": "a", "access": "rwm"}),
        # Without a minor number the rule is for every one.
        ("a 7 rmw", {"type": "a", "major": 7, "access": "rmw"}),
        ("b * r", {"type": "b", "access": "r"}),
    ],
)
def test_device_rules(text: str, numbers: dict[str, object]) -> None:
    assert parse_cgroup_rule(text).to_oci() == {"allow": True, **numbers}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", 'invalid device cgroup rule requires type, major:Minor, and access rules: "a"'),
        ("c  1:3 r", 'strconv.ParseUint: parsing "": invalid syntax'),
        ("x 1:3 r", "invalid device type in device-access-add: x"),
        ("c 1:3 x", "invalid device access in device-access-add: x"),
        ("c 1:3 ", "invalid device access in device-access-add: "),
        ("c 1: r", 'strconv.ParseUint: parsing "": invalid syntax'),
        ("c 1:2:3 r", 'strconv.ParseUint: parsing "2:3": invalid syntax'),
        ("c 4294967296:1 r", 'strconv.ParseUint: parsing "4294967296": value out of range'),
    ],
)
def test_bad_device_rules_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_cgroup_rule(text)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/dev/nonexist", "stat /dev/nonexist: no such file or directory"),
        ("/dev/null:rel", "invalid device mode: rel"),
        ("/dev/null:/dev/x:q", "invalid device mode: q"),
        ("/etc", "no devices found in /etc: invalid argument"),
    ],
)
def test_bad_devices_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        checked_device(parse_device(text))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("sort", "text", "kind", "target"),
    [
        ("pid", "host", "host", ""),
        ("ipc", "", "shareable", ""),
        ("ipc", "none", "none", ""),
        ("uts", "", "private", ""),
        ("pid", "container:x", "container", "x"),
        ("user", "", "host", ""),
    ],
)
def test_a_namespace_is_parsed_once(sort: str, text: str, kind: str, target: str) -> None:
    namespace = parse_namespace(sort, text)
    assert namespace is not None
    assert (namespace.kind, namespace.target) == (kind, target)
    assert Namespace.from_document(namespace.to_document()) == namespace
    assert str(Namespace("container", "x")) == "container:x"


def test_whether_a_cgroup_namespace_is_the_default_depends_on_the_host() -> None:
    assert parse_namespace("cgroup", "") is None
    assert [default_cgroup_namespace(unified=unified).kind for unified in (True, False)] == ["private", "host"]


@pytest.mark.parametrize(
    ("sort", "text", "message"),
    [
        ("uts", "foo", "unrecognized namespace mode foo passed"),
        ("uts", "none", "unrecognized namespace mode none passed"),
        ("cgroup", "container:x", "unrecognized namespace mode container:x passed"),
        ("pid", "container", "unrecognized namespace mode container passed"),
        ("pid", "container:", "invalid config provided: namespace mode container requires a value"),
    ],
)
def test_a_bad_namespace_is_refused_in_podmans_words(sort: str, text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_namespace(sort, text)
    assert caught.value.message == message


@pytest.mark.parametrize(("sort", "text"), [("user", "keep-id"), ("user", "auto:size=3"), ("pid", "ns:/proc/1/ns/pid")])
def test_a_namespace_that_libpod_lacks_is_said_to_be_so(sort: str, text: str) -> None:
    with pytest.raises(UnsupportedError):
        parse_namespace(sort, text)


@pytest.mark.parametrize(
    ("texts", "parsed"),
    [
        ([""], ("bridge", "", "")),
        (["bridge"], ("bridge", "", "")),
        (["default:ip=10.88.0.9"], ("bridge", "", "ip=10.88.0.9")),
        (["front:ip=10.0.0.1,mac=aa:bb:cc:dd:ee:ff"], ("bridge", "front", "ip=10.0.0.1,mac=aa:bb:cc:dd:ee:ff")),
        (["host"], ("host", "", "")),
        (["none"], ("none", "", "")),
        (["container:web"], ("container:web", "", "")),
        (["container"], ("bridge", "container", "")),
    ],
)
def test_networks_are_parsed_once(texts: list[str], parsed: tuple[str, str, str]) -> None:
    namespace, name, options = parse_networks(texts)
    assert (str(namespace), name, options) == parsed


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["container:"], "invalid config provided: namespace mode container requires a value"),
        (["host:x"], "invalid option for network host: unknown bridge network option: x"),
        (
            ["none", "front"],
            "cannot set multiple networks without bridge network mode, selected mode none: invalid argument",
        ),
    ],
)
def test_a_bad_network_is_refused_in_podmans_words(texts: list[str], message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_networks(texts)
    assert caught.value.message == message


@pytest.mark.parametrize("texts", [["front", "back"], ["front,back"], ["ns:/x"], ["pasta"], ["slirp4netns:cidr=1"]])
def test_networks_that_libpod_lacks_are_said_to_be_so(texts: list[str]) -> None:
    with pytest.raises(UnsupportedError):
        parse_networks(texts)


def test_no_other_module_takes_a_namespace_apart() -> None:
    package = Path(namespaces.__file__).parents[1]
    apart = [path for path in package.rglob("*.py") if '"container:' in path.read_text()]
    assert apart == []


def test_moments() -> None:
    assert parse_moment("10m", 10**18) == 10**18 - 600 * 10**9
    assert parse_moment("2024-01-01", 0) == 1704067200 * 10**9
    assert parse_moment("2024-01-01T00:00:00+01:00", 0) == (1704067200 - 3600) * 10**9
    assert parse_moment("1700000000.5", 0) == 17 * 10**17 + 5 * 10**8
    for text in ("x", "2024-13-01T00:00:00Z", "10q", ""):
        with pytest.raises(InvalidError):
            parse_moment(text, 0)


def test_random_names_and_ids() -> None:
    adjective, _, surname = random_name().partition("_")
    assert adjective.isalpha()
    assert surname.isalpha()
    assert len(random_id()) == 64
    assert random_id() != random_id()
