//! The files of a cgroup: text that is read whole and written at once.

use rustix::fs::{Mode, OFlags, openat};
use std::os::fd::{AsFd, OwnedFd};

/// Read a cgroup file whole.
pub(super) fn read_file(directory: &impl AsFd, file: impl rustix::path::Arg) -> rustix::io::Result<String> {
    let file = openat(directory, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match rustix::io::read(&file, &mut chunk)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            length => text.extend_from_slice(&chunk[..length]),
        }
    }
}

/// Write a cgroup file in one call, as the kernel wants it.
pub(super) fn write_file(directory: &impl AsFd, file: impl rustix::path::Arg, text: &str) -> rustix::io::Result<()> {
    let file = openat(directory, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text.as_bytes()).map(drop)
}

/// Open for reading what an `O_PATH` descriptor of a cgroup refers to.
pub(super) fn reopen_directory(directory: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    openat(directory, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}
