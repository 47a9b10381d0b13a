//! System calls that the well-kept crates lack, one safe wrapper each.
//!
//! This is the only crate of the workspace that may contain `unsafe`; every block states the invariant it rests on.
//! What `rustix` already wraps is not wrapped again. An [`Error`] prints the failed call the way strace would.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

pub mod bpf;
pub mod clock;
pub mod device_filter;
mod error;
pub mod fd;
pub mod file;
pub mod fs;
pub mod lock;
pub mod memory;
pub mod mount;
pub mod netlink;
pub mod process;
pub mod random;
pub mod rfc3339;
pub mod signal;
pub mod socket;
pub mod spawn;
pub mod walk;
pub mod xattr;

pub use error::{Error, Result, chain, errno_text, io_text, strerror};
