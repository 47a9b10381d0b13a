//! A container's root as a directory descriptor, and every way to a path below it.
//!
//! All names that come from an image or a specification are resolved here, inside the root: `..` stops at it, an absolute
//! symbolic link starts at it, and magic links of /proc are not followed. [`Root`] does that for files, too; what is here is what
//! a runtime makes on the way. Nothing is opened for reading or writing: an `O_PATH` descriptor is all a mount needs.

use crate::error::{Error, Result};
use libpod_sys::fs::{Resolver, Root};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// What is made where nothing exists at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: the error is `ENOENT`.
    Fail,
    /// Directories, all the way, mode 0755.
    Directory,
    /// An empty file of mode 0755 and the directories to it: the place of a file's bind mount.
    File,
}

/// The root directory.
#[derive(Debug)]
pub struct RootDir(Root<OwnedFd>);

impl RootDir {
    /// Take `fd`, a directory, as a root.
    pub fn new(fd: OwnedFd) -> Self {
        Self(Root::new(fd, Resolver::Auto))
    }

    /// Open a directory of the host as a root.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, path, flags, Mode::empty()).map_err(|errno| Error::step("open root", path, errno))?;
        Ok(Self::new(fd))
    }

    /// Resolve `path` to an `O_PATH` descriptor; a symbolic link at its end is followed.
    pub fn resolve(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        self.open_at(path, OFlags::PATH, Mode::empty())
    }

    /// Resolve `path` to a descriptor, making what is missing.
    pub fn resolve_or_make(&self, path: &Path, missing: Missing) -> rustix::io::Result<OwnedFd> {
        self.resolve_or_make_if(path, missing, &|_| Ok(true))
    }

    /// Resolve `path` to a descriptor, making what is missing in directories that `may_make` allows; `EXDEV` for another one.
    pub fn resolve_or_make_if(
        &self,
        path: &Path,
        missing: Missing,
        may_make: &dyn Fn(BorrowedFd<'_>) -> rustix::io::Result<bool>,
    ) -> rustix::io::Result<OwnedFd> {
        let make = |parent: BorrowedFd<'_>, name: &OsStr, last: bool| {
            if !may_make(parent)? {
                return Err(Errno::XDEV);
            }
            if last && missing == Missing::File { make_file(parent, name) } else { make_directory(parent, name) }
        };
        match missing {
            Missing::Fail => self.resolve(path),
            // A `.` or a `/` at the end would ask for a directory.
            _ => {
                let path: PathBuf = path.components().collect();
                self.0.resolve_or_make(&path, OFlags::PATH, Mode::empty(), &make)
            }
        }
    }

    /// Open `path` below the root with `flags`; never through a magic link.
    pub fn open_at(&self, path: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        self.0.resolve(path, flags, mode)
    }

    /// Resolve `path` where no component of it may be a symbolic link.
    pub fn resolve_plain(&self, path: &Path, missing: Missing) -> Result<OwnedFd> {
        let mut current = self.duplicate("resolve", path)?;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let next = match openat(&current, name, flags, Mode::empty()) {
                Err(Errno::NOENT) if missing == Missing::Directory => {
                    make_directory(current.as_fd(), name).and_then(|()| openat(&current, name, flags, Mode::empty()))
                }
                other => other,
            };
            current = next.map_err(|errno| Error::step("resolve", path, errno))?;
            if is_symlink(current.as_fd()).map_err(|errno| Error::step("resolve", path, errno))? {
                let reason = "must be an ordinary directory, and a symbolic link leads there".into();
                return Err(Error::UnsafePath { path: path.into(), reason });
            }
        }
        Ok(current)
    }

    fn duplicate(&self, step: &str, path: &Path) -> Result<OwnedFd> {
        rustix::io::fcntl_dupfd_cloexec(self.0.as_fd(), 0).map_err(|errno| Error::step(step, path, errno))
    }
}

