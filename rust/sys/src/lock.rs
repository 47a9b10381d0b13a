//! Locks on whole files that belong to an open file description (`F_OFD_SETLK`).
//!
//! They conflict with the POSIX record locks of other programs, exclude threads of one process from each other, and are
//! released when the last duplicate of the descriptor is closed: closing some other descriptor of the same file does not
//! drop them, as it drops a POSIX lock. `flock(2)` is a different lock and is not offered.

use crate::{Error, Result};
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// How a lock excludes others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Many readers; the descriptor must be readable.
    Shared,
    /// One writer; the descriptor must be writable.
    Exclusive,
}

/// Wait for the lock. A signal that arrives meanwhile ends the wait with `EINTR`, so that a caller can be stopped.
pub fn lock(fd: BorrowedFd<'_>, kind: Kind) -> Result<()> {
    call(fd, kind, libc::F_OFD_SETLKW)
}

/// Take the lock if nobody is in the way; `false` says that somebody is.
pub fn try_lock(fd: BorrowedFd<'_>, kind: Kind) -> Result<bool> {
    match call(fd, kind, libc::F_OFD_SETLK) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.errno(), Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(error) => Err(error),
    }
}

fn call(fd: BorrowedFd<'_>, kind: Kind, command: libc::c_int) -> Result<()> {
    let range = libc::flock {
        l_type: match kind {
            Kind::Shared => libc::F_RDLCK,
            Kind::Exclusive => libc::F_WRLCK,
        } as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        // The kernel refuses an OFD lock with any other value.
        l_pid: 0,
    };
    // SAFETY: the descriptor is open for the length of the borrow, and the kernel only reads the structure behind the
    // pointer, which outlives the call.
    let answer = unsafe { libc::fcntl(fd.as_raw_fd(), command, &raw const range) };
    if answer == -1 {
        return Err(Error::last("fcntl", format!("{}, F_OFD_SETLK, {kind:?}", fd.as_raw_fd())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::path::PathBuf;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("libpod-lock-{name}-{}", std::process::id()));
            File::create(&path).expect("scratch file");
            Self(path)
        }

        fn open(&self) -> File {
            File::options().read(true).write(true).open(&self.0).expect("open")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).expect("remove");
        }
    }

    #[test]
    fn exclusive_excludes_another_descriptor_of_the_same_process() {
        let scratch = Scratch::new("exclusive");
        let first = scratch.open();
        lock(first.as_fd(), Kind::Exclusive).expect("lock");
        assert!(!try_lock(scratch.open().as_fd(), Kind::Exclusive).expect("try"));
        assert!(!try_lock(scratch.open().as_fd(), Kind::Shared).expect("try"));
        drop(first);
        assert!(try_lock(scratch.open().as_fd(), Kind::Exclusive).expect("try"));
    }

    #[test]
    fn shared_admits_readers_and_no_writer() {
        let scratch = Scratch::new("shared");
        let first = scratch.open();
        lock(first.as_fd(), Kind::Shared).expect("lock");
        assert!(try_lock(scratch.open().as_fd(), Kind::Shared).expect("try"));
        assert!(!try_lock(scratch.open().as_fd(), Kind::Exclusive).expect("try"));
    }

    #[test]
    fn closing_another_descriptor_keeps_the_lock() {
        let scratch = Scratch::new("close");
        let first = scratch.open();
        lock(first.as_fd(), Kind::Exclusive).expect("lock");
        drop(scratch.open());
        assert!(!try_lock(scratch.open().as_fd(), Kind::Exclusive).expect("try"));
    }
}
