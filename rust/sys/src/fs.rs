//! Files below a root that may be hostile, and two file calls that `rustix` lacks.
//!
//! [`Root`] resolves a path as if its directory were `/`: symbolic links, absolute ones too, and `..` stay inside. It asks
//! `openat2(RESOLVE_IN_ROOT)`, and where the kernel or a seccomp filter refuses that call it walks component by component with
//! descriptors alone. It never joins path strings, and it never goes up by `..`: the walk keeps the descriptors it came by.

use crate::error::{Error, Result};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

/// As many symbolic links as the kernel follows in one path.
const MAX_LINKS: usize = 40;

/// `openat2` answers `EAGAIN` when a rename elsewhere makes a `..` undecidable; after so many tries the walk decides.
const MAX_RETRIES: usize = 16;

/// How a [`Root`] resolves paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resolver {
    /// `openat2` where it works, else the walk.
    #[default]
    Auto,
    /// The component-wise walk, whatever the kernel offers.
    Walk,
}

/// A directory that paths are resolved inside of.
#[derive(Debug)]
pub struct Root<Fd: AsFd> {
    directory: Fd,
    /// Whether `openat2` may be used; not known before its first call.
    kernel: OnceLock<bool>,
}

/// Makes a name that is missing in a directory on the way; the flag says whether the path ends with it.
pub type Make<'a> = dyn Fn(BorrowedFd<'_>, &OsStr, bool) -> std::result::Result<(), Errno> + 'a;

impl<Fd: AsFd> Root<Fd> {
    /// Resolve below `directory`; with [`Resolver::Auto`] the first call finds out whether `openat2` may be used.
    pub fn new(directory: Fd, resolver: Resolver) -> Self {
        let kernel = match resolver {
            Resolver::Auto => OnceLock::new(),
            Resolver::Walk => OnceLock::from(false),
        };
        Self { directory, kernel }
    }

    /// The root directory itself.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Open `path` inside the root; `O_CLOEXEC` is added. `O_NOFOLLOW` concerns the last component alone.
    pub fn open(&self, path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        self.resolve(path, flags, mode)
            .map_err(|errno| Error::new("openat2", format!("{path:?}, {flags:?}, RESOLVE_IN_ROOT"), errno))
    }

    /// The same, for a caller that has its own words for what failed.
    pub fn resolve(&self, path: &Path, flags: OFlags, mode: Mode) -> std::result::Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        if self.kernel.get() != Some(&false) {
            let opened = open_by_kernel(self.as_fd(), path, flags, mode);
            // An error may be of the file or of the call: the root itself can always be opened.
            let works = || *self.kernel.get_or_init(|| opened.is_ok() || probe(self.as_fd()));
            if works() {
                return opened;
            }
        }
        Walk::new(self.as_fd(), path, None).run(flags, mode)
    }

    /// The same, calling `make` for each component that does not exist; a symbolic link to nowhere is a way like any other.
    pub fn resolve_or_make(
        &self,
        path: &Path,
        flags: OFlags,
        mode: Mode,
        make: &Make<'_>,
    ) -> std::result::Result<OwnedFd, Errno> {
        match self.resolve(path, flags, mode) {
            Err(Errno::NOENT) => Walk::new(self.as_fd(), path, Some(make)).run(flags | OFlags::CLOEXEC, mode),
            opened => opened,
        }
    }

    /// Open the directory `path` as a place to create and look up names in (`O_PATH`).
    pub fn open_dir(&self, path: &Path) -> Result<OwnedFd> {
        self.open(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
    }
}

const INSIDE: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

fn probe(directory: BorrowedFd<'_>) -> bool {
    openat2(directory, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), INSIDE).is_ok()
}

