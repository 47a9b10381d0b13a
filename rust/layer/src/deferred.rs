//! Times and modes of directories, kept until nothing more is created in them.

use crate::error::{Error, Name};
use crate::names;
use crate::tree::{Tree, fail};
use rustix::fs::{AtFlags, FileType, Mode, Timespec, Timestamps, chmodat, statat, utimensat};
use rustix::io::Errno;

struct Record {
    /// Where the path begins in the arena, and how long it is.
    path: (usize, usize),
    time: Option<(i64, u32)>,
    mode: Option<u32>,
}

/// What is still to be set on directories.
#[derive(Default)]
pub struct Deferred {
    arena: Vec<u8>,
    records: Vec<Record>,
}

impl Deferred {
    /// Remember what `path` is to get.
    pub fn push(&mut self, path: &[u8], time: (i64, u32), mode: Option<u32>) {
        self.add(path, Some(time), mode);
    }

    /// Remember the mode of a directory that no entry describes.
    pub fn push_mode(&mut self, path: &[u8], mode: u32) {
        self.add(path, None, Some(mode));
    }

    fn add(&mut self, path: &[u8], time: Option<(i64, u32)>, mode: Option<u32>) {
        self.records.push(Record { path: (self.arena.len(), path.len()), time, mode });
        self.arena.extend_from_slice(path);
    }

    /// Set everything, children before their parents; of several records of a path the last one counts.
    pub fn apply(mut self, tree: &mut Tree) -> Result<(), Error> {
        let arena = &self.arena;
        let path = |record: &Record| &arena[record.path.0..record.path.0 + record.path.1];
        // Stable: the records of one path stay in their order.
        self.records.sort_by(|a, b| path(b).cmp(path(a)));
        for record in &self.records {
            set(tree, path(record), record)?;
        }
        Ok(())
    }
}

fn set(tree: &mut Tree, path: &[u8], record: &Record) -> Result<(), Error> {
    let failed = |step, source| Error::Entry { entry: Name::new(path), step, source };
    let (parent, base) = names::split(path);
    let directory = match tree.directory(parent) {
        Err(error) if tree.replaced && matches!(error.errno(), Errno::NOENT | Errno::NOTDIR) => return Ok(()),
        result => result.map_err(|error| failed("open the parent directory", error))?,
    };
    // A later entry may have put something else here.
    let is_directory = || {
        statat(&*directory, base, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    };
    if tree.replaced && !is_directory() {
        return Ok(());
    }
    if let Some((seconds, nanos)) = record.time {
        let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(&*directory, base, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| failed("set the time", fail("utimensat", base, errno)))?;
    }
    if let Some(mode) = record.mode {
        chmodat(&*directory, base, Mode::from_raw_mode(mode), AtFlags::empty())
            .map_err(|errno| failed("change the mode", fail("fchmodat", base, errno)))?;
    }
    Ok(())
}
