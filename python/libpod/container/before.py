"""container.json of the release before versions, in the fields of this one. Imported for documents of that release only.

Start reading at `completed`.
"""

from __future__ import annotations

from libpod.document import require
from libpod.network.attachment import Attachment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Field → value, as container.json has it: the defaults of that release, and what it did if it knew no such field. These do
#: not follow `ContainerSettings`. A field that is added there gets a line here.
BEFORE: dict[str, Any] = {
    "name": "",
    "image": "",
    "image_id": "",
    "image_digest": "",
    "created": "",
    "create_command": [],
    "labels": {},
    "annotations": {},
    "argv": [],
    "entrypoint": None,
    "command": [],
    "env": {},
    "user": "",
    "groups": [],
    "workdir": "/",
    "create_workdir": False,
    "umask": "0022",
    "terminal": False,
    "stdin_open": False,
    "init": False,
    "init_path": "",
    "stop_signal": 15,
    "stop_timeout": 10,
    "timeout": 0,
    "passwd": True,
    "read_only": False,
    "read_only_tmpfs": True,
    "mounts": [],
    "shm_size": 65536000,
    "timezone": "",
    "pid": "private",
    "ipc": "shareable",
    "uts": "private",
    "cgroup_namespace": "host",
    "network": "bridge",
    "hostname": "",
    "networks": [],
    "ports": [],
    "exposed": [],
    "publish_all": False,
    "dns": [],
    "dns_search": [],
    "dns_options": [],
    "hosts": [],
    "no_hosts": False,
    "memory": 0,
    "memory_swap": 0,
    "memory_reservation": 0,
    "memory_swappiness": -1,
    "oom_kill_disable": False,
    "oom_score_adj": None,
    "cpu_shares": 0,
    "cpu_period": 0,
    "cpu_quota": 0,
    "cpuset_cpus": "",
    "cpuset_mems": "",
    "pids_limit": 2048,
    "limits": [],
    "cgroup_parent": "/libpod_parent",
    "capabilities": [],
    "cap_add": [],
    "privileged": False,
    "no_new_privileges": False,
    "seccomp": "",
    "masked": [],
    "unmasked": [],
    "proc_options": [],
    "security_options": [],
    "sysctls": {},
    "devices": [],
    "device_rules": [],
    "log_driver": "k8s-file",
    "log_path": "",
    "log_max_size": 0,
    "remove": False,
    "cidfile": "",
    "conmon_pidfile": "",
    "pidfile": "",
    "detach_keys": "ctrl-p,ctrl-q",
}

#: A container of that release had one network, whose id was not recorded; "" is the default network of containers.conf.
_ONE_NETWORK = {"network_name": "", "address": "", "mac": ""}


def completed(document: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a document of that release with every field: what it left out, and its one network as a list of networks.

    path: the file, for errors.
    Raises: CorruptError if a field of the network is of another type; the other fields are not checked here.
    """
    document = {**BEFORE, **_ONE_NETWORK, **document}
    require(document, dict.fromkeys(("network", *_ONE_NETWORK), str), path)
    name, address, mac = (document.pop(field) for field in _ONE_NETWORK)
    if document["network"] == "bridge" and not document["networks"]:
        document["networks"] = [Attachment(name, address=address, mac=mac).to_document()]
    return document
