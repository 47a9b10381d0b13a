"""What a container sees and what it may: the same on Podman and on us."""

from __future__ import annotations

import pytest

from tests.support.pairs import Pair, compare

#: Name → command lines.
SCRIPTS: dict[str, list[str]] = {
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
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_on_podman_and_on_us(pair: Pair, name: str) -> None:
    compare(pair, SCRIPTS[name])
