//! Files that are whole or absent, directories, whole trees.

use crate::error::{AtPath, Error, Result};
pub(crate) use libpod_sys::file::{Durability, is_temporary_of};
use libpod_sys::file::{Replacement, open_regular_at, read as read_regular};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// No table and no item of data is larger (256 MiB); what is, is damaged.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Content of a regular file; `None` where it does not exist. Another kind of file is [`Error::Corrupt`].
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match read_regular(path, MAX_FILE_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Open a regular file without waiting; `flags` may create it, with `mode`.
pub(crate) fn open(path: &Path, flags: OFlags, mode: u32) -> std::io::Result<File> {
    open_regular_at(CWD, path, flags, Mode::from_raw_mode(mode))
}

/// Replace `path` (mode 0600) with `content` in one step.
pub(crate) fn replace(path: &Path, content: &[u8], durability: Durability) -> Result<()> {
    crate::before_writing(path)?;
    let mut replacement = Replacement::create(path, Mode::from_raw_mode(0o600)).at("create", path)?;
    replacement.file().write_all(content).at("write", path)?;
    crate::step();
    replacement.publish(durability).at("replace", path)
}

/// Create `path` and its missing parents, mode 0700.
pub(crate) fn create_dirs(path: &Path) -> Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(Errno::NOENT) => {
            if let Some(parent) = path.parent() {
                create_dirs(parent)?;
            }
            match rustix::fs::mkdir(path, Mode::from_raw_mode(0o700)) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(errno) => Err(Error::os("create", path, errno)),
            }
        }
        Err(errno) => Err(Error::os("create", path, errno)),
    }
}

/// Remove a file that may be missing.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match rustix::fs::unlink(path) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(Error::os("remove", path, errno)),
    }
}

/// Remove a file or a whole tree that may be missing; symlinks are not followed.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::os("remove", path, Errno::INVAL))?;
    libpod_sys::walk::remove(CWD, &name).at("remove", path)
}

/// Names in a directory; empty where it does not exist.
pub(crate) fn list(path: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", path, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry.at("list", path)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_failed_replace_leaves_nothing() {
        let scratch = Scratch::new();
        let path = scratch.path().join("x.json");
        std::fs::create_dir(&path).expect("mkdir");
        replace(&path, b"one", Durability::Synced).expect_err("a directory is in the way");
        assert_eq!(list(scratch.path()).expect("list"), ["x.json"]);
    }

    #[test]
    fn remove_tree_spares_the_target_of_a_symlink() {
        let scratch = Scratch::new();
        let kept = scratch.path().join("kept");
        std::fs::create_dir_all(kept.join("inside")).expect("mkdir");
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&kept, &link).expect("symlink");
        remove_tree(&link).expect("remove");
        assert!(kept.join("inside").exists());
        remove_tree(&link).expect("a missing tree is removed already");
    }
}
