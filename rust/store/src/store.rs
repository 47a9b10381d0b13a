//! An open store: where it is, and what every operation on it starts with.

use crate::error::{Error, Result};
use crate::file::{self, Durability};
use crate::name::Id;
use crate::overlay::Tree;
use crate::record::{Container, Image, Layer};
use crate::reserve::Reserve;
use crate::staging::{self, Trash};
use crate::sync::Syncing;
use crate::table::Area;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Drivers of containers/storage that this crate does not read.
const OTHER_DRIVERS: [&str; 5] = ["vfs", "btrfs", "zfs", "aufs", "devicemapper"];

/// Where a store is and how its containers are mounted; what `storage.conf` says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Images, layers and containers. Absolute.
    pub graphroot: PathBuf,
    /// State that is void after a reboot. Absolute.
    pub runroot: PathBuf,
    /// Stores that are only read: graphroots of additional image stores. Those that do not exist are empty.
    pub additional: Vec<PathBuf>,
    /// Overlay mount options for containers that bring none of their own.
    pub mount_options: Vec<String>,
    /// Do not bind-mount `G/overlay` on itself for a mount on the host.
    pub skip_mount_home: bool,
    /// Never mount with `volatile`.
    pub disable_volatile: bool,
}

/// A store of containers/storage with the overlay driver. Cheap to open; safe to share between threads.
///
/// Readers take no lock. Writers lock the tables they change, in the order layers, images, containers.
#[derive(Debug)]
pub struct Store {
    pub(crate) options: Options,
    pub(crate) tree: Tree,
    pub(crate) layers: Area<Layer>,
    pub(crate) images: Area<Image>,
    pub(crate) containers: Area<Container>,
    pub(crate) others: Vec<Other>,
    pub(crate) reserve: Reserve,
    prepared: OnceLock<()>,
    pub(crate) syncing: Arc<Syncing>,
}

/// One additional store.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) root: PathBuf,
    pub(crate) layers: Area<Layer>,
    pub(crate) images: Area<Image>,
}

impl Other {
    /// The store at this graphroot.
    fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            layers: Area::new(&root.join("overlay-layers"), "layers"),
            images: Area::new(&root.join("overlay-images"), "images"),
        }
    }
}

impl Store {
    /// Open the store. Nothing is created: a store that does not exist yet is empty.
    pub fn open(options: Options) -> Result<Self> {
        for path in [&options.graphroot, &options.runroot].into_iter().chain(&options.additional) {
            if !path.is_absolute() {
                return Err(Error::Invalid(format!("the store's path `{}` is not absolute", path.display())));
            }
        }
        let graphroot = &options.graphroot;
        let store = Self {
            tree: Tree::new(graphroot, &options.additional),
            layers: Area::new(&graphroot.join("overlay-layers"), "layers"),
            images: Area::new(&graphroot.join("overlay-images"), "images"),
            containers: Area::new(&graphroot.join("overlay-containers"), "containers"),
            others: options.additional.iter().map(|root| Other::new(root)).collect(),
            reserve: Reserve::new(graphroot),
            prepared: OnceLock::new(),
            syncing: Arc::default(),
            options,
        };
        store.refuse_other_formats()?;
        Ok(store)
    }

    fn refuse_other_formats(&self) -> Result<()> {
        let marker = self.tree.home().join(".has-mount-program");
        if file::read(&marker)?.is_some_and(|text| text.trim_ascii() == b"true") {
            let text = "written with a mount_program (fuse-overlayfs): its whiteouts are not those of native overlay";
            return Err(Error::Unsupported(format!("{}: the store was {text}", self.options.graphroot.display())));
        }
        if !self.tree.home().exists() {
            for driver in OTHER_DRIVERS {
                let images = self.options.graphroot.join(format!("{driver}-images"));
                if images.exists() {
                    let text = format!("{}: the store uses the driver `{driver}`", self.options.graphroot.display());
                    return Err(Error::Unsupported(format!("{text}; only `overlay` is supported")));
                }
            }
        }
        Ok(())
    }

