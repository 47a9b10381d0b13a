"""Build with libseccomp the filter of an OCI `linux.seccomp` object, the way runc does; a reference for tests.

Reads one {"native": "X86_64", "profile": {...}} per line on standard input. For each it writes to standard output a line
with the number of instructions, or of the error, and then the instructions. Needs libseccomp.so.2 and nothing else.
Names that libseccomp does not know are passed over, as runc does.
"""

import ctypes
import json
import os
import sys
import tempfile

LIBRARY = ctypes.CDLL("libseccomp.so.2")
LIBRARY.seccomp_init.restype = ctypes.c_void_p
ARCHES = {"X86": 0x40000003, "X86_64": 0xC000003E, "X32": 0x4000003E, "AARCH64": 0xC00000B7}
OPERATORS = ["", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"]
ACTIONS = {
    "KILL": 0x00000000,
    "KILL_THREAD": 0x00000000,
    "KILL_PROCESS": 0x80000000,
    "TRAP": 0x00030000,
    "NOTIFY": 0x7FC00000,
    "LOG": 0x7FFC0000,
    "ALLOW": 0x7FFF0000,
}


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def action(name: str, errno: int | None) -> int:
    """Return libseccomp's value of an action."""
    name = name.removeprefix("SCMP_ACT_")
    value = 1 if errno is None else errno
    return {"ERRNO": 0x00050000 | value, "TRACE": 0x7FF00000 | value}.get(name) or ACTIONS[name]


def comparison(condition: dict) -> Comparison:
    """One condition."""
    operator = OPERATORS.index(condition["op"].removeprefix("SCMP_CMP_"))
    return Comparison(condition["index"], operator, condition["value"], condition.get("valueTwo", 0))


def call(name: str, context: int, *arguments: object) -> None:
    """Call a function of the library that answers with a negative errno."""
    answer = getattr(LIBRARY, name)(ctypes.c_void_p(context), *arguments)
    if answer < 0:
        raise OSError(-answer, f"{name}{arguments}")


def add_rules(context: int, profile: dict, default: int) -> None:
    """Add every rule that differs from the default action."""
    for rule in profile.get("syscalls", []):
        verdict = action(rule["action"], rule.get("errnoRet"))
        if verdict == default:
            continue
        conditions = rule.get("args", [])
        repeated = len({condition["index"] for condition in conditions}) < len(conditions)
        groups = [[condition] for condition in conditions] if repeated else [conditions]
        for name in rule["names"]:
            number = LIBRARY.seccomp_syscall_resolve_name(name.encode())
            for group in groups if number != -1 else []:
                array = (Comparison * len(group))(*map(comparison, group))
                call("seccomp_rule_add_array", context, ctypes.c_uint32(verdict), number, len(group), array)


def build(request: dict) -> bytes:
    """The program of one request."""
    profile = request["profile"]
    default = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    context = LIBRARY.seccomp_init(ctypes.c_uint32(default))
    native = ARCHES[request["native"]]
    own = LIBRARY.seccomp_arch_native() & 0xFFFFFFFF
    if native != own:
        call("seccomp_arch_add", context, ctypes.c_uint32(native))
        call("seccomp_arch_remove", context, ctypes.c_uint32(own))
    for name in profile.get("architectures", []):
        arch = ctypes.c_uint32(ARCHES[name.removeprefix("SCMP_ARCH_")])
        if LIBRARY.seccomp_arch_exist(ctypes.c_void_p(context), arch) < 0:
            call("seccomp_arch_add", context, arch)
    add_rules(context, profile, default)
    with tempfile.TemporaryFile() as file:
        call("seccomp_export_bpf", context, file.fileno())
        LIBRARY.seccomp_release(ctypes.c_void_p(context))
        file.seek(0)
        return file.read()


def main() -> None:
    """Answer every line."""
    for line in sys.stdin.buffer:
        try:
            program = build(json.loads(line))
            answer = b"%d\n" % (len(program) // 8) + program
        except OSError as error:
            answer = b"%d\n" % -(error.errno or 1)
        os.write(1, answer)


if __name__ == "__main__":
    main()
