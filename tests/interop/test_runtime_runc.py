"""One bundle, two runtimes: what `runc` does with it, `libpod-runtime` does as well.

Every case runs on both and is compared: output, exit code, what `/proc` says about the process, and the words of an error. The cases that
differ on purpose stand at the end, with the reason.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import probe
from tests.support.runtime import OURS, Runtime, make_bundle
from tests.support.status import without_library_signals

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def runtimes(store_directory: Path) -> Iterator[tuple[Runtime, Runtime]]:
    """Runc and ours, on one bundle."""
    probe.needs_root()
    probe.needs_programs("runc")
    probe.require(Path("/bin/busybox").exists(), "needs /bin/busybox")
    bundle = make_bundle(store_directory)
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    pair = (Runtime("runc", store_directory / "runc", bundle), Runtime(str(OURS), store_directory / "ours", bundle))
    yield pair
    for runtime in pair:
        for name in runtime("list", "-q").stdout.split():
            runtime("delete", "--force", name, code=None)


def write(bundle: Path, argv: list[str], *changes: Change) -> None:
    """Write config.json: runc's own example, a cgroup, no terminal, this command and these changes."""
    template = bundle / "template.json"
    if not template.exists():
        (bundle / "config.json").rename(template)
    spec = json.loads(template.read_text())
    spec["process"]["terminal"] = False
    spec["process"]["args"] = argv
    spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]
    spec["linux"]["cgroupsPath"] = "/libpod-interop"
    for change in changes:
        change(spec)
    (bundle / "config.json").write_text(json.dumps(spec))


def put(path: str, value: object) -> Change:
    """Set a member, `process.user`."""

    def change(spec: dict[str, Any]) -> None:
        *parents, name = path.split(".")
        for parent in parents:
            spec = spec.setdefault(parent, {})
        spec[name] = value

    return change


def mount(destination: str, kind: str, source: str, *options: str) -> Change:
    """Add a mount."""

    def change(spec: dict[str, Any]) -> None:
        spec["mounts"].append({"destination": destination, "type": kind, "source": source, "options": list(options)})

    return change


def namespace(kind: str) -> Change:
    """Add a namespace."""
    return lambda spec: spec["linux"]["namespaces"].append({"type": kind})


def without(kind: str) -> Change:
    """Share a namespace with the host."""

    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["namespaces"] = [entry for entry in spec["linux"]["namespaces"] if entry["type"] != kind]

    return change


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


WRITABLE = put("root.readonly", False)
USER = put("process.user", {"uid": 33, "gid": 34, "additionalGids": [5, 7], "umask": 0o27})
PRIVATE_CAPABILITIES = put(
    "process.capabilities", {name: ["CAP_CHOWN", "CAP_SETUID"] for name in ("bounding", "effective", "permitted")}
)
SECCOMP = put(
    "linux.seccomp",
    {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}],
    },
)