    /// `G`: images, layers, containers.
    pub fn graphroot(&self) -> &Path {
        &self.options.graphroot
    }

    /// `R`: state that is void after a reboot.
    pub fn runroot(&self) -> &Path {
        &self.options.runroot
    }

    pub(crate) fn layers_directory(&self) -> PathBuf {
        self.options.graphroot.join("overlay-layers")
    }

    pub(crate) fn images_directory(&self) -> PathBuf {
        self.options.graphroot.join("overlay-images")
    }

    pub(crate) fn containers_directory(&self) -> PathBuf {
        self.options.graphroot.join("overlay-containers")
    }

    /// The engine's directory of a container in `G`.
    pub(crate) fn container_directory(&self, id: &Id) -> PathBuf {
        self.containers_directory().join(id).join("userdata")
    }

    /// The engine's directory of a container in `R`, void after a reboot.
    pub(crate) fn container_run_directory(&self, id: &Id) -> PathBuf {
        self.options.runroot.join("overlay-containers").join(id).join("userdata")
    }

    pub(crate) fn tar_split_path(&self, layer: &Id) -> PathBuf {
        self.layers_directory().join(format!("{layer}.tar-split.gz"))
    }

    /// Where this process may put what no other tool shall see.
    pub(crate) fn staging_root(&self) -> PathBuf {
        self.options.graphroot.join("libpod/staging")
    }

    /// Where layers are staged: beside the overlay tree, or inside it where it is a filesystem of its own.
    pub(crate) fn layer_staging_root(&self) -> Result<PathBuf> {
        let root = self.staging_root();
        file::create_dirs(&root)?;
        if staging::can_rename(&root, self.tree.home())? { Ok(root) } else { Ok(self.tree.home().join("tempdirs")) }
    }

    /// The journal of changes that are going on.
    pub(crate) fn pending_directory(&self) -> PathBuf {
        self.options.graphroot.join("libpod/pending")
    }

    /// Before a change: make the directories, sweep what dead processes staged, and hold space back for removals.
    pub(crate) fn prepare(&self) -> Result<()> {
        if self.prepared.get().is_none() {
            self.make_directories()?;
            for root in [self.staging_root(), self.tree.home().join("tempdirs"), self.layers_directory().join("tmp")] {
                staging::sweep(&root)?;
            }
            let _ = self.prepared.set(());
        }
        self.reserve.keep();
        Ok(())
    }

    fn make_directories(&self) -> Result<()> {
        let links = self.tree.home().join("l");
        let fresh = !links.exists();
        file::create_dirs(&links)?;
        for directory in [self.layers_directory(), self.images_directory(), self.containers_directory()] {
            file::create_dirs(&directory)?;
        }
        match file::create_dirs(&self.pending_directory()) {
            // In a store of another tool; a removal goes on without, and what needs the directory fails.
            Err(error) if error.is_disk_full() => {}
            made => made?,
        }
        file::create_dirs(&self.options.runroot)?;
        if fresh {
            // Says that whiteouts here are those of the kernel; without it other tools search the whole tree for others.
            file::replace(&self.tree.home().join(".has-mount-program"), b"false", Durability::Volatile)?;
        }
        Ok(())
    }

    /// Remove half-written tables of dead processes: before an image is stored, as it lists whole directories.
    pub(crate) fn sweep_temporaries(&self) -> Result<()> {
        self.layers.sweep_temporaries(&file::list(&self.layers_directory())?)?;
        self.images.sweep_temporaries(&file::list(&self.images_directory())?)?;
        self.containers.sweep_temporaries(&file::list(&self.containers_directory())?)
    }

    /// A trash for what an operation takes away.
    pub(crate) fn trash(&self) -> Trash {
        Trash::new(self.staging_root())
    }
}
