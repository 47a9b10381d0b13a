//! What becomes of `.wh.name` and `.wh..wh..opq`: marks for overlayfs, or files of lower layers removed.
//!
//! Both hide what lower layers hold, and never what the layer itself brings, whichever comes first in the tar.

use crate::error::Error;
use crate::names;
use crate::policy::Style;
use crate::tar::Entry;
use crate::tree::{fail, is_whiteout, names_in};
use crate::unpack::{Unpacker, at, unsafe_path};
use libpod_sys as sys;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, mknodat, openat, statat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

impl Unpacker {
    /// `.wh.<hidden>` in `parent`.
    pub(crate) fn hide(&mut self, entry: &Entry, parent: &[u8], hidden: &[u8]) -> Result<(), Error> {
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(unsafe_path(entry, "a whiteout without a name"));
        }
        match self.policy.style {
            Style::Overlay(_) => self.make_whiteout(entry, parent, hidden),
            Style::Remove => {
                let Some(directory) = self.existing(entry, parent)? else { return Ok(()) };
                self.remove_lower(entry, &directory, parent, hidden)
            }
        }
    }

    fn make_whiteout(&mut self, entry: &Entry, parent: &[u8], hidden: &[u8]) -> Result<(), Error> {
        let Some(directory) = self.unhidden(entry, parent)? else { return Ok(()) };
        match mknodat(&*directory, hidden, FileType::CharacterDevice, Mode::empty(), 0) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                // This layer brought it: a directory hides its lower namesake when it is opaque, a file does so anyway.
                let path = join(parent, hidden);
                let stat = statat(&*directory, hidden, AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(|errno| at(entry, "create the whiteout")(fail("fstatat", hidden, errno)))?;
                let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
                return if is_directory { self.mark_opaque(entry, &path) } else { Ok(()) };
            }
            Err(errno) => return Err(at(entry, "create the whiteout")(fail("mknodat", hidden, errno))),
        }
        match self.owner(entry)? {
            Some((uid, gid)) => self.change_owner(entry, &directory, hidden, uid, gid),
            None => Ok(()),
        }
    }

    /// `.wh..wh..opq` in the directory `name`.
    pub(crate) fn make_opaque(&mut self, entry: &Entry, name: &[u8]) -> Result<(), Error> {
        match self.policy.style {
            Style::Overlay(_) => match self.unhidden(entry, name)? {
                Some(_) => self.mark_opaque(entry, name),
                None => Ok(()),
            },
            Style::Remove => {
                let Some(directory) = self.existing(entry, name)? else { return Ok(()) };
                self.remove_lower_children(entry, &directory, name)
            }
        }
    }

    /// Set the attribute that makes the directory `name` opaque. Without overlayfs there is nothing to mark.
    pub(crate) fn mark_opaque(&mut self, entry: &Entry, name: &[u8]) -> Result<(), Error> {
        let Style::Overlay(prefix) = self.policy.style else { return Ok(()) };
        let step = "make the directory opaque";
        let directory = self.tree.directory(name).map_err(at(entry, step))?;
        sys::xattr::set(directory.as_fd(), OsStr::new("."), prefix.opaque(), b"y").map_err(at(entry, step))
    }

    /// The directory a whiteout stands in, created if need be; None where a whiteout above hides it anyway.
    fn unhidden(&mut self, entry: &Entry, name: &[u8]) -> Result<Option<Arc<OwnedFd>>, Error> {
        match self.directory_or_create(name) {
            Ok(directory) => Ok(Some(directory)),
            Err(error) if error.errno() == Errno::NOTDIR && self.whiteout_above(name).is_some() => Ok(None),
            Err(error) => Err(at(entry, "open the directory of the whiteout")(error)),
        }
    }

    /// The directory, or None where there is none.
    fn existing(&mut self, entry: &Entry, name: &[u8]) -> Result<Option<Arc<OwnedFd>>, Error> {
        match self.tree.directory(name) {
            Ok(directory) => Ok(Some(directory)),
            Err(error) if matches!(error.errno(), Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(at(entry, "open the directory of the whiteout")(error)),
        }
    }

    /// The shortest beginning of `name` that is a whiteout.
    pub(crate) fn whiteout_above(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([name.len()]) {
            let (parent, base) = names::split(&name[..end]);
            let directory = self.tree.directory(parent).ok()?;
            if is_whiteout(directory.as_fd(), base) {
                return Some(name[..end].to_vec());
            }
        }
        None
    }

    /// Remove `base` in `parent` unless this layer brought it; of a directory it brought, what it did not bring inside.
    fn remove_lower(
        &mut self,
        entry: &Entry,
        directory: &Arc<OwnedFd>,
        parent: &[u8],
        base: &[u8],
    ) -> Result<(), Error> {
        let path = join(parent, base);
        if !self.brought.contains(&path) {
            return self.tree.remove(directory, base).map_err(at(entry, "remove what the whiteout hides"));
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&**directory, base, flags, Mode::empty()) {
            Ok(inner) => self.remove_lower_children(entry, &Arc::new(inner), &path),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(errno) => Err(at(entry, "remove what the whiteout hides")(fail("openat", base, errno))),
        }
    }

    fn remove_lower_children(&mut self, entry: &Entry, directory: &Arc<OwnedFd>, name: &[u8]) -> Result<(), Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let step = "remove what the whiteout hides";
        let listed = openat(&**directory, ".", flags, Mode::empty())
            .map_err(|errno| at(entry, step)(fail("openat", name, errno)))?;
        for child in names_in(listed.as_fd()).map_err(at(entry, step))? {
            self.remove_lower(entry, directory, name, &child)?;
        }
        Ok(())
    }
}

fn join(parent: &[u8], base: &[u8]) -> Vec<u8> {
    if parent.is_empty() { base.to_vec() } else { [parent, b"/", base].concat() }
}
