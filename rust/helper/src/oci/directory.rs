//! Where containers are recorded: the state root, and one directory in it for each container.
//!
//! A directory is named by a [`ContainerId`] and never through a symbolic link, and what is in it is reached by its
//! descriptor. It is removed file by file, and only files that this program makes: a directory with anything else in it
//! is not a container's, and stays. Start at [`StateRoot`].

use super::outcome::CommandError;
use libpod_runtime::ContainerId;
use libpod_sys::file::{is_temporary_of, read_at, replace_at};
use libpod_sys::io_text;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, mkdirat, open, openat, statat, unlinkat};
use rustix::io::Errno;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A container's record.
pub const RECORD: &str = "state.json";
/// The specification that a container was created from.
pub const SPEC: &str = "config.json";
/// The socket at which a created container waits.
pub const START_SOCKET: &str = "start.sock";

/// The directory of `--root`.
pub struct StateRoot(PathBuf);

/// One container's directory, open.
pub struct Home {
    root: OwnedFd,
    directory: OwnedFd,
    id: ContainerId,
    path: PathBuf,
}

impl StateRoot {
    /// Containers are recorded below `path`, which may not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory of container `id`; None when there is none.
    pub fn find(&self, id: &ContainerId) -> Result<Option<Home>, CommandError> {
        let path = self.0.join(&**id);
        let opened = self.open().and_then(|root| {
            let directory = openat(&root, &**id, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
            Ok((root, directory))
        });
        match opened {
            Ok((root, directory)) => Ok(Some(Home { root, directory, id: id.clone(), path })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed("open", &path, errno)),
        }
    }

    /// Make the directory of a new container, which others may pass through but not list.
    pub fn create(&self, id: &ContainerId) -> Result<Home, CommandError> {
        let path = self.0.join(&**id);
        let make = || {
            let root = self.open()?;
            mkdirat(&root, &**id, Mode::from_raw_mode(0o711)).map(|()| root)
        };
        let made =
            match make() {
                Err(Errno::NOENT) => {
                    let mut builder = std::fs::DirBuilder::new();
                    builder.recursive(true).mode(0o700).create(&self.0).map_err(|error| {
                        CommandError::new(format!("make {}: {}", self.0.display(), io_text(&error)))
                    })?;
                    make()
                }
                other => other,
            };
        let root = match made {
            Err(Errno::EXIST) => return Err(CommandError::new("container with given ID already exists")),
            other => other.map_err(|errno| failed("make", &path, errno))?,
        };
        let directory = openat(&root, &**id, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|errno| failed("open", &path, errno))?;
        Ok(Home { root, directory, id: id.clone(), path })
    }

    /// The names of everything in the root, sorted.
    pub fn names(&self) -> Result<Vec<String>, CommandError> {
        let read = || -> rustix::io::Result<Vec<String>> {
            let entries = Dir::new(self.open()?)?.filter_map(Result::ok);
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            Ok(names.filter(|name| !matches!(name.as_str(), "." | "..")).collect())
        };
        let mut names = match read() {
            Err(Errno::NOENT) => Vec::new(),
            other => other.map_err(|errno| failed("read", &self.0, errno))?,
        };
        names.sort();
        Ok(names)
    }

    fn open(&self) -> rustix::io::Result<OwnedFd> {
        open(&self.0, DIRECTORY, Mode::empty())
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Home {
    /// The path of a file in it, for people.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The owner of the directory, who made the container.
    pub fn owner(&self) -> Option<u32> {
        fstat(&self.directory).ok().map(|stat| stat.st_uid)
    }

    /// Read a file of at most `limit_bytes`; None when it does not exist.
    pub fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, CommandError> {
        match read_at(self.as_fd(), name, limit_bytes) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(|error| self.failed("read", name, &error)),
        }
    }

    /// Write a file: a reader sees all of it or none.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
        let mode = Mode::RUSR | Mode::WUSR;
        replace_at(self.as_fd(), name, bytes, mode).map_err(|error| self.failed("write", name, &error))
    }

    /// Whether it holds this entry.
    pub fn holds(&self, name: &str) -> bool {
        statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Remove one entry, which exists.
    pub fn unlink(&self, name: &str) -> Result<(), CommandError> {
        unlinkat(&self.directory, name, AtFlags::empty()).map_err(|errno| self.failed("remove", name, &errno.into()))
    }

    /// Remove the directory with the files of this program in it. Where there is any other, nothing is removed.
    pub fn remove(&self) -> Result<(), CommandError> {
        let path = &self.path;
        let entries = openat(&self.directory, ".", DIRECTORY, Mode::empty())
            .and_then(Dir::new)
            .and_then(|entries| entries.collect::<rustix::io::Result<Vec<_>>>())
            .map_err(|errno| failed("read", path, errno))?;
        let names: Vec<_> = entries.iter().map(|entry| entry.file_name()).collect();
        let names = || names.iter().filter(|name| !matches!(name.to_bytes(), b"." | b".."));
        if let Some(foreign) = names().find(|name| !is_own(&name.to_string_lossy())) {
            return Err(CommandError::new(format!(
                "{} holds {foreign:?}, which is no file of a container: nothing was removed",
                path.display()
            )));
        }
        for name in names() {
            match unlinkat(&self.directory, *name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(self.failed("remove", &name.to_string_lossy(), &errno.into())),
            }
        }
        match unlinkat(&self.root, &*self.id, AtFlags::REMOVEDIR) {
            // Removed by another command, which was faster.
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(failed("remove", path, errno)),
        }
    }

    fn failed(&self, step: &str, name: &str, error: &io::Error) -> CommandError {
        CommandError::new(format!("{step} {}: {}", self.path(name).display(), io_text(error)))
    }
}

impl AsFd for Home {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// Whether this program makes a file of this name; a write that was killed leaves a temporary one. The release before versions
/// named those `NAME.tmp`.
fn is_own(name: &str) -> bool {
    let members = [RECORD, SPEC, START_SOCKET];
    members.iter().any(|member| {
        name.strip_prefix(member).is_some_and(|rest| matches!(rest, "" | ".tmp"))
            || is_temporary_of(name, Path::new(member))
    })
}

fn failed(step: &str, path: &Path, errno: Errno) -> CommandError {
    CommandError::new(format!("{step} {}: {}", path.display(), io_text(&errno.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_program_makes_is_its_own() {
        for name in ["state.json", "start.sock", "config.json", "state.json.tmp", ".tmp-state.json123"] {
            assert!(is_own(name), "{name}");
        }
        for name in ["state.json.bak", "state.json.1.tmp", "x", ".state.json", "notes.tmp", ".tmp-notes1"] {
            assert!(!is_own(name), "{name}");
        }
    }
}
