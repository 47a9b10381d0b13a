//! Descriptors that arrive as plain numbers: from Python, or inherited across `execve`.

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Borrow a descriptor that somebody else owns and keeps open; `fd` must not be negative.
///
/// A number that is not open is harmless: every call on it answers `EBADF`.
pub fn borrow(fd: &RawFd) -> BorrowedFd<'_> {
    assert!(*fd >= 0, "a descriptor is never negative");
    // SAFETY: the number is not -1; the borrow cannot outlive the caller's variable and never closes it.
    unsafe { BorrowedFd::borrow_raw(*fd) }
}

/// Take ownership of a descriptor that this process inherited across `execve`, once per number.
pub fn inherit(fd: RawFd) -> OwnedFd {
    assert!(fd >= 0, "a descriptor is never negative");
    // SAFETY: the number is not -1, and no other owner exists: it was handed over by the program that executed us.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
