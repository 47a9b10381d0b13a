//! Space that is held back for removals, so that they work on a full disk.
//!
//! A table is replaced by a new file beside it, which takes space before the old one gives any. `G/libpod/reserve` holds enough
//! for that. A removal that finds the disk full gives a piece of it back to the disk and tries again; the next change on a disk
//! with space makes it whole. Where this is not enough, because the store never had a reserve or others took its space, [`Reserve::in_need`] first frees the data
//! that are to be removed, and then writes the table.

use crate::error::Result;
use crate::file;
use libpod_sys::file::open_regular_at;
use rustix::fs::{CWD, FallocateFlags, Mode, OFlags};
use std::path::{Path, PathBuf};

/// Enough for a table of more than a thousand layers.
const RESERVE_BYTES: u64 = 1 << 20;
/// What is given back at once: enough for most tables, and more than one removal has something of the reserve.
const PIECE_BYTES: u64 = 128 << 10;
/// The reserve is no use where it takes what everybody else needs: it is made where so many times its size is free.
const FREE_TIMES: u64 = 16;

/// The reserve of one store.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// The reserve of the store at `graphroot`. Nothing is made.
    pub(crate) fn new(graphroot: &Path) -> Self {
        Self { path: graphroot.join("libpod/reserve") }
    }

    /// Make the reserve whole where the disk has the space. A disk or filesystem that cannot has none.
    pub(crate) fn keep(&self) {
        if rustix::fs::stat(&self.path).is_ok_and(|found| found.st_size as u64 >= RESERVE_BYTES) {
            return;
        }
        let Some(directory) = self.path.parent() else { return };
        let has_space = rustix::fs::statvfs(directory)
            .is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) >= RESERVE_BYTES * FREE_TIMES);
        if !has_space {
            return;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE;
        let Ok(fd) = open_regular_at(CWD, &self.path, flags, Mode::from_raw_mode(0o600)) else { return };
        if rustix::fs::fallocate(&fd, FallocateFlags::empty(), 0, RESERVE_BYTES).is_err() {
            // Somebody was faster to take the space; or this filesystem cannot allocate, and nothing was made of it.
            let _ = file::remove(&self.path);
        }
    }

    /// Give a piece back to the disk; false where nothing is left. Called under the write lock of a table.
    fn give(&self) -> bool {
        let Ok(file) = open_regular_at(CWD, &self.path, OFlags::WRONLY, Mode::empty()) else { return false };
        let Ok(size) = file.metadata().map(|found| found.len()) else { return false };
        match size.checked_sub(PIECE_BYTES) {
            Some(rest) if rest > 0 => file.set_len(rest).is_ok(),
            _ => file::remove(&self.path).is_ok(),
        }
    }

    /// Do `work` (again, if it fails) although the disk may be full: first with the reserve's space, then after `free`, which
    /// deletes the data that the caller is about to remove anyway.
    pub(crate) fn in_need(
        &self,
        mut work: impl FnMut() -> Result<()>,
        free: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let is_full = |answer: &Result<()>| answer.as_ref().is_err_and(crate::Error::is_disk_full);
        let mut answer = work();
        while is_full(&answer) && self.give() {
            answer = work();
        }
        if is_full(&answer) {
            free()?;
            answer = work();
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use rustix::io::Errno;

    #[test]
    fn a_full_disk_gets_the_reserve_piece_by_piece_and_then_the_data() {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path().join("libpod")).expect("mkdir");
        let reserve = Reserve::new(scratch.path());
        reserve.keep();
        let path = scratch.path().join("libpod/reserve");
        let size = || path.metadata().map_or(0, |found| found.len());
        assert_eq!(size(), RESERVE_BYTES, "this test needs a disk with space, and a filesystem that allocates");
        let full_while = |condition: &dyn Fn() -> bool| {
            if condition() { Err(crate::Error::os("write", "x", Errno::NOSPC)) } else { Ok(()) }
        };
        reserve.in_need(|| full_while(&|| size() > RESERVE_BYTES - PIECE_BYTES), || panic!("enough")).expect("written");
        assert_eq!(size(), RESERVE_BYTES - PIECE_BYTES, "the rest is for the next one");
        reserve.keep();
        assert_eq!(size(), RESERVE_BYTES);
        let freed = std::cell::Cell::new(false);
        let free = || {
            freed.set(true);
            Ok(())
        };
        reserve.in_need(|| full_while(&|| !freed.get()), free).expect("written");
        assert!(!path.exists());
        let other = reserve.in_need(|| Err(crate::Error::os("write", "x", Errno::ROFS)), || panic!("not full"));
        assert!(other.is_err());
    }
}
