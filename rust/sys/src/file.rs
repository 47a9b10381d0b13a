//! Small files, read whole and replaced whole.
//!
//! What is read is a regular file of a limited size. A FIFO, a device or a socket in its place is refused and never
//! waited for, and a file without end does not fill the memory.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Read the regular file `path`, symbolic links followed, of at most `limit_bytes`.
pub fn read(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    read_opened(openat(CWD, path, READ, Mode::empty()), limit_bytes)
}

/// Read the regular file `name` in `directory`; `name` itself is no symbolic link.
pub fn read_at(directory: BorrowedFd<'_>, name: &str, limit_bytes: u64) -> io::Result<Vec<u8>> {
    read_opened(openat(directory, name, READ | OFlags::NOFOLLOW, Mode::empty()), limit_bytes)
}

/// A FIFO without a writer is opened at once with `O_NONBLOCK`.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

fn read_opened(opened: rustix::io::Result<rustix::fd::OwnedFd>, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let file = match opened {
        // A socket, or a device without a driver.
        Err(Errno::NXIO | Errno::NODEV) => return Err(not_regular()),
        other => File::from(other?),
    };
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(not_regular());
    }
    let mut bytes = Vec::with_capacity((stat.st_size as u64).min(limit_bytes) as usize);
    file.take(limit_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("the file has more than {limit_bytes} bytes")));
    }
    Ok(bytes)
}

fn not_regular() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "not a regular file")
}

/// Give `name` in `directory` the contents `bytes`: a reader sees the old file or the new one, never a part.
///
/// The new file belongs to its owner alone, or has the bits of `mode`. It is not synced. On error nothing new is left.
pub fn replace_at(directory: BorrowedFd<'_>, name: &str, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let temporary = format!("{name}.{}.tmp", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let write = || -> io::Result<()> {
        File::from(openat(directory, &temporary, flags, mode)?).write_all(bytes)?;
        Ok(renameat(directory, &temporary, directory, name)?)
    };
    // The error of the write says more than that of the removal.
    write().inspect_err(|_| _ = unlinkat(directory, &temporary, AtFlags::empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::open;
    use std::os::fd::AsFd;

    /// A directory that goes with its test.
    struct Place(std::path::PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("libpod-file-{}-{name}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn open(&self) -> rustix::fd::OwnedFd {
            open(&self.0, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
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
    fn what_is_no_file_is_refused_and_never_waited_for() {
        let place = Place::new("kinds");
        let fifo = place.0.join("fifo");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(place.0.join("socket")).unwrap();
        for path in [fifo, place.0.join("socket"), place.0.clone(), "/dev/zero".into()] {
            let error = read(&path, 100).unwrap_err();
            assert_eq!(error.to_string(), "not a regular file", "{}", path.display());
        }
        std::fs::write(place.0.join("f"), b"x").unwrap();
        std::os::unix::fs::symlink("f", place.0.join("link")).unwrap();
        assert_eq!(read(&place.0.join("link"), 9).unwrap(), b"x");
        assert!(read_at(place.open().as_fd(), "link", 9).is_err());
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_failure_leaves_nothing() {
        let place = Place::new("replace");
        let directory = place.open();
        for text in [&b"one"[..], b"2"] {
            replace_at(directory.as_fd(), "f", text, Mode::RUSR | Mode::WUSR).unwrap();
            assert_eq!(std::fs::read(place.0.join("f")).unwrap(), text);
        }
        std::fs::create_dir(place.0.join("d")).unwrap();
        assert!(replace_at(directory.as_fd(), "d", b"3", Mode::RUSR).is_err());
        let mut names: Vec<_> = std::fs::read_dir(&place.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["d", "f"]);
    }
}
