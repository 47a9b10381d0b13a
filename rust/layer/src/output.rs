//! The content of one file on its way to the disk.
//!
//! Small files are left to the page cache. Large ones go to the disk while the next are unpacked, so that the final sync finds
//! little to do, and do not stay in memory: where memory is touched for the first time (a guest that gives its free pages back
//! to its host) the pages that they would fill cost more than all other work, and who runs the image reads a part of them only.

use crate::tar::Entry;
use libpod_sys as sys;
use rustix::fs::ftruncate;
use rustix::io::{Errno, ReadWriteFlags, pwritev2};
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};

/// Files from this size on are streamed to the disk.
const STREAMED_SIZE: u64 = 64 * 1024;

/// Streamed files are written in multiples of this: whole pages, of any size that Linux has. The page in which a write ended
/// would have to come back from the disk for the next one.
const UNIT: usize = 64 * 1024;

/// `RWF_DONTCACHE` (Linux 6.14): written through the page cache, and dropped from it once on disk.
const UNCACHED: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// What the kernel and the file system below a directory were found to do.
#[derive(Debug)]
pub struct Caching {
    /// They know [`UNCACHED`]; so it is taken to be until they refuse.
    uncached: bool,
}

impl Default for Caching {
    fn default() -> Self {
        Self { uncached: true }
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct OpenFile {
    file: OwnedFd,
    /// Bytes of content written.
    written: u64,
    streamed: bool,
    /// Size to give in the end: a sparse file may end in a hole.
    real_size: Option<u64>,
    /// Content that waits for the rest of its unit.
    pending: Vec<u8>,
}

impl OpenFile {
    /// Write the content of `entry` to `file`, which is empty.
    pub fn new(file: OwnedFd, entry: &Entry) -> Self {
        let streamed = entry.sparse.is_none() && entry.stored >= STREAMED_SIZE;
        let real_size = entry.sparse.as_ref().map(|sparse| sparse.real_size);
        Self { file, written: 0, streamed, real_size, pending: Vec::new() }
    }

    /// Take the next bytes of the content.
    pub fn write(&mut self, entry: &Entry, mut bytes: &[u8], caching: &mut Caching) -> rustix::io::Result<()> {
        if self.streamed {
            return self.stream(bytes, caching);
        }
        while !bytes.is_empty() {
            let (offset, length) = match &entry.sparse {
                None => (self.written, bytes.len()),
                Some(sparse) => {
                    let (offset, room) = sparse.locate(self.written);
                    (offset, usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len())))
                }
            };
            self.write_all_at(offset, &bytes[..length], b"", caching)?;
            bytes = &bytes[length..];
        }
        Ok(())
    }

    /// Write what is left, and give the file back.
    pub fn finish(mut self, caching: &mut Caching) -> rustix::io::Result<OwnedFd> {
        let pending = std::mem::take(&mut self.pending);
        self.write_all_at(self.written, &pending, b"", caching)?;
        if let Some(real_size) = self.real_size {
            ftruncate(&self.file, real_size)?;
        }
        if self.streamed && !caching.uncached {
            // Only a hint, and some file systems do not know it: the sync before publishing is what counts.
            let _ = sys::fs::start_writeback(self.file.as_fd());
        }
        Ok(self.file)
    }

    /// Write what makes whole units with what is pending, and keep the rest.
    fn stream(&mut self, bytes: &[u8], caching: &mut Caching) -> rustix::io::Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let rest = (pending.len() + bytes.len()) % UNIT;
        let (now, later) = bytes.split_at(bytes.len().saturating_sub(rest));
        if !now.is_empty() {
            self.write_all_at(self.written, &pending, now, caching)?;
            pending.clear();
        }
        pending.extend_from_slice(later);
        self.pending = pending;
        Ok(())
    }

    /// Write all of `first` and `second` at `offset`.
    fn write_all_at(
        &mut self,
        offset: u64,
        first: &[u8],
        second: &[u8],
        caching: &mut Caching,
    ) -> rustix::io::Result<()> {
        let total = first.len() + second.len();
        let mut done = 0;
        while done < total {
            let (begun, rest) = (done.min(first.len()), done.saturating_sub(first.len()));
            let pieces = [IoSlice::new(&first[begun..]), IoSlice::new(&second[rest..])];
            let uncached = self.streamed && caching.uncached;
            let flags = if uncached { UNCACHED } else { ReadWriteFlags::empty() };
            match pwritev2(&self.file, &pieces, offset + done as u64, flags) {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP) if uncached => caching.uncached = false,
                Err(errno) => return Err(errno),
            }
        }
        self.written += total as u64;
        Ok(())
    }
}
