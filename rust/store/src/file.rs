//! Files that are whole or absent: read, written beside and renamed.

use crate::error::{Context, Error, Result};
use crate::walk;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::io::Write;
use std::path::Path;

/// Is the new content to survive a loss of power?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// `fdatasync` before the rename: after a crash the file has the old or the new content.
    Synced,
    /// No sync: for what is void after a reboot anyhow.
    Volatile,
}

/// Content of a file; `None` where it does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Replace `path` (mode 0600) with `content` in one step.
///
/// The temporary name is the one other tools use and ignore: `.tmp-<name><digits>` in the same directory.
pub(crate) fn replace(path: &Path, content: &[u8], durability: Durability) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".tmp-{name}{}", random_number()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd = rustix::fs::open(&temporary, flags, Mode::from_raw_mode(0o600)).at("create", &temporary)?;
    let written = write_all(fd.into(), content, durability)
        .at("write", &temporary)
        .inspect(|()| crate::step())
        .and_then(|()| rustix::fs::rename(&temporary, path).at("rename", path));
    if written.is_err() {
        // The name is ours alone, and the first error is the one to tell.
        let _ = rustix::fs::unlink(&temporary);
    }
    written
}

/// Is `name` a temporary that [`replace`], or another tool, makes for `path`?
pub(crate) fn is_temporary_of(name: &str, path: &Path) -> bool {
    let target = path.file_name().unwrap_or_default().to_string_lossy();
    let rest = name.strip_prefix(".tmp-").and_then(|rest| rest.strip_prefix(target.as_ref()));
    rest.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn write_all(mut file: std::fs::File, content: &[u8], durability: Durability) -> std::io::Result<()> {
    file.write_all(content)?;
    match durability {
        Durability::Synced => file.sync_data(),
        Durability::Volatile => Ok(()),
    }
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
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let root = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(root) => root,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return remove(path),
        Err(errno) => return Err(Error::os("open", path, errno)),
    };
    walk::walk(root, &mut walk::Remover).at("remove what is below", path)?;
    match rustix::fs::rmdir(path) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(Error::os("remove", path, errno)),
    }
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

/// A number for the name of a temporary file or directory.
pub(crate) fn random_number() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn replace_leaves_one_private_file() {
        let scratch = Scratch::new();
        let path = scratch.path().join("x.json");
        replace(&path, b"one", Durability::Synced).expect("first");
        replace(&path, b"two", Durability::Volatile).expect("second");
        assert_eq!(read(&path).expect("read").as_deref(), Some(&b"two"[..]));
        assert_eq!(std::fs::metadata(&path).expect("stat").permissions().mode() & 0o7777, 0o600);
        assert_eq!(list(scratch.path()).expect("list"), ["x.json"]);
    }

    #[test]
    fn temporaries_are_told_by_their_name() {
        let path = Path::new("/x/layers.json");
        assert!(is_temporary_of(".tmp-layers.json123", path) && is_temporary_of(".tmp-layers.json", path));
        for name in ["layers.json", ".tmp-images.json1", ".tmp-layers.json.bak", ".tmp-volatile-layers.json1"] {
            assert!(!is_temporary_of(name, path), "{name}");
        }
    }

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