fn open_by_kernel(root: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> std::result::Result<OwnedFd, Errno> {
    let name = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    for _ in 0..MAX_RETRIES {
        match openat2(root, name, flags, mode, INSIDE) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    Walk::new(root, path, None).run(flags, mode)
}

/// The state of a walk: the directories it came by, and the components that are still to come (last one first).
struct Walk<'a> {
    root: BorrowedFd<'a>,
    stack: Vec<OwnedFd>,
    pending: Vec<Vec<u8>>,
    links: usize,
    make: Option<&'a Make<'a>>,
}

impl<'a> Walk<'a> {
    fn new(root: BorrowedFd<'a>, path: &Path, make: Option<&'a Make<'a>>) -> Self {
        let mut walk = Self { root, stack: Vec::new(), pending: Vec::new(), links: 0, make };
        walk.push(path.as_os_str().as_bytes());
        walk
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.stack.last().map_or(self.root, AsFd::as_fd)
    }

    /// Put the components of `path` in front of what is still to come.
    fn push(&mut self, path: &[u8]) {
        if path.starts_with(b"/") {
            self.stack.clear();
        }
        let first = self.pending.len();
        self.pending.extend(path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec));
        if path.ends_with(b"/") {
            self.pending.push(b".".to_vec());
        }
        self.pending[first..].reverse();
    }

    fn run(mut self, flags: OFlags, mode: Mode) -> std::result::Result<OwnedFd, Errno> {
        while let Some(name) = self.pending.pop() {
            match name.as_slice() {
                b"." => {}
                b".." => {
                    self.stack.pop();
                }
                name if !self.pending.is_empty() => self.enter(name)?,
                name => {
                    if let Some(found) = self.open_last(name, flags, mode)? {
                        return Ok(found);
                    }
                }
            }
        }
        openat(self.here(), ".", flags, mode)
    }

    fn enter(&mut self, name: &[u8]) -> std::result::Result<(), Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.open_here(name, flags, Mode::empty(), false) {
            Ok(fd) => self.stack.push(fd),
            Err(errno @ (Errno::NOTDIR | Errno::LOOP)) => {
                if !self.follow(name)? {
                    return Err(errno);
                }
            }
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Open the last component; None where it is a symbolic link, which was followed.
    fn open_last(&mut self, name: &[u8], flags: OFlags, mode: Mode) -> std::result::Result<Option<OwnedFd>, Errno> {
        if flags.contains(OFlags::NOFOLLOW) {
            return self.open_here(name, flags, mode, true).map(Some);
        }
        match self.follow(name) {
            Ok(true) => return Ok(None),
            // What does not exist may be about to be created.
            Ok(false) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        let found = self.open_here(name, flags | OFlags::NOFOLLOW, mode, true)?;
        // With `O_PATH` alone a symbolic link that came meanwhile is no error.
        if flags.contains(OFlags::PATH) && FileType::from_raw_mode(fstat(&found)?.st_mode) == FileType::Symlink {
            self.pending.push(name.to_vec());
            return Ok(None);
        }
        Ok(Some(found))
    }

    /// Open a component of the directory where the walk is, made if it is missing.
    fn open_here(&self, name: &[u8], flags: OFlags, mode: Mode, last: bool) -> std::result::Result<OwnedFd, Errno> {
        match (openat(self.here(), name, flags, mode), self.make) {
            (Err(Errno::NOENT), Some(make)) => {
                make(self.here(), OsStr::from_bytes(name), last)?;
                openat(self.here(), name, flags, mode)
            }
            (opened, _) => opened,
        }
    }

    /// Follow `name` if it is a symbolic link; false where it is none.
    fn follow(&mut self, name: &[u8]) -> std::result::Result<bool, Errno> {
        match readlinkat(self.here(), name, Vec::new()) {
            Ok(_) if self.links == MAX_LINKS => Err(Errno::LOOP),
            Ok(target) if target.as_bytes().is_empty() => Err(Errno::NOENT),
            Ok(target) => {
                self.links += 1;
                self.push(target.as_bytes());
                Ok(true)
            }
            Err(Errno::INVAL) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// The path under which `/proc` shows `name` in `directory`: for the calls that have no form with a directory descriptor.
pub fn proc_path(directory: BorrowedFd<'_>, name: &OsStr) -> Vec<u8> {
    let mut path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
    path.extend_from_slice(name.as_bytes());
    path
}

/// Give the calling thread a umask of its own and set it to 0, so that a file is created with exactly the mode asked for.
///
/// The other threads keep theirs. The thread also gets a working directory of its own. Where the kernel refuses, nothing has
/// changed and the caller must set modes explicitly.
pub fn detach_umask() -> Result<()> {
    // SAFETY: CLONE_FS concerns root, working directory and umask of this thread; no memory or descriptor is involved.
    if unsafe { libc::unshare(libc::CLONE_FS) } != 0 {
        return Err(Error::last("unshare", "CLONE_FS"));
    }
    rustix::process::umask(Mode::empty());
    Ok(())
}

/// Ask the kernel to begin writing the file's dirty pages, and do not wait.
pub fn start_writeback(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: plain integers; the borrowed descriptor is open for the length of the call.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    if result == 0 { Ok(()) } else { Err(Error::last("sync_file_range", file.as_raw_fd().to_string())) }
}

#[cfg(test)]
#[path = "fs_tests.rs"]
mod tests;
