//! The directory a layer is unpacked into: its directories by descriptor, each opened once while it is in use.
//!
//! Paths are cleaned names (`names::clean`). A parent that is a symbolic link inside the layer is legal and is resolved inside
//! the root; the last component is never followed.

use libpod_sys::Error;
use libpod_sys::fs::{Resolver, Root};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdirat, openat, statat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// Directories that are kept open. A tar goes depth first, so few are in use; other layers and threads need descriptors too.
const OPEN_DIRECTORIES: usize = 96;

/// Mode of a directory that an entry needs and no entry describes, as Podman makes it.
pub const IMPLIED_MODE: u32 = 0o755;

type Result<T> = std::result::Result<T, Error>;

/// A failed call on `name`, printed as strace would.
pub fn fail(call: &'static str, name: &[u8], errno: Errno) -> Error {
    Error::new(call, format!("\"{}\"", name.escape_ascii()), errno)
}

/// The path type of the system calls.
pub fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

struct Slot {
    directory: Arc<OwnedFd>,
    used: u64,
}

/// A root directory and the directories below it that were used last.
pub struct Tree {
    root: Root<Arc<OwnedFd>>,
    root_fd: Arc<OwnedFd>,
    open: HashMap<Vec<u8>, Slot>,
    clock: u64,
    /// Something that existed was removed: what was known about paths may be outdated.
    pub replaced: bool,
}

impl Tree {
    /// Work below `target`.
    pub fn new(target: BorrowedFd<'_>, resolver: Resolver) -> Result<Self> {
        let root_fd = target.try_clone_to_owned().map_err(|error| {
            Error::new("fcntl", "F_DUPFD_CLOEXEC", Errno::from_io_error(&error).unwrap_or(Errno::IO))
        })?;
        let root_fd = Arc::new(root_fd);
        let root = Root::new(Arc::clone(&root_fd), resolver);
        Ok(Self { root, root_fd, open: HashMap::new(), clock: 0, replaced: false })
    }

    /// The root itself.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root_fd.as_fd()
    }

    /// The directory `name`, which must exist.
    pub fn directory(&mut self, name: &[u8]) -> Result<Arc<OwnedFd>> {
        if name.is_empty() {
            return Ok(Arc::clone(&self.root_fd));
        }
        self.clock += 1;
        if let Some(slot) = self.open.get_mut(name) {
            slot.used = self.clock;
            return Ok(Arc::clone(&slot.directory));
        }
        let directory = Arc::new(self.root.open_dir(path(name))?);
        self.keep(name, &directory);
        Ok(directory)
    }

    fn keep(&mut self, name: &[u8], directory: &Arc<OwnedFd>) {
        if self.open.len() >= OPEN_DIRECTORIES {
            let oldest = self.open.iter().min_by_key(|(_, slot)| slot.used).map(|(name, _)| name.clone());
            oldest.and_then(|name| self.open.remove(&name));
        }
        self.open.insert(name.to_vec(), Slot { directory: Arc::clone(directory), used: self.clock });
    }

    /// Open the file `name` for reading; None where it is absent or no regular file.
    pub fn open_file(&mut self, name: &[u8]) -> Result<Option<OwnedFd>> {
        let (parent, base) = crate::names::split(name);
        let directory = match self.directory(parent) {
            Ok(directory) => directory,
            Err(error) if matches!(error.errno(), Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error),
        };
        // O_NONBLOCK: a pipe put in the file's place must not make us wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match openat(&*directory, base, flags, Mode::empty()) {
            Ok(file) => {
                let stat = rustix::fs::fstat(&file).map_err(|errno| fail("fstat", name, errno))?;
                Ok((FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then_some(file))
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(fail("openat", name, errno)),
        }
    }

    /// The directory `name`; it and its missing parents are created. `found` is called for each created path.
    pub fn directory_or_create(&mut self, name: &[u8], created: &mut dyn FnMut(&[u8])) -> Result<Arc<OwnedFd>> {
        match self.directory(name) {
            Err(error) if error.errno() == Errno::NOENT => {}
            result => return result,
        }
        let mut end = 0;
        while end < name.len() {
            let next = name[end + 1..].iter().position(|byte| *byte == b'/').map_or(name.len(), |at| end + 1 + at);
            let here = self.directory(&name[..end])?;
            let base = if end == 0 { &name[..next] } else { &name[end + 1..next] };
            match mkdirat(&*here, base, Mode::from_raw_mode(IMPLIED_MODE)) {
                Ok(()) => created(&name[..next]),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(fail("mkdirat", &name[..next], errno)),
            }
            end = next;
        }
        self.directory(name)
    }

    /// Remove whatever `base` is, recursively and without following anything.
    pub fn remove(&mut self, parent: &Arc<OwnedFd>, base: &[u8]) -> Result<()> {
        self.replaced = true;
        self.open.clear();
        let name = CString::new(base).map_err(|_| fail("unlinkat", base, Errno::INVAL))?;
        libpod_sys::walk::remove(parent.as_fd(), &name).map_err(|errno| fail("unlinkat", base, errno))
    }
}

/// Names in an open directory, without `.` and `..`, in the order of their bytes.
pub fn names_in(directory: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>> {
    let reading = |errno| Error::new("getdents64", "", errno);
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort();
    Ok(names)
}

/// True where `base` is an overlay whiteout: a character device 0:0.
pub fn is_whiteout(parent: BorrowedFd<'_>, base: &[u8]) -> bool {
    statat(parent, base, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0)
}
