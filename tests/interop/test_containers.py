"""The same command lines on Podman and on us: exit code and output are equal, errors say the same.

A script is one or more command lines, run in order on a store of each program. What differs by nature (ids, times, the
name of the OCI runtime in an error) is replaced before the comparison; whatever else differs is listed with its script.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import cli, container_images, newer, probe

LIMITS = ("--ulimit", "nofile=10000:20000", "--ulimit", "nproc=10000:20000")


OLD, NEW = "podman 4.3", "podman 5.4"

#: Lines of which one Podman says something else, and why libpod follows the other. They are run all the same.
DIFFERENT: dict[str, dict[str, str]] = {
    OLD: {
        "run --rm bare": "the newer lets the runtime say that there is no such command",
        "run --rm --entrypoint '' rich": "the newer lets the runtime say that there is no such command",
        "run --rm rich /data": "the newer runc says that it is a directory",
        "ps --format '{{json .}}'": "a row a line; the older writes a list",
        "run --rm -e A=cli -e D rich sh -c 'echo $A $B $D $container $TERM'": "TERM comes with a terminal",
        "run --rm bare /bin/sh -c 'echo $FOO $TERM $PATH'": "TERM comes with a terminal",
        "run --rm -e =x rich true": "words of an error",
        "run --rm --env-file /nonexistent rich true": "words of an error",
        "run --rm --env-file @/badenv rich true": "words of an error",
        "exec -e = k true": "words of an error",
        "exec -e '' k true": "words of an error",
        "run --rm -h foo rich sh -c 'hostname; cat /etc/hostname; echo; echo $HOSTNAME'": "the line ends now",
        "run --rm --network container:lender -h mine --name own rich grep mine /etc/hosts": "own names are left out now",
        "run --name used rich true": "words of an error",
        "run --rm --image-volume foo full": "words of an error",
        "run --rm --cidfile @/$SIDE.cid rich true": "the newer writes over it",
        "run --rm --cidfile /nonexistent/x rich true": "words of an error",
        "run --replace --name kept --cidfile @/$SIDE.cid rich true": "the newer writes over it",
        "ps -a --format {{.Names}},{{.Command}}": "the container of the line before",
        "rm -f kept": "the container of the lines before",
        "exec e": "125 in place of 255",
        "ps --filter ancestor=rich --format '{{.Names}}'": "the newer finds the word in the name",
        "rm m": "words of an error",
        "rm nosuch": "words of an error",
        "wait --condition foo x": "the newer looks for the container first",
        "run --rm -h box --name conf rich cat /etc/hosts": "the newer adds host.docker.internal",
        "run --rm --network host --add-host foo:1.2.3.4 --name n rich cat /etc/hosts": "the newer adds host.docker.internal",
    },
    NEW: {
        "run --rm --init --init-path /nosuch rich true": "it names its own system call (`faccessat`)",
        "create --network bridge:foo=1 rich true": "an option that does nothing is an error",
    },
}


class Pair:
    """Podman and libpod, each with the same images in a store of its own."""

    def __init__(self, name: str, directory: Path, peer: cli.Cli) -> None:
        self.name = name
        self.directory = directory
        self.peer = peer
        self.ours = cli.Cli([str(cli.OURS)], directory / "u", run_flags=LIMITS)
        for archive in container_images.make_images(self.peer, directory):
            self.ours("load", "-q", "-i", str(archive))

    def close(self) -> None:
        for program in (self.ours, self.peer):
            program.remove_all()


@pytest.fixture(scope="module", params=[OLD, NEW])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    probe.needs_root()
    probe.needs_programs("podman", "runc", "conmon", "busybox")
    directory = Path(tempfile.mkdtemp(prefix="ip-", dir="/tmp"))
    for name in ("p", "u"):
        (directory / name).mkdir()
    (directory / "bind").mkdir()
    (directory / "bind" / "file").write_text("from the host\n")
    (directory / "env").write_text("A=file\n# comment\nC=x y\n")
    (directory / "blanks").write_text("d = 4\n")
    (directory / "badenv").write_text("=bad\n")
    (directory / "latin1").write_bytes(b"X=caf\xe9\n")
    (directory / "env\udce9").write_text("X=1\n")
    (directory / "etc").mkdir()
    for name in ("hosts", "hostname", "resolv.conf", "localtime"):
        (directory / "etc" / name).write_text("the user's\n")
    (directory / "etc" / "passwd").write_text("root:x:0:0::/root:\nguest:x:777:778::/home/guest:\n")
    (directory / "etc" / "group").write_text("root:x:0:\nclub:x:800:guest\n")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        if request.param == OLD:
            peer = cli.real_podman(directory / "p")
        else:
            peer = stack.enter_context(newer.podman(directory / "p"))
        pair = Pair(request.param, directory, peer)
        yield pair
        pair.close()


#: Name → command lines. `run` and `create` get `--network none` unless they name a network. `@` is the shared directory.
SCRIPTS: dict[str, list[str]] = {
    # What runs, and how it ends.
    "default command": ["run --rm rich"],
    "no command at all": ["run --rm bare"],
    "arguments": ["run --rm rich echo a 'b c'"],
    "exit code": ["run --rm rich sh -c 'exit 5'"],
    "killed": ["run --rm --init rich sh -c 'kill -9 $$'"],
    "both streams": ["run --rm rich sh -c 'echo out; echo err >&2'"],
    "entrypoint of the image": ["run --rm full", "run --rm full 'exit 4'"],
    "entrypoint of the user": [
        "run --rm --entrypoint sh full -c 'echo $0' x",
        'run --rm --entrypoint \'["/bin/echo","a"]\' rich b',
        "run --rm --entrypoint '' rich",
    ],
    "no such command": ["run --rm rich nosuch"],
    "command not executable": ["run --rm rich /bin/noexec"],
    "command is a directory": ["run --rm rich /data"],
    "command absent by path": ["run --rm rich /nosuch/x"],
    "kept after a failed start": [
        "run --name k rich nosuch",
        "ps -a --format '{{.Names}} {{.Status}}'",
        "start k",
        "start -a k",
        "rm k",
        "create --name k -w /nosuch rich true",
        "start k",
        "rm k",
    ],
    "no such network": ["run --name k --network nosuch rich true", "ps -aq"],
    "a host name too long": ["run --rm -h {} rich true".format("a" * 65)],
    # Who it is.
    "user": ["run --rm -u app rich id", "run --rm -u 1000:29 rich id", "run --rm -u app:bin --group-add 77 rich id"],
    "user without an entry": ["run --rm -u 1234:77 rich sh -c 'id; tail -n1 /etc/passwd /etc/group; echo $HOME'"],
    "user of the image": ["run --rm full 'id; pwd; echo $HOME; ls -ln /data'"],
    "half a user": [
        "run --rm -u : rich id",
        "run --rm -u 1000: rich id",
        "run --rm -u :1000 rich sh -c 'id; tail -n1 /etc/group'",
        "run --rm -u app:1000 rich sh -c 'id; tail -n1 /etc/group'",
        "run --rm -u 1000:1000 rich sh -c 'id; tail -n1 /etc/group'",
    ],
    "bad user": ["run --rm -u nosuch rich true"],
    "bad group": ["run --rm -u app:nosuch rich true", "run --rm --group-add nosuch rich true"],
    "absurd uid": ["run --rm -u 99999999999 rich true"],
    "workdir of the image": [
        "run --rm full 'pwd; stat -c \"%n %u:%g %a\" /work /work/dir'",
        "run --rm -u 5:6 full 'pwd; stat -c \"%n %u:%g %a\" /work /work/dir'",
        "run --rm -v work:/work full 'stat -c \"%n %u:%g %a\" /work/dir'",
        "run --rm --tmpfs /work full 'stat -c \"%n %u:%g %a\" /work /work/dir'",
    ],
    "owners of new volumes": [
        "run --rm -v own1:/data:nocopy full 'stat -c \"%u:%g %a\" /data; ls -A /data'",
        "run --rm -v own2:/data full 'stat -c \"%u:%g %a\" /data; ls -A /data'",
        "run --rm -v own3:/tmp:nocopy rich stat -c '%u:%g %a' /tmp",
        "run --rm -u 1000:29 -v own4:/new/place rich stat -c '%u:%g %a' /new/place",
        "run --rm -v own4:/new/place rich sh -c 'touch /new/place/kept; chown 5:6 /new/place'",
        "run --rm -u 1000:29 -v own4:/new/place rich stat -c '%u:%g %a' /new/place",
        "run --rm -u 7:8 --mount type=volume,source=own5,target=/tmp,volume-nocopy rich stat -c '%u:%g %a' /tmp",
    ],
    "workdir that a mount makes": [
        "run --rm -w /var/www -v @/bind/file:/var/www/index.txt rich sh -c 'pwd; ls'",
        "run --rm -w /var/www -v @/bind/file:/var/www/a/index.txt rich sh -c 'pwd; ls'",
        "run --rm -w /new/deep --tmpfs /new rich pwd",
        "run --rm -w /proc/self rich true",
        "run --rm -w /dev/shm/new rich pwd",
        "run --rm -w /var/w -v @/bind/file:/var/www/index.txt rich pwd",
    ],
    "a directory of the user's above files of the engine's": [
        "run --rm -v @/etc:/etc rich sh -c 'ls -A /etc; head -n1 /etc/hosts'",
        "run --rm -v @/bind:/run rich sh -c 'ls -A /run'",
        "run --rm -v run:/run rich sh -c 'ls -A /run'",
        "run --rm -v @/bind:/var --read-only rich sh -c 'touch /tmp/a /run/b; ls /tmp/a /run/b'",
        "run --rm -v /dev:/dev rich sh -c 'ls -d /dev/null /dev/pts'",
        "run --rm -v /dev/urandom:/dev/random rich sh -c 'stat -c %t:%T /dev/random'",
        "run --rm --tmpfs /dev rich sh -c 'ls -A /dev; echo ok > /dev/null'",
    ],
    "the file that says what a container is": [
        "run --rm --privileged --name ce rich sh -c 'grep -v ^engine= /run/.containerenv; grep -c engine=.podman- /run/.containerenv'",
        "run --rm --name ce rich cat /run/.containerenv",
        "run --rm -v @:/store rich cat /run/.containerenv",
    ],
    "users of mounted files": [
        "run --rm -v @/etc/passwd:/etc/passwd -u guest rich sh -c 'id -u; id -g; echo $HOME'",
        "run --rm -v @/etc:/etc -u guest rich sh -c 'id; echo $HOME'",
        "run --rm -v @/etc:/etc -u guest:club rich id",
        "run --rm -v @/etc:/etc -u 555 rich sh -c 'id; tail -n1 /etc/passwd /etc/group'",
        "run --rm -v @/etc:/etc -u app rich id",
        "run -d --name mu -v @/etc:/etc rich sleep 1000",
        "exec -u guest mu sh -c 'id -un; echo $HOME'",
        "exec -u app mu id",
        "exec mu sh -c 'echo late:x:901:902::/late: >> /etc/passwd'",
        "exec -u late mu sh -c 'id -u; echo $HOME'",
        "rm -f -t 0 mu",
    ],
    "modes of a tmpfs": [
        f"run --rm {options} rich sh -c 'stat -c \"%n %a %u:%g\" /data /run /tmp /var/tmp; stat -c %a /cache/new || true'"
        for options in (
            "--tmpfs /cache/new",
            "--tmpfs /data",
            "--mount type=tmpfs,dst=/cache/new,notmpcopyup",
            "--mount type=tmpfs,dst=/data,notmpcopyup,tmpfs-size=1m",
            "--tmpfs /cache/new:mode=710",
            "--read-only",
        )
    ],
    "workdir": ["run --rm -w /tmp rich pwd", "run --rm -w /nosuch rich pwd", "run --rm -w /etc/passwd rich pwd"],
    # How lists are printed.
    "tables by template": [
        "create --name row rich echo hi",
        "ps -a --format 'table {{.Names}} {{.Image}} {{.Status}}'",
        r"ps -a --format 'table {{.Names}}\t{{ .Status }}\t{{.RunningFor}}\t{{.Pod}}\t{{.PodName}}'",
        "ps -a --format 'table {{.AutoRemove}} {{.ExitCode}} {{.ImageID}} {{.IsInfra}}' --noheading",
        "ps -a --format '{{range .}}<{{.Names}}>{{end}}'",
        "ps -a --format table",
        "ps -a --format ''",
        "ps --format '{{json .}}'",
        "ps -a --format '{{.Foo'",
        "ps -a --format '{{foo .ID}}'",
        "rm row",
        "images --format 'table {{.Repository}} {{.Tag}} {{.ReadOnly}} {{.CreatedAt}} {{.CreatedSince}} {{.History}}' rich",
        "images --format '{{range .}}x{{.Repository}}{{end}}' rich",
        "images --format '{{.Foo}}'",
        "inspect --format '{{.Foo}}' rich",
        "inspect --format '{{.Foo' rich",
        "inspect --format '{{foo}}' rich",
        "network ls --format 'table {{.Name}} {{.Driver}} {{.DNSEnabled}} {{.IPv6Enabled}} {{.NetworkInterface}}'",
        "history rich --format 'table {{.Created}} {{.CreatedSince}} {{.Comment}}'",
    ],
    # What it sees.
    "environment": [
        "run --rm -e A=cli -e D rich sh -c 'echo $A $B $D $container $TERM'",
        "run --rm --env-file @/env rich sh -c 'echo $A $C'",
        "run --rm --unsetenv A rich sh -c 'echo [$A]'",
        "run --rm -e A= rich sh -c 'echo [$A]'",
    ],
    "bad environment": ["run --rm -e =x rich true", "run --rm --env-file @/badenv rich true"],
    "env file missing": ["run --rm --env-file /nonexistent rich true"],
    "hostname": ["run --rm -h foo rich sh -c 'hostname; cat /etc/hostname; echo; echo $HOSTNAME'"],
    "hostname with the host's uts": ["run --rm --uts host -h foo rich true"],
    "bind mount": [
        "run --rm -v @/bind:/mnt rich cat /mnt/file",
        "run --rm -v @/bind:/mnt:ro rich touch /mnt/x",
        "run --rm --mount type=bind,src=@/bind,dst=/mnt,ro rich sh -c 'cat /mnt/file; touch /mnt/x'",
    ],
    "tmpfs": [
        "run --rm --tmpfs /data:size=1m rich sh -c 'ls /data; stat -c %a:%u /data'",
        "run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m rich sh -c 'df /t | tail -n1 | sed \"s/  */ /g\"'",
    ],
    "volume": [
        "run --rm -v vol:/data rich sh -c 'cat /data/file; echo changed > /data/file'",
        "run --rm -v vol:/data rich cat /data/file",
        "run --rm -v /data rich sh -c 'cat /data/file; stat -c %u:%g /data'",
    ],
    "read-only root": ["run --rm --read-only rich sh -c 'touch /x; touch /tmp/x && echo tmp'"],
    "bad volumes": [
        "run --rm -v /nonexistent:/mnt rich true",
        "run --rm -v /a:/b:bad rich true",
        "run --rm -v /tmp:rel rich true",
        "run --rm -v /tmp:/a:ro:rw rich true",
        "run --rm -v /tmp:/a:ro,rw rich true",
        "run --rm -v bad@name:/c rich true",
        "run --rm -v : rich true",
        "run --rm -v /tmp:/a -v /usr:/a rich true",
        "run --rm -v @/bind:/mnt -v @/bind:/mnt rich cat /mnt/file",
        "run --rm -v @/bind:/mnt:copy rich cat /mnt/file",
    ],
    "bad mounts": [
        "run --rm --mount type=foo,target=/a rich true",
        "run --rm --mount type=bind,src=/nonexistent,target=/a rich true",
        "run --rm --mount type=bind,src=/tmp rich true",
        "run --rm --mount type=bind,src=/tmp,target=/a,foo=bar rich true",
        "run --rm --mount type=bind,src=/tmp,dst=/a,ro,rw rich true",
        "run --rm --mount type=bind,src=/tmp,dst=/a,exec,noexec rich true",
        "run --rm --mount type=bind,src=/tmp,dst=/a,relabel=x rich true",
        "run --rm --mount type=bind,src=/tmp,dst=/a,chown=x rich true",
        "run --rm --mount type=bind,src=,dst=/a rich true",
        "run --rm --mount type=bind,src=/tmp,dst= rich true",
        "run --rm --mount type=bind,src=/tmp,dst=/a,slave,shared rich true",
        "run --rm --mount type=volume,src=v,dst=/a,nocopy rich true",
        "run --rm --mount type=tmpfs,dst=/a,tmpcopyup,notmpcopyup rich true",
        "run --rm --mount 'type=bind,\"src=/tmp' rich true",
        "run --rm --tmpfs rel rich true",
        "run --rm --tmpfs /a:foo rich true",
    ],
    # What it may.
    "capabilities": [
        "run --rm --cap-drop all --cap-add chown rich grep Cap /proc/self/status",
        "run --rm -u app --cap-add net_raw rich grep Cap /proc/self/status",
        "run --rm --privileged rich grep Cap /proc/self/status",
    ],
    "bad capabilities": [
        "run --rm --cap-add FOO rich true",
        "run --rm --cap-add chown --cap-drop chown rich true",
        "run --rm --cap-add all --cap-drop all rich true",
    ],
    "security options": [
        "run --rm --security-opt no-new-privileges rich grep NoNewPrivs /proc/self/status",
        "run --rm --security-opt seccomp=unconfined rich grep Seccomp: /proc/self/status",
        "run --rm --security-opt foo rich true",
        "run --rm --security-opt foo=bar rich true",
        "run --rm --security-opt seccomp=/nonexistent rich true",
    ],
    "limits": [
        "run --rm --ulimit core=1:2 rich sh -c 'ulimit -c; ulimit -Hc'",
        "run --rm --ulimit foo=1 rich true",
        "run --rm --ulimit core=5:1 rich true",
    ],
    "sysctls": [
        "run --rm --sysctl net.core.somaxconn=77 rich cat /proc/sys/net/core/somaxconn",
        "run --rm --sysctl foo rich true",
        "run --rm --sysctl kernel.hostname=x rich true",
        "run --name hs --network host --sysctl net.ipv4.ip_forward=1 rich true",
        "container exists hs",
        "run --name hs --ipc host --sysctl fs.mqueue.msg_max=10 rich true",
        "container exists hs",
    ],
    "memory": [
        "run --rm -m 64m rich cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
        "run --rm -m 10x rich true",
        "run --rm -m -1 rich true",
        "run --rm --memory-swap 10m rich true",
        "run --rm -m 64m --memory-swap 10m rich true",
        "run --rm --memory-swappiness 200 rich true",
    ],
    "processors": [
        "run --rm --cpus 0.5 rich cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us",
        "run --rm --cpus abc rich true",
        "run --rm --cpus 0.000001 rich true",
        "run --rm --cpu-shares -1 rich true",
        "run --rm --cpuset-cpus 99 rich true",
        "run --rm --cpus 1 --cpu-quota 5000 rich true",
    ],
    "pids limit": [
        "run --rm --pids-limit 33 rich cat /sys/fs/cgroup/pids/pids.max",
        "run --rm --pids-limit abc rich true",
    ],
    "devices": [
        "run --rm --device /dev/null:/dev/other rich stat -c %t:%T /dev/other",
        "run --rm --device /dev/nonexistent rich true",
        "run --rm --device /dev/null:/dev/x:q rich true",
    ],
    "shared memory of another container": [
        "run -d --name shm --shm-size 5m rich sh -c 'echo a >/dev/shm/f; sleep 1000'",
        "run --rm --ipc container:shm rich sh -c 'until cat /dev/shm/f; do :; done 2>/dev/null; df /dev/shm; echo b >/dev/shm/g'",
        "exec shm cat /dev/shm/g",
        "run --rm --ipc container:shm rich sh -c 'grep -c /dev/shm /proc/self/mounts; ls -ld /dev/shm | cut -c 1-10'",
        "rm -f -t 0 shm",
        "run -d --name shm --ipc private rich sleep 1000",
        "run --rm --ipc container:shm rich true",
        "rm -f -t 0 shm",
    ],
    "names on a shared network": [
        "run -d --name lender --network none --add-host foo:1.2.3.4 rich sleep 1000",
        "run --rm --network container:lender rich sh -c 'ls /etc/resolv.conf; hostname'",
        "run --rm --network container:lender -h mine --name own rich grep mine /etc/hosts",
        "run --rm --network container:lender --no-hosts rich cat /etc/hosts",
        "run --rm --network container:lender --dns 1.1.1.1 rich true",
        "run --rm --network container:lender --add-host a:1.1.1.1 rich true",
        "run --rm --network container:lender --ip 1.1.1.1 rich true",
        "run --rm --network container:lender -P rich true",
        "rm -f -t 0 lender",
    ],
    "resolver options": [
        "run --rm --network none --dns-search a rich true",
        "run --rm --network none --dns-option a rich true",
        "run --rm --network host --dns none rich ls /etc/resolv.conf",
        "run --rm --network host --dns none --dns 1.1.1.1 rich true",
        "run --rm --network host --dns none --dns-search a rich true",
        "run --rm --network host --dns none --dns-option a rich true",
        "run --rm --network host --dns 9.9.9.9 --dns-search a.b --dns-option ndots:3 rich cat /etc/resolv.conf",
        "run --rm --network host --add-host foo:1.2.3.4 --name n rich cat /etc/hosts",
    ],
    "shared memory": [
        "run --rm --ipc host --shm-size 5m rich true",
        "run --rm --shm-size 0 rich df /dev/shm",
        "run --rm rich df /dev/shm",
        "run --rm --ipc container: rich true",
        "run --rm --network container: rich true",
        "run --rm --uts container:nosuch rich true",
    ],
    "process ids of another container": [
        "run -d --name pids -h other rich sleep 1234",
        "run --rm --pid container:pids rich sh -c 'ps | grep -c \"[s]leep 1234\"'",
        "run --rm --uts container:pids rich hostname",
        "rm -f -t 0 pids",
    ],
    "namespaces": [
        "run --rm --pid foo rich true",
        "run --rm --ipc container:nosuch rich true",
        "run --rm --uts foo rich true",
        "run --rm --userns foo rich true",
    ],
    # The command line.
    "no such image": ["run --rm --pull never nosuch true", "run --rm --pull foo rich true"],
    "bad flags": ["run --badflag rich true", "run -Z rich true", "run", "run --name", "run --rm=maybe rich"],
    "name in use": ["create --name used rich true", "run --name used rich true", "rm used"],
    "replace": ["create --name r rich true", "run --rm --name r --replace rich echo new", "rm -f r"],
    "bad addresses": [
        "run --rm --ip 1.2.3 rich true",
        "run --rm --ip 1.2.3.4 rich true",
        "run --rm --mac-address foo rich true",
        "run --rm --expose foo rich true",
    ],
    "bad labels": [
        "run --rm --label-file @/blanks rich true",
        "run --rm --label-file @/badenv rich true",
    ],
    "bad names": ["run --rm --name 'a b' rich true", "run --rm --label =x rich true", "run --rm --umask 999 rich true"],
    "bad choices": [
        "run --rm --log-driver foo rich true",
        "run --rm --restart foo rich true",
        "run --restart foo rich true",
        "run --rm --stop-signal FOO rich true",
        "run --rm --shm-size x rich true",
        "run --rm --dns bad rich true",
        "run --rm --add-host bad rich true",
        "run --rm --image-volume foo full",
        "run --rm -a foo rich true",
    ],
    "cidfile": [
        "run --rm --cidfile @/$SIDE.cid rich true",
        "run --rm --cidfile @/$SIDE.cid rich true",
        "run --rm --cidfile /nonexistent/x rich true",
        "ps -aq",
        "create --name kept rich true",
        "run --replace --name kept --cidfile @/$SIDE.cid rich true",
        "ps -a --format {{.Names}},{{.Command}}",
        "rm -f kept",
    ],
    # A life.
    "detached": [
        # Streams are pipes of their own: lines of two streams, written at once, may be read in either order.
        "run -d --name d rich sh -c 'echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; exit 3'",
        "wait d",
        "logs d",
        "logs --tail 1 d",
        "logs -n d",
        "inspect d --format '{{.State.Status}} {{.State.ExitCode}} {{.Path}} {{.Config.Cmd}}'",
        "ps -a --filter exited=3 --format '{{.Names}}'",
        "start -a d",
        "logs d",
        "rm d",
    ],
    "init": [
        'run --rm --init rich sh -c \'readlink /proc/1/exe; tr "\\\\0" " " </proc/1/cmdline\'',
        # A child that nobody waits for is reaped by the init, not left as a zombie.
        "run --rm --init rich sh -c 'sh -c \"sleep 0.1 &\"; sleep 0.6; cat /proc/[0-9]*/status | grep -c zombie'",
        "run --rm --init rich sh -c 'exit 7'",
        "run --rm --init --init-path /nosuch rich true",
        "run --rm --init --init-path /usr/bin/catatonit rich echo with the one of the distribution",
        "run --rm --init --init-path /etc/passwd rich true",
        "run --rm --init --pid host rich true",
        "run -d --name init --init rich sh -c 'trap \"exit 9\" TERM; touch /ready; while :; do sleep 0.1; done'",
        "exec init sh -c 'until [ -e /ready ]; do :; done'",
        "stop init",
        "inspect init --format '{{.State.ExitCode}} {{.HostConfig.Init}} {{.Path}} {{index .Args 0}}'",
        "rm init",
        "run -d --name init --init rich sleep 1000",
        # The init hands signals on from when its child runs.
        "exec init sh -c 'until grep -q sleep /proc/[0-9]*/comm; do :; done'",
        "kill -s USR1 init",
        "wait init",
        "rm init",
    ],
    "logs": [
        "run -d --name log1 rich sh -c 'echo o1; sleep 0.1; echo e1 >&2; sleep 0.1; echo o2; sleep 0.1; printf part'",
        "run -d --name log2 rich sh -c 'echo b1; echo b2'",
        "wait log1 log2",
        "logs log1",
        "logs --tail 0 log1",
        "logs -n log1",
        "logs --tail 1 -n log2 log2",
        "logs --since 0s log2",
        "logs --until 1h log2",
        "logs --until -1h log2",
        "logs --since 1h --until 2030-01-01 log2",
        "logs --since foo log2",
        "logs -l log2",
        "logs log2 nosuch",
        "rm log1",
        "rm log2",
        "create --name log3 rich",
        "logs -f --until 1s log3",
        "rm log3",
        "run --name log4 --log-driver none rich true",
        "logs log4",
        "rm log4",
    ],
    "exec": [
        "run -d --name e -e X=1 rich sleep 1000",
        "exec e echo hi",
        "exec e sh -c 'exit 7'",
        "exec e nosuch",
        "exec e /bin/noexec",
        "exec -u app -w /tmp -e Y=2 e sh -c 'id -un; pwd; echo $X $Y $HOME'",
        "exec -u nosuch e true",
        "exec -w /nosuch e pwd",
        "exec e",
        "exec nosuch true",
        "kill e",
        "wait e",
        "exec e true",
        "rm e",
        "exec",
    ],
    "filters": [
        "run -d --name f rich sleep 1000",
        "ps --filter ancestor=rich --format '{{.Names}}'",
        "ps --filter ancestor=localhost/rich --format '{{.Names}}'",
        "ps --filter ancestor=localhost/rich:latest --format '{{.Names}}'",
        "ps --filter network=none --format '{{.Names}}'",
        "ps --filter name=^f$ --filter status=running --format '{{.Names}}'",
        "ps --filter status=foo",
        "ps --filter name",
        "ps -n 0 --format '{{.Names}}'",
        "ps -l -n 1",
        "exec -d f nosuch",
        "rm -f -t 0 f",
    ],
    "stop and kill": [
        "run -d --name s rich sh -c 'trap \"exit 9\" TERM; touch /ready; while :; do sleep 0.1; done'",
        "exec s sh -c 'until [ -e /ready ]; do :; done'",
        "kill -s 0 s",
        "kill -s FOO s",
        "stop s",
        "inspect s --format '{{.State.ExitCode}}'",
        "stop s",
        "kill s",
        "start s",
        "kill -s KILL s",
        "wait s",
        "rm s",
    ],
    "remove": [
        "run -d --name m rich sleep 1000",
        "rm m",
        "rm -f -t 0 m",
        "rm m",
        "rm -f m",
        "rm -i m",
        "rm",
        "container exists m",
    ],
    "a limit in time": [
        "run --timeout 1 --name late rich sleep 1000",
        "inspect late --format '{{.State.ExitCode}} {{.State.Status}}'",
        "ps -a --filter name=late --format '{{.Status}}'",
        "wait late",
        "start -a late",
        "rm late",
        "run --rm --timeout 100 rich sh -c 'exit 3'",
    ],
    "remove what others depend on": [
        "run -d --name a rich sleep 1000",
        "run -d --name b --network container:a rich sleep 1000",
        "rm a",
        "rm -f -t 0 a",
        "run --replace --name a rich true",
        "stop -t 0 a",
        "rm a",
        "rm -f -t 0 b",
        "rm a",
        "ps -aq",
    ],
    "pause": [
        "run -d --name q rich sleep 1000",
        "pause q",
        "pause q",
        "exec q true",
        "ps -a --filter name=q --format '{{.Names}} {{.Status}}'",
        "unpause q",
        "unpause q",
        "rm -f -t 0 q",
    ],
    "created": [
        "create --name c --label k=v rich echo hi",
        "ps -a --filter label=k=v --format '{{.Names}} {{.Status}} {{.Image}} {{.Command}}'",
        "kill c",
        "stop c",
        "logs c",
        "logs -f c",
        "wait c",
        "exec c true",
        "start -a c",
        "rename c c2",
        "start --sig-proxy c2",
        "start -a --all",
        "start -a c2 c2",
        "start c2",
        "wait c2",
        "rm c2",
    ],
    "unknown containers": [
        "start nosuch",
        "stop nosuch",
        "kill nosuch",
        "wait nosuch",
        "logs nosuch",
        "rm nosuch",
        "attach nosuch",
        "port nosuch",
        "pause nosuch",
        "top nosuch",
        "rename nosuch x",
        "inspect nosuch",
        "inspect --type container nosuch",
        "restart nosuch",
    ],
    "usage of the verbs": [
        "stop",
        "kill",
        "wait",
        "start",
        "logs",
        "top",
        "port",
        "attach",
        "attach a b",
        "rename a",
        "ps x",
        "ps --sort foo",
        "ps --filter foo=bar",
        "stop -a x",
        "stop -a -l",
        "logs --tail x y",
        "wait --condition foo x",
    ],
    "bytes that are not UTF-8": [
        "run --rm rich printf %s caf\udce9",
        "run --rm -e X=caf\udce9 rich sh -c 'printf %s $X'",
        "run --rm -e caf\udce9=1 rich sh -c 'env | grep caf'",
        "run --rm --env-file @/latin1 rich sh -c 'printf %s $X'",
        "run --rm --env-file @/env\udce9 rich sh -c 'printf %s $X'",
        "run --rm -h caf\udce9 rich hostname",
        "run --rm --add-host caf\udce9:1.2.3.4 rich grep 1.2.3.4 /etc/hosts",
        "run --rm --tmpfs /caf\udce9 rich ls /",
        "run --rm --name caf\udce9 rich true",
        'run --rm --entrypoint \'["echo","caf\udce9"]\' rich',
        "run -d --name b -l caf\udce9=caf\udce9 --label-file @/latin1 --annotation a=caf\udce9 rich sleep 1000",
        "inspect b --format '{{json .Config.Labels}} {{.Config.Annotations.a}}'",
        "exec b printf %s caf\udce9",
        "exec -e X=caf\udce9 b sh -c 'printf %s $X'",
        "rename b caf\udce9",
        "logs --since caf\udce9 b",
        "rm -f -t 0 b",
    ],
    "numbers too large": [
        f"{verb} {option}={value} rich true"
        for verb, option in (("create", "--pids-limit"), ("create", "--oom-score-adj"), ("create", "--cpu-shares"))
        for value in ("99999999999999999999", "08", "0x", "1__0", "-")
    ]
    + [
        "create --cpus 1e400 rich true",
        "create --cpus ' 1' rich true",
        "create --publish 99999999999999999999:80 rich true",
        "create --expose 99999999999999999999 rich true",
        "create --cpuset-cpus 0-9999 rich true",
        "create --device-cgroup-rule 'c 99999999999999999999:1 r' rich true",
        "create --stop-signal 99999999999999999999 rich true",
        "kill -s 99999999999999999999 nosuch",
        "logs --since 10000000000h nosuch",
        "wait -i 10000000000h nosuch",
        "run --rm --pids-limit 0o12 rich cat /sys/fs/cgroup/pids/pids.max",
        "run --rm --pids-limit 012 rich cat /sys/fs/cgroup/pids/pids.max",
    ],
    "taken without a word": [
        "run --rm rich ''",
        "run -d --name k rich sleep 1000",
        "exec k ''",
        "exec -e '' k true",
        "exec -e = k true",
        "rm -f -t 0 k",
        "rm -t 5 nosuch",
        "run --rm --attach '' rich true",
        "run --rm --log-opt nonsense rich true",
        "run --rm --expose 0 rich true",
        "run --rm --expose 0-5 rich true",
        "run --rm --expose / rich true",
        "run --rm --tmpfs /m: rich true",
        "run --rm --mount '' rich true",
        "run --rm --image-volume '' --pull '' rich true",
        "run --rm --device-cgroup-rule 'a 7 rmw' rich true",
        "run --rm --device-cgroup-rule 'c 7 rmw' --device-cgroup-rule 'c 1:3 rr' rich true",
        "run --rm --device-cgroup-rule 'c 7: r' rich true",
        "ps --filter until=x",
        "network ls --filter foo",
        "images --filter containers=0",
        "images --filter until=x",
        "image prune -f --filter foo",
        "create --name size --log-opt max-size=5.031m rich true",
        "inspect size --format '{{.HostConfig.LogConfig.Size}}'",
        "rm size",
    ]
    + [
        f"create {remove} --restart {policy} rich true"
        for policy in (
            "::",
            ":",
            "no:5",
            "foo",
            "foo:x",
            "on-failure:x",
            "on-failure:",
            "on-failure:5:6",
            "always:5",
            "on-failure:-1",
        )
        for remove in ("", "--rm")
    ],
    "addresses": [
        f"create {option} rich true"
        for option in (
            "--ip 1.2.3.04",
            "--ip fe80::1%eth0",
            "--mac-address zz",
            "--network bridge:ip=x",
            "--network bridge:ip=",
            "--network bridge:ip=10.88.0.77,mac=zz",
            "--network bridge:foo=1",
            "--add-host a:fe80::1%eth0",
            "--add-host a:1.2.3.04",
            "--dns 01.2.3.4",
            "--dns fe80::1%eth0",
            "-p [fe80::1%eth0]:80:80",
            "-p 1.2.3.04:80:80",
        )
    ],
    "top": ["run -d --name t full 'sleep 1000'", "top t user pid ppid args", "rm -f -t 0 t"],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_on_podman_and_on_us(pair: Pair, name: str) -> None:
    for line in SCRIPTS[name]:
        theirs = run(pair, pair.peer, line, "peer")
        ours = run(pair, pair.ours, line, "ours")
        assert ours == theirs or line in DIFFERENT[pair.name], line


def test_what_differs_is_what_scripts_have() -> None:
    """A line that is in no script any more would hide nothing, and one that both differ in would hide all."""
    lines = {line for lines in (*SCRIPTS.values(), *CONFIGURED.values()) for line in lines}
    for different in DIFFERENT.values():
        assert set(different) <= lines
    assert not set(DIFFERENT[OLD]) & set(DIFFERENT[NEW])


def test_at_least_sixty_invocations() -> None:
    assert sum(len(lines) for lines in SCRIPTS.values()) >= 60


def run(pair: Pair, program: cli.Cli, line: str, side: str) -> tuple[int, str, str]:
    """Run one line; return exit code, stdout and the meaning of stderr."""
    words = shlex.split(line.replace("@", str(pair.directory)).replace("$SIDE", side))
    if words[0] in ("run", "create") and "--network" not in words and len(words) > 1:
        words[1:1] = ["--network", "none"]
    done = program(*words, code=None)
    stdout = done.stdout
    if "--replace" in words and side == "peer":
        # Podman 4 prints the name of the container that it removed for it, newer ones do not: one line is the id.
        stdout = stdout.removeprefix(words[words.index("--name") + 1] + "\n")
    return done.returncode, neutral(stdout, side), meaning(done.stderr, side)


def neutral(text: str, side: str) -> str:
    """Replace what differs by nature."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<ID>", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<SHORT>", text)
    text, ages = re.subn(r"(Less than a second|About a minute|\d+ seconds?|\d+ minutes?) ago", "<AGO>", text)
    if ages:
        # The columns of a table are as wide as the ages in it.
        text = re.sub(r" {2,}", "  ", text)
    return re.sub(rf"\b{side}\.cid", "<CIDFILE>", text)


