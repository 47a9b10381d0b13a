//! How much a read-write layer holds.

use crate::error::{Context, Error, Result};
use crate::store::Store;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

impl Store {
    /// Bytes in the files of a layer's own content directory; a file with several names counts once.
    ///
    /// For a container's layer this is what the container wrote. It may change while it is counted.
    pub fn content_size(&self, layer: &str) -> Result<u64> {
        let path = self.tree.diff(layer);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let root = rustix::fs::open(&path, flags, Mode::empty()).at("open", &path)?;
        let mut seen = HashSet::new();
        add_directory(root, &path, &mut seen)
    }

    /// Sum of the uncompressed sizes of the layers of an image, uppermost first.
    pub fn image_size(&self, id: &str) -> Result<u64> {
        let image = self.image(id)?;
        let table = self.layers.read()?;
        let mut total = 0;
        let mut seen = HashSet::new();
        let mut next = image.layer;
        while !next.is_empty() && seen.insert(next.clone()) {
            let own = table.get(&next).filter(|layer| !layer.is_incomplete()).cloned();
            let layer = own.map_or_else(|| self.layer(&next), Ok)?;
            total += match u64::try_from(layer.diff_size) {
                Ok(size) if !layer.diff_digest.is_empty() => size,
                _ => self.content_size(&layer.id)?,
            };
            next = layer.parent;
        }
        Ok(total)
    }
}

fn add_directory(directory: OwnedFd, root: &Path, seen: &mut HashSet<(u64, u64)>) -> Result<u64> {
    let mut total = 0;
    let mut pending = vec![directory];
    while let Some(directory) = pending.pop() {
        for entry in Dir::read_from(&directory).at("list", root)? {
            let entry = entry.at("list", root)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match entry.file_type() {
                FileType::Directory => pending.extend(open_below(directory.as_fd(), name, root)?),
                FileType::RegularFile => total += file_size(directory.as_fd(), name, root, seen)?,
                _ => {}
            }
        }
    }
    Ok(total)
}

fn open_below(directory: BorrowedFd<'_>, name: &std::ffi::CStr, root: &Path) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(Error::os("open a directory below", root, errno)),
    }
}

fn file_size(
    directory: BorrowedFd<'_>,
    name: &std::ffi::CStr,
    root: &Path,
    seen: &mut HashSet<(u64, u64)>,
) -> Result<u64> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if stat.st_nlink > 1 && !seen.insert((stat.st_dev, stat.st_ino)) => Ok(0),
        Ok(stat) => Ok(u64::try_from(stat.st_size).unwrap_or_default()),
        Err(Errno::NOENT) => Ok(0),
        Err(errno) => Err(Error::os("stat a file below", root, errno)),
    }
}
