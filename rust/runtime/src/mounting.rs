//! Mounting by descriptor.
//!
//! With the mount calls of Linux 5.12 a mount is made detached, given its attributes, and moved onto its place, so it is
//! never visible with the wrong ones. Without them ([`Mounter::classic`]) mount(2) does the same in more steps, reaching
//! descriptors through `/proc/self/fd`. Which place a mount goes to is decided by [`crate::rootdir`], never here.

use crate::error::{Error, Result};
use crate::mount_options::{Bind, MountOptions};
use crate::rootdir::{RootDir, proc_path};
use libpod_sys::mount::{Attributes, RDONLY, set_attributes};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statx};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_change, mount_remount,
    move_mount, open_tree,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

/// Where a mount goes.
#[derive(Debug)]
pub struct Target {
    /// The name inside the container, for errors and for finding the new mount.
    pub path: PathBuf,
    /// What the name resolved to.
    pub fd: OwnedFd,
}

/// A new file system and its place.
#[derive(Debug)]
pub struct NewMount {
    /// Type, as in /proc/filesystems.
    pub kind: String,
    /// What mountinfo shows as its source.
    pub source: String,
    /// Place inside the container.
    pub path: PathBuf,
    /// Flags and data.
    pub options: MountOptions,
    /// Whether no symbolic link may lead to the place: /proc and /sys protect what is below them.
    pub plain: bool,
}

/// A file or directory of the host, or a detached copy of the mounts there, that will be bound into the container.
#[derive(Debug)]
pub struct Tree {
    fd: OwnedFd,
    detached: bool,
    /// Whether it is a directory.
    pub is_directory: bool,
}

impl AsRawFd for Tree {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl AsFd for Tree {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Tree {
    /// The descriptor itself.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

/// Which of the two interfaces is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mounter {
    classic: bool,
}

impl Mounter {
    /// Use what the kernel has.
    pub fn probe() -> Self {
        let missing = match set_attributes(CWD, false, &Attributes { set: u64::MAX, ..Attributes::default() }) {
            Err(error) => error.errno() == Errno::NOSYS,
            Ok(()) => false,
        };
        Self { classic: missing }
    }

    /// Use mount(2) alone.
    pub fn classic() -> Self {
        Self { classic: true }
    }

    /// Whether mount(2) alone is used.
    pub fn is_classic(self) -> bool {
        self.classic
    }

    /// Mount a new file system at `target`.
    pub fn mount_new(
        self,
        root: &RootDir,
        target: &Target,
        kind: &str,
        source: &str,
        options: &MountOptions,
    ) -> Result<()> {
        let fail = |errno| Error::step(format!("mount {kind}"), &target.path, errno);
        if self.classic {
            let flags = options.classic_flags();
            let data = std::ffi::CString::new(options.data.join(",")).map_err(|_| fail(Errno::INVAL))?;
            mount(source, proc_path(target.fd.as_fd()), kind, flags, data.as_c_str()).map_err(fail)?;
        } else {
            let detached = self.make(kind, source, options).map_err(|fault| fault.at(kind, &target.path))?;
            attach(detached.as_fd(), target.fd.as_fd()).map_err(fail)?;
        }
        self.propagate(root, target, options)
    }

    /// Make a detached file system; only without [`Mounter::classic`].
    pub fn make(self, kind: &str, source: &str, options: &MountOptions) -> std::result::Result<OwnedFd, Fault> {
        let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        let configure = || -> rustix::io::Result<OwnedFd> {
            fsconfig_set_string(&context, "source", source)?;
            if options.superblock_readonly {
                fsconfig_set_flag(&context, "ro")?;
            }
            for word in &options.data {
                match word.split_once('=') {
                    Some((key, value)) => fsconfig_set_string(&context, key, value)?,
                    None => fsconfig_set_flag(&context, word.as_str())?,
                }
            }
            fsconfig_create(&context)?;
            let attributes = MountAttrFlags::from_bits_retain(options.attributes.set as u32);
            fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        };
        configure().map_err(|errno| Fault { errno, message: kernel_message(context.as_fd()) })
    }

    /// Open what `path` names on the host, before anything is mounted that could hide it.
    pub fn open_tree(self, path: &Path, bind: Bind) -> rustix::io::Result<Tree> {
        let place = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        self.clone_tree(place, bind)
    }

