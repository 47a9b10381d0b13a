//! Directories that belong to one process: layers before they are published, and what is taken away before it is deleted.
//!
//! They live in `G/libpod/staging`, where no other tool looks, as `temp-dir-N` beside a `lock-N` that the process holds:
//! the protocol of containers/storage 1.59 for `overlay/tempdirs`. That place itself would do for 1.59 and later only:
//! 1.47 to 1.58 collect it as garbage while it is in use, and the symlink repair of 1.43 stumbles over it; its other
//! directory, `overlay/staging`, is wiped by 1.43 whenever a command ends. The price: `G/overlay` is often bind-mounted on
//! itself, and a rename across that mount is refused; [`rename`] then works in a private view of the parent directory.
//! Where even this cannot work (`G/overlay` is another filesystem) layers are staged in `overlay/tempdirs` after all.

use crate::error::{AtPath, Error, Result};
use crate::file;
use crate::name;
use libpod_sys::lock::{Kind, try_lock};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use rustix::mount::OpenTreeFlags;
use std::cell::RefCell;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A directory of this process; dropping it deletes it with everything in it.
#[derive(Debug)]
pub(crate) struct StagingDirectory {
    path: PathBuf,
    lock_path: PathBuf,
    // Held as long as the directory lives; none where a full disk has no space for the file.
    _lock: Option<OwnedFd>,
}

impl StagingDirectory {
    /// Make a new directory below `root`, locked as long as it lives.
    pub(crate) fn create(root: &Path) -> Result<Self> {
        file::create_dirs(root)?;
        let staging = Self::reserve(root)?;
        rustix::fs::mkdir(&staging.path, Mode::from_raw_mode(0o700)).at("create", &staging.path)?;
        Ok(staging)
    }

    /// Take the lock of a new directory below `root` and leave it to the caller to put one there.
    fn reserve(root: &Path) -> Result<Self> {
        loop {
            let number = random_number();
            let lock_path = root.join(format!("lock-{number}"));
            if let Some(lock) = create_lock(&lock_path)? {
                return Ok(Self { path: root.join(format!("temp-dir-{number}")), lock_path, _lock: Some(lock) });
            }
        }
    }

    /// A new directory below `root` without a lock: any other process may delete it, and what is in it.
    fn unlocked(root: &Path) -> Self {
        let number = random_number();
        let lock_path = root.join(format!("lock-{number}"));
        Self { path: root.join(format!("temp-dir-{number}")), lock_path, _lock: None }
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StagingDirectory {
    fn drop(&mut self) {
        // What cannot be deleted now is swept by a later process, once our lock is gone.
        if file::remove_tree(&self.path).is_ok() {
            let _ = rustix::fs::unlink(&self.lock_path);
        }
    }
}

/// What an operation takes away under a lock and deletes after it: each thing becomes a [`StagingDirectory`] by rename.
///
/// Declare it before the lock is taken, so that it is dropped after the lock.
#[derive(Debug)]
pub(crate) struct Trash {
    root: PathBuf,
    directories: RefCell<Vec<StagingDirectory>>,
}

impl Trash {
    /// A trash whose directories live below `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, directories: RefCell::new(Vec::new()) }
    }

    /// Take a directory out of its place. What cannot be renamed is deleted where it stands; what is missing is gone.
    pub(crate) fn take(&self, directory: &Path) -> Result<()> {
        let made = file::create_dirs(&self.root).and_then(|()| StagingDirectory::reserve(&self.root));
        let staging = match made {
            Err(error) if error.is_disk_full() => StagingDirectory::unlocked(&self.root),
            made => made?,
        };
        match rename(directory, staging.path()) {
            Ok(()) => {
                self.directories.borrow_mut().push(staging);
                Ok(())
            }
            Err(Error::Os { errno: Errno::XDEV | Errno::NOENT, .. }) => file::remove_tree(directory),
            Err(error) if error.is_disk_full() => file::remove_tree(directory),
            Err(error) => Err(error),
        }
    }

    /// Delete now what was taken, under the locks that the caller holds: a full disk needs the space.
    pub(crate) fn empty(&self) {
        self.directories.borrow_mut().clear();
        crate::freed();
    }
}

fn random_number() -> u32 {
    u32::from_le_bytes(name::random_bytes())
}

/// Create and lock a lock file. `None`: a sweeper was faster and unlinked it, or the number is taken.
fn create_lock(path: &Path) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd = match rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)) {
        Ok(fd) => fd,
        Err(Errno::EXIST) => return Ok(None),
        Err(errno) => return Err(Error::os("create", path, errno)),
    };
    let taken = try_lock(fd.as_fd(), Kind::Exclusive).map_err(|error| Error::os("lock", path, error.errno()))?;
    let linked = rustix::fs::fstat(&fd).at("stat", path)?.st_nlink > 0;
    Ok((taken && linked).then_some(fd))
}

/// Delete what processes that are gone left below `root`. Nobody's lock is waited for.
pub(crate) fn sweep(root: &Path) -> Result<()> {
    let names = file::list(root)?;
    let mut numbers: Vec<&str> =
        names.iter().filter_map(|name| name.strip_prefix("lock-").or_else(|| name.strip_prefix("temp-dir-"))).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        sweep_one(root, number)?;
    }
    Ok(())
}

fn sweep_one(root: &Path, number: &str) -> Result<()> {
    let lock_path = root.join(format!("lock-{number}"));
    let directory = root.join(format!("temp-dir-{number}"));
    let fd = match file::open(&lock_path, OFlags::RDWR, 0) {
        Ok(fd) => fd,
        // The lock file is made before the directory and unlinked after it: nobody lives in this one.
        Err(error) if error.kind() == ErrorKind::NotFound => return file::remove_tree(&directory),
        Err(error) => return Err(Error::io("open", lock_path, &error)),
    };
    if try_lock(fd.as_fd(), Kind::Exclusive).map_err(|error| Error::os("lock", &lock_path, error.errno()))? {
        file::remove_tree(&directory)?;
        file::remove(&lock_path)?;
    }
    Ok(())
}

