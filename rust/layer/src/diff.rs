//! Make a new layer from an overlay upper directory.
//!
//! The walk is sorted, times are cut to seconds and nothing of the machine (names of owners, access times, inode numbers) gets
//! in: the same directory gives the same bytes. What overlayfs wrote for itself becomes whiteouts again; an upper directory
//! that cannot be understood without its lower ones (`redirect`, `metacopy`) is refused, sockets are left out.

use crate::error::{Error, Name};
use crate::names;
use crate::policy::XattrPrefix;
use crate::tar::{Builder, Entry, Kind, Xattrs};
use crate::tree::{fail, names_in};
use libpod_sys as sys;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// Bytes of a file that are read at a time.
const BUFFER: usize = 256 * 1024;

/// How an upper directory is read.
#[derive(Debug, Clone, Copy)]
pub struct DiffOptions {
    /// Which attributes overlayfs used.
    pub xattr_prefix: XattrPrefix,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self { xattr_prefix: XattrPrefix::Trusted }
    }
}

/// Write the tar of the layer that the overlay upper directory `upper` is to `out`.
pub fn diff(upper: BorrowedFd<'_>, out: &mut dyn Write, options: &DiffOptions) -> Result<(), Error> {
    let root = open_directory(upper, b".", b".")?;
    let mut walk = Walk { out, options, links: HashMap::new(), header: Vec::new(), buffer: vec![0; BUFFER] };
    if options.is_opaque(root.as_fd(), b".", b"")? {
        walk.opaque_marker(&Entry { mode: 0o755, ..Entry::default() }, b"")?;
    }
    walk.directory(root)?;
    walk.write(Builder::end())
}

impl DiffOptions {
    fn prefix(&self) -> &'static [u8] {
        match self.xattr_prefix {
            XattrPrefix::Trusted => b"trusted.overlay.",
            XattrPrefix::User => b"user.overlay.",
        }
    }

    fn is_opaque(&self, directory: BorrowedFd<'_>, base: &[u8], name: &[u8]) -> Result<bool, Error> {
        let value = sys::xattr::get(directory, OsStr::from_bytes(base), self.xattr_prefix.opaque());
        Ok(value.map_err(failed(name, "read an extended attribute"))?.as_deref() == Some(b"y"))
    }
}

fn failed<'a>(name: &'a [u8], step: &'static str) -> impl Fn(sys::Error) -> Error + 'a {
    move |source| Error::Entry { entry: Name::new(name), step, source }
}

fn open_directory(parent: BorrowedFd<'_>, base: &[u8], name: &[u8]) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, base, flags, Mode::empty())
        .map_err(|errno| failed(name, "open the directory")(fail("openat", base, errno)))
}

struct Walk<'a> {
    out: &'a mut dyn Write,
    options: &'a DiffOptions,
    /// First name of every file that has several: by device and inode.
    links: HashMap<(u64, u64), Vec<u8>>,
    header: Vec<u8>,
    buffer: Vec<u8>,
}

/// A directory whose children are being written.
struct Level {
    directory: OwnedFd,
    /// Path with a slash at the end; empty for the root.
    prefix: Vec<u8>,
    children: std::vec::IntoIter<Vec<u8>>,
}

impl Level {
    fn new(directory: OwnedFd, prefix: Vec<u8>) -> Result<Self, Error> {
        let children = names_in(directory.as_fd()).map_err(failed(&prefix, "list the directory"))?.into_iter();
        Ok(Self { directory, prefix, children })
    }
}