#: Name, command, changes of the specification: output and exit code are equal.
EQUAL: list[tuple[str, list[str], tuple[Change, ...]]] = [
    ("true", ["true"], ()),
    ("exit code", sh("exit 42"), ()),
    ("killed", sh("sh -c 'kill -9 $$'; echo $?"), ()),
    ("output", sh("echo out; echo err >&2"), ()),
    ("identity", ["id"], ()),
    ("status", sh("grep -E '^(Uid|Gid|Groups|Cap|NoNew|Seccomp|Umask|Sig[BI])' /proc/self/status"), ()),
    ("status as a user", sh("grep -E '^(Uid|Gid|Groups|Cap|NoNew|Umask)' /proc/self/status"), (USER,)),
    ("capabilities", sh("grep Cap /proc/self/status"), (PRIVATE_CAPABILITIES,)),
    ("no capabilities named", sh("grep CapEff /proc/self/status"), (put("process.capabilities", {}),)),
    ("no new privileges", sh("grep NoNew /proc/self/status"), (put("process.noNewPrivileges", False),)),
    ("limits", ["cat", "/proc/self/limits"], ()),
    ("environment", sh("env | grep -v SHLVL | busybox sort"), ()),
    ("home of a user", sh("echo $HOME"), (USER,)),
    ("descriptors", ["ls", "/proc/self/fd"], ()),
    (
        "devices",
        sh("cd /dev; stat -c '%n %a %u:%g %t:%T %F' * | busybox sort; readlink fd stdin stdout stderr ptmx"),
        (),
    ),
    (
        "another device",
        sh("stat -c '%a %u:%g %t:%T' /dev/more"),
        (
            put(
                "linux.devices",
                [{"path": "/dev/more", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 3, "gid": 4}],
            ),
        ),
    ),
    (
        "device refused",
        sh("busybox mknod /tmp-node b 7 0; cat /tmp-node; echo $?; rm /tmp-node"),
        (
            WRITABLE,
            put(
                "process.capabilities",
                {"bounding": ["CAP_MKNOD"], "effective": ["CAP_MKNOD"], "permitted": ["CAP_MKNOD"]},
            ),
        ),
    ),
    ("cgroup", ["cat", "/proc/self/cgroup"], ()),
    ("cgroup files", sh("ls /sys/fs/cgroup; touch /sys/fs/cgroup/cpu/x; echo $?"), ()),
    ("cgroup namespace", sh("cat /proc/self/cgroup; ls /sys/fs/cgroup"), (namespace("cgroup"),)),
    (
        "cgroup limits",
        sh(
            "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares pids/pids.max cpuset/cpuset.cpus"
        ),
        (
            put("linux.resources.memory", {"limit": 67108864}),
            put("linux.resources.cpu", {"quota": 50000, "period": 100000, "shares": 300, "cpus": "0"}),
            put("linux.resources.pids", {"limit": 99}),
        ),
    ),
    ("device list", ["cat", "/sys/fs/cgroup/devices/devices.list"], ()),
    ("host name", sh("hostname; cat /proc/sys/kernel/hostname"), (put("hostname", "somebody"),)),
    (
        "sysctl",
        sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax"),
        (put("linux.sysctl", {"net.ipv4.ip_forward": "1", "kernel.msgmax": "5000"}),),
    ),
    ("read-only root", sh("touch /x; echo $?"), ()),
    ("writable root", sh("touch /x; echo $?"), (WRITABLE,)),
    ("masked", sh("cat /proc/kcore; ls -A /sys/firmware; stat -c %F /proc/kcore /proc/keys"), ()),
    ("read-only paths", sh("echo 1 > /proc/sys/kernel/panic; echo b > /proc/sysrq-trigger; echo $?"), ()),
    (
        "bind of a directory",
        sh("cat /somewhere/new/passwd; touch /somewhere/new/x; echo $?"),
        (WRITABLE, mount("/somewhere/new", "bind", "rootfs/etc", "rbind", "ro")),
    ),
    (
        "bind of a file",
        sh("cat /a/file; stat -c %a /a/file"),
        (WRITABLE, mount("/a/file", "bind", "rootfs/plain", "bind")),
    ),
    (
        "tmpfs",
        sh(
            "stat -f -c %T /scratch; stat -c '%a %u' /scratch; grep ' /scratch ' /proc/self/mountinfo | busybox cut -d' ' -f 6"
        ),
        (WRITABLE, mount("/scratch", "tmpfs", "tmpfs", "nosuid", "noexec", "mode=1770", "size=1m")),
    ),
    (
        "tmpfs with a copy",
        sh("cat /etc/passwd; stat -f -c %T /etc; touch /etc/x; echo $?"),
        (mount("/etc", "tmpfs", "tmpfs", "tmpcopyup", "nosuid"),),
    ),
    ("umask", sh("umask"), (put("process.user.umask", 0o77),)),
    ("working directory", sh("pwd"), (put("process.cwd", "/etc"),)),
    (
        "working directory that is made",
        sh("pwd; stat -c '%a %u:%g' ."),
        (WRITABLE, put("process.cwd", "/made/here"), USER),
    ),
    ("oom score", ["cat", "/proc/self/oom_score_adj"], (put("process.oomScoreAdj", 77),)),
    ("seccomp", sh("mkdir /x; echo $?; grep Seccomp: /proc/self/status"), (WRITABLE, SECCOMP)),
    (
        "seccomp as a user without no_new_privs",
        sh("mkdir /x; grep -E 'Seccomp:|CapPrm|NoNew' /proc/self/status"),
        (SECCOMP, USER, put("process.noNewPrivileges", False)),
    ),
    ("session and process group", sh("busybox cut -d' ' -f 1,5,6 /proc/self/stat"), ()),
    ("host's network", sh("readlink /proc/self/ns/net"), (without("network"),)),
    ("host's host name", sh("hostname"), (without("uts"), put("hostname", ""))),
]