/// Can [`rename`] move things between these two directories, now and while a bind mount of `home` comes or goes?
pub(crate) fn can_rename(other: &Path, home: &Path) -> Result<bool> {
    let devices = (rustix::fs::stat(other).at("stat", other)?.st_dev, rustix::fs::stat(home).at("stat", home)?.st_dev);
    if devices.0 != devices.1 {
        return Ok(false);
    }
    Ok(match private_view(&common_parent(other, home)) {
        Ok(_) => true,
        // Who may not clone a mount may not bind one either; but somebody with more rights may have done it before.
        Err(Errno::PERM) => !is_mount_point(home),
        Err(_) => false,
    })
}

/// Is something mounted exactly here? A missing path is no mount point.
pub(crate) fn is_mount_point(path: &Path) -> bool {
    rustix::fs::statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)
        .is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Rename a file or directory, even where a bind mount of a directory on itself stands between the two places.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    match rustix::fs::rename(from, to) {
        Err(Errno::XDEV) => rename_below_mounts(from, to),
        answer => answer.at("rename", to),
    }
}

/// Rename in a private clone of the nearest common parent: a clone leaves out what is mounted below.
fn rename_below_mounts(from: &Path, to: &Path) -> Result<()> {
    let common = common_parent(from, to);
    let across = || Error::os("rename", to, Errno::XDEV);
    let (one, other) = (rustix::fs::lstat(from).at("stat", from)?, rustix::fs::stat(parent(to)).at("stat", to)?);
    if one.st_dev != other.st_dev {
        return Err(across());
    }
    let view = private_view(&common).map_err(|_| across())?;
    let (inner_from, inner_to) = (below(&common, from), below(&common, to));
    rustix::fs::renameat(&view, inner_from, &view, inner_to).at("rename", to)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn private_view(directory: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    rustix::mount::open_tree(CWD, directory, flags)
}

fn common_parent(one: &Path, other: &Path) -> PathBuf {
    one.components().zip(other.components()).take_while(|(left, right)| left == right).map(|(part, _)| part).collect()
}

fn below<'a>(parent: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(parent).expect("a common parent is a prefix of both")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn a_nest_is_gone_with_its_owner() {
        let scratch = Scratch::new();
        let root = scratch.path().join("staging");
        let staging = StagingDirectory::create(&root).expect("create");
        std::fs::write(staging.path().join("x"), "x").expect("write");
        drop(staging);
        assert_eq!(file::list(&root).expect("list"), Vec::<String>::new());
    }

    #[test]
    fn sweeping_spares_the_living_and_takes_the_dead() {
        let scratch = Scratch::new();
        let root = scratch.path().join("staging");
        let living = StagingDirectory::create(&root).expect("create");
        std::fs::create_dir_all(root.join("temp-dir-1/diff")).expect("mkdir");
        std::fs::write(root.join("lock-1"), "").expect("write");
        std::fs::create_dir_all(root.join("temp-dir-2")).expect("a directory without a lock file");
        std::fs::write(root.join("lock-3"), "").expect("a lock file without a directory");
        std::fs::write(root.join("other"), "").expect("a name that is none of ours");
        sweep(&root).expect("sweep");
        let mut expected = vec![
            living.lock_path.file_name().expect("name").to_string_lossy().into_owned(),
            "other".to_owned(),
            living.path().file_name().expect("name").to_string_lossy().into_owned(),
        ];
        expected.sort();
        assert_eq!(file::list(&root).expect("list"), expected);
    }

    #[test]
    fn another_filesystem_is_told_from_a_missing_directory() {
        let scratch = Scratch::new();
        let other = Path::new("/dev/shm").join(format!("libpod-store-{}", std::process::id()));
        let trash = Trash::new(scratch.path().join("staging"));
        trash.take(&scratch.path().join("missing")).expect("what is missing is gone");
        if std::fs::create_dir(&other).is_err() {
            return;
        }
        let here = rustix::fs::stat(scratch.path()).expect("stat").st_dev;
        let renamed = rename(&other, &scratch.path().join("moved"));
        assert_eq!(renamed.is_err(), here != rustix::fs::stat("/dev/shm").expect("stat").st_dev);
        trash.take(&other).expect("deleted where it stands, or gone already");
        assert!(!other.exists());
    }

    #[test]
    fn renames_across_a_bind_mount_of_a_directory_on_itself() {
        use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_change, unmount};
        let scratch = Scratch::new();
        let (home, staging) = (scratch.path().join("overlay"), scratch.path().join("staging"));
        std::fs::create_dir(&home).expect("mkdir");
        std::fs::create_dir_all(staging.join("diff")).expect("mkdir");
        if mount_bind(&home, &home).is_err() {
            assert_ne!(rustix::process::geteuid().as_raw(), 0, "root can bind");
            return;
        }
        mount_change(&home, MountPropagationFlags::PRIVATE).expect("private");
        let plain = rustix::fs::rename(staging.join("diff"), home.join("diff"));
        let possible = can_rename(&staging, &home).expect("stat");
        let ours = rename(&staging.join("diff"), &home.join("diff"));
        unmount(&home, UnmountFlags::DETACH).expect("unmount");
        assert_eq!(plain, Err(Errno::XDEV), "else this test proves nothing");
        assert!(possible);
        ours.expect("rename");
        assert!(home.join("diff").is_dir());
    }
}