    /// Take what an `O_PATH` descriptor refers to.
    pub fn clone_tree(self, place: OwnedFd, bind: Bind) -> rustix::io::Result<Tree> {
        let stat = rustix::fs::fstat(&place)?;
        let is_directory = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory;
        if self.classic {
            return Ok(Tree { fd: place, detached: false, is_directory });
        }
        let mut flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        if bind == Bind::Recursive {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        Ok(Tree { fd: open_tree(&place, "", flags)?, detached: true, is_directory })
    }

    /// Bind `tree` to `target` with the attributes and the propagation of `options`.
    pub fn bind(self, root: &RootDir, tree: Tree, target: &Target, options: &MountOptions) -> Result<()> {
        let fail = |errno| Error::step("bind", &target.path, errno);
        let changes = |mount: BorrowedFd<'_>| -> Result<()> {
            let call = |error: libpod_sys::Error| fail(error.errno()).with_detail(error.to_string());
            if options.recursive != Attributes::default() {
                set_attributes(mount, true, &options.recursive).map_err(call)?;
            }
            if options.attributes.set != 0 || options.attributes.clear & !RDONLY != 0 {
                set_attributes(mount, false, &options.attributes).map_err(call)?;
            }
            Ok(())
        };
        if tree.detached {
            changes(tree.fd.as_fd())?;
            attach(tree.fd.as_fd(), target.fd.as_fd()).map_err(fail)?;
            return self.propagate(root, target, options);
        }
        let recursive = if options.bind == Some(Bind::Plain) { MountFlags::empty() } else { MountFlags::REC };
        let (source, place) = (proc_path(tree.fd.as_fd()), proc_path(target.fd.as_fd()));
        mount(source, place, "", MountFlags::BIND | recursive, None).map_err(fail)?;
        if options.attributes.set != 0 {
            let mounted = root.resolve(&target.path).map_err(fail)?;
            let flags = MountFlags::BIND | options.classic_flags();
            mount_remount(proc_path(mounted.as_fd()), flags, "").map_err(fail)?;
        }
        self.propagate(root, target, options)
    }

    /// Give the mount that now stands at `target` its propagation.
    fn propagate(self, root: &RootDir, target: &Target, options: &MountOptions) -> Result<()> {
        let Some((kind, recursive)) = options.propagation else { return Ok(()) };
        // A mount made in a new namespace is private as it is made; below a slave tree only binds carry more along.
        if kind == MountPropagationFlags::PRIVATE && options.bind.is_none() {
            return Ok(());
        }
        let fail = |errno| Error::step("set propagation of", &target.path, errno);
        let mounted = root.resolve(&target.path).map_err(fail)?;
        self.set_propagation(mounted.as_fd(), kind, recursive).map_err(fail)
    }

    /// Change the propagation of the mount that `fd` refers to.
    pub fn set_propagation(
        self,
        fd: BorrowedFd<'_>,
        kind: MountPropagationFlags,
        recursive: bool,
    ) -> rustix::io::Result<()> {
        if !self.classic {
            let propagation = u64::from(kind.bits());
            let change = Attributes { propagation, ..Attributes::default() };
            return set_attributes(fd, recursive, &change).map_err(|error| error.errno());
        }
        let depth = if recursive { MountPropagationFlags::REC } else { MountPropagationFlags::empty() };
        mount_change(proc_path(fd), kind | depth)
    }

    /// Make the mount that `fd` refers to read-only, and keep its other attributes.
    pub fn set_readonly(self, fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
        if !self.classic {
            let change = Attributes { set: RDONLY, ..Attributes::default() };
            return set_attributes(fd, false, &change).map_err(|error| error.errno());
        }
        let kept = rustix::fs::fstatvfs(fd)?.f_flag.bits() as u32 & KEPT_FLAGS;
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::from_bits_retain(kept);
        mount_remount(proc_path(fd), flags, "")
    }
}

/// Flags of statvfs(3) that have the same value and meaning for mount(2): nosuid, nodev, noexec, noatime, nodiratime, relatime.
const KEPT_FLAGS: u32 = 0x2 | 0x4 | 0x8 | 0x400 | 0x800;

/// A failed call of the mount API, with the kernel's explanation where it gave one.
#[derive(Debug)]
pub struct Fault {
    errno: Errno,
    message: Option<String>,
}

impl Fault {
    /// A call that failed with `errno`.
    pub fn new(errno: Errno, message: Option<String>) -> Self {
        Self { errno, message }
    }

    /// The error number.
    pub fn errno(&self) -> Errno {
        self.errno
    }

    /// The error of mounting a file system of this `kind` at `path`.
    pub fn at(self, kind: &str, path: &Path) -> Error {
        let error = Error::step(format!("mount {kind}"), path, self.errno);
        match self.message {
            Some(message) => error.with_detail(message),
            None => error,
        }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self { errno, message: None }
    }
}

/// What the kernel wrote about a failed configuration: `e tmpfs: Bad value for 'size'`.
pub fn kernel_message(context: BorrowedFd<'_>) -> Option<String> {
    let mut buffer = [0; 512];
    let length = rustix::io::read(context, &mut buffer).ok()?;
    let text = String::from_utf8_lossy(&buffer[..length]);
    Some(text.trim_start_matches("e ").trim_end().to_owned())
}

/// Move a detached mount onto a place.
pub fn attach(mount: BorrowedFd<'_>, place: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", place, "", flags)
}

/// The number of the mount that a descriptor lies in, unlike any other mount's of this moment.
pub fn mount_id(fd: BorrowedFd<'_>) -> rustix::io::Result<u64> {
    let found = statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    if found.stx_mask & StatxFlags::MNT_ID.bits() != 0 {
        return Ok(found.stx_mnt_id);
    }
    // Before Linux 5.8.
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let number = text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    number.ok_or(Errno::IO)
}