#: Name, command, changes, exit code, and words that both errors hold.
ERRORS: list[tuple[str, list[str], tuple[Change, ...], int, str]] = [
    ("no such command", ["nosuch"], (), 1, 'exec: \\"nosuch\\": executable file not found in $PATH'),
    ("no such path", ["/no/such"], (), 1, 'exec: \\"/no/such\\": stat /no/such: no such file or directory'),
    ("not executable", ["/plain"], (), 1, 'exec: \\"/plain\\": permission denied'),
    ("no command", [], (), 1, "args must not be empty"),
    ("relative working directory", ["true"], (put("process.cwd", "etc"),), 1, "Cwd must be an absolute path"),
    ("a file as working directory", ["true"], (put("process.cwd", "/plain/x"),), 1, "not a directory"),
    ("no bind source", ["true"], (mount("/x", "bind", "/no/such", "bind"),), 1, "no such file or directory"),
    ("bad tmpfs option", ["true"], (WRITABLE, mount("/x", "tmpfs", "tmpfs", "size=x")), 1, "invalid argument"),
    (
        "mount below proc",
        ["true"],
        (mount("/proc/self", "bind", "/etc", "bind"),),
        1,
        "cannot be mounted because it is inside /proc",
    ),
    (
        "host's sysctl",
        ["true"],
        (put("linux.sysctl", {"vm.swappiness": "1"}),),
        1,
        "is not in a separate kernel namespace",
    ),
    (
        "host name without namespace",
        ["true"],
        (without("uts"),),
        1,
        "unable to set hostname without a private UTS namespace",
    ),
    (
        "bad rlimit",
        ["true"],
        (put("process.rlimits", [{"type": "RLIMIT_FROB", "hard": 1, "soft": 1}]),),
        1,
        "RLIMIT_FROB",
    ),
    ("bad seccomp action", ["true"], (put("linux.seccomp", {"defaultAction": "FROB"}),), 1, "FROB"),
    ("hook that fails", ["true"], (put("hooks", {"createRuntime": [{"path": "/bin/false"}]}),), 1, "exit status 1"),
]


@pytest.mark.parametrize(("name", "argv", "changes"), EQUAL, ids=[case[0] for case in EQUAL])
def test_same_output_and_exit_code(
    runtimes: tuple[Runtime, Runtime], name: str, argv: list[str], changes: tuple[Change, ...]
) -> None:
    write(runtimes[0].bundle, argv, *changes)
    theirs, ours = (runtime("run", "interop", code=None) for runtime in runtimes)
    seen = [(without_library_signals(done.stdout), done.stderr, done.returncode) for done in (ours, theirs)]
    assert seen[0] == seen[1], name


@pytest.mark.parametrize(("name", "argv", "changes", "code", "words"), ERRORS, ids=[case[0] for case in ERRORS])
def test_same_errors(
    runtimes: tuple[Runtime, Runtime], name: str, argv: list[str], changes: tuple[Change, ...], code: int, words: str
) -> None:
    write(runtimes[0].bundle, argv, *changes)
    for runtime in runtimes:
        done = runtime("run", "interop", code=code)
        assert words in done.stderr, f"{name}: {runtime.program} says {done.stderr}"
        assert not runtime("list", "-q").stdout, "a failed start leaves no container"


@pytest.mark.parametrize("path", ["link", "parent/rootfs", "absolute"])
def test_a_root_behind_a_link_is_refused(runtimes: tuple[Runtime, Runtime], path: str) -> None:
    bundle = runtimes[0].bundle
    (bundle / "link").symlink_to("rootfs")
    (bundle / "parent").symlink_to(".")
    write(bundle, ["true"], put("root.path", str(bundle / "link") if path == "absolute" else path))
    for runtime in runtimes:
        assert "invalid rootfs" in runtime("run", "interop", code=1).stderr
        assert not runtime("list", "-q").stdout


def test_a_bundle_behind_a_link_is_none_of_the_root(runtimes: tuple[Runtime, Runtime], store_directory: Path) -> None:
    write(runtimes[0].bundle, ["true"], put("root.path", "./../bundle/rootfs"))
    link = store_directory / "elsewhere"
    link.symlink_to(runtimes[0].bundle)
    for runtime in runtimes:
        runtime("run", "--bundle", str(link), "interop")


def mounts(text: str) -> list[tuple[str, ...]]:
    """Mountinfo without numbers that differ from one container to the next: place, root, flags, type, source, options."""
    found = []
    for line in text.splitlines():
        left, right = line.split(" - ")
        fields = left.split()
        options = re.sub(r",?(uuid=\w+)", "", right)
        found.append((fields[4], fields[3], fields[5], *options.split(" ")))
    return found


def test_same_mounts(runtimes: tuple[Runtime, Runtime]) -> None:
    write(runtimes[0].bundle, ["cat", "/proc/self/mountinfo"], mount("/etc", "bind", "rootfs/etc", "rbind", "ro"))
    theirs, ours = (mounts(runtime("run", "interop").stdout) for runtime in runtimes)
    assert ours == theirs


