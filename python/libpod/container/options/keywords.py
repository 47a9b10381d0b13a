"""The keywords of `Engine.run`: the options of `podman run` by their long names, with `_` for `-`. For type checkers only.

Three have the names that Python's users know: `labels`, `remove` (`--rm`) and `volumes`. None leaves an option out.
"""

from collections.abc import Iterable, Mapping
from typing import TypedDict

from libpod.arguments import Word

#: `name=value` words, or a mapping. (`add_host`: `name:address`.)
Pairs = Iterable[Word] | Mapping[str, Word]


class RunOptions(TypedDict, total=False):
    """What a container may be given.

    network: `none`, `host`, `container:NAME`, `NETWORK[:OPTIONS]`, or the default bridge. remove: remove the container afterwards,
    which it is unless this is False. env, labels and the like: a mapping, or a list of `name=value`. volumes: a list of words of
    `-v`, or a mapping of sources to paths in the container, or to `{"bind": path, "mode": options}`. tmpfs: a list of words of
    `--tmpfs`, or a mapping of paths to options. memory and other sizes: a text with a unit, or bytes.
    """

    add_host: Pairs | None
    annotation: Pairs | None
    cap_add: Iterable[Word] | None
    cap_drop: Iterable[Word] | None
    cgroup_parent: Word | None
    cgroupns: Word | None
    cidfile: Word | None
    conmon_pidfile: Word | None
    cpu_period: int | None
    cpu_quota: int | None
    cpu_shares: int | None
    cpus: float | None
    cpuset_cpus: Word | None
    cpuset_mems: Word | None
    detach_keys: Word | None
    device: Iterable[Word] | None
    device_cgroup_rule: Iterable[Word] | None
    dns: Iterable[Word] | None
    dns_option: Iterable[Word] | None
    dns_search: Iterable[Word] | None
    entrypoint: Word | Iterable[Word] | None
    env: Pairs | None
    env_file: Iterable[Word] | None
    env_host: bool | None
    expose: Iterable[Word] | None
    group_add: Iterable[Word] | None
    hostname: Word | None
    http_proxy: bool | None
    image_volume: Word | None
    init: bool | None
    init_path: Word | None
    ip: Word | None
    ipc: Word | None
    label_file: Iterable[Word] | None
    labels: Pairs | None
    log_driver: Word | None
    log_opt: Pairs | None
    mac_address: Word | None
    memory: Word | int | None
    memory_reservation: Word | int | None
    memory_swap: Word | int | None
    memory_swappiness: int | None
    mount: Iterable[Word] | None
    name: Word | None
    network: Word | None
    no_healthcheck: bool | None
    no_hosts: bool | None
    oom_kill_disable: bool | None
    oom_score_adj: int | None
    passwd: bool | None
    pid: Word | None
    pidfile: Word | None
    pids_limit: int | None
    privileged: bool | None
    publish: Iterable[Word] | None
    publish_all: bool | None
    read_only: bool | None
    read_only_tmpfs: bool | None
    remove: bool | None
    replace: bool | None
    restart: Word | None
    security_opt: Iterable[Word] | None
    shm_size: Word | int | None
    stop_signal: Word | None
    stop_timeout: int | None
    sysctl: Pairs | None
    systemd: Word | None
    timeout: int | None
    tmpfs: Iterable[Word] | Mapping[Word, str] | None
    tty: bool | None
    tz: Word | None
    ulimit: Pairs | None
    umask: Word | None
    unsetenv: Iterable[Word] | None
    unsetenv_all: bool | None
    user: Word | int | None
    userns: Word | None
    uts: Word | None
    volumes: Iterable[Word] | Mapping[Word, Word | Mapping[str, str]] | None
    workdir: Word | None
