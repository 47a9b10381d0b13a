//! How much a read-write layer holds.

use crate::error::{AtPath, Result};
use crate::name::Id;
use crate::store::Store;
use libpod_sys::walk::{Visitor, walk};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

impl Store {
    /// Bytes in the files of a layer's own content directory; a file with several names counts once.
    ///
    /// For a container's layer this is what the container wrote. It may change while it is counted.
    pub fn content_size(&self, layer: &str) -> Result<u64> {
        let path = self.tree.diff(&Id::parse(layer)?);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let root = rustix::fs::open(&path, flags, Mode::empty()).at("open", &path)?;
        let mut sum = Sum::default();
        walk(root, &mut sum).at("read what is below", &path)?;
        Ok(sum.bytes)
    }
}

/// Adds up sizes of files, each inode once.
#[derive(Default)]
struct Sum {
    bytes: u64,
    seen: HashSet<(u64, u64)>,
}

impl Visitor for Sum {
    fn file(&mut self, directory: BorrowedFd<'_>, name: &CStr, kind: FileType) -> rustix::io::Result<()> {
        if kind != FileType::RegularFile {
            return Ok(());
        }
        match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if stat.st_nlink > 1 && !self.seen.insert((stat.st_dev, stat.st_ino)) => {}
            Ok(stat) => self.bytes += u64::try_from(stat.st_size).unwrap_or_default(),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    fn left(&mut self, _: BorrowedFd<'_>, _: &CStr) -> rustix::io::Result<()> {
        Ok(())
    }
}
