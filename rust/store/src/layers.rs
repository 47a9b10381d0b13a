//! Layers: staged without a lock, published by rename and record.

use crate::error::{Error, Result};
use crate::file;
use crate::lockfile::HeldLock;
use crate::name::{self, Id};
use crate::overlay::Content;
use crate::record::Layer;
use crate::staging::{self, StagingDirectory, Trash};
use crate::step;
use crate::store::Store;
use crate::sync::Paced;
use crate::table::{Home, Writing};
use libpod_layer as layer;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// A layer that was extracted and is not published; dropping it deletes it.
#[derive(Debug)]
pub struct StagedLayer {
    staging: StagingDirectory,
    applied: layer::Applied,
    /// Early syncs that had failed before it.
    failures: u64,
}

impl StagedLayer {
    /// What was learned while it was read.
    pub fn applied(&self) -> &layer::Applied {
        &self.applied
    }

    fn diff(&self) -> PathBuf {
        self.staging.path().join("diff")
    }

    fn tar_split(&self) -> PathBuf {
        self.staging.path().join("tar-split.gz")
    }
}

/// A staged layer with the place it shall take.
#[derive(Debug)]
pub struct Addition {
    /// What is published.
    pub staged: StagedLayer,
    /// Its id: [`crate::layer_id`] for image layers.
    pub id: String,
    /// Layer below; may be an earlier addition of the same list.
    pub parent: Option<String>,
}

impl Store {
    /// All layers that are complete.
    pub fn layers(&self) -> Result<Vec<Layer>> {
        let mut all: Vec<Layer> = self.layers.read()?.iter().filter(|layer| !layer.is_incomplete()).cloned().collect();
        all.extend(self.other_layers()?);
        Ok(all)
    }

    /// One layer by its id.
    pub fn layer(&self, id: &str) -> Result<Layer> {
        if let Some(layer) = self.layers.read()?.get(id).filter(|layer| !layer.is_incomplete()) {
            return Ok(layer.clone());
        }
        self.other_layer(id)?.ok_or_else(|| Error::LayerNotFound(id.to_owned()))
    }

    /// Layers whose uncompressed tar has this diff id, or that came as a blob of this digest.
    pub fn find_layers(&self, diff_id: Option<&str>, digest: Option<&str>) -> Result<Vec<Layer>> {
        let mut layers = self.layers()?;
        layers.retain(|layer| {
            diff_id.is_none_or(|wanted| layer.diff_digest == wanted)
                && digest.is_none_or(|wanted| layer.compressed_diff_digest == wanted && !layer.diff_digest.is_empty())
        });
        Ok(layers)
    }

    /// Extract a layer blob to a private place. No lock is held; many may run at once.
    ///
    /// The blob is read once to its end. Nothing is listed before [`Store::create_image`].
    pub fn stage_layer(&self, source: Box<dyn Read + Send>, threads: layer::Threads) -> Result<StagedLayer> {
        self.prepare()?;
        let failures = self.syncing.failures();
        let staging = StagingDirectory::create(&self.layer_staging_root()?)?;
        let diff = staging.path().join("diff");
        file::create_dirs(&diff)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let target = rustix::fs::open(&diff, flags, Mode::empty()).map_err(|errno| Error::os("open", &diff, errno))?;
        let tar_split_path = staging.path().join("tar-split.gz");
        let tar_split = rustix::fs::open(
            &tar_split_path,
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC,
            Mode::from_raw_mode(0o600),
        )
        .map_err(|errno| Error::os("create", &tar_split_path, errno))?;
        let aside = target.try_clone().map_err(|error| Error::io("open", &diff, &error))?;
        let source = Box::new(Paced::new(source, aside, &self.syncing));
        let applied = layer::apply(source, target.as_fd(), File::from(tar_split), &apply_options(threads))?;
        self.syncing.begin(target, applied.diff_size);
        Ok(StagedLayer { staging, applied, failures })
    }

    /// Before the lock is taken: what is published must survive a loss of power.
    pub(crate) fn sync_additions(&self, additions: &[Addition]) -> Result<()> {
        match additions.iter().min_by_key(|addition| addition.staged.failures) {
            Some(earliest) => self.syncing.finish(earliest.staged.staging.path(), earliest.staged.failures),
            None => Ok(()),
        }
    }

