//! What the kernel itself makes of a call, where a profile cannot say it: arguments that it reads as 32 bits, and address families
//! that no container gets by default.

use super::assemble::{Condition, Rule, Test};

/// Calls with the arguments that the kernel takes as `int` or `unsigned int`, whatever the register holds above.
///
/// A comparison of all 64 bits would let a call through with a bit set that the kernel then drops: `socket(16 | 1 << 32, …)`.
/// Source: the `SYSCALL_DEFINE` of each call.
const INT_ARGUMENTS: &[(&str, &[u8])] = &[
    ("bpf", &[0, 2]),
    ("fcntl", &[0, 1]),
    ("futex", &[1, 2, 5]),
    ("getsockopt", &[0, 1, 2]),
    ("ioctl", &[0, 1]),
    ("keyctl", &[0]),
    ("kill", &[0, 1]),
    ("madvise", &[2]),
    ("open", &[1]),
    ("openat", &[0, 2]),
    ("personality", &[0]),
    ("prctl", &[0]),
    ("seccomp", &[0, 1]),
    ("setns", &[0, 1]),
    ("setsockopt", &[0, 1, 2, 4]),
    ("socket", &[0, 1, 2]),
    ("socketpair", &[0, 1, 2]),
];

/// Whether the kernel reads this argument as 32 bits.
pub fn is_int(syscall: &str, index: u8) -> bool {
    INT_ARGUMENTS.iter().any(|(name, indices)| *name == syscall && indices.contains(&index))
}

/// The condition as the kernel sees the argument of `syscall`: an upper half is not there, whatever the register holds.
///
/// A value that needs more than 32 bits is one that no argument has; but a negative number may be written with 64.
pub fn as_seen(syscall: &str, condition: Condition) -> Condition {
    const NEVER: Test = Test::Masked { mask: 0, value: 1 };
    const ALWAYS: Test = Test::Masked { mask: 0, value: 0 };
    if !is_int(syscall, condition.index) {
        return condition;
    }
    let is_wide = |value: u64| value >> 32 != 0;
    let is_negative = |value: u64| value >> 31 == u64::MAX >> 31;
    let test = match condition.test {
        Test::NotEqual(value) if is_wide(value) && !is_negative(value) => ALWAYS,
        Test::Masked { mask: u64::MAX, value } if is_negative(value) => condition.test,
        Test::Masked { value, .. } if is_wide(value) => NEVER,
        Test::Less(value) | Test::LessOrEqual(value) if is_wide(value) => ALWAYS,
        Test::Greater(value) | Test::GreaterOrEqual(value) if is_wide(value) => NEVER,
        narrow => narrow,
    };
    Condition { test, low_only: true, ..condition }
}

/// The kernel's own cryptography, and the hypervisor's: `AF_ALG`, `AF_VSOCK`. Neither belongs to a network namespace's guard.
const REFUSED_FAMILIES: [u64; 2] = [38, 40];

/// Rules for `socket`, with the action of a refusal, that stand before a default profile's: a profile that a distribution has
/// installed may be older than them.
pub fn refused_families(action: u32) -> impl Iterator<Item = Rule> {
    REFUSED_FAMILIES.into_iter().map(move |family| {
        let test = Test::Masked { mask: u64::MAX, value: family };
        Rule { conditions: vec![Condition { index: 0, test, low_only: true }], action }
    })
}
