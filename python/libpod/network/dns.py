"""What names mean in a container: the texts of its /etc/resolv.conf and /etc/hosts, as Podman writes them.

Pure texts from the host's files and the user's options; writing them is the caller's business. The container's own line in
/etc/hosts is appended by its monitor, which learns the address: `own_names` says what stands in it.
Source: podman-run(1), "--dns", "--dns-search", "--dns-option", "--add-host"; compared with Podman 4.3.1 byte by byte.
"""

from __future__ import annotations

from libpod import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RESOLV_CONF = "/etc/resolv.conf"
#: Where systemd-resolved names the servers behind its stub.
_SYSTEMD_RESOLV_CONF = "/run/systemd/resolve/resolv.conf"
_SYSTEMD_STUB = ["127.0.0.53"]
_HOSTS = "/etc/hosts"
#: Where a network of its own cannot reach any server of the host.
_PUBLIC_SERVERS = ["8.8.8.8", "8.8.4.4"]
#: Longer than any file of names or servers.
_MAX_BYTES = 16 << 20
_HOST_NAME = "host.containers.internal"
#: The same for programs that expect Docker.
_DOCKER_HOST_NAME = "host.docker.internal"


def resolv_conf_text(
    *,
    servers: Sequence[str] = (),
    search: Sequence[str] = (),
    options: Sequence[str] = (),
    mode: str = "bridge",
) -> str:
    """Return the text of /etc/resolv.conf.

    servers, search, options: the user's. Servers replace the host's; the others stand before the host's, and alone beside
    servers of the user's; a search of `.` means none. mode: with `host`, servers that only the host's own network can reach are kept.
    """
    private = mode != "host"
    text = read_text(_RESOLV_CONF)
    host = _parse_resolv_conf(text)
    if private and host["nameserver"] == _SYSTEMD_STUB:
        host = _parse_resolv_conf(read_text(_SYSTEMD_RESOLV_CONF) or text)
    chosen = list(servers)
    if not chosen:
        chosen = [server for server in host["nameserver"] if _reaches(server)] if private else host["nameserver"]
        if not chosen and private:
            chosen = _PUBLIC_SERVERS
    domains = [] if "." in search else _merge(search, host["search"], alone=bool(servers))
    settings = _merge(options, host["options"], alone=bool(servers))
    lines = []
    if domains and domains != ["."]:
        lines.append("search " + " ".join(domains))
    lines += ["nameserver " + server for server in chosen]
    if settings:
        lines.append("options " + " ".join(settings))
    return "".join(line + "\n" for line in lines)


def _merge(given: Sequence[str], host: list[str], *, alone: bool) -> list[str]:
    return list(given) if given and alone else [*given, *host]


def hosts_text(
    *, mode: str, names: Iterable[str], extra: Sequence[str] = (), gateway: str | None = None, base: str = ""
) -> str:
    """Return the text of /etc/hosts, without the container's own line where that is the monitor's.

    mode: `bridge`, `host`, `none`, …. names: the container's own. extra: the user's, `name:address`.
    gateway: the host's address on the container's network. base: the file whose entries it begins with, the host's by
    default; `none` for none. A file that does not say where localhost is gets it.
    """
    entries = []
    for text in extra:
        name, _, address = text.partition(":")
        entries.append((address, [name]))
    entries += _parse_hosts("" if base == "none" else read_text(base or _HOSTS))
    known = {name for _, entry in entries for name in entry}
    if "localhost" not in known:
        entries += [("127.0.0.1", ["localhost"]), ("::1", ["localhost"])]
    host = gateway or _core.local_address()
    if host and _HOST_NAME not in known:
        entries.append((host, [_HOST_NAME, _DOCKER_HOST_NAME]))
    if mode == "none":
        own = [name for name in names if name not in known]
        if own:
            entries.append(("127.0.0.1", own))
    return "".join(f"{address}\t{' '.join(entry)}\n" for address, entry in entries)


def own_names(text: str, names: Iterable[str]) -> list[str]:
    """Return those of a container's names that the text of /etc/hosts does not give to somebody else."""
    known = {name for _, entry in _parse_hosts(text) for name in entry}
    return [name for name in names if name not in known]


def read_text(path: str) -> str:
    """Read a file of names or servers; one that is not there is empty. Raises: CorruptError for a FIFO or a device."""
    return (_core.read_file(path, _MAX_BYTES) or b"").decode(errors="surrogateescape")


def _parse_resolv_conf(text: str) -> dict[str, list[str]]:
    """Pick servers, search list and options: of the latter two the last line counts."""
    from libpod.address import is_address

    found: dict[str, list[str]] = {"nameserver": [], "search": [], "options": []}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] == "nameserver" and len(words) > 1 and is_address(words[1].partition("%")[0]):
            found["nameserver"].append(words[1])
        elif words[0] in ("search", "options"):
            found[words[0]] = words[1:]
    return found


def _parse_hosts(text: str) -> list[tuple[str, list[str]]]:
    entries = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1:
            entries.append((words[0], words[1:]))
    return entries


def _reaches(server: str) -> bool:
    """Whether a container on a bridge without IPv6 reaches a server."""
    return ":" not in server and not server.startswith("127.")
