//! Whole files: read only what is a regular file, and replace a file in one step.
//!
//! What is read is a regular file of a limited size. A FIFO, a device or a socket in its place is refused and never waited for
//! ([`io::ErrorKind::InvalidInput`]), and a file without end does not fill the memory ([`io::ErrorKind::FileTooLarge`]).
//! [`replace`], [`replace_at`] and [`Replacement`] write beside the target and rename, so a reader sees the old content or the new
//! one, and an error leaves the old one and no temporary file.

use crate::random;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// Is the new content to survive a loss of power?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `fdatasync` before the rename: after a crash the file has the old or the new content.
    Synced,
    /// No sync: for what is void after a reboot, and for what is made again when it is lost.
    Volatile,
}

/// Read the regular file `path`, symbolic links followed, of at most `limit_bytes`.
pub fn read(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    read_open(&open_regular(path)?, limit_bytes)
}

/// Read the regular file `name` in `directory`; `name` itself is no symbolic link.
pub fn read_at(directory: BorrowedFd<'_>, name: &str, limit_bytes: u64) -> io::Result<Vec<u8>> {
    read_open(
        &open_regular_at(directory, Path::new(name), OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty())?,
        limit_bytes,
    )
}

/// Read the rest of an open file, which is at most `limit_bytes`.
pub fn read_open(file: &File, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(size.min(limit_bytes) as usize + 1);
    file.take(limit_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("the file has more than {limit_bytes} bytes")));
    }
    Ok(bytes)
}

/// Open a regular file for reading; symbolic links are followed. Never waits.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_regular_at(CWD, path, OFlags::RDONLY, Mode::empty())
}

/// The same below `directory`, with the access mode and other `flags` of open(2), and the `mode` of a file that it creates. What
/// is opened is no pipe or terminal, so `O_NONBLOCK` stays without effect on it. Never waits.
pub fn open_regular_at(directory: impl AsFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(directory, path, flags, mode) {
        // A socket, a device without a driver, a FIFO that nobody reads.
        Err(Errno::NXIO | Errno::NODEV) => return Err(not_regular()),
        opened => File::from(opened?),
    };
    require_regular(&file)?;
    Ok(file)
}

/// Fail unless the open file is a regular one.
pub fn require_regular(file: impl AsFd) -> io::Result<()> {
    if FileType::from_raw_mode(fstat(file)?.st_mode) == FileType::RegularFile { Ok(()) } else { Err(not_regular()) }
}

fn not_regular() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "not a regular file")
}

/// A file that takes the place of another one when it is published; dropped before that, it is removed.
#[derive(Debug)]
pub struct Replacement<'a> {
    directory: BorrowedFd<'a>,
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    published: bool,
}

impl Replacement<'static> {
    /// Create a file beside `target`, readable and writable, with the permissions `mode` less the umask.
    pub fn create(target: &Path, mode: Mode) -> io::Result<Self> {
        Replacement::create_at(CWD, target, mode)
    }
}