def test_same_life_cycle(runtimes: tuple[Runtime, Runtime], store_directory: Path) -> None:
    write(runtimes[0].bundle, sh("trap 'exit 9' USR1; while :; do sleep 0.05; done"))
    seen: list[list[object]] = []
    for runtime in runtimes:
        steps: list[object] = []

        def state(runtime: Runtime = runtime) -> dict[str, Any]:
            value: dict[str, Any] = json.loads(runtime("state", "interop").stdout)
            return {name: value[name] for name in ("ociVersion", "id", "status", "bundle", "rootfs", "owner")} | {
                "alive": value["pid"] != 0
            }

        pid_file = store_directory / "pid"
        runtime.detached("create", "--pid-file", str(pid_file), "interop")
        steps.append(state())
        assert Path(f"/proc/{pid_file.read_text()}").exists()
        steps.append(runtime("create", "interop", code=None).returncode)
        runtime.detached("start", "interop")
        steps.append(state())
        steps.append("already running" in runtime("start", "interop", code=1).stderr)
        executed = runtime(
            "exec",
            "--user",
            "33:33",
            "--env",
            "A=b",
            "--cwd",
            "/etc",
            "interop",
            *sh("id -u; pwd; echo $A; exit 3"),
            code=3,
        )
        steps.append(executed.stdout)
        steps.append(runtime("exec", "interop", "nosuch", code=255).stderr.count("executable file not found in $PATH"))
        runtime("pause", "interop")
        steps.append(state())
        runtime("resume", "interop")
        steps.append("not stopped" in runtime("delete", "interop", code=1).stderr)
        runtime("kill", "interop", "SIGUSR1")
        for _ in range(200):
            if state()["status"] == "stopped":
                break
            subprocess.run(["sleep", "0.02"], check=True)
        steps.append(state())
        steps.append("not running" in runtime("kill", "interop", code=1).stderr)
        runtime("delete", "interop")
        steps.append("does not exist" in runtime("state", "interop", code=1).stderr)
        steps.append(runtime("delete", "--force", "interop", code=None).returncode)
        seen.append(steps)
    assert seen[1] == seen[0]


def test_the_same_environment(runtimes: tuple[Runtime, Runtime]) -> None:
    """The last value of a name counts, and an empty HOME is filled; `exec --env` replaces what the container has."""
    given = ["PATH=/bin", "A=1", "HOME=", "A=2", "B=", "C=x=y"]
    write(runtimes[0].bundle, ["sleep", "1000"], put("process.env", given))
    executed: list[tuple[str, ...]] = [
        (),
        ("--env", "A=new"),
        ("-e", "A=3", "-e", "A=4", "-e", "D=5"),
        ("-e", "HOME="),
        ("-e", "HOME=", "--user", "33:34"),
        ("-e", "HOME=/elsewhere"),
    ]
    seen = []
    for runtime in runtimes:
        runtime.detached("run", "--detach", "interop")
        lines = [runtime("exec", *flags, "interop", "env").stdout.splitlines() for flags in executed]
        seen.append([sorted(line for line in found if not line.startswith("_=")) for found in lines])
        runtime("delete", "--force", "interop")
        write(runtimes[0].bundle, ["env"], put("process.env", given))
        seen[-1].append(sorted(runtime("run", "interop").stdout.splitlines()))
        write(runtimes[0].bundle, ["sleep", "1000"], put("process.env", given))
    assert seen[1] == seen[0]
    assert "A=new" in seen[1][1]
    assert "A=2" not in seen[1][1]


