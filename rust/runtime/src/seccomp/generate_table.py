"""Write `table.rs`: the number of every system call on the four ABIs that a filter may name.

Run it on a Debian amd64 host with `linux-libc-dev` and a C compiler; it preprocesses the kernel's own headers:

    python3 rust/runtime/src/seccomp/generate_table.py > rust/runtime/src/seccomp/table.rs

Calls newer than those headers are in NEWER: since Linux 5.1 a new call has one number on all ABIs.
"""

import re
import subprocess

X32_BIT = 0x40000000
SOURCES = {
    "x86_64": ["asm/unistd_64.h"],
    "x86": ["asm/unistd_32.h"],
    "x32": ["-D__X32_SYSCALL_BIT=0", "asm/unistd_x32.h"],
    "aarch64": [
        "-D__BITS_PER_LONG=64",
        "-D__ARCH_WANT_RENAMEAT",
        "-D__ARCH_WANT_NEW_STAT",
        "-D__ARCH_WANT_SET_GET_RLIMIT",
        "-D__ARCH_WANT_TIME32_SYSCALLS",
        "-D__ARCH_WANT_SYS_CLONE3",
        "-D__ARCH_WANT_MEMFD_SECRET",
        "asm-generic/unistd.h",
    ],
}
# Source: Linux 6.17, scripts/syscall.tbl and arch/x86/entry/syscalls/syscall_64.tbl.
NEWER = """cachestat 451 fchmodat2 452 map_shadow_stack 453 futex_wake 454 futex_wait 455 futex_requeue 456 statmount 457
listmount 458 lsm_get_self_attr 459 lsm_set_self_attr 460 lsm_list_modules 461 mseal 462 setxattrat 463 getxattrat 464
listxattrat 465 removexattrat 466 open_tree_attr 467 file_getattr 468 file_setattr 469"""
NEWER_X86_64 = {"uretprobe": 335, "uprobe": 336}
# Names in the generic header that are bounds, not calls.
NOT_CALLS = {"__NR_arch_specific_syscall", "__NR_syscalls"}


def numbers(abi: str) -> dict[str, int]:
    """Name to number of one ABI, as its header defines it."""
    *defines, header = SOURCES[abi]
    macros = subprocess.run(
        ["cc", "-E", "-dM", *defines, "-include", header, "-x", "c", "/dev/null"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    defined = dict(re.findall(r"^#define (__NR\w+) (.+)$", macros, re.MULTILINE))
    found = {}
    for name in defined:
        if not name.startswith("__NR_") or name in NOT_CALLS:
            continue
        value = defined[name]
        while value in defined:
            value = defined[value]
        found[name.removeprefix("__NR_")] = int(re.findall(r"\d+", value.replace("__X32_SYSCALL_BIT", ""))[0])
    return found


def main() -> None:
    """Print the table."""
    tables = {abi: numbers(abi) for abi in SOURCES}
    words = NEWER.split()
    for name, number in zip(words[::2], words[1::2], strict=True):
        for table in tables.values():
            table.setdefault(name, int(number))
    tables["x86_64"] |= NEWER_X86_64
    tables["x32"] = {name: number | X32_BIT for name, number in tables["x32"].items()}
    print(
        "//! Numbers of the system calls, sorted by name: x86_64, x86, x32, aarch64; `NONE` where an ABI has no such call."
    )
    print("//!")
    print("//! Made by `generate_table.py` from the kernel's headers; do not edit.")
    print()
    print("/// The ABI has no such call.")
    print("pub const NONE: u32 = u32::MAX;")
    print()
    print("/// One row per name.")
    print("#[rustfmt::skip]")
    print("pub const SYSCALLS: &[(&str, [u32; 4])] = &[")
    for name in sorted(set().union(*tables.values())):
        cells = ", ".join(str(tables[abi].get(name, "NONE")) for abi in SOURCES)
        print(f'    ("{name}", [{cells}]),')
    print("];")


if __name__ == "__main__":
    main()
