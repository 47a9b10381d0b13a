"""What runs in a container, as whom, and how lists of it are printed: the same on Podman and on us."""

from __future__ import annotations

import pytest

from tests.support.pairs import Pair, compare

#: Name → command lines.
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
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_on_podman_and_on_us(pair: Pair, name: str) -> None:
    compare(pair, SCRIPTS[name])
