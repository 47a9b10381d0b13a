//! Changes to the files of a container's root that come with a start, and that no part of a specification says.
//!
//! They are made before anything is mounted on the root, so each of them, whatever links the image has, ends in the container's own
//! layer and never in a directory that a user mounts.

use crate::error::{Error, Result};
use crate::rootdir::{Missing, RootDir};
use rustix::fs::{AtFlags, chownat, readlinkat, symlinkat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use serde::Deserialize;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RootChange {
    /// Make a directory where it is missing, mode 0755, and the directories that lead to it. It alone gets the owner.
    Directory {
        /// Its place.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// Make a symbolic link in the place of a file or link that may be there.
    Link {
        /// Its place.
        path: PathBuf,
        /// Its text.
        target: PathBuf,
    },
    /// Remove a symbolic link, where there is one.
    Unlink {
        /// Its place.
        path: PathBuf,
    },
}

impl RootChange {
    /// Say what is done.
    pub fn describe(&self) -> String {
        match self {
            Self::Directory { path, uid, gid } => format!("make directory {} for {uid}:{gid}", path.display()),
            Self::Link { path, target } => format!("link {} to {}", path.display(), target.display()),
            Self::Unlink { path } => format!("remove the link {}", path.display()),
        }
    }

    /// Do it.
    pub fn execute(&self, root: &RootDir) -> Result<()> {
        let fail = |path: &Path, errno| Error::step(self.describe(), path, errno);
        match self {
            Self::Directory { path, uid, gid } => {
                make_directory(root, path, *uid, *gid).map_err(|errno| fail(path, errno))
            }
            Self::Link { path, target } => link(root, path, Some(target)).map_err(|errno| fail(path, errno)),
            Self::Unlink { path } => link(root, path, None).map_err(|errno| fail(path, errno)),
        }
    }
}

fn make_directory(root: &RootDir, path: &Path, uid: u32, gid: u32) -> rustix::io::Result<()> {
    match root.resolve(path) {
        Err(Errno::NOENT) => {}
        other => return other.map(drop),
    }
    let made = root.resolve_or_make(path, Missing::Directory)?;
    chownat(&made, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::EMPTY_PATH)
}

/// Replace what is at `path` by a link to `target`; without one, remove a link.
fn link(root: &RootDir, path: &Path, target: Option<&Path>) -> rustix::io::Result<()> {
    let (directory, name) = path.parent().zip(path.file_name()).ok_or(Errno::INVAL)?;
    let missing = if target.is_some() { Missing::Directory } else { Missing::Fail };
    let directory = match root.resolve_or_make(directory, missing) {
        Err(Errno::NOENT | Errno::NOTDIR) if target.is_none() => return Ok(()),
        other => other?,
    };
    let old = readlinkat(&directory, name, Vec::new());
    match (&old, target) {
        (Ok(old), Some(target)) if Path::new(OsStr::from_bytes(old.as_bytes())) == target => return Ok(()),
        // Anything but a link stays, or is no place for one: a directory is an error below.
        (Err(_), None) => return Ok(()),
        (Err(Errno::NOENT), Some(_)) => {}
        _ => unlinkat(&directory, name, AtFlags::empty())?,
    }
    target.map_or(Ok(()), |target| symlinkat(target, &directory, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("libpod-change-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("root/etc")).expect("makes");
        path
    }

    #[test]
    fn directories_are_made_inside_and_kept_where_they_are() {
        let dir = scratch("directory");
        let (top, outside) = (dir.join("root"), dir.join("outside"));
        fs::create_dir(&outside).expect("makes");
        symlink(&outside, top.join("work")).expect("links");
        let root = RootDir::open(&top).expect("opens");
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let make = |path: &str| RootChange::Directory { path: path.into(), uid, gid }.execute(&root);
        make("/work/a/b").expect("made");
        make("/etc").expect("kept");
        assert_eq!(fs::read_dir(&outside).expect("reads").count(), 0);
        let made = top.join(outside.strip_prefix("/").expect("absolute")).join("a/b");
        assert_eq!((made.metadata().expect("made").uid(), made.is_dir()), (uid, true));
        fs::write(top.join("file"), "").expect("writes");
        assert!(matches!(make("/file/x"), Err(Error::Step { .. })));
        fs::remove_dir_all(dir).expect("removes");
    }

    #[test]
    fn a_link_replaces_a_file_and_no_directory() {
        let dir = scratch("link");
        let top = dir.join("root");
        fs::write(dir.join("canary"), "alive").expect("writes");
        symlink(dir.join("canary"), top.join("etc/localtime")).expect("links");
        let root = RootDir::open(&top).expect("opens");
        let change = |path: &str| RootChange::Link { path: path.into(), target: "../zone".into() };
        for _ in 0..2 {
            change("/etc/localtime").execute(&root).expect("linked");
            assert_eq!(fs::read_link(top.join("etc/localtime")).expect("a link"), Path::new("../zone"));
        }
        assert!(change("/etc").execute(&root).is_err(), "a directory is never taken away");
        let remove = |path: &str| RootChange::Unlink { path: path.into() }.execute(&root);
        remove("/etc/localtime").expect("removed");
        assert!(fs::symlink_metadata(top.join("etc/localtime")).is_err());
        fs::write(top.join("etc/localtime"), "zone").expect("writes");
        remove("/etc/localtime").expect("kept");
        remove("/absent/x").expect("nothing to do");
        assert!(top.join("etc/localtime").is_file());
        assert_eq!(fs::read_to_string(dir.join("canary")).expect("reads"), "alive");
        fs::remove_dir_all(dir).expect("removes");
    }
}
