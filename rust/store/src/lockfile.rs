//! A lock file and the token of its last writer.
//!
//! The first 64 bytes of a lock file are an opaque token; whoever changes what the file protects writes a fresh one. Equal
//! tokens mean that nothing was changed. The file is created where it is missing and never unlinked, renamed or truncated:
//! a holder of the old inode would exclude nobody.

use crate::error::{AtPath, Error, Result};
use crate::file;
use crate::name;
use libpod_sys::lock::{Kind, lock};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const TOKEN_BYTES: usize = 64;

/// What the last writer left in the lock file: up to 64 bytes, compared and never read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Token(Vec<u8>);

/// A held lock; dropping it releases.
#[derive(Debug)]
pub(crate) struct HeldLock {
    fd: OwnedFd,
    path: PathBuf,
}

/// Wait for the lock at `path`. Ends with [`Error::Interrupted`] when a signal arrives.
pub(crate) fn acquire(path: &Path, kind: Kind) -> Result<HeldLock> {
    let fd = open(path, kind)?;
    loop {
        match lock(fd.as_fd(), kind) {
            Ok(()) => return Ok(HeldLock { fd, path: path.to_path_buf() }),
            Err(error) if error.errno() == Errno::INTR => {
                return Err(Error::Interrupted { path: path.to_path_buf() });
            }
            Err(error) if error.errno() == Errno::NOLCK => std::thread::sleep(std::time::Duration::from_millis(10)),
            Err(error) => return Err(Error::os("lock", path, error.errno())),
        }
    }
}

fn open(path: &Path, kind: Kind) -> Result<OwnedFd> {
    let create = || file::open(path, OFlags::RDWR | OFlags::CREATE, 0o644);
    let opened = match create() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                file::create_dirs(parent)?;
            }
            create()
        }
        // To keep others from writing it is enough to read: a store on a read-only disk can still be looked at.
        Err(error)
            if kind == Kind::Shared
                && matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) =>
        {
            file::open(path, OFlags::RDONLY, 0)
        }
        opened => opened,
    };
    Ok(opened.at("open", path)?.into())
}

/// The token of the lock file at `path`, read without the lock; a missing file has the empty token.
pub(crate) fn peek(path: &Path) -> Result<Token> {
    match file::open(path, OFlags::RDONLY, 0) {
        Ok(file) => read_token(&file.into(), path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Token::default()),
        Err(error) => Err(Error::io("open", path, &error)),
    }
}

fn read_token(fd: &OwnedFd, path: &Path) -> Result<Token> {
    let mut bytes = vec![0; TOKEN_BYTES];
    let count = rustix::io::pread(fd, &mut bytes[..], 0).at("read", path)?;
    bytes.truncate(count);
    Ok(Token(bytes))
}

impl HeldLock {
    /// The token of the last writer.
    pub(crate) fn token(&self) -> Result<Token> {
        read_token(&self.fd, &self.path)
    }

    /// Tell every other process that what this lock protects is about to change. Call it before the change.
    pub(crate) fn touch(&self) -> Result<Token> {
        let token = fresh_token();
        let count = rustix::io::pwrite(&self.fd, &token.0, 0).at("write", &self.path)?;
        if count != TOKEN_BYTES {
            return Err(Error::os("write", &self.path, Errno::NOSPC));
        }
        Ok(token)
    }
}

/// Layout of containers/storage 1.42 and later: time, counter, pid, random bytes. Nobody parses it.
fn fresh_token() -> Token {
    let mut bytes = name::random_bytes::<TOKEN_BYTES>();
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    bytes[..8].copy_from_slice(&(elapsed.as_nanos() as u64).to_le_bytes());
    bytes[16..20].copy_from_slice(&std::process::id().to_le_bytes());
    Token(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn touch_changes_the_token_and_keeps_64_bytes() {
        let scratch = Scratch::new();
        let path = scratch.path().join("a/b/x.lock");
        assert_eq!(peek(&path).expect("peek"), Token::default());
        let held = acquire(&path, Kind::Exclusive).expect("lock");
        let first = held.touch().expect("touch");
        let second = held.touch().expect("touch");
        assert_ne!(first, second);
        assert_eq!(held.token().expect("token"), second);
        assert_eq!(peek(&path).expect("peek"), second);
        assert_eq!(std::fs::metadata(&path).expect("stat").len(), 64);
    }

    #[test]
    fn a_short_token_of_another_program_is_compared_as_it_is() {
        let scratch = Scratch::new();
        let path = scratch.path().join("x.lock");
        std::fs::write(&path, b"short").expect("write");
        assert_eq!(peek(&path).expect("peek"), Token(b"short".to_vec()));
    }

    #[test]
    fn a_fifo_in_the_place_of_a_lock_file_is_an_error() {
        let scratch = Scratch::new();
        let path = scratch.path().join("x.lock");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .expect("mkfifo");
        assert!(matches!(peek(&path), Err(Error::Corrupt { .. })));
        for kind in [Kind::Shared, Kind::Exclusive] {
            assert!(matches!(acquire(&path, kind), Err(Error::Corrupt { .. })));
        }
    }

    #[test]
    fn a_second_process_waits() {
        let scratch = Scratch::new();
        let path = scratch.path().join("x.lock");
        let held = acquire(&path, Kind::Exclusive).expect("lock");
        let script = "import fcntl,sys\nf=open(sys.argv[1],'r+')\ntry:\n fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept OSError:\n sys.exit(7)\n";
        let other =
            || std::process::Command::new("python3").arg("-c").arg(script).arg(&path).status().expect("python3").code();
        assert_eq!(other(), Some(7), "a POSIX lock of another process must conflict");
        drop(held);
        assert_eq!(other(), Some(0));
    }
}
