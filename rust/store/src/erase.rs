//! What goes from a store, and in which order: layers, images and containers with all that they hold.
//!
//! Operations and the journal both end here. Nothing is asked or refused: the callers hold the locks and have decided.

use crate::error::Result;
use crate::file;
use crate::name::Id;
use crate::record::{Container, Image, Layer};
use crate::staging::Trash;
use crate::step;
use crate::store::Store;
use crate::table::{Table, Writing};

impl Store {
    /// Delete layers, uppermost first, with two writes of the table for all. What they held lands in `trash`.
    pub(crate) fn delete_layers(&self, layers: &mut Writing<'_, Layer>, ids: &[String], trash: &Trash) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        for id in ids {
            if layers.get(id).is_some_and(|record| !record.is_incomplete()) {
                layers.update(id, |record| record.set_incomplete(true));
            }
        }
        self.reserve.in_need(|| layers.save(), || self.free_layers(ids, trash))?;
        step();
        for id in ids {
            self.take_layer(id, trash)?;
        }
        layers.remove(ids);
        self.reserve.in_need(|| layers.save(), || self.free_layers(ids, trash))?;
        step();
        Ok(())
    }

    /// Delete what these layers hold, at once: a full disk needs the space before the table can be written.
    fn free_layers(&self, ids: &[String], trash: &Trash) -> Result<()> {
        for id in ids {
            self.take_layer(id, trash)?;
        }
        trash.empty();
        step();
        Ok(())
    }

    /// Take away what a layer holds; what is gone already is no error, and what is no id names no layer's directory.
    fn take_layer(&self, id: &str, trash: &Trash) -> Result<()> {
        let Ok(id) = Id::parse(id) else { return Ok(()) };
        self.tree.take_away(&id, trash)?;
        step();
        file::remove(&self.tar_split_path(&id))?;
        file::remove_tree(&self.layers_directory().join(&id))
    }

    /// Remove an image, be it recorded or not, its data, and those layers of `chain` that nothing else needs; answers these.
    ///
    /// The record goes first: what is listed is whole. On a full disk it can be the other way round; see the journal, `pending`.
    pub(crate) fn erase_image(
        &self,
        layers: &mut Writing<'_, Layer>,
        images: &mut Writing<'_, Image>,
        id: &Id,
        chain: &[String],
        trash: &Trash,
    ) -> Result<Vec<String>> {
        let data = self.images_directory().join(id);
        images.remove(&[id.to_string()]);
        let doomed = unused(layers, images, &*self.containers.read()?, chain);
        self.reserve.in_need(
            || images.save(),
            || {
                trash.take(&data)?;
                step();
                self.free_layers(&doomed, trash)
            },
        )?;
        step();
        file::remove_tree(&data)?;
        self.delete_layers(layers, &doomed, trash)?;
        Ok(doomed)
    }

    /// Remove a container, be it recorded or not, its layer and its directories.
    ///
    /// The record of the container goes first: what is listed has its layer, and who sees it can remove it. On a full disk it
    /// can be the other way round; see the journal, `pending`.
    pub(crate) fn erase_container(
        &self,
        layers: &mut Writing<'_, Layer>,
        containers: &mut Writing<'_, Container>,
        id: &Id,
        layer: Option<&Id>,
        trash: &Trash,
    ) -> Result<()> {
        containers.remove(&[id.to_string()]);
        self.reserve.in_need(|| containers.save(), || self.free_container(id, layer, trash))?;
        step();
        if let Some(layer) = layer {
            layers.remove(&[layer.to_string()]);
            self.reserve.in_need(|| layers.save(), || self.free_container(id, Some(layer), trash))?;
            step();
            self.tree.take_away(layer, trash)?;
            step();
        }
        self.remove_container_directories(id)
    }

    /// Delete what a container holds, at once: a full disk needs the space before the tables can be written.
    pub(crate) fn free_container(&self, id: &Id, layer: Option<&Id>, trash: &Trash) -> Result<()> {
        if let Some(layer) = layer {
            self.tree.take_away(layer, trash)?;
            step();
        }
        trash.empty();
        step();
        self.remove_container_directories(id)
    }

    fn remove_container_directories(&self, id: &Id) -> Result<()> {
        for directory in [self.container_directory(id), self.container_run_directory(id)] {
            file::remove_tree(directory.parent().unwrap_or(&directory))?;
        }
        Ok(())
    }
}

/// `listed`, then `top` and the layers below it, uppermost first: the layers of an image, its id-mapped copies before all.
pub(crate) fn chain_of(layers: &Table<Layer>, listed: Vec<String>, top: &str) -> Vec<String> {
    let mut chain = listed;
    let mut next = top.to_owned();
    while let Some(layer) = layers.get(&next).filter(|layer| !chain.contains(&layer.id)) {
        chain.push(layer.id.clone());
        next.clone_from(&layer.parent);
    }
    chain
}

/// Those of `ids` that no image, no container and no remaining layer needs; `ids` uppermost first.
fn unused(layers: &Table<Layer>, images: &Table<Image>, containers: &Table<Container>, ids: &[String]) -> Vec<String> {
    let mut unused: Vec<String> = Vec::new();
    for id in ids {
        let by_image = images.iter().any(|image| image.layer == *id || image.mapped_layers.contains(id))
            || images.damaged().any(|image| image.layer() == *id || image.mapped_layers().contains(id));
        let by_container = containers.iter().any(|container| container.layer == *id);
        let by_child = layers.iter().any(|layer| layer.parent == *id && !unused.contains(&layer.id));
        if layers.get(id).is_some() && !by_image && !by_container && !by_child {
            unused.push(id.clone());
        }
    }
    unused
}
