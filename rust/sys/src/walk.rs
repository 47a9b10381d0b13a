//! Walk a directory tree of any depth and breadth with a bounded number of descriptors and no recursion.
//!
//! Layers come from strangers: a tree may be thousands of directories deep, and a directory may hold a million others.
//! Symlinks are never followed.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, chmod, fchmod, openat, unlinkat};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Directories above the current one that stay open; those further up are found again through `..`.
const KEPT_OPEN: usize = 64;

/// What is done on the way.
pub trait Visitor {
    /// An entry of `directory` that is no directory.
    fn file(&mut self, directory: BorrowedFd<'_>, name: &CStr, kind: FileType) -> Result<()>;
    /// The directory `name` of `parent` and everything below it was visited.
    fn left(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<()>;
    /// The directory `name` of `parent` may not be read; it is opened again where this makes it readable.
    fn refused(&mut self, _parent: BorrowedFd<'_>, _name: &CStr) -> Result<()> {
        Err(Errno::ACCESS)
    }
}

/// A directory on the way down.
struct Level {
    fd: Option<OwnedFd>,
    name: CString,
    subdirectories: Vec<CString>,
}

/// Visit everything below `root`. What vanishes meanwhile is passed over.
pub fn walk(root: OwnedFd, visitor: &mut impl Visitor) -> Result<()> {
    let mut levels = vec![enter(root, CString::default(), visitor)?];
    loop {
        let depth = levels.len();
        let Some(level) = levels.last_mut() else { return Ok(()) };
        let Some(fd) = level.fd.as_ref() else { return Err(Errno::BADF) };
        if let Some(name) = level.subdirectories.pop() {
            let Some(child) = open(fd.as_fd(), &name, visitor)? else { continue };
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

fn open(directory: BorrowedFd<'_>, name: &CStr, visitor: &mut impl Visitor) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let opened = match openat(directory, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            visitor.refused(directory, name)?;
            openat(directory, name, flags, Mode::empty())
        }
        opened => opened,
    };
    match opened {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Remove `name` of `parent`, a file or a whole tree, which may be missing. Nothing is followed.
pub fn remove(parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        // What answers so is a directory, or may not be removed by this process: rmdir tells.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(()),
        answer => return answer,
    }
    if let Some(root) = open(parent, name, &mut Remover)? {
        walk(root, &mut Remover)?;
    }
    Remover.left(parent, name)
}

/// Removes what it visits. Who is not root may own a directory without the right to read or write it, and takes that right.
struct Remover;

impl Visitor for Remover {
    fn file(&mut self, directory: BorrowedFd<'_>, name: &CStr, _: FileType) -> Result<()> {
        match unlink(directory, name, AtFlags::empty()) {
            Err(Errno::ACCESS) => {
                fchmod(directory, Mode::RWXU)?;
                unlink(directory, name, AtFlags::empty())
            }
            answer => answer,
        }
    }

    fn left(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        match unlink(parent, name, AtFlags::REMOVEDIR) {
            Err(Errno::ACCESS) => {
                fchmod(parent, Mode::RWXU)?;
                unlink(parent, name, AtFlags::REMOVEDIR)
            }
            answer => answer,
        }
    }

    fn refused(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(parent, name, flags, Mode::empty())?;
        chmod(format!("/proc/self/fd/{}", directory.as_raw_fd()), Mode::RWXU)
    }
}

fn unlink(directory: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<()> {
    match unlinkat(directory, name, flags) {
        Err(Errno::NOENT) => Ok(()),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::path::{Path, PathBuf};

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("libpod-sys-walk-{}-{name}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn remove(&self) -> Result<()> {
            remove(CWD, &CString::new(self.0.as_os_str().as_encoded_bytes()).unwrap())
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            self.remove().unwrap();
        }
    }

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
        let scratch = Scratch::new("deep");
        make_deep(&scratch.0, 5000);
        let mut counter = Counter::default();
        walk(open_root(&scratch.0), &mut counter).expect("walk");
        assert_eq!((counter.files, counter.directories), (5000, 5000));
        scratch.remove().expect("remove");
        assert!(!scratch.0.exists());
    }

    #[test]
    fn a_directory_of_more_directories_than_descriptors_is_walked() {
        let scratch = Scratch::new("broad");
        for number in 0..3000 {
            std::fs::create_dir(scratch.0.join(number.to_string())).expect("mkdir");
        }
        let mut counter = Counter::default();
        walk(open_root(&scratch.0), &mut counter).expect("walk");
        assert_eq!(counter.directories, 3000);
    }

    #[test]
    fn the_owner_of_closed_directories_removes_them() {
        let scratch = Scratch::new("closed");
        for (name, mode) in [("unreadable", 0o000), ("unwritable", 0o555)] {
            std::fs::create_dir_all(scratch.0.join(name).join("below/deeper")).unwrap();
            std::fs::write(scratch.0.join(name).join("below/file"), "").unwrap();
            for path in [scratch.0.join(name).join("below"), scratch.0.join(name)] {
                rustix::fs::chmod(path, Mode::from_raw_mode(mode)).unwrap();
            }
        }
        if rustix::process::geteuid().is_root() {
            for path in ["unwritable/below/deeper", "unwritable/below/file", "unwritable/below", "unwritable"]
                .iter()
                .chain(&["unreadable/below/deeper", "unreadable/below/file", "unreadable/below", "unreadable", ""])
            {
                std::os::unix::fs::chown(scratch.0.join(path), Some(65534), Some(65534)).unwrap();
            }
            let path = scratch.0.join("unwritable");
            // Root's right to pass over modes goes with the user of this thread.
            std::thread::spawn(move || {
                rustix::thread::set_thread_res_uid(
                    rustix::process::Uid::from_raw(65534),
                    rustix::process::Uid::from_raw(65534),
                    rustix::process::Uid::from_raw(65534),
                )
                .unwrap();
                for path in [path.clone(), path.with_file_name("unreadable")] {
                    remove(CWD, &CString::new(path.as_os_str().as_encoded_bytes()).unwrap()).unwrap();
                    assert!(!path.exists());
                }
            })
            .join()
            .unwrap();
        }
    }
}