    pub(crate) fn publish_layers(
        &self,
        layers: &mut Writing<'_, Layer>,
        additions: Vec<Addition>,
        trash: &Trash,
    ) -> Result<()> {
        let mut fresh: Vec<Addition> = Vec::with_capacity(additions.len());
        for addition in additions {
            if !self.knows_layer(layers, &addition.id)? {
                self.check_addition(layers, &addition)?;
                layers.push(Home::Stable, incomplete_record(&addition));
                fresh.push(addition);
            }
        }
        layers.save()?;
        step();
        if let Err(error) = self.fill_layers(layers, &fresh) {
            let begun: Vec<String> = fresh.iter().map(|addition| addition.id.clone()).collect();
            // The first error is the one to tell; what stays behind is incomplete and removed by the next writer.
            let _ = self.delete_layers(layers, &begun, trash);
            return Err(error);
        }
        Ok(())
    }

    fn check_addition(&self, layers: &Writing<'_, Layer>, addition: &Addition) -> Result<()> {
        Id::parse(&addition.id)?;
        let Some(parent) = &addition.parent else { return Ok(()) };
        if !self.knows_layer(layers, parent)? {
            return Err(Error::LayerNotFound(parent.clone()));
        }
        match self.containers.read()?.iter().find(|container| container.layer == *parent) {
            Some(container) => {
                Err(Error::LayerInUse { id: parent.clone(), user: format!("container {}", container.id) })
            }
            None => Ok(()),
        }
    }

    fn fill_layers(&self, layers: &mut Writing<'_, Layer>, additions: &[Addition]) -> Result<()> {
        for addition in additions {
            let id = Id::parse(&addition.id)?;
            let parent = addition.parent.as_deref().map(Id::parse).transpose()?;
            self.move_tar_split(&id, addition)?;
            step();
            let content = addition.staged.diff();
            self.tree.create(&id, parent.as_ref(), &Content::Staged(&content))?;
            step();
        }
        for addition in additions {
            layers.update(&addition.id, |record| complete_record(record, &addition.staged.applied));
        }
        layers.save()?;
        step();
        Ok(())
    }

    fn move_tar_split(&self, id: &Id, addition: &Addition) -> Result<()> {
        let (from, to) = (addition.staged.tar_split(), self.tar_split_path(id));
        match staging::rename(&from, &to) {
            Err(Error::Os { errno: rustix::io::Errno::XDEV | rustix::io::Errno::NOENT, .. }) => {
                let text = file::read(&from)?.unwrap_or_default();
                file::replace(&to, &text, file::Durability::Synced)
            }
            answer => answer,
        }
    }

    /// Keep the layers and images as they are while the result lives: for checks and long reads of several tables.
    pub(crate) fn hold_layers(&self) -> Result<HeldLock> {
        self.layers.lock_shared()
    }
}

fn incomplete_record(addition: &Addition) -> Layer {
    let mut record = Layer {
        id: addition.id.clone(),
        parent: addition.parent.clone().unwrap_or_default(),
        created: name::now(),
        ..Layer::default()
    };
    record.set_incomplete(true);
    record
}

fn complete_record(record: &mut Layer, applied: &layer::Applied) {
    record.compressed_diff_digest = applied.digest.to_string();
    record.compressed_size = applied.size as i64;
    record.diff_digest = applied.diff_id.to_string();
    record.diff_size = applied.diff_size as i64;
    record.compression = match applied.compression {
        layer::Compression::None => 0,
        layer::Compression::Bzip2 => 1,
        layer::Compression::Gzip => 2,
        layer::Compression::Xz => 3,
        layer::Compression::Zstd => 4,
    };
    record.uid_set.clone_from(&applied.uids);
    record.gid_set.clone_from(&applied.gids);
    record.set_incomplete(false);
}

/// Root on the host writes `trusted.` attributes and devices; inside a user namespace neither is possible.
fn apply_options(threads: layer::Threads) -> layer::ApplyOptions {
    let privileged = is_privileged();
    let xattr_prefix = xattr_prefix(privileged);
    let user_namespace = !privileged;
    layer::ApplyOptions { xattr_prefix, devices: privileged, user_namespace, threads, ..layer::ApplyOptions::default() }
}

/// Which attributes overlayfs reads, according to who mounts.
pub(crate) fn xattr_prefix(privileged: bool) -> layer::XattrPrefix {
    if privileged { layer::XattrPrefix::Trusted } else { layer::XattrPrefix::User }
}

/// Root of the host, not of a user namespace?
pub(crate) fn is_privileged() -> bool {
    let whole = std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]));
    rustix::process::geteuid().is_root() && whole
}