def meaning(text: str, side: str) -> str:
    """What an error says, without the names of the programs on the way to it."""
    text = neutral(text, side)
    text = re.sub(r"(?m)^time=.*\n?", "", text)
    text = re.sub(r"OCI runtime error: ", "", text)
    # Podman said so up to 4.
    text = re.sub(r"inspecting object: (printing inspect output: )?", "", text)
    # Podman 5.4 names its own code in one text, and a type that libpod does not have in another.
    text = text.replace("mnt.Options", "options").replace("<bind|glob|tmpfs|volume>", "<bind|tmpfs|volume>")
    # We say what was refused, and why a file could not be opened.
    text = re.sub(r"set hostname \"a+\": ", "sethostname: ", text)
    text = re.sub(r"(?m)(opening cidfile \S+): no such file or directory$", r"\1", text)
    text = re.sub(r"runc: (runc create failed: |exec failed: )?(unable to start container process: )?", "", text)
    return text.replace("error during container init: ", "").strip()


#: What containers.conf says → what is run with it.
CONFIGURED = {
    'default_sysctls = ["net.core.somaxconn=99"]': ["run --rm rich cat /proc/sys/net/core/somaxconn"],
    'env = ["FOO=bar"]': ["run --rm bare /bin/sh -c 'echo $FOO $TERM $PATH'"],
    'dns_servers = ["9.9.9.9"]\ndns_searches = ["a.b"]\ndns_options = ["ndots:4"]': [
        "run --rm --network host rich cat /etc/resolv.conf",
        "run --rm rich ls /etc/resolv.conf",
    ],
    'log_driver = "none"': ["run --name conf rich echo hi", "logs conf", "rm conf"],
    "pids_limit = 77": ["run --rm rich cat /sys/fs/cgroup/pids/pids.max"],
    'netns = "none"': ["create --name conf --network none rich", "rm conf"],
    'annotations = ["x.y=z"]': [
        "create --name conf rich",
        "inspect conf --format '{{index .Config.Annotations \"x.y\"}}'",
        "rm conf",
    ],
    'volumes = ["/usr:/mnt:ro"]': ["run --rm rich ls -d /mnt/bin"],
    'devices = ["/dev/null:/dev/foo"]': ["run --rm rich stat -c %t:%T /dev/foo"],
    'default_capabilities = ["CHOWN"]': ["run --rm rich grep CapEff /proc/self/status"],
    'seccomp_profile = "/nosuch"': ["run --rm rich true"],
    'shm_size = "1m"': ["run --rm rich df /dev/shm"],
    'umask = "0077"': ["run --rm rich sh -c umask"],
    'utsns = "host"': ["run --rm rich hostname"],
    'base_hosts_file = "none"': ["run --rm -h box --name conf rich cat /etc/hosts"],
    'base_hosts_file = "@/hosts"\nhost_containers_internal_ip = "1.2.3.4"': [
        "run --rm -h box --name conf rich cat /etc/hosts"
    ],
    "no_hosts = true": ["run --rm rich ls /etc/hosts"],
}


