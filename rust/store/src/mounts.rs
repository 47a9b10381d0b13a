//! Mounts on the host, counted in `R/overlay-layers/mountpoints.json` so that every tool knows of them.
//!
//! A container that runs needs none of this: its root is mounted in its own mount namespace. This is for `podman mount`
//! and for looking into images. Other tools bind-mount `G/overlay` on itself and take that mount away when nothing is
//! counted, with all that was mounted below it; so the same bind mount is made here before the first mount.

use crate::containers::Rootfs;
use crate::error::{AtPath, Error, Result};
use crate::file::{self, Durability};
use crate::hostmount;
use crate::lockfile;
use crate::name::Id;
use crate::staging::is_mount_point;
use crate::step;
use crate::store::Store;
use libpod_sys::lock::Kind;
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// One counted mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mountpoint {
    id: String,
    path: String,
    count: i64,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Store {
    /// Mount the root filesystem of a container on the host, or count one more user of that mount; answers where it is.
    pub fn mount_container(&self, id: &str) -> Result<PathBuf> {
        let record = self.container(id)?;
        let rootfs = self.rootfs(&record.id)?;
        self.allow_remount(&record.id)?;
        self.mount_layer(&self.layer_of(&record)?, &rootfs)
    }

    /// Mount the read-only view of an image on the host, or count one more user of that mount; answers where it is.
    pub fn mount_image(&self, id: &str) -> Result<PathBuf> {
        let image = self.image(id)?;
        let rootfs = self.image_rootfs(&image.id)?;
        self.mount_layer(&Id::parse(&image.layer)?, &rootfs)
    }

    /// Give back one use of a container's mount; `force` gives back all. Answers whether it is still mounted.
    pub fn unmount_container(&self, id: &str, force: bool) -> Result<bool> {
        let record = self.container(id)?;
        self.unmount_layer(&self.layer_of(&record)?, force)
    }

    /// Give back one use of an image's mount; `force` gives back all. Answers whether it is still mounted.
    pub fn unmount_image(&self, id: &str, force: bool) -> Result<bool> {
        let image = self.image(id)?;
        self.unmount_layer(&Id::parse(&image.layer)?, force)
    }

    /// Where a layer is mounted on the host, and by how many users; `None` where it is not.
    pub fn mount_of(&self, layer: &str) -> Result<Option<(PathBuf, u32)>> {
        let layer = Id::parse(layer)?;
        let path = self.merged(&layer);
        let mut entries = self.read_mountpoints()?.into_iter();
        // A record that names another place is not believed.
        let found = entries.find(|entry| entry.id == *layer && entry.count > 0 && Path::new(&entry.path) == path);
        let users = found.map(|entry| u32::try_from(entry.count).unwrap_or(u32::MAX));
        Ok(users.filter(|_| is_mount_point(&path)).map(|users| (path, users)))
    }

    fn mount_layer(&self, layer: &Id, rootfs: &Rootfs) -> Result<PathBuf> {
        self.prepare()?;
        let trash = self.trash();
        let _shutdown_lock = lockfile::acquire(&self.storage_lock(), Kind::Exclusive)?;
        let _layers = self.write_layers(&trash)?;
        let held = lockfile::acquire(&self.mountpoints_lock(), Kind::Exclusive)?;
        let mut entries = self.read_mountpoints()?;
        let path = self.merged(layer);
        let known = entries.iter().position(|entry| entry.id == **layer);
        let counted = known.is_some_and(|index| entries[index].count > 0);
        if !(counted && is_mount_point(&path)) {
            self.mount_home()?;
            step();
            file::create_dirs(&path)?;
            hostmount::mount(rootfs, &path)?;
            step();
        }
        match known {
            Some(index) => {
                entries[index].count = entries[index].count.max(0) + 1;
                entries[index].path = path.to_string_lossy().into_owned();
            }
            None => entries.push(Mountpoint {
                id: layer.to_string(),
                path: path.to_string_lossy().into_owned(),
                count: 1,
                extra: Map::new(),
            }),
        }
        held.touch()?;
        self.write_mountpoints(&entries)?;
        Ok(path)
    }

    fn unmount_layer(&self, layer: &Id, force: bool) -> Result<bool> {
        self.prepare()?;
        let trash = self.trash();
        let _layers = self.write_layers(&trash)?;
        self.give_back(layer, force, || Ok(()))
    }

    /// Before a layer is deleted: whatever is mounted of it goes, also what a process mounted that died before it could
    /// count it. The layers are locked by the caller. `free` deletes the layer where a full disk needs its space.
    pub(crate) fn unmount_for_removal(&self, layer: &Id, free: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.read_mountpoints()?.iter().any(|entry| entry.id == **layer) {
            self.give_back(layer, true, free)?;
        } else if is_mount_point(&self.merged(layer)) {
            unmount(&self.merged(layer))?;
        }
        Ok(())
    }

    fn give_back(&self, layer: &Id, force: bool, free: impl FnOnce() -> Result<()>) -> Result<bool> {
        let held = lockfile::acquire(&self.mountpoints_lock(), Kind::Exclusive)?;
        let mut entries = self.read_mountpoints()?;
        let path = self.merged(layer);
        let Some(index) = entries.iter().position(|entry| entry.id == **layer) else { return Ok(false) };
        let remaining = if force { 0 } else { entries[index].count - 1 };
        if remaining > 0 {
            entries[index].count = remaining;
        } else {
            unmount(&path)?;
            entries.remove(index);
        }
        held.touch()?;
        self.reserve.in_need(|| self.write_mountpoints(&entries), free)?;
        Ok(remaining > 0)
    }

    /// Take back the bind mount of the overlay tree on itself when nobody counts a mount below it, as other tools do when
    /// they end. Call it without locks, after the last unmount.
    pub fn release_home(&self) -> Result<()> {
        if !is_mount_point(self.tree.home()) || self.options.skip_mount_home {
            return Ok(());
        }
        let held = lockfile::acquire(&self.storage_lock(), Kind::Exclusive)?;
        let trash = self.trash();
        let _layers = self.write_layers(&trash)?;
        if self.read_mountpoints()?.iter().any(|entry| entry.count > 0) {
            return Ok(());
        }
        // The token tells processes that have the store open to mount it again.
        held.touch()?;
        unmount(self.tree.home())
    }

    fn mount_home(&self) -> Result<()> {
        let home = self.tree.home();
        if self.options.skip_mount_home || is_mount_point(home) {
            return Ok(());
        }
        rustix::mount::mount_bind(home, home).at("bind-mount", home)?;
        rustix::mount::mount_change(home, MountPropagationFlags::PRIVATE).at("make private", home)
    }

    /// Where a layer is mounted: layers of additional stores below the runroot, as nothing can be mounted in theirs.
    fn merged(&self, layer: &Id) -> PathBuf {
        if self.tree.owns(layer) {
            return self.tree.directory(layer).join("merged");
        }
        self.options.runroot.join("overlay").join(layer).join("merged")
    }

    fn storage_lock(&self) -> PathBuf {
        self.options.graphroot.join("storage.lock")
    }

    fn mountpoints_lock(&self) -> PathBuf {
        self.options.runroot.join("overlay-layers/mountpoints.lock")
    }

    fn mountpoints_path(&self) -> PathBuf {
        self.options.runroot.join("overlay-layers/mountpoints.json")
    }

    fn read_mountpoints(&self) -> Result<Vec<Mountpoint>> {
        let path = self.mountpoints_path();
        match file::read(&path)? {
            Some(bytes) if !bytes.is_empty() => {
                serde_json::from_slice(&bytes).map_err(|error| Error::corrupt(&path, error.to_string()))
            }
            _ => Ok(Vec::new()),
        }
    }

    fn write_mountpoints(&self, entries: &[Mountpoint]) -> Result<()> {
        let path = self.mountpoints_path();
        let text = serde_json::to_vec(entries).map_err(|error| Error::corrupt(&path, error.to_string()))?;
        file::replace(&path, &text, Durability::Volatile)
    }
}

/// Unmount what may not be mounted, or not be there.
fn unmount(path: &Path) -> Result<()> {
    match rustix::mount::unmount(path, UnmountFlags::DETACH) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        Err(errno) => Err(Error::os("unmount", path, errno)),
    }
}
