//! What a container must not see or change: masked paths, read-only paths, and kernel parameters set for it.

use crate::error::{Error, Result};
use crate::mount_options::{Bind, MountOptions};
use crate::mounting::{Target, attach};
use crate::rootdir::RootDir;
use crate::stage::Stage;
use libpod_sys::mount::RDONLY;
use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs, makedev};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// What statfs says of proc.
pub const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// Hide a path: a directory under an empty read-only tmpfs, anything else under `/dev/null`. What is not there stays so.
///
/// One tmpfs hides all directories: a copy of its mount costs a third of another tmpfs, and there may be one for each processor.
pub fn mask(stage: &mut Stage, path: &Path) -> Result<()> {
    let fail = |errno| Error::step("mask", path, errno);
    let root = stage.root()?;
    let Some(fd) = find(root, path).map_err(fail)? else { return Ok(()) };
    let is_directory = FileType::from_raw_mode(fstat(&fd).map_err(fail)?.st_mode) == FileType::Directory;
    let target = Target { path: path.into(), fd };
    if is_directory && stage.empty.is_none() {
        let mut options = MountOptions { superblock_readonly: true, ..MountOptions::default() };
        options.attributes.set = RDONLY;
        stage.mounter.mount_new(root, &target, "tmpfs", "tmpfs", &options)?;
        let mounted = root.resolve(path).map_err(fail)?;
        stage.empty = Some(mounted);
        return Ok(());
    }
    let cover = match &stage.empty {
        Some(empty) if is_directory => rustix::io::fcntl_dupfd_cloexec(empty, 0).map_err(fail)?,
        _ => null_device(root)?,
    };
    let tree = stage.mounter.clone_tree(cover, Bind::Plain).map_err(fail)?;
    let options = MountOptions { bind: Some(Bind::Plain), ..MountOptions::default() };
    stage.mounter.bind(root, tree, &target, &options)
}

/// The container's `/dev/null`, proven to be the null device: in a `/dev` that an image or a volume brings it could be anything, and
/// would then show what is to be hidden, or worse.
fn null_device(root: &RootDir) -> Result<OwnedFd> {
    let path = Path::new("/dev/null");
    let fail = |errno| Error::step("open", path, errno);
    let fd = root.resolve(path).map_err(fail)?;
    let stat = fstat(&fd).map_err(fail)?;
    let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    if is_device && stat.st_rdev == makedev(1, 3) {
        return Ok(fd);
    }
    Err(Error::UnsafePath {
        path: path.into(),
        reason: "is not the null device, and paths are to be masked with it".into(),
    })
}

/// Make a path read-only by binding it over itself. What is not there stays so.
pub fn make_readonly(stage: &Stage, path: &Path) -> Result<()> {
    let fail = |errno| Error::step("make read-only", path, errno);
    let root = stage.root()?;
    let Some(fd) = find(root, path).map_err(fail)? else { return Ok(()) };
    let place = rustix::io::fcntl_dupfd_cloexec(&fd, 0).map_err(fail)?;
    let tree = stage.mounter.clone_tree(fd, Bind::Recursive).map_err(fail)?;
    if stage.mounter.is_classic() {
        let target = Target { path: path.into(), fd: place };
        let options = MountOptions { bind: Some(Bind::Recursive), ..MountOptions::default() };
        stage.mounter.bind(root, tree, &target, &options)?;
        return remount_readonly(stage, path);
    }
    let tree = tree.into_fd();
    stage.mounter.set_readonly(tree.as_fd()).map_err(fail)?;
    attach(tree.as_fd(), place.as_fd()).map_err(fail)
}

/// Make the mount at `path` read-only.
pub fn remount_readonly(stage: &Stage, path: &Path) -> Result<()> {
    let fail = |errno| Error::step("make read-only", path, errno);
    // The root's own descriptor is of its mount; below it the name leads to the uppermost mount.
    let mount = if path == Path::new("/") { None } else { Some(stage.root()?.resolve(path).map_err(fail)?) };
    let fd = mount.as_ref().map_or(stage.root()?.as_fd(), AsFd::as_fd);
    stage.mounter.set_readonly(fd).map_err(fail)
}

/// Write a kernel parameter through the container's own /proc.
pub fn write_sysctl(stage: &Stage, path: &Path, value: &str) -> Result<()> {
    let fail = |errno| Error::step(format!("write {value:?} to"), path, errno);
    // Without waiting for the other end of a fifo that a mount may have put there.
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = stage.root()?.open_at(path, flags, Mode::empty()).map_err(fail)?;
    if fstatfs(&file).map_err(fail)?.f_type as u64 != PROC_SUPER_MAGIC {
        return Err(Error::UnsafePath { path: path.into(), reason: "does not lie in a proc file system".into() });
    }
    rustix::io::write(&file, value.as_bytes()).map(drop).map_err(fail)
}

fn find(root: &RootDir, path: &Path) -> rustix::io::Result<Option<OwnedFd>> {
    match root.resolve(path) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}
