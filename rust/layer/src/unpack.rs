//! Entries become files below a directory.
//!
//! A file is made exclusively, with its final mode where the thread's umask allows, and gets owner, attributes and times while
//! it is open; directories get their modes and times last. An entry may replace what an earlier entry made, never what lies
//! outside the root. Attributes of the overlay file system are not taken from a layer: they would decide how layers stack.

use crate::deferred::Deferred;
use crate::error::{Error, ErrorKind, Name};
use crate::names::{self, Meaning, Seen};
use crate::output::{Caching, OpenFile};
use crate::policy::{Policy, Style};
use crate::tar::{Entry, Kind};
use crate::tree::{self, Tree, fail, is_whiteout, path};
use libpod_sys as sys;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown,
};
use rustix::fs::{fsetxattr, futimens, linkat, makedev, mkdirat, mknodat, openat, statat, symlinkat, utimensat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// A file larger than this (8 TiB, holes included) is refused.
const MAX_FILE: u64 = 1 << 43;

const SETID: u32 = 0o6000;

/// Attribute with the ACL that new files in a directory get.
pub const DEFAULT_ACL: &[u8] = b"system.posix_acl_default";

/// Writes entries below a directory.
pub struct Unpacker {
    pub(crate) tree: Tree,
    pub(crate) policy: Policy,
    /// Paths that this layer brought, kept where whiteouts remove files (there only).
    pub(crate) brought: Seen,
    caller: (u32, u32),
    /// New files do not simply belong to the caller: the directory or the mount gives them a group.
    odd_owner: bool,
    probed: bool,
    caching: Caching,
    link: Vec<u8>,
    open: Option<OpenFile>,
    deferred: Deferred,
}

/// A step on an entry failed.
pub fn at<'a>(entry: &'a Entry, step: &'static str) -> impl Fn(sys::Error) -> Error + 'a {
    move |source| Error::Entry { entry: Name::new(&entry.name), step, source }
}

fn unsupported(entry: &Entry, reason: &'static str) -> Error {
    Error::Unsupported { entry: Name::new(&entry.name), reason }
}

/// An entry that would lead out of the layer, or lies about what it is.
pub fn unsafe_path(entry: &Entry, reason: &'static str) -> Error {
    Error::UnsafePath { entry: Name::new(&entry.name), reason }
}

impl Unpacker {
    /// Write below `tree`.
    pub fn new(tree: Tree, policy: Policy) -> Self {
        let caller = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let setgid = rustix::fs::fstat(tree.root()).is_ok_and(|stat| stat.st_mode & 0o2000 != 0);
        let odd_owner = setgid || policy.style == Style::Remove;
        Self {
            tree,
            policy,
            brought: Seen::default(),
            caller,
            odd_owner,
            probed: false,
            caching: Caching::default(),
            link: Vec::new(),
            open: None,
            deferred: Deferred::default(),
        }
    }

    /// Make what `entry` describes, at the cleaned path `name`; its content follows through [`Unpacker::content`], then
    /// [`Unpacker::end`].
    pub fn begin(&mut self, entry: &Entry, name: &[u8]) -> Result<(), Error> {
        match self.place(entry, name) {
            // Not root, and a lower layer left a directory that its owner may not write: open it until the end.
            Err(error) if error.kind() == ErrorKind::Os(Errno::ACCESS) && self.caller.0 != 0 => {
                self.widen(entry, names::split(name).0)?;
                self.place(entry, name)
            }
            result => result,
        }
    }

    /// Give the caller all rights on the directory `name` and those above it, and take them back at the end.
    fn widen(&mut self, entry: &Entry, name: &[u8]) -> Result<(), Error> {
        let step = "open a directory for writing";
        let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([name.len()]) {
            let (above, base) = names::split(&name[..end]);
            let directory = self.tree.directory(above).map_err(at(entry, step))?;
            let Ok(stat) = statat(&*directory, base, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(()) };
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if is_directory && stat.st_mode & 0o700 != 0o700 {
                let mode = Mode::from_raw_mode(stat.st_mode | 0o700);
                chmodat(&*directory, base, mode, AtFlags::empty())
                    .map_err(|errno| at(entry, step)(fail("fchmodat", base, errno)))?;
                self.deferred.push_mode(&name[..end], stat.st_mode & 0o7777);
            }
        }
        Ok(())
    }

    fn place(&mut self, entry: &Entry, name: &[u8]) -> Result<(), Error> {
        if entry.kind == Kind::Global {
            return Ok(());
        }
        if entry.size > MAX_FILE {
            let entry_name = Name::new(&entry.name);
            return Err(Error::Limit { entry: entry_name, what: "the size", got: entry.size, limit: MAX_FILE });
        }
        if name.is_empty() {
            // The layer's own root says nothing about the directory it is unpacked into.
            let is_directory = entry.kind == Kind::Directory;
            return if is_directory { Ok(()) } else { Err(unsafe_path(entry, "the root must be a directory")) };
        }
        let (parent, base) = names::split(name);
        if parent.split(|byte| *byte == b'/').any(|part| names::meaning(part) != Meaning::Plain) {
            return Err(unsafe_path(entry, "a directory is named like a whiteout"));
        }
        match names::meaning(base) {
            Meaning::Plain => self.create(entry, name, parent, base),
            Meaning::Whiteout(hidden) => self.hide(entry, parent, hidden),
            Meaning::Opaque => self.make_opaque(entry, parent),
        }
    }

    fn create(&mut self, entry: &Entry, name: &[u8], parent: &[u8], base: &[u8]) -> Result<(), Error> {
        let directory = self.parent(entry, parent)?;
        if self.policy.style == Style::Remove {
            self.brought.insert(name);
        }
        match entry.kind {
            Kind::File => self.create_file(entry, &directory, base),
            Kind::Directory => self.create_directory(entry, &directory, name, base),
            Kind::HardLink => self.create_hard_link(entry, &directory, name, base),
            Kind::Symlink => {
                self.make(entry, &directory, base, "create the symbolic link", || {
                    symlinkat(path(&entry.link), &*directory, base)
                })?;
                self.finish_special(entry, &directory, base)
            }
            Kind::Char | Kind::Block if !self.policy.devices => match self.policy.user_namespace {
                true => Ok(()),
                false => Err(unsupported(entry, "device nodes are not allowed here")),
            },
            Kind::Char => self.create_node(entry, &directory, base, FileType::CharacterDevice),
            Kind::Block => self.create_node(entry, &directory, base, FileType::BlockDevice),
            Kind::Fifo => self.create_node(entry, &directory, base, FileType::Fifo),
            Kind::Global | Kind::Other(_) => Err(unsupported(entry, "the type of the entry is unknown")),
        }
    }

    /// The directory an entry goes into. Where a whiteout of this layer stands in the way, the new directory hides what the
    /// whiteout hid.
    fn parent(&mut self, entry: &Entry, parent: &[u8]) -> Result<Arc<OwnedFd>, Error> {
        let step = "open the parent directory";
        match self.directory_or_create(parent) {
            Err(error) if error.errno() == Errno::NOTDIR => {
                let Some(hidden) = self.whiteout_above(parent) else { return Err(at(entry, step)(error)) };
                let (above, base) = names::split(&hidden);
                let directory = self.tree.directory(above).map_err(at(entry, step))?;
                self.tree.remove(&directory, base).map_err(at(entry, step))?;
                self.directory_or_create(&hidden).map_err(at(entry, step))?;
                self.mark_opaque(entry, &hidden)?;
                self.directory_or_create(parent).map_err(at(entry, step))
            }
            result => result.map_err(at(entry, step)),
        }
    }

    pub(crate) fn directory_or_create(&mut self, name: &[u8]) -> Result<Arc<OwnedFd>, sys::Error> {
        let exact = self.policy.exact_modes;
        let Self { tree, brought, policy, deferred, .. } = self;
        tree.directory_or_create(name, &mut |created| {
            if policy.style == Style::Remove {
                brought.insert(created);
            }
            if !exact {
                deferred.push_mode(created, tree::IMPLIED_MODE);
            }
        })
    }

    /// Run `make`, which creates `base` exclusively; what an earlier entry put there is replaced.
    fn make<T>(
        &mut self,
        entry: &Entry,
        directory: &Arc<OwnedFd>,
        base: &[u8],
        step: &'static str,
        make: impl Fn() -> rustix::io::Result<T>,
    ) -> Result<T, Error> {
        let made = match make() {
            Err(Errno::EXIST) => {
                self.tree.remove(directory, base).map_err(at(entry, "replace an earlier entry"))?;
                make()
            }
            made => made,
        };
        made.map_err(|errno| at(entry, step)(fail("create", base, errno)))
    }

    fn create_file(&mut self, entry: &Entry, directory: &Arc<OwnedFd>, base: &[u8]) -> Result<(), Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = self.mode(entry);
        let file = self.make(entry, directory, base, "create the file", || openat(&**directory, base, flags, mode))?;
        if !self.probed {
            let stat =
                rustix::fs::fstat(&file).map_err(|errno| at(entry, "look at the file")(fail("fstat", base, errno)))?;
            self.odd_owner |= (stat.st_uid, stat.st_gid) != self.caller;
            self.probed = true;
        }
        self.open = Some(OpenFile::new(file, entry));
        Ok(())
    }

    /// Write the next bytes of the entry's content.
    pub fn content(&mut self, entry: &Entry, bytes: &[u8]) -> Result<(), Error> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.write(entry, bytes, &mut self.caching)
            .map_err(|errno| at(entry, "write the file")(fail("write", &entry.name, errno)))
    }

    /// The entry's content is complete: give the file its owner, mode, attributes and times.
    pub fn end(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let name = &entry.name;
        let file =
            &open.finish(&mut self.caching).map_err(|errno| at(entry, "write the file")(fail("write", name, errno)))?;
        let failed = |call, errno| at(entry, "finish the file")(fail(call, name, errno));
        let owner = self.owner(entry)?;
        if let Some((uid, gid)) = owner {
            fchown(file, Some(uid), Some(gid)).map_err(|errno| failed("fchown", errno))?;
        }
        // A change of owner and a write by someone unprivileged both clear these bits.
        if !self.policy.exact_modes || entry.mode & SETID != 0 {
            fchmod(file, self.mode(entry)).map_err(|errno| failed("fchmod", errno))?;
        }
        self.set_xattrs(entry, |key, value| {
            fsetxattr(file, key, value, XattrFlags::empty()).map_err(|errno| fail("fsetxattr", key, errno))
        })?;
        futimens(file, &times(entry)).map_err(|errno| failed("futimens", errno))?;
        Ok(())
    }

    fn create_directory(
        &mut self,
        entry: &Entry,
        directory: &Arc<OwnedFd>,
        name: &[u8],
        base: &[u8],
    ) -> Result<(), Error> {
        // Until the end the caller must be able to work in it; setgid would pass to what is created inside.
        let widened = if self.caller.0 == 0 { 0 } else { 0o700 };
        let final_mode = self.mode(entry).as_raw_mode();
        let mode = (final_mode & 0o1777) | widened;
        let make = || mkdirat(&**directory, base, Mode::from_raw_mode(mode));
        let mut merged = false;
        match make() {
            Ok(()) => {}
            Err(Errno::EXIST) => merged = self.replace_by_directory(entry, directory, name, base, &make)?,
            Err(errno) => return Err(at(entry, "create the directory")(fail("mkdirat", base, errno))),
        }
        if merged && widened != 0 {
            // So that what follows may be created in it; its own mode comes at the end.
            let open = Mode::from_raw_mode(mode);
            chmodat(&**directory, base, open, AtFlags::empty())
                .map_err(|errno| at(entry, "change the mode")(fail("fchmodat", base, errno)))?;
        }
        match self.owner(entry)? {
            Some((uid, gid)) => self.change_owner(entry, directory, base, uid, gid)?,
            None if merged && self.policy.owner => {
                let (uid, gid) = (Uid::from_raw(self.caller.0), Gid::from_raw(self.caller.1));
                self.change_owner(entry, directory, base, uid, gid)?;
            }
            None => {}
        }
        self.set_xattrs(entry, |key, value| sys::xattr::set(directory.as_fd(), OsStr::from_bytes(base), key, value))?;
        // Passed on to what is created inside, where it changes the mode.
        self.policy.exact_modes &= !entry.xattrs.iter().any(|(key, _)| key == DEFAULT_ACL);
        let late_mode = merged || !self.policy.exact_modes || mode != final_mode;
        self.deferred.push(name, (entry.mtime, entry.mtime_nanos), late_mode.then_some(final_mode));
        Ok(())
    }

    /// Something has the directory's name already: true where it is a directory, which stays; anything else is replaced.
    fn replace_by_directory(
        &mut self,
        entry: &Entry,
        directory: &Arc<OwnedFd>,
        name: &[u8],
        base: &[u8],
        make: &dyn Fn() -> rustix::io::Result<()>,
    ) -> Result<bool, Error> {
        let stat = statat(&**directory, base, AtFlags::SYMLINK_NOFOLLOW);
        let mode = stat.map_err(|errno| at(entry, "create the directory")(fail("fstatat", base, errno)))?.st_mode;
        if FileType::from_raw_mode(mode) == FileType::Directory {
            return Ok(true);
        }
        let hidden = is_whiteout(directory.as_fd(), base);
        self.make(entry, directory, base, "create the directory", make)?;
        if hidden {
            self.mark_opaque(entry, name)?;
        }
        Ok(false)
    }

    fn create_hard_link(
        &mut self,
        entry: &Entry,
        directory: &Arc<OwnedFd>,
        name: &[u8],
        base: &[u8],
    ) -> Result<(), Error> {
        let mut target = std::mem::take(&mut self.link);
        let cleaned = names::clean(&entry.link, &mut target)
            .map_err(|_| unsafe_path(entry, "the target of the hard link is outside the layer"));
        let result = cleaned.and_then(|()| {
            if target.is_empty() || target == name {
                return Err(unsafe_path(entry, "a hard link to the root or to itself"));
            }
            self.link_to(entry, &target, directory, base)
        });
        self.link = target;
        result
    }

    fn link_to(&mut self, entry: &Entry, target: &[u8], directory: &Arc<OwnedFd>, base: &[u8]) -> Result<(), Error> {
        let step = "find the target of the hard link";
        let (parent, target_base) = names::split(target);
        let from = self.tree.directory(parent).map_err(at(entry, step))?;
        let stat = |directory: &OwnedFd, base: &[u8]| {
            statat(directory, base, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|errno| at(entry, step)(fail("fstatat", base, errno)))
        };
        let wanted = stat(&from, target_base)?;
        let same = statat(&**directory, base, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|found| (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino));
        if !same {
            self.make(entry, directory, base, "create the hard link", || {
                linkat(&*from, target_base, &**directory, base, AtFlags::empty())
            })?;
        }
        // The entry's own owner, mode and time go to the file, as they do in containers/storage.
        let owner = self.wanted_owner(entry)?;
        let changed_owner = self.policy.owner && (wanted.st_uid, wanted.st_gid) != owner;
        if changed_owner {
            self.change_owner(entry, directory, base, Uid::from_raw(owner.0), Gid::from_raw(owner.1))?;
        }
        let is_link = FileType::from_raw_mode(wanted.st_mode) == FileType::Symlink;
        if !is_link
            && (wanted.st_mode & 0o7777 != self.mode(entry).as_raw_mode() || (changed_owner && entry.mode & SETID != 0))
        {
            self.change_mode(entry, directory, base)?;
        }
        self.set_xattrs(entry, |key, value| sys::xattr::set(directory.as_fd(), OsStr::from_bytes(base), key, value))?;
        self.set_times(entry, directory, base)
    }

    fn create_node(
        &mut self,
        entry: &Entry,
        directory: &Arc<OwnedFd>,
        base: &[u8],
        kind: FileType,
    ) -> Result<(), Error> {
        let device = if kind == FileType::Fifo { 0 } else { makedev(entry.device.0, entry.device.1) };
        let mode = self.mode(entry);
        self.make(entry, directory, base, "create the device or pipe", || {
            mknodat(&**directory, base, kind, mode, device)
        })?;
        self.finish_special(entry, directory, base)
    }

    /// Owner, mode, attributes and times of what cannot be opened to set them.
    fn finish_special(&self, entry: &Entry, directory: &Arc<OwnedFd>, base: &[u8]) -> Result<(), Error> {
        if let Some((uid, gid)) = self.owner(entry)? {
            self.change_owner(entry, directory, base, uid, gid)?;
        }
        if entry.kind != Kind::Symlink && (!self.policy.exact_modes || entry.mode & SETID != 0) {
            self.change_mode(entry, directory, base)?;
        }
        self.set_xattrs(entry, |key, value| sys::xattr::set(directory.as_fd(), OsStr::from_bytes(base), key, value))?;
        self.set_times(entry, directory, base)
    }

    /// The mode to give: files that do not keep their owner lose setuid and setgid, which would lend the caller's rights.
    fn mode(&self, entry: &Entry) -> Mode {
        Mode::from_raw_mode(if self.policy.owner { entry.mode } else { entry.mode & !SETID })
    }

    fn wanted_owner(&self, entry: &Entry) -> Result<(u32, u32), Error> {
        // The last number means "do not change" to the kernel.
        let id = |id: i64| u32::try_from(id).ok().filter(|id| *id != u32::MAX);
        id(entry.uid).zip(id(entry.gid)).ok_or_else(|| unsupported(entry, "the owner or group number is out of range"))
    }

    /// The owner to set, where a new file would not have it already.
    pub(crate) fn owner(&self, entry: &Entry) -> Result<Option<(Uid, Gid)>, Error> {
        if !self.policy.owner {
            return Ok(None);
        }
        let owner = self.wanted_owner(entry)?;
        let needed = self.odd_owner || owner != self.caller;
        Ok(needed.then(|| (Uid::from_raw(owner.0), Gid::from_raw(owner.1))))
    }

    pub(crate) fn change_owner(
        &self,
        entry: &Entry,
        directory: &Arc<OwnedFd>,
        base: &[u8],
        uid: Uid,
        gid: Gid,
    ) -> Result<(), Error> {
        chownat(&**directory, base, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| at(entry, "change the owner")(fail("fchownat", base, errno)))
    }

    /// Only for what is known not to be a symbolic link: this call follows one.
    fn change_mode(&self, entry: &Entry, directory: &Arc<OwnedFd>, base: &[u8]) -> Result<(), Error> {
        chmodat(&**directory, base, self.mode(entry), AtFlags::empty())
            .map_err(|errno| at(entry, "change the mode")(fail("fchmodat", base, errno)))
    }

    fn set_times(&self, entry: &Entry, directory: &Arc<OwnedFd>, base: &[u8]) -> Result<(), Error> {
        utimensat(&**directory, base, &times(entry), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| at(entry, "set the time")(fail("utimensat", base, errno)))
    }

    fn set_xattrs(&self, entry: &Entry, set: impl Fn(&[u8], &[u8]) -> Result<(), sys::Error>) -> Result<(), Error> {
        for (key, value) in entry.xattrs.iter().filter(|(key, _)| is_taken(key)) {
            match set(key, value) {
                Ok(()) => {}
                Err(error) if error.errno() == Errno::OPNOTSUPP => {}
                Err(error) if error.errno() == Errno::PERM && (self.policy.user_namespace || !self.policy.owner) => {}
                Err(error) => return Err(at(entry, "set an extended attribute")(error)),
            }
        }
        Ok(())
    }

    /// Everything is unpacked: give the directories their times and modes.
    pub fn finish(mut self) -> Result<(), Error> {
        let deferred = std::mem::take(&mut self.deferred);
        deferred.apply(&mut self.tree)
    }
}

/// Not taken from a layer: labels of another machine, and what overlayfs itself decides by.
fn is_taken(key: &[u8]) -> bool {
    key != b"security.selinux" && !key.starts_with(b"trusted.overlay.") && !key.starts_with(b"user.overlay.")
}

fn times(entry: &Entry) -> Timestamps {
    let time = Timespec { tv_sec: entry.mtime, tv_nsec: entry.mtime_nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}