def test_hooks_get_the_same_state(runtimes: tuple[Runtime, Runtime], store_directory: Path) -> None:
    moments = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
    seen = []
    for runtime in runtimes:
        log = store_directory / f"{runtime.root.name}-hooks"

        def hook(moment: str, log: Path = log) -> list[dict[str, Any]]:
            target = "/hook-log" if moment == "startContainer" else str(log)
            script = f"read -r line; echo {moment} $line >> {target}"
            return [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin"]}]

        write(
            runtime.bundle, ["cat", "/hook-log"], WRITABLE, put("hooks", {moment: hook(moment) for moment in moments})
        )
        output = runtime("run", "interop").stdout + log.read_text()
        (runtime.bundle / "rootfs" / "hook-log").unlink()
        lines = []
        for line in output.splitlines():
            moment, text = line.split(" ", 1)
            value = json.loads(text)
            # After the start runc says `created` or `running`, as the race goes.
            status = "running" if moment == "poststart" else value["status"]
            lines.append((moment, sorted(value), value["id"], status, value["bundle"]))
        seen.append(lines)
    assert seen[1] == seen[0]


def test_errors_go_to_the_log_in_the_form_asked_for(runtimes: tuple[Runtime, Runtime], store_directory: Path) -> None:
    write(runtimes[0].bundle, ["nosuch"])
    for runtime in runtimes:
        log = store_directory / f"{runtime.root.name}.json"
        runtime("run", "interop", code=1, flags=("--log", str(log), "--log-format", "json"))
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        assert entries[-1]["level"] == "error"
        assert 'exec: "nosuch": executable file not found in $PATH' in entries[-1]["msg"]


def test_descriptors_are_preserved_only_when_asked(runtimes: tuple[Runtime, Runtime]) -> None:
    write(runtimes[0].bundle, ["ls", "-l", "/proc/self/fd"])
    opened = ("sh", "-c", 'exec 3</etc/hostname; exec "$@"', "sh")
    for runtime in runtimes:
        for flags in ((), ("--preserve-fds", "1")):
            done = subprocess.run(
                [*opened, runtime.program, "--root", str(runtime.root), "run", *flags, "interop"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=runtime.bundle,
                timeout=60,
                check=True,
            )
            assert ("/etc/hostname" in done.stdout) == bool(flags), done.stdout


def test_personality_is_set_where_runc_forgets_it(runtimes: tuple[Runtime, Runtime]) -> None:
    """Runc 1.1 does not read `linux.personality`; the specification has it since 1.0.2."""
    write(runtimes[0].bundle, ["busybox", "uname", "-m"], put("linux.personality", {"domain": "LINUX32"}))
    assert runtimes[1]("run", "interop").stdout == "i686\n"


@pytest.mark.parametrize(("size", "seen"), [(None, "10 20"), ({"height": 33, "width": 77}, "33 77")])
def test_a_terminal_in_the_foreground_leaves_newlines_and_keeps_its_size(
    size: dict[str, int] | None, seen: str, runtimes: tuple[Runtime, Runtime]
) -> None:
    """Ours alone: runc 1.1 wants a controlling terminal. The caller's terminal has ten rows, and counts where no size is given."""
    changes = [put("process.terminal", value=True)]
    if size is not None:
        changes.append(put("process.consoleSize", size))
    ours = runtimes[1]
    # At once, and again when whatever comes after the start has been done.
    write(ours.bundle, ["sh", "-c", "echo one; stty size; sleep 0.3; stty size; echo two"], *changes)
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 10, 20, 0, 0))
    done = subprocess.run(
        [ours.program, "--root", str(ours.root), "run", "interop"],
        cwd=ours.bundle,
        stdin=slave,
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    os.close(master)
    os.close(slave)
    assert done.stdout.decode() == f"one\n{seen}\n{seen}\ntwo\n"


def test_exec_has_the_container_s_personality(runtimes: tuple[Runtime, Runtime]) -> None:
    """Runc 1.1 does not set it; later ones do."""
    write(runtimes[0].bundle, ["sleep", "100"], put("linux.personality", {"domain": "LINUX32"}))
    runtimes[1].detached("run", "-d", "interop")
    assert runtimes[1]("exec", "interop", "busybox", "uname", "-m").stdout == "i686\n"


def test_a_failing_poststart_hook_fails_the_start(runtimes: tuple[Runtime, Runtime]) -> None:
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}
    write(runtimes[0].bundle, ["sleep", "100"], put("hooks", {"poststart": [hook]}))
    for runtime in runtimes:
        assert "exit status 3" in runtime.detached("run", "-d", "interop", code=1)
    runtimes[1].detached("create", "interop")
    assert "poststart hook /bin/sh: exit status 3" in runtimes[1]("start", "interop", code=1).stderr
    assert json.loads(runtimes[1]("state", "interop").stdout)["status"] == "stopped"


def test_podman_runs_containers_with_ours(peer: Any) -> None:
    """Podman, conmon and our runtime: errors keep the meaning and the exit code that Podman gives them."""
    from tests.support.store import busybox_layers

    archive = peer.root.parent / "image.tar"
    archive.write_bytes(busybox_layers()[0])
    peer("import", str(archive), "localhost/busybox:latest")
    peer.program[1:3] = ["--runtime", str(OURS)]
    run = ("run", "--rm", "--network", "none", "localhost/busybox:latest")
    assert peer(*run, "/bin/busybox", "echo", "hello").stdout == "hello\n"
    assert peer(*run, "nosuch", code=127).stderr.count("executable file not found in $PATH") == 1
    assert "is a directory" in peer(*run, "/bin", code=126).stderr
    assert peer(*run, "/bin/busybox", "sh", "-c", "exit 5", code=5).stdout == ""
