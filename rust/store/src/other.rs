//! Additional image stores: other graphroots whose images and layers are used and never changed.
//!
//! They are searched after the store itself, in the order of the configuration. Their containers do not count. They are read
//! without a lock, as every table is, so they may lie on a disk that cannot be written.

use crate::error::{Error, Result};
use crate::file::{self, Durability};
use crate::name::{self, Id};
use crate::record::{Image, Layer};
use crate::store::Store;
use crate::table::{Home, Table, Writing};
use std::path::PathBuf;

impl Store {
    /// A complete layer of the additional stores.
    pub(crate) fn other_layer(&self, id: &str) -> Result<Option<Layer>> {
        for other in &self.others {
            if let Some(layer) = other.layers.read()?.get(id).filter(|layer| !layer.is_incomplete()) {
                return Ok(Some(Layer { read_only: true, ..layer.clone() }));
            }
        }
        Ok(None)
    }

    /// Is there a layer with this id, in `layers` or in an additional store?
    pub(crate) fn knows_layer(&self, layers: &Table<Layer>, id: &str) -> Result<bool> {
        Ok(layers.get(id).is_some() || self.other_layer(id)?.is_some())
    }

    /// All complete layers of the additional stores.
    pub(crate) fn other_layers(&self) -> Result<Vec<Layer>> {
        let mut all = Vec::new();
        for other in &self.others {
            let table = other.layers.read()?;
            let complete = table.iter().filter(|layer| !layer.is_incomplete());
            all.extend(complete.map(|layer| Layer { read_only: true, ..layer.clone() }));
        }
        Ok(all)
    }

    /// All images of the additional stores.
    pub(crate) fn other_images(&self) -> Result<Vec<Image>> {
        let mut all = Vec::new();
        for other in &self.others {
            all.extend(other.images.read()?.iter().map(|image| Image { read_only: true, ..image.clone() }));
        }
        Ok(all)
    }

    /// The image that `find` picks from the first additional store where it picks one.
    pub(crate) fn other_image(&self, find: impl Fn(&Table<Image>) -> Result<Option<&Image>>) -> Result<Option<Image>> {
        for other in &self.others {
            if let Some(image) = find(&*other.images.read()?)? {
                return Ok(Some(Image { read_only: true, ..image.clone() }));
            }
        }
        Ok(None)
    }

    /// An item of an image's data in the additional stores.
    pub(crate) fn other_image_data(&self, id: &Id, key: &str) -> Result<Option<Vec<u8>>> {
        for other in &self.others {
            if let Some(bytes) = file::read(&name::data_path(&other.root.join("overlay-images"), id, key)?)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Where the tar-split of a layer is, in whichever store has it.
    pub(crate) fn find_tar_split(&self, layer: &Id) -> PathBuf {
        let own = self.tar_split_path(layer);
        if self.others.is_empty() || own.exists() {
            return own;
        }
        let file_name = own.file_name().unwrap_or_default();
        let theirs = self.others.iter().map(|other| other.root.join("overlay-layers").join(file_name));
        theirs.into_iter().find(|path| path.exists()).unwrap_or(own)
    }

    /// Copy record and data of an additional store's image into this store, so that it can have names here.
    pub(crate) fn adopt_image(&self, images: &mut Writing<'_, Image>, id: &Id) -> Result<()> {
        if images.get(id).is_some() {
            return Ok(());
        }
        let Some(image) = self.other_image(|table| Ok(table.get(id)))? else {
            return Err(Error::ImageNotFound(id.to_string()));
        };
        file::create_dirs(&self.images_directory().join(id))?;
        for key in &image.big_data_names {
            let path = name::data_path(&self.images_directory(), id, key)?;
            if let Some(bytes) = self.other_image_data(id, key)? {
                file::replace(&path, &bytes, Durability::Synced)?;
            }
        }
        images.push(Home::Stable, Image { read_only: false, ..image });
        Ok(())
    }
}
