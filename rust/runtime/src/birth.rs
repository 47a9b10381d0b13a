//! How a child of the runtime is born, and what it holds while it waits.
//!
//! A child starts with everything that its parent had: descriptors of the host's cgroups and directories, and the right of every
//! process of its user to look into it through /proc. From inside a container each of them is a way out. So a child is *hidden* (not
//! dumpable) from its first instruction, because its parent is while it forks, and the first thing it does is to close every
//! descriptor that is not on its allow-list (see `docs/runtime.md`, "What a container cannot do to its host").

use crate::error::{Error, Result};
use libpod_sys::fd::borrow;
use libpod_sys::process::{Child, Namespaces, clone3};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};
use std::os::fd::{BorrowedFd, RawFd};

/// The first descriptor after the standard ones.
const FIRST: RawFd = 3;

/// Fork as [`clone3`] does; the child is hidden from its first instruction on.
pub fn clone_hidden(
    namespaces: Namespaces,
    cgroup: Option<BorrowedFd<'_>>,
    body: impl FnOnce() -> i32,
) -> Result<libpod_sys::Result<Child>> {
    let fail = |errno| Error::pathless("hide from other processes", errno);
    let before = dumpable_behavior().map_err(fail)?;
    hide()?;
    let child = clone3(namespaces, cgroup, body);
    if before == DumpableBehavior::Dumpable {
        set_dumpable_behavior(before).map_err(fail)?;
    }
    Ok(child)
}

/// Not dumpable: no process without `CAP_SYS_PTRACE` in the host's user namespace may trace this one, or open its descriptors, its
/// root and its program through /proc. `execve` ends it. So may a change of user, where the host's `fs.suid_dumpable` is 1.
pub fn hide() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|errno| Error::pathless("hide from other processes", errno))
}

/// The numbers of the `count` descriptors after the standard ones, which the program is to inherit.
///
/// Each must be open and not be closed by `execve`: what this program has opened itself is never handed on by its number.
pub fn preserved(count: u32) -> Result<Vec<RawFd>> {
    let end = RawFd::try_from(count).ok().and_then(|count| count.checked_add(FIRST)).unwrap_or(RawFd::MAX);
    let mut numbers = Vec::new();
    for number in FIRST..end {
        if !fcntl_getfd(borrow(&number)).is_ok_and(|flags| !flags.contains(FdFlags::CLOEXEC)) {
            return Err(Error::invalid(format!("descriptor {number} is to be preserved, and is not open")));
        }
        numbers.push(number);
    }
    Ok(numbers)
}
