//! The four ABIs that a filter of ours may admit, and how a name becomes a number on each.

use super::table::{NONE, SYSCALLS};
use super::{Error, Result};

/// One way into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    /// 64-bit calls of amd64.
    X86_64,
    /// 32-bit calls of i386.
    X86,
    /// 64-bit calls with 32-bit pointers; shares the audit number of [`Abi::X86_64`].
    X32,
    /// 64-bit ARM.
    Aarch64,
}

/// Where the numbers of x32 begin.
pub const X32_BIT: u32 = 0x4000_0000;

/// What a named call is on one ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A call of its own.
    Direct(u32),
    /// Number `call` behind the first argument of the multiplexer `number`.
    Multiplexed {
        /// `socketcall` or `ipc`.
        number: u32,
        /// The first argument.
        call: u32,
    },
}

const SOCKETCALL: u32 = 102;
const IPC: u32 = 117;

/// Source: Linux, include/uapi/linux/net.h `SYS_*` and include/uapi/linux/ipc.h.
const MULTIPLEXED: &[(&str, u32, u32)] = &[
    ("accept", SOCKETCALL, 5),
    ("accept4", SOCKETCALL, 18),
    ("bind", SOCKETCALL, 2),
    ("connect", SOCKETCALL, 3),
    ("getpeername", SOCKETCALL, 7),
    ("getsockname", SOCKETCALL, 6),
    ("getsockopt", SOCKETCALL, 15),
    ("listen", SOCKETCALL, 4),
    ("msgctl", IPC, 14),
    ("msgget", IPC, 13),
    ("msgrcv", IPC, 12),
    ("msgsnd", IPC, 11),
    ("recv", SOCKETCALL, 10),
    ("recvfrom", SOCKETCALL, 12),
    ("recvmmsg", SOCKETCALL, 19),
    ("recvmsg", SOCKETCALL, 17),
    ("semctl", IPC, 3),
    ("semget", IPC, 2),
    ("semop", IPC, 1),
    ("semtimedop", IPC, 4),
    ("send", SOCKETCALL, 9),
    ("sendmmsg", SOCKETCALL, 20),
    ("sendmsg", SOCKETCALL, 16),
    ("sendto", SOCKETCALL, 11),
    ("setsockopt", SOCKETCALL, 14),
    ("shmat", IPC, 21),
    ("shmctl", IPC, 24),
    ("shmdt", IPC, 22),
    ("shmget", IPC, 23),
    ("shutdown", SOCKETCALL, 13),
    ("socket", SOCKETCALL, 1),
    ("socketpair", SOCKETCALL, 8),
];

/// Names of the specification for architectures that this host's kernel never reports: they change nothing here.
const FOREIGN: &[&str] = &[
    "ARM",
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PARISC",
    "PARISC64",
    "PPC",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390",
    "S390X",
    "SH",
    "SHEB",
];

impl Abi {
    /// The ABI that this program itself uses.
    pub const NATIVE: Self = if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 };

    /// `AUDIT_ARCH_…`: what the kernel puts beside the number. Source: include/uapi/linux/audit.h.
    pub fn audit(self) -> u32 {
        match self {
            Self::X86_64 | Self::X32 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
        }
    }

    /// Whether libseccomp compares only the lower halves of the arguments.
    pub fn is_32_bit(self) -> bool {
        matches!(self, Self::X86 | Self::X32)
    }

    /// The ABI behind `SCMP_ARCH_…`; None for one that cannot occur on a kernel of ours, or (32-bit ARM) for which
    /// there is no table: its calls stay forbidden.
    pub fn parse(name: &str) -> Result<Option<Self>> {
        match name.strip_prefix("SCMP_ARCH_") {
            Some("NATIVE") => Ok(Some(Self::NATIVE)),
            Some("X86_64") => Ok(Some(Self::X86_64)),
            Some("X86") => Ok(Some(Self::X86)),
            Some("X32") => Ok(Some(Self::X32)),
            Some("AARCH64") => Ok(Some(Self::Aarch64)),
            Some(other) if FOREIGN.contains(&other) => Ok(None),
            _ => Err(Error::Architecture(name.to_owned())),
        }
    }

    fn column(self) -> usize {
        match self {
            Self::X86_64 => 0,
            Self::X86 => 1,
            Self::X32 => 2,
            Self::Aarch64 => 3,
        }
    }

    /// Everything that `name` is on this ABI: nothing, one entry, or both a direct and a multiplexed one.
    pub fn entries(self, name: &str) -> impl Iterator<Item = Entry> {
        let direct = SYSCALLS
            .binary_search_by(|(row, _)| (*row).cmp(name))
            .ok()
            .map(|row| SYSCALLS[row].1[self.column()])
            .filter(|&number| number != NONE)
            .map(Entry::Direct);
        let multiplexed = (self == Self::X86)
            .then(|| MULTIPLEXED.binary_search_by(|(row, ..)| (*row).cmp(name)).ok())
            .flatten()
            .map(|row| Entry::Multiplexed { number: MULTIPLEXED[row].1, call: MULTIPLEXED[row].2 });
        multiplexed.into_iter().chain(direct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_for_the_binary_search() {
        assert!(SYSCALLS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(MULTIPLEXED.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_name_has_a_number_on_each_abi() {
        let numbers = |abi: Abi| abi.entries("openat").collect::<Vec<_>>();
        assert_eq!(numbers(Abi::X86_64), [Entry::Direct(257)]);
        assert_eq!(numbers(Abi::X86), [Entry::Direct(295)]);
        assert_eq!(numbers(Abi::X32), [Entry::Direct(X32_BIT + 257)]);
        assert_eq!(numbers(Abi::Aarch64), [Entry::Direct(56)]);
        assert_eq!(Abi::X86_64.entries("no_such_call").count(), 0);
    }

    #[test]
    fn sockets_of_i386_have_two_ways() {
        let entries: Vec<_> = Abi::X86.entries("socket").collect();
        assert_eq!(entries, [Entry::Multiplexed { number: 102, call: 1 }, Entry::Direct(359)]);
    }
}
