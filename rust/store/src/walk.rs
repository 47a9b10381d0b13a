//! Walk a directory tree of any depth and breadth with a bounded number of descriptors and no recursion.
//!
//! Layers come from strangers: a tree may be thousands of directories deep, and a directory may hold a million others.
//! Symlinks are never followed.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Directories above the current one that stay open; those further up are found again through `..`.
const KEPT_OPEN: usize = 64;

/// What is done on the way.
pub(crate) trait Visitor {
    /// An entry of `directory` that is no directory.
    fn file(&mut self, directory: BorrowedFd<'_>, name: &CStr, kind: FileType) -> Result<()>;
    /// The directory `name` of `parent` and everything below it was visited.
    fn left(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<()>;
}

/// A directory on the way down.
struct Level {
    fd: Option<OwnedFd>,
    name: CString,
    subdirectories: Vec<CString>,
}

/// Visit everything below `root`. What vanishes meanwhile is passed over.
pub(crate) fn walk(root: OwnedFd, visitor: &mut impl Visitor) -> Result<()> {
    let mut levels = vec![enter(root, CString::default(), visitor)?];
    loop {
        let depth = levels.len();
        let Some(level) = levels.last_mut() else { return Ok(()) };
        let Some(fd) = level.fd.as_ref() else { return Err(Errno::BADF) };
        if let Some(name) = level.subdirectories.pop() {
            let Some(child) = open(fd.as_fd(), &name)? else { continue };
            let child = enter(child, name, visitor)?;
            if depth > KEPT_OPEN {
                levels[depth - KEPT_OPEN].fd = None;
            }
            levels.push(child);
        } else {
            leave(&mut levels, visitor)?;
        }
    }
}

/// Visit the files of a directory and note its subdirectories.
fn enter(fd: OwnedFd, name: CString, visitor: &mut impl Visitor) -> Result<Level> {
    let mut subdirectories = Vec::new();
    for entry in Dir::read_from(&fd)? {
        let entry = entry?;
        let entry_name = entry.file_name();
        if matches!(entry_name.to_bytes(), b"." | b"..") {
            continue;
        }
        match kind(fd.as_fd(), entry_name, entry.file_type())? {
            None => {}
            Some(FileType::Directory) => subdirectories.push(entry_name.to_owned()),
            Some(kind) => visitor.file(fd.as_fd(), entry_name, kind)?,
        }
    }
    Ok(Level { fd: Some(fd), name, subdirectories })
}

/// Some filesystems do not tell the kind of an entry in the listing.
fn kind(directory: BorrowedFd<'_>, name: &CStr, listed: FileType) -> Result<Option<FileType>> {
    if listed != FileType::Unknown {
        return Ok(Some(listed));
    }
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn leave(levels: &mut Vec<Level>, visitor: &mut impl Visitor) -> Result<()> {
    let Some(done) = levels.pop() else { return Ok(()) };
    let (Some(parent), Some(fd)) = (levels.last_mut(), done.fd) else { return Ok(()) };
    if parent.fd.is_none() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        parent.fd = Some(rustix::fs::openat(&fd, c"..", flags, Mode::empty())?);
    }
    drop(fd);
    match &parent.fd {
        Some(parent) => visitor.left(parent.as_fd(), &done.name),
        None => Ok(()),
    }
}

fn open(directory: BorrowedFd<'_>, name: &CStr) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Removes what it visits.
pub(crate) struct Remover;

impl Visitor for Remover {
    fn file(&mut self, directory: BorrowedFd<'_>, name: &CStr, _: FileType) -> Result<()> {
        unlink(directory, name, AtFlags::empty())
    }

    fn left(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        unlink(parent, name, AtFlags::REMOVEDIR)
    }
}

fn unlink(directory: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<()> {
    match rustix::fs::unlinkat(directory, name, flags) {
        Err(Errno::NOENT) => Ok(()),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;
    use crate::testing::Scratch;
    use std::path::Path;

    fn open_root(path: &Path) -> OwnedFd {
        rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("open")
    }

    /// A chain of directories that is far deeper than a path or the table of descriptors is long, with a file in each.
    fn make_deep(root: &Path, depth: usize) {
        let mut fd = open_root(root);
        for _ in 0..depth {
            rustix::fs::mkdirat(&fd, c"d", Mode::from_raw_mode(0o700)).expect("mkdir");
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
            rustix::fs::openat(&fd, c"file", flags, Mode::from_raw_mode(0o600)).expect("create");
            fd = rustix::fs::openat(&fd, c"d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("open");
        }
    }

    #[derive(Default)]
    struct Counter {
        files: usize,
        directories: usize,
    }

    impl Visitor for Counter {
        fn file(&mut self, _: BorrowedFd<'_>, _: &CStr, _: FileType) -> Result<()> {
            self.files += 1;
            Ok(())
        }

        fn left(&mut self, _: BorrowedFd<'_>, _: &CStr) -> Result<()> {
            self.directories += 1;
            Ok(())
        }
    }

    #[test]
    fn a_tree_deeper_than_any_path_is_walked_and_removed() {
        let scratch = Scratch::new();
        let root = scratch.path().join("root");
        std::fs::create_dir(&root).expect("mkdir");
        make_deep(&root, 5000);
        let mut counter = Counter::default();
        walk(open_root(&root), &mut counter).expect("walk");
        assert_eq!((counter.files, counter.directories), (5000, 5000));
        file::remove_tree(&root).expect("remove");
        assert!(!root.exists());
    }

    #[test]
    fn a_directory_of_more_directories_than_descriptors_is_walked() {
        let scratch = Scratch::new();
        for number in 0..3000 {
            std::fs::create_dir(scratch.path().join(number.to_string())).expect("mkdir");
        }
        let mut counter = Counter::default();
        walk(open_root(scratch.path()), &mut counter).expect("walk");
        assert_eq!(counter.directories, 3000);
    }
}
