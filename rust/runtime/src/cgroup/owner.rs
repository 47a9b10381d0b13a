//! To which container a cgroup belongs: its id, as an extended attribute of the cgroup's directory.
//!
//! A path alone does not say it. A container that has ended keeps its cgroup until it is deleted, and a second one may be given the
//! same path meanwhile; a command that was killed early leaves a record that names a cgroup which was another's all along. The
//! attribute is `trusted.`, which a container cannot change, or `user.` without the right to that.

use super::file::reopen_directory;
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

const TRUSTED: &str = "trusted.libpod.container";
const USER: &str = "user.libpod.container";

/// Whose a cgroup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The container that asks; also where the hierarchy has no attributes (cgroup v1), or the cgroup does not exist.
    Us,
    /// No mark: another program's, or its maker was killed before it could leave one.
    Nobody,
    /// Another container.
    Another,
}

/// Mark a cgroup that was just made. A hierarchy without attributes stays unmarked.
pub(super) fn mark(directory: &OwnedFd, id: &str) -> rustix::io::Result<()> {
    let directory = reopen_directory(directory)?;
    let set = |name: &str| fsetxattr(&directory, name, id.as_bytes(), XattrFlags::empty());
    match set(TRUSTED) {
        Err(Errno::PERM) => set(USER),
        other => other,
    }
    .or_else(|errno| if errno == Errno::OPNOTSUPP { Ok(()) } else { Err(errno) })
}

/// Whose it is, asked by the container `id`.
pub(super) fn of(directory: &OwnedFd, id: &str) -> Owner {
    let Ok(directory) = reopen_directory(directory) else { return Owner::Us };
    for name in [TRUSTED, USER] {
        let mut value = vec![0; 2048];
        match fgetxattr(&directory, name, value.as_mut_slice()) {
            Ok(length) if value[..length] == *id.as_bytes() => return Owner::Us,
            Ok(_) | Err(Errno::RANGE) => return Owner::Another,
            Err(Errno::NODATA) => {}
            Err(_) => return Owner::Us,
        }
    }
    Owner::Nobody
}
