//! A tmpfs that starts with what its place held (`tmpcopyup`).
//!
//! The copy is made into the detached file system, entry by entry over descriptors, before anybody can see it: directories,
//! files, links, fifos and devices with owner, mode and times. Extended attributes are not copied.

use crate::error::{Error, Result};
use crate::mount_options::MountOptions;
use crate::mounting::{Mounter, Target, attach};
use crate::rootdir::{RootDir, reopen};
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, chmodat, chownat, fchmod, fchown, futimens,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, utimensat,
};
use rustix::process::{Gid, Uid};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Mount a tmpfs at `target` with a copy of what is there now.
pub fn mount(
    mounter: Mounter,
    root: &RootDir,
    target: &Target,
    kind: &str,
    source: &str,
    options: &MountOptions,
) -> Result<()> {
    let fail = |errno| Error::step("copy into tmpfs", &target.path, errno);
    let below = reopen(target.fd.as_fd(), OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC).map_err(fail)?;
    let mut options = options.clone();
    let readonly = std::mem::take(&mut options.superblock_readonly);
    options.attributes.set &= !libpod_sys::mount::RDONLY;
    let mounted = if mounter.is_classic() {
        mounter.mount_new(root, target, kind, source, &options)?;
        root.resolve(&target.path).map_err(fail)?
    } else {
        let made = mounter.make(kind, source, &options).map_err(|fault| fault.at(kind, &target.path))?;
        copy_tree(below.as_fd(), made.as_fd()).map_err(fail)?;
        attach(made.as_fd(), target.fd.as_fd()).map_err(fail)?;
        made
    };
    if mounter.is_classic() {
        copy_tree(below.as_fd(), mounted.as_fd()).map_err(fail)?;
    }
    if readonly {
        mounter.set_readonly(mounted.as_fd()).map_err(fail)?;
    }
    Ok(())
}

/// Copy the owner, mode and times of the directory `from`, and its content if `content` is set, into the empty directory `to`.
pub fn copy_directory(from: BorrowedFd<'_>, to: BorrowedFd<'_>, content: bool) -> rustix::io::Result<()> {
    let stat = rustix::fs::fstat(from)?;
    if content {
        copy_tree(from, to)?;
    }
    let copy = openat(to, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
    finish(&copy, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)), mode, &stat)
}

fn copy_tree(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> rustix::io::Result<()> {
    for entry in Dir::read_from(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            copy_entry(from, to, name)?;
        }
    }
    Ok(())
}

fn copy_entry(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
    let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let (uid, gid) = (Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)));
    let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, Mode::from_raw_mode(0o700))?;
            let source = openat(from, name, read | OFlags::DIRECTORY, Mode::empty())?;
            let copy = openat(to, name, read | OFlags::DIRECTORY, Mode::empty())?;
            copy_tree(source.as_fd(), copy.as_fd())?;
            finish(&copy, uid, gid, mode, &stat)
        }
        FileType::RegularFile => {
            let source = openat(from, name, read, Mode::empty())?;
            let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let copy = openat(to, name, create, Mode::from_raw_mode(0o600))?;
            copy_bytes(&source, &copy)?;
            finish(&copy, uid, gid, mode, &stat)
        }
        FileType::Symlink => {
            symlinkat(readlinkat(from, name, Vec::new())?, to, name)?;
            chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
            utimensat(to, name, &times(&stat), AtFlags::SYMLINK_NOFOLLOW)
        }
        kind => {
            mknodat(to, name, kind, mode, stat.st_rdev)?;
            chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
            chmodat(to, name, mode, AtFlags::empty())?;
            utimensat(to, name, &times(&stat), AtFlags::SYMLINK_NOFOLLOW)
        }
    }
}

/// Owner before mode: a change of owner clears the set-user-id bit.
fn finish(file: &OwnedFd, uid: Option<Uid>, gid: Option<Gid>, mode: Mode, stat: &Stat) -> rustix::io::Result<()> {
    fchown(file, uid, gid)?;
    fchmod(file, mode)?;
    futimens(file, &times(stat))
}

fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime as _, tv_nsec: stat.st_atime_nsec as _ },
        last_modification: Timespec { tv_sec: stat.st_mtime as _, tv_nsec: stat.st_mtime_nsec as _ },
    }
}

fn copy_bytes(source: &OwnedFd, copy: &OwnedFd) -> rustix::io::Result<()> {
    let mut buffer = vec![0; 65536];
    loop {
        let length = rustix::io::read(source, &mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let written = rustix::io::write(copy, rest)?;
            rest = &rest[written..];
        }
    }
}