impl AsFd for RootDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Open again, with other flags, what an `O_PATH` descriptor refers to.
pub fn reopen(fd: BorrowedFd<'_>, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    openat(CWD, proc_path(fd), flags - OFlags::NOFOLLOW, Mode::empty())
}

/// The path by which the calls that take no descriptor reach one.
pub fn proc_path(fd: BorrowedFd<'_>) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Whether the descriptor is of a symbolic link itself.
fn is_symlink(fd: BorrowedFd<'_>) -> rustix::io::Result<bool> {
    let stat = rustix::fs::fstat(fd)?;
    Ok(rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Symlink)
}

/// Make one directory, or accept one that another process made meanwhile.
fn make_directory(parent: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    match mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// Make an empty file, or accept one that another process made meanwhile.
fn make_file(parent: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
    let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(parent, name, create, Mode::from_raw_mode(0o755)) {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn scratch(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("libpod-rootdir-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("root/etc")).expect("makes");
        path
    }

    fn inode(fd: &OwnedFd) -> u64 {
        rustix::fs::fstat(fd).expect("stats").st_ino
    }

    fn both(path: &Path) -> [RootDir; 2] {
        let open = || openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("opens");
        [Resolver::Auto, Resolver::Walk].map(|resolver| RootDir(Root::new(open(), resolver)))
    }

    #[test]
    fn links_and_dots_stay_inside() {
        let dir = scratch("inside");
        let root = dir.join("root");
        symlink("/", root.join("abs")).expect("links");
        symlink("../../../..", root.join("up")).expect("links");
        symlink("abs/etc", root.join("chain")).expect("links");
        let (top, etc) = (root.metadata().expect("stats").ino(), root.join("etc").metadata().expect("stats").ino());
        for root in both(&root) {
            for (path, expected) in [("/abs", top), ("up", top), ("../..", top), ("/", top), ("chain/../etc/.", etc)] {
                assert_eq!(inode(&root.resolve(Path::new(path)).expect(path)), expected, "{path}");
            }
        }
        std::fs::remove_dir_all(dir).expect("removes");
    }

    #[test]
    fn makes_what_is_missing_inside_even_through_a_dangling_link() {
        let dir = scratch("make");
        let root = dir.join("root");
        symlink("/run/../../made", root.join("dangling")).expect("links");
        let make = both(&root).map(|root| {
            root.resolve_or_make(Path::new("/dangling/file"), Missing::File).expect("made");
            root.resolve_or_make(Path::new("a/b/c"), Missing::Directory).expect("made");
        });
        assert_eq!(make.len(), 2);
        assert!(root.join("made/file").is_file() && root.join("a/b/c").is_dir() && !dir.join("made").exists());
        std::fs::remove_dir_all(dir).expect("removes");
    }

    #[test]
    fn a_circle_of_links_is_an_error() {
        let dir = scratch("circle");
        symlink("b", dir.join("root/a")).expect("links");
        symlink("a", dir.join("root/b")).expect("links");
        for root in both(&dir.join("root")) {
            assert_eq!(root.resolve(Path::new("a")).err(), Some(Errno::LOOP));
        }
        std::fs::remove_dir_all(dir).expect("removes");
    }

    #[test]
    fn magic_links_lead_nowhere() {
        // Outside, `/proc/self/cwd` is a directory of the host; in here its text is a path below /proc, where nothing is.
        for root in both(Path::new("/proc")) {
            let errno = root.resolve(Path::new("self/cwd")).expect_err("refused");
            assert!(matches!(errno, Errno::LOOP | Errno::NOENT), "{errno}");
        }
    }

    #[test]
    fn a_plain_path_has_no_link() {
        let dir = scratch("plain");
        symlink("etc", dir.join("root/proc")).expect("links");
        let root = RootDir::open(&dir.join("root")).expect("opens");
        assert!(matches!(root.resolve_plain(Path::new("/proc"), Missing::Fail), Err(Error::UnsafePath { .. })));
        root.resolve_plain(Path::new("/sys/fs"), Missing::Directory).expect("made");
        std::fs::remove_dir_all(dir).expect("removes");
    }
}
