//! The part of the mount API that `rustix` lacks: changing the attributes of a mount, or of a whole tree of them.

use crate::{Error, Result};
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `struct mount_attr` of linux/mount.h: what [`set_attributes`] sets and clears, and the propagation it gives.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// `MOUNT_ATTR_…` bits to set.
    pub set: u64,
    /// `MOUNT_ATTR_…` bits to clear; those of [`ATIME`] must be cleared before another is set.
    pub clear: u64,
    /// `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED` or `MS_UNBINDABLE`; 0 leaves it.
    pub propagation: u64,
    /// User namespace of `MOUNT_ATTR_IDMAP`.
    pub userns_fd: u64,
}

/// No writing.
pub const RDONLY: u64 = 0x1;
/// Set-user-id bits and file capabilities do not count.
pub const NOSUID: u64 = 0x2;
/// Device nodes do not open.
pub const NODEV: u64 = 0x4;
/// Nothing executes.
pub const NOEXEC: u64 = 0x8;
/// All bits that choose how access times are kept.
pub const ATIME: u64 = 0x70;
/// Access times are kept when older than the last change.
pub const RELATIME: u64 = 0x0;
/// Access times are not kept.
pub const NOATIME: u64 = 0x10;
/// Access times are always kept.
pub const STRICTATIME: u64 = 0x20;
/// Access times of directories are not kept.
pub const NODIRATIME: u64 = 0x80;
/// Symbolic links are not followed.
pub const NOSYMFOLLOW: u64 = 0x20_0000;

/// Change the mount that `mount` refers to, with all mounts below it where `recursive`.
pub fn set_attributes(mount: BorrowedFd<'_>, recursive: bool, attributes: &Attributes) -> Result<()> {
    const AT_EMPTY_PATH: libc::c_uint = 0x1000;
    const AT_RECURSIVE: libc::c_uint = 0x8000;
    let flags = AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a constant C string, and `attributes` is a mount_attr of the stated size that is only read.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(attributes),
            size_of::<Attributes>(),
        )
    };
    match answer {
        0 => Ok(()),
        _ => Err(Error::last(
            "mount_setattr",
            format!("{}, set={:#x} clear={:#x}", mount.as_raw_fd(), attributes.set, attributes.clear),
        )),
    }
}
