//! A file of an image whose layers are not mounted.
//!
//! The layers' directories are walked together, one component at a time, as overlayfs would merge them: the uppermost entry
//! counts, a whiteout ends the search, an opaque directory hides what is below it. Symbolic links are resolved here, inside
//! the stack, and `..` stops at its root. Redirected directories (`overlay.redirect`) are not followed: image layers have none.
//!
//! Source: kernel overlayfs.rst, "whiteouts and opaque directories".

use crate::error::{Error, Result};
use crate::rootdir::reopen;
use crate::user::{self, Databases, Found};
use rustix::fs::{CWD, FileType, Mode, OFlags, fgetxattr, fstat, openat, readlinkat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// As many symbolic links as the kernel follows in one path.
const LINK_LIMIT: usize = 40;
const OPAQUE: &[&str] = &["trusted.overlay.opaque", "user.overlay.opaque"];

/// The stack of layers, uppermost first.
#[derive(Debug)]
pub struct Layers(Rc<Vec<OwnedFd>>);

/// A directory of the merged tree: its part in each layer that has one, uppermost first.
type Merged = Rc<Vec<OwnedFd>>;

enum Entry {
    Directory(Merged),
    Other(OwnedFd, FileType),
}

impl Layers {
    /// Open the layers' directories.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let open = |path: &PathBuf| {
            openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|errno| Error::step("open layer", path, errno))
        };
        Ok(Self(Rc::new(paths.iter().map(open).collect::<Result<_>>()?)))
    }

    /// Resolve `USER[:GROUP]` by the image's passwd and group files, and add the groups named in `groups`.
    pub fn find_user(&self, text: &str, groups: &[String]) -> Result<Found> {
        let databases = Databases { passwd: self.read("etc/passwd")?, group: self.read("etc/group")? };
        let mut found = user::find(&databases, text)?;
        for group in groups {
            let gid = user::find_group(&databases, group)?;
            if !found.groups.contains(&gid) {
                found.groups.push(gid);
            }
        }
        Ok(found)
    }

    /// What a path is, its last symbolic link followed; None where nothing is.
    pub fn kind(&self, path: &Path) -> Result<Option<FileType>> {
        match self.walk(path) {
            Ok(Entry::Directory(_)) => Ok(Some(FileType::Directory)),
            Ok(Entry::Other(_, kind)) => Ok(Some(kind)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(Error::step("look for", path, errno)),
        }
    }

    /// The contents of a small file; empty where there is none.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let fail = |errno| Error::step("open", path, errno);
        match self.walk(Path::new(path)) {
            Ok(Entry::Other(fd, FileType::RegularFile)) => {
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                user::read_database(&reopen(fd.as_fd(), flags).map_err(fail)?, path)
            }
            Ok(_) => Err(Error::UnsafePath { path: path.into(), reason: "is not an ordinary file".into() }),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(Vec::new()),
            Err(errno) => Err(fail(errno)),
        }
    }

    fn walk(&self, path: &Path) -> rustix::io::Result<Entry> {
        let mut way: Vec<Merged> = vec![Rc::clone(&self.0)];
        let mut rest: VecDeque<OsString> = names(path.as_os_str());
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                way.truncate(way.len().saturating_sub(1).max(1));
                continue;
            }
            let here = way.last().ok_or(Errno::NOENT)?;
            match look_up(here, &name)? {
                Entry::Directory(merged) => way.push(merged),
                Entry::Other(fd, FileType::Symlink) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(Errno::LOOP);
                    }
                    let text = readlinkat(&fd, "", Vec::new())?;
                    if text.as_bytes().starts_with(b"/") {
                        way.truncate(1);
                    }
                    let mut names = names(OsStr::from_bytes(text.as_bytes()));
                    names.append(&mut rest);
                    rest = names;
                }
                other if rest.is_empty() => return Ok(other),
                _ => return Err(Errno::NOTDIR),
            }
        }
        way.pop().map(Entry::Directory).ok_or(Errno::NOENT)
    }
}

fn names(path: &OsStr) -> VecDeque<OsString> {
    let parts = path.as_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    parts.map(|name| OsStr::from_bytes(name).to_owned()).collect()
}

