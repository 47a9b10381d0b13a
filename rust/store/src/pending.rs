//! Journal of changes that touch several tables, so that a later process can finish what a dead one began.
//!
//! An entry is a file in `G/libpod/pending`, made before the change and removed after it, both under the write lock of the
//! layers. Whoever takes that lock and finds an entry knows that its writer is dead. What an entry says stands in its name, so
//! that it can be made on a full disk:
//!
//! | name | change | what the next writer does |
//! | --- | --- | --- |
//! | `container-<id>-<layer>` | the container is created or removed | it stands if both records and the layer's directory are there; else all of it goes |
//! | `image-<id>-<top layer>` | the image is removed | it stands if its record, all its data and its top layer are there; else it goes, with the layers of its chain that nothing else needs |
//! | `image-<id>` | the image is created | as before, with the layers that the text of the file lists, one id a line |
//!
//! The file of a removed image lists its id-mapped layers, which its chain does not lead to.

use crate::erase::chain_of;
use crate::error::{AtPath, Error, Result};
use crate::file;
use crate::name::{self, Id};
use crate::record::{Image, Layer};
use crate::staging::Trash;
use crate::step;
use crate::store::Store;
use crate::table::Writing;
use rustix::fs::OFlags;
use std::io::Write;
use std::path::PathBuf;

/// An entry of this process; `None` where a full disk has no space even for an empty file.
#[derive(Debug)]
#[must_use]
pub(crate) struct Entry(Option<PathBuf>);

impl Entry {
    /// A container and its layer are about to appear.
    pub(crate) fn new_container(store: &Store, container: &Id, layer: &Id) -> Result<Self> {
        Self::write(store, &format!("container-{container}-{layer}"), &[])
    }

    /// A container and its layer are about to go.
    ///
    /// layer: `None` when a damaged record names something else than a layer.
    pub(crate) fn doomed_container(store: &Store, container: &Id, layer: Option<&Id>) -> Result<Self> {
        let layer = layer.map_or("", |layer| layer);
        Self::write_in_need(store, &format!("container-{container}-{layer}"), &[])
    }

    /// An image and these layers are about to appear.
    pub(crate) fn new_image(store: &Store, image: &str, layers: &[String]) -> Result<Self> {
        Self::write(store, &format!("image-{image}"), layers)
    }

    /// An image is about to go, with those of its layers that nothing else needs.
    pub(crate) fn doomed_image(store: &Store, image: &Image) -> Result<Self> {
        let layer = if name::is_id(&image.layer) { image.layer.as_str() } else { "" };
        Self::write_in_need(store, &format!("image-{}-{layer}", image.id), &image.mapped_layers)
    }

    fn write(store: &Store, name: &str, layers: &[String]) -> Result<Self> {
        let path = store.pending_directory().join(name);
        let mut file = file::open(&path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, 0o600).at("create", &path)?;
        step();
        if !layers.is_empty() {
            file.write_all(layers.join("\n").as_bytes()).at("write", &path)?;
            step();
        }
        Ok(Self(Some(path)))
    }

    /// Make an entry although the disk may be full.
    fn write_in_need(store: &Store, name: &str, layers: &[String]) -> Result<Self> {
        match Self::write(store, name, layers) {
            Err(error) if error.is_disk_full() => {}
            written => return written,
        }
        let path = store.pending_directory().join(name);
        // The file may be there without its text: a crash now would cost the space of id-mapped layers, and nothing else.
        // One more name of a file that exists takes no inode, should it be these that are used up.
        let named = path.exists() || rustix::fs::link(store.layers.lock_path(), &path).is_ok();
        step();
        Ok(Self(named.then_some(path)))
    }

    /// The change is complete, or undone.
    pub(crate) fn settle(self) -> Result<()> {
        self.0.map_or(Ok(()), |path| file::remove(&path))
    }
}

impl Store {
    /// Lock the layers for writing, and first finish what dead processes began: incomplete layers, pending changes.
    ///
    /// Layer directories that are taken away land in `trash`; the caller drops it after the lock.
    pub(crate) fn write_layers(&self, trash: &Trash) -> Result<Writing<'_, Layer>> {
        let mut layers = self.layers.write()?;
        let dead: Vec<String> =
            layers.iter().filter(|layer| layer.is_incomplete()).map(|layer| layer.id.clone()).collect();
        self.delete_layers(&mut layers, &dead, trash)?;
        finish_all(self, &mut layers, trash)?;
        Ok(layers)
    }

    /// Are all items of an image's data, and its top layer, on disk?
    fn is_whole(&self, id: &Id, image: &Image) -> bool {
        let mut paths = image.big_data_names.iter().map(|key| name::data_path(&self.images_directory(), id, key));
        paths.all(|path| path.is_ok_and(|path| path.exists()))
            && (image.layer.is_empty() || Id::parse(&image.layer).is_ok_and(|layer| self.tree.find(&layer).exists()))
    }
}

/// Finish the changes of dead processes.
pub(crate) fn finish_all(store: &Store, layers: &mut Writing<'_, Layer>, trash: &Trash) -> Result<()> {
    for name in file::list(&store.pending_directory())? {
        let path = store.pending_directory().join(&name);
        let mut parts = name.split('-');
        let (kind, id, layer) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let Ok(id) = Id::parse(id) {
            match kind {
                Some("container") => finish_container(store, layers, &id, Id::parse(layer).ok().as_ref(), trash)?,
                Some("image") => {
                    let text = match file::read(&path) {
                        // No entry of this program: it says nothing, and goes.
                        Err(Error::Corrupt { .. }) => None,
                        text => text?,
                    };
                    let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
                    let listed = text.split('\n').filter(|id| name::is_id(id)).map(str::to_owned).collect();
                    let chain = chain_of(layers, listed, layer);
                    finish_image(store, layers, &id, &chain, trash)?;
                }
                _ => {}
            }
        }
        file::remove(&path)?;
    }
    Ok(())
}

fn finish_container(
    store: &Store,
    layers: &mut Writing<'_, Layer>,
    container: &Id,
    layer: Option<&Id>,
    trash: &Trash,
) -> Result<()> {
    let mut containers = store.containers.write()?;
    let stands = layer.is_some_and(|layer| {
        let is_recorded = containers.get(container).is_some_and(|record| record.layer == **layer);
        is_recorded && layers.get(layer).is_some() && store.tree.directory(layer).exists()
    });
    if stands { Ok(()) } else { store.erase_container(layers, &mut containers, container, layer, trash) }
}

fn finish_image(
    store: &Store,
    layers: &mut Writing<'_, Layer>,
    image: &Id,
    chain: &[String],
    trash: &Trash,
) -> Result<()> {
    let mut images = store.images.write()?;
    if images.get(image).is_some_and(|record| store.is_whole(image, record)) {
        return Ok(());
    }
    store.erase_image(layers, &mut images, image, chain, trash).map(drop)
}