impl<'a> Replacement<'a> {
    /// The same for a target below `directory`.
    ///
    /// The name is the one that containers/storage uses and ignores: `.tmp-<name><digits>` in the same directory.
    pub fn create_at(directory: BorrowedFd<'a>, target: &Path, mode: Mode) -> io::Result<Self> {
        let name = target.file_name().ok_or(ErrorKind::InvalidInput)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let mut temporary = OsString::from(".tmp-");
            temporary.push(name);
            temporary.push(u32::from_le_bytes(random::bytes()?).to_string());
            let temporary = target.with_file_name(temporary);
            match openat(directory, &temporary, flags, mode) {
                Ok(fd) => {
                    let target = target.to_owned();
                    return Ok(Self { directory, file: fd.into(), temporary, target, published: false });
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// The file to be written.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Put the file in the place of the target.
    pub fn publish(mut self, durability: Durability) -> io::Result<()> {
        if durability == Durability::Synced {
            self.file.sync_data()?;
        }
        renameat(self.directory, &self.temporary, self.directory, &self.target)?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Replacement<'_> {
    fn drop(&mut self) {
        if !self.published {
            // The name is this process's alone, and the error that led here is the one to tell.
            let _ = unlinkat(self.directory, &self.temporary, AtFlags::empty());
        }
    }
}

/// Replace `target` with `bytes` in one step; its permissions are `mode` less the umask.
pub fn replace(target: &Path, bytes: &[u8], mode: Mode, durability: Durability) -> io::Result<()> {
    fill(Replacement::create(target, mode)?, bytes, durability)
}

/// The same for `name` in `directory`, not synced.
pub fn replace_at(directory: BorrowedFd<'_>, name: &str, bytes: &[u8], mode: Mode) -> io::Result<()> {
    fill(Replacement::create_at(directory, Path::new(name), mode)?, bytes, Durability::Volatile)
}

fn fill(mut replacement: Replacement<'_>, bytes: &[u8], durability: Durability) -> io::Result<()> {
    replacement.file().write_all(bytes)?;
    replacement.publish(durability)
}

/// Is `name` a temporary that [`Replacement`], or another tool, makes for `target`?
pub fn is_temporary_of(name: &str, target: &Path) -> bool {
    let file_name = target.file_name().unwrap_or_default().to_string_lossy();
    let rest = name.strip_prefix(".tmp-").and_then(|rest| rest.strip_prefix(file_name.as_ref()));
    rest.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::open;
    use std::os::unix::fs::PermissionsExt;

    const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

    /// A directory that goes with its test.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("libpod-file-{}-{name}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn open(&self) -> rustix::fd::OwnedFd {
            open(&self.0, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn replace_leaves_one_file_of_the_mode_asked_for() {
        let place = Place::new("replace");
        let path = place.0.join("x.json");
        replace(&path, b"one", PRIVATE, Durability::Synced).unwrap();
        replace(&path, b"two", PRIVATE, Durability::Volatile).unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(place.names(), ["x.json"]);
    }

    #[test]
    fn what_is_not_published_leaves_nothing() {
        let place = Place::new("dropped");
        let path = place.0.join("x.json");
        replace(&path, b"old", PRIVATE, Durability::Volatile).unwrap();
        let mut replacement = Replacement::create(&path, PRIVATE).unwrap();
        replacement.file().write_all(b"new").unwrap();
        assert_eq!(place.names().len(), 2);
        drop(replacement);
        assert_eq!(place.names(), ["x.json"]);
        assert_eq!(read(&path, 100).unwrap(), b"old");
        std::fs::create_dir(place.0.join("directory")).unwrap();
        replace(&place.0.join("directory"), b"x", PRIVATE, Durability::Volatile).unwrap_err();
        assert_eq!(place.names().len(), 2, "a failed rename leaves no temporary");
    }

    #[test]
    fn what_is_no_file_is_refused_and_never_waited_for() {
        let place = Place::new("kinds");
        let fifo = place.0.join("fifo");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(place.0.join("socket")).unwrap();
        for path in [fifo.clone(), place.0.join("socket"), place.0.clone(), "/dev/zero".into()] {
            let error = read(&path, 100).unwrap_err();
            assert_eq!(error.to_string(), "not a regular file", "{}", path.display());
        }
        assert!(open_regular_at(CWD, &fifo, OFlags::WRONLY | OFlags::CREATE, PRIVATE).is_err());
        std::fs::write(place.0.join("f"), b"x").unwrap();
        std::os::unix::fs::symlink("f", place.0.join("link")).unwrap();
        assert_eq!(read(&place.0.join("link"), 9).unwrap(), b"x");
        assert!(read_at(place.open().as_fd(), "link", 9).is_err());
    }

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let place = Place::new("limit");
        std::fs::write(place.0.join("f"), b"12345").unwrap();
        let directory = place.open();
        assert_eq!(read_at(directory.as_fd(), "f", 5).unwrap(), b"12345");
        assert_eq!(read_at(directory.as_fd(), "f", 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_at(directory.as_fd(), "g", 4).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_file_in_a_directory_is_replaced_whole_and_a_failure_leaves_nothing() {
        let place = Place::new("replace-at");
        let directory = place.open();
        for text in [&b"one"[..], b"2"] {
            replace_at(directory.as_fd(), "f", text, PRIVATE).unwrap();
            assert_eq!(std::fs::read(place.0.join("f")).unwrap(), text);
        }
        std::fs::create_dir(place.0.join("d")).unwrap();
        assert!(replace_at(directory.as_fd(), "d", b"3", Mode::RUSR).is_err());
        let mut names = place.names();
        names.sort();
        assert_eq!(names, ["d", "f"]);
    }

    #[test]
    fn temporaries_are_told_by_their_name() {
        let path = Path::new("/x/layers.json");
        assert!(is_temporary_of(".tmp-layers.json123", path) && is_temporary_of(".tmp-layers.json", path));
        for name in ["layers.json", ".tmp-images.json1", ".tmp-layers.json.bak", ".tmp-volatile-layers.json1"] {
            assert!(!is_temporary_of(name, path), "{name}");
        }
    }
}
