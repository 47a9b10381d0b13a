//! Seccomp: from an OCI `linux.seccomp` object, or a containers/common profile, to a program of classic BPF.
//!
//! Start with [`compile`]; [`program`] is the same behind a cache on disk, and takes the
//! ecosystem's profile format (includes, excludes, architecture map), too.
//!
//! What it refuses: actions, operators, flags and architectures it does not know, `notify` without a listener, more
//! than the kernel's 4096 instructions. A system call name that no ABI of this host has is passed over, as every OCI
//! runtime does: profiles name calls of newer kernels and of other processors.
//!
//! The order of rules follows libseccomp: for one call a rule without arguments wins over those with arguments, the
//! first of several without arguments wins, and conditions on the same argument are alternatives (as in runc).
//! Rules with arguments are tried in the order written.

mod abi;
mod assemble;
mod builtin;
mod cache;
mod compile;
mod default;
mod format;
mod kernel;
#[cfg(test)]
mod oracle;
pub mod profile;
#[cfg(test)]
mod simulate;
mod table;

pub use cache::{Source, program};
pub use compile::compile;
#[cfg(test)]
use default::default_profile;
pub use default::resolve;
pub use libpod_sys::bpf::Instruction;

use std::path::PathBuf;

/// A compiled filter, ready for `libpod_sys::bpf::load`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Flags of `seccomp(2)`.
    pub flags: u32,
    /// The instructions.
    pub instructions: Vec<Instruction>,
}

/// Why a profile has no filter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The action is none that the specification knows.
    #[error("seccomp: unknown action `{0}`")]
    Action(String),
    /// The architecture is none that libseccomp knows.
    #[error("seccomp: unknown architecture `{0}`")]
    Architecture(String),
    /// The comparison is none that the specification knows.
    #[error("seccomp: unknown operator `{operator}` on an argument of `{syscall}`")]
    Operator {
        /// The rule's system call.
        syscall: String,
        /// What stands in the profile.
        operator: String,
    },
    /// A system call has six arguments.
    #[error("seccomp: `{syscall}` has no argument {index}")]
    Index {
        /// The rule's system call.
        syscall: String,
        /// What stands in the profile.
        index: u32,
    },
    /// The flag is none that the specification knows.
    #[error("seccomp: unknown flag `{0}`")]
    Flag(String),
    /// An error number that the kernel cannot return, or a name that it does not have.
    #[error("seccomp: no such error number `{0}`")]
    Errno(String),
    /// `SCMP_ACT_NOTIFY` where it cannot work.
    #[error("seccomp: SCMP_ACT_NOTIFY {0}")]
    Notify(&'static str),
    /// Two fields of a profile exclude each other.
    #[error("seccomp: the profile has both `{0}` and `{1}`")]
    Both(&'static str, &'static str),
    /// The kernel would refuse the program.
    #[error("seccomp: the filter has {0} instructions, the kernel takes 4096")]
    TooLarge(usize),
    /// The profile is not JSON of that shape.
    #[error("seccomp: decoding the profile")]
    Json(#[from] serde_json::Error),
    /// The profile cannot be read.
    #[error("seccomp: opening the profile {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Result of this module.
pub type Result<T> = std::result::Result<T, Error>;