@pytest.mark.parametrize("text", CONFIGURED)
def test_the_same_configuration(pair: Pair, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (pair.directory / "hosts").write_text("7.7.7.7 base\n")
    path = pair.directory / "containers.conf"
    path.write_text(f"[containers]\n{text}\n".replace("@", str(pair.directory)))
    for program in (pair.peer, pair.ours):
        monkeypatch.setitem(program.environment, "CONTAINERS_CONF", str(path))
    for line in CONFIGURED[text]:
        theirs = run(pair, pair.peer, line, "peer")
        ours = run(pair, pair.ours, line, "ours")
        assert ours == theirs or line in DIFFERENT[pair.name], line


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('userns = "auto"', "user namespace mode `auto`"),
        ('cgroups = "disabled"', "`cgroups`"),
        ('cgroup_conf = ["memory.high=1"]', "`cgroup_conf`"),
        ('base_hosts_file = "image"', "`base_hosts_file`"),
    ],
)
def test_a_configuration_that_we_do_not_follow_is_refused(
    pair: Pair, text: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pair.directory / "containers.conf"
    path.write_text(f"[containers]\n{text}\n")
    monkeypatch.setitem(pair.ours.environment, "CONTAINERS_CONF", str(path))
    error = pair.ours("run", "--rm", "--network", "none", "rich", "true", code=125).stderr
    assert word in error
    assert "not supported by this version of libpod" in error