/// Find `name` in a merged directory.
fn look_up(here: &Merged, name: &OsStr) -> rustix::io::Result<Entry> {
    let mut parts = Vec::new();
    for layer in here.iter() {
        let fd = match openat(layer, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::NOENT) => continue,
            other => other?,
        };
        let stat = fstat(&fd)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let part = openat(
                    layer,
                    name,
                    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                    Mode::empty(),
                )?;
                let opaque = is_opaque(&part);
                parts.push(part);
                if opaque {
                    break;
                }
            }
            FileType::CharacterDevice if stat.st_rdev == 0 => break,
            kind if parts.is_empty() => return Ok(Entry::Other(fd, kind)),
            // A directory above hides a file below.
            _ => break,
        }
    }
    if parts.is_empty() { Err(Errno::NOENT) } else { Ok(Entry::Directory(Rc::new(parts))) }
}

fn is_opaque(directory: &OwnedFd) -> bool {
    OPAQUE.iter().any(|name| {
        let mut value = [0; 1];
        fgetxattr(directory, *name, &mut value[..]).is_ok_and(|length| length == 1 && value[0] == b'y')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{XattrFlags, makedev, mknodat, setxattr};
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Three layers, uppermost first, below a directory of this test's own.
    fn stack(name: &str) -> (PathBuf, Vec<PathBuf>) {
        let base = std::env::temp_dir().join(format!("libpod-layers-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        let layers: Vec<PathBuf> = (0..3).map(|index| base.join(format!("l{index}"))).collect();
        layers.iter().for_each(|layer| fs::create_dir_all(layer.join("etc")).expect("makes"));
        (base, layers)
    }

    fn whiteout(path: &Path) -> bool {
        mknodat(CWD, path, FileType::CharacterDevice, Mode::empty(), makedev(0, 0)).is_ok()
    }

    #[test]
    fn the_uppermost_passwd_counts_and_links_stay_inside() {
        let (base, layers) = stack("upper");
        fs::write(layers[2].join("etc/passwd"), "web:x:1:1::/old:\n").expect("writes");
        fs::create_dir(layers[1].join("data")).expect("makes");
        fs::write(layers[1].join("data/users"), "web:x:2:3::/new:\n").expect("writes");
        symlink("/../../data/users", layers[0].join("etc/passwd")).expect("links");
        let found = Layers::open(&layers).expect("opens").find_user("web", &[]).expect("found");
        assert_eq!((found.uid, found.gid, found.home.as_str()), (2, 3, "/new"));
        fs::remove_dir_all(base).expect("removes");
    }

    #[test]
    fn whiteouts_and_opaque_directories_hide() {
        let (base, layers) = stack("hide");
        fs::write(layers[2].join("etc/passwd"), "web:x:1:1::/:\n").expect("writes");
        fs::write(layers[2].join("etc/group"), "web:x:9:\n").expect("writes");
        if !whiteout(&layers[1].join("etc/passwd")) {
            eprintln!("skipped: no device node can be made here");
            return;
        }
        let find = || Layers::open(&layers).expect("opens").find_user("web", &[]);
        assert!(find().is_err(), "the name is in a deleted file");
        let groups =
            || Layers::open(&layers).expect("opens").find_user("5", &["web".to_owned()]).map(|found| found.groups);
        assert_eq!(groups().expect("still there"), [9]);
        setxattr(layers[0].join("etc"), "trusted.overlay.opaque", b"y", XattrFlags::empty()).expect("sets");
        assert!(groups().is_err());
        fs::remove_dir_all(base).expect("removes");
    }

    #[test]
    fn tells_kinds_and_refuses_odd_files() {
        let (base, layers) = stack("kinds");
        symlink("loop", layers[0].join("loop")).expect("links");
        symlink("etc", layers[0].join("link")).expect("links");
        fs::create_dir(layers[0].join("etc/passwd")).expect("makes");
        let stack = Layers::open(&layers).expect("opens");
        assert_eq!(stack.kind(Path::new("/link/../etc")).expect("known"), Some(FileType::Directory));
        assert_eq!(stack.kind(Path::new("/absent/x")).expect("known"), None);
        assert!(matches!(stack.kind(Path::new("/loop")), Err(Error::Step { .. })));
        assert!(matches!(stack.find_user("0", &[]), Err(Error::UnsafePath { .. })));
        fs::remove_dir_all(base).expect("removes");
    }
}