impl Walk<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(Error::Output)
    }

    /// Everything below `root`. A stack of its own, so that no depth of nesting exhausts the thread's.
    fn directory(&mut self, root: OwnedFd) -> Result<(), Error> {
        let mut stack = vec![Level::new(root, Vec::new())?];
        while let Some(level) = stack.last_mut() {
            let Some(base) = level.children.next() else {
                stack.pop();
                continue;
            };
            let name = [level.prefix.as_slice(), &base].concat();
            if self.child(level.directory.as_fd(), &base, &name)? {
                let directory = open_directory(level.directory.as_fd(), &base, &name)?;
                stack.push(Level::new(directory, [&name, b"/".as_slice()].concat())?);
            }
        }
        Ok(())
    }

    /// Write one file; true for a directory, whose children come next.
    fn child(&mut self, directory: BorrowedFd<'_>, base: &[u8], name: &[u8]) -> Result<bool, Error> {
        let stat = statat(directory, base, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| failed(name, "look at the file")(fail("fstatat", base, errno)))?;
        let mut entry = entry_of(name, &stat);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => return Ok(false),
            FileType::CharacterDevice if stat.st_rdev == 0 => {
                self.whiteout(entry)?;
                return Ok(false);
            }
            FileType::Symlink => {
                let target = readlinkat(directory, base, Vec::new())
                    .map_err(|errno| failed(name, "read the symbolic link")(fail("readlinkat", base, errno)))?;
                entry.link = target.into_bytes();
            }
            _ => {}
        }
        entry.xattrs = self.xattrs(directory, base, name)?;
        if entry.kind == Kind::Directory {
            entry.name.push(b'/');
            self.header(&entry)?;
            if self.options.is_opaque(directory, base, name)? {
                self.opaque_marker(&entry, &entry.name)?;
            }
            return Ok(true);
        }
        if stat.st_nlink > 1 {
            if let Some(first) = self.links.get(&(stat.st_dev, stat.st_ino)) {
                (entry.kind, entry.link, entry.size) = (Kind::HardLink, first.clone(), 0);
                self.header(&entry)?;
                return Ok(false);
            }
            self.links.insert((stat.st_dev, stat.st_ino), name.to_vec());
        }
        if entry.kind == Kind::File {
            self.file(directory, base, &entry)?
        } else {
            self.header(&entry)?
        }
        Ok(false)
    }

    fn header(&mut self, entry: &Entry) -> Result<(), Error> {
        let mut header = std::mem::take(&mut self.header);
        header.clear();
        Builder::header(entry, &mut header);
        let result = self.write(&header);
        self.header = header;
        result
    }

    fn whiteout(&mut self, entry: Entry) -> Result<(), Error> {
        let (parent, base) = names::split(&entry.name);
        let slash: &[u8] = if parent.is_empty() { b"" } else { b"/" };
        let name = [parent, slash, &names::whiteout(base)].concat();
        self.header(&Entry { name, kind: Kind::File, mode: 0, size: 0, device: (0, 0), ..entry })
    }

    fn opaque_marker(&mut self, directory: &Entry, prefix: &[u8]) -> Result<(), Error> {
        let name = [prefix, names::opaque()].concat();
        let (uid, gid, mode) = (directory.uid, directory.gid, directory.mode & 0o777);
        self.header(&Entry { name, uid, gid, mode, ..Entry::default() })
    }

    /// Header and content. A file that grows or shrinks under the read would break the tar, and is an error.
    fn file(&mut self, directory: BorrowedFd<'_>, base: &[u8], entry: &Entry) -> Result<(), Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(directory, base, flags, Mode::empty())
            .map_err(|errno| failed(&entry.name, "open the file")(fail("openat", base, errno)))?;
        // A program in the container may have put a pipe or a device there since it was looked at.
        sys::file::require_regular(&file).map_err(|_| Error::Changed { entry: Name::new(&entry.name) })?;
        self.header(entry)?;
        let mut file = File::from(file).take(entry.size);
        let mut left = entry.size;
        while left > 0 {
            let read = file.read(&mut self.buffer);
            let count = read.map_err(|error| {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                failed(&entry.name, "read the file")(fail("read", base, errno))
            })?;
            if count == 0 {
                return Err(Error::Changed { entry: Name::new(&entry.name) });
            }
            left -= count as u64;
            self.out.write_all(&self.buffer[..count]).map_err(Error::Output)?;
        }
        self.write(Builder::padding(entry.size))
    }

    /// The attributes that a layer carries: capabilities, integrity marks and the user's own.
    fn xattrs(&self, directory: BorrowedFd<'_>, base: &[u8], name: &[u8]) -> Result<Xattrs, Error> {
        let mut kept = Vec::new();
        let step = "read an extended attribute";
        for key in sys::xattr::list(directory, OsStr::from_bytes(base)).map_err(failed(name, step))? {
            if let Some(own) = key.strip_prefix(self.options.prefix()) {
                if matches!(own, b"redirect" | b"metacopy") {
                    let reason = "the directory depends on its lower layers (overlay redirect or metacopy)";
                    return Err(Error::Unsupported { entry: Name::new(name), reason });
                }
            } else if key.starts_with(b"user.") || key == b"security.capability" || key == b"security.ima" {
                let value = sys::xattr::get(directory, OsStr::from_bytes(base), &key).map_err(failed(name, step))?;
                kept.extend(value.map(|value| (key, value)));
            }
        }
        Ok(kept)
    }
}

fn entry_of(name: &[u8], stat: &Stat) -> Entry {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::CharacterDevice => Kind::Char,
        FileType::BlockDevice => Kind::Block,
        FileType::Fifo => Kind::Fifo,
        _ => Kind::File,
    };
    let is_device = matches!(kind, Kind::Char | Kind::Block);
    let device = if is_device { (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) } else { (0, 0) };
    let size = if kind == Kind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
    Entry {
        name: name.to_vec(),
        kind,
        // With the type's bits, as Podman writes it.
        mode: stat.st_mode,
        uid: stat.st_uid.into(),
        gid: stat.st_gid.into(),
        mtime: stat.st_mtime,
        size,
        device,
        ..Entry::default()
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
