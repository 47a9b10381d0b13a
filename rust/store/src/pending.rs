//! Notes of changes that touch several tables, so that a later process can finish what a dead one began.
//!
//! A note is a file in `G/libpod/pending`, made before the change and removed after it, both under the write lock of the
//! layers. Whoever takes that lock and finds a note knows that its writer is dead. Creating and removing a container leave
//! the same note, `container-<id>` with the id of its layer: either both records are there, then the container stands, or
//! one is missing, then the rest of it goes. Creating and removing an image leave `image-<id>` with the ids of its layers:
//! where the image is not there, those of them go that nothing else needs.

use crate::error::{Context, Result};
use crate::file;
use crate::name;
use crate::record::Layer;
use crate::staging::Bin;
use crate::step;
use crate::store::Store;
use crate::table::Writing;
use std::io::Write;
use std::path::PathBuf;

/// A note of this process.
#[derive(Debug)]
pub(crate) struct Note(PathBuf);

fn directory(store: &Store) -> PathBuf {
    store.graphroot().join("libpod/pending")
}

impl Note {
    /// A container and its layer are about to appear or to go.
    pub(crate) fn container(store: &Store, container: &str, layer: &str) -> Result<Self> {
        Self::write(store, &format!("container-{container}"), layer)
    }

    /// An image and these layers, uppermost first, are about to appear, or to go as far as nothing else needs them.
    pub(crate) fn image(store: &Store, image: &str, layers: &[String]) -> Result<Self> {
        Self::write(store, &format!("image-{image}"), &layers.join("\n"))
    }

    fn write(store: &Store, name: &str, text: &str) -> Result<Self> {
        let path = directory(store).join(name);
        let mut file = match std::fs::File::create(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                file::create_dirs(&directory(store))?;
                std::fs::File::create(&path).at("create", &path)?
            }
            created => created.at("create", &path)?,
        };
        step();
        file.write_all(text.as_bytes()).at("write", &path)?;
        step();
        Ok(Self(path))
    }

    /// The change is complete, or undone.
    pub(crate) fn settle(self) -> Result<()> {
        file::remove(&self.0)
    }
}

/// Finish the changes of dead processes.
pub(crate) fn finish_all(store: &Store, layers: &mut Writing<'_, Layer>, bin: &Bin) -> Result<()> {
    for name in file::list(&directory(store))? {
        let path = directory(store).join(&name);
        let text = String::from_utf8(file::read(&path)?.unwrap_or_default()).unwrap_or_default();
        let ids: Vec<String> = text.split('\n').filter(|id| name::is_id(id)).map(str::to_owned).collect();
        match name.split_once('-') {
            Some(("container", id)) if name::is_id(id) => finish_container(store, layers, id, &ids, bin)?,
            Some(("image", id)) if name::is_id(id) => finish_image(store, layers, id, &ids, bin)?,
            _ => {}
        }
        file::remove(&path)?;
    }
    Ok(())
}

fn finish_container(
    store: &Store,
    layers: &mut Writing<'_, Layer>,
    container: &str,
    ids: &[String],
    bin: &Bin,
) -> Result<()> {
    let mut containers = store.containers.write()?;
    if let Some(record) = containers.get(container) {
        // A note without a word: its writer died before it had begun.
        let has_begun = !ids.is_empty();
        if !has_begun || (ids[0] == record.layer && layers.get(&record.layer).is_some()) {
            return Ok(());
        }
    }
    containers.remove(&[container.to_owned()]);
    containers.save()?;
    layers.remove(ids);
    layers.save()?;
    for id in ids {
        store.tree.take_away(id, bin)?;
    }
    store.remove_container_directories(container)
}

fn finish_image(store: &Store, layers: &mut Writing<'_, Layer>, image: &str, ids: &[String], bin: &Bin) -> Result<()> {
    let images = store.images.write()?;
    if images.get(image).is_some() {
        return Ok(());
    }
    file::remove_tree(&store.images_directory().join(image))?;
    let containers = store.containers.read()?;
    let unused = crate::layers::unused(layers, &images, &containers, ids);
    store.delete_layers(layers, &unused, bin)
}
