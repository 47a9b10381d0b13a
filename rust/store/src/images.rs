//! Images: look up, create, name, remove, and their items of big data.

use crate::damage::Damaged;
use crate::erase::chain_of;
use crate::error::{Error, Result};
use crate::file::{self, Durability};
use crate::layers::Addition;
use crate::name::{self, Id};
use crate::pending::Entry;
use crate::record::Image;
use crate::step;
use crate::store::Store;
use crate::table::{Area, Home, Table, Writing};
use libpod_digest::Digest;
use libpod_sys::rfc3339;
use serde_json::Value;
use std::path::PathBuf;

/// What a new image record is made of.
#[derive(Debug, Default)]
pub struct NewImage {
    /// Hex of the digest of the configuration.
    pub id: String,
    /// Normalised references; taken away from other images.
    pub names: Vec<String>,
    /// Top layer; empty for an image without layers.
    pub layer: String,
    /// Digest of the manifest.
    pub digest: String,
    /// Date of the configuration; empty for now.
    pub created: String,
    /// Empty, or the JSON that containers/image keeps.
    pub metadata: String,
    /// Items by key, in the order in which they are listed.
    pub data: Vec<(String, Vec<u8>)>,
    /// Digests of items that are not the sha256 of their bytes, by key.
    pub digests: Vec<(String, String)>,
}

/// A change of an image's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// These as well.
    Add,
    /// All but these.
    Remove,
}

impl Store {
    /// All images.
    pub fn images(&self) -> Result<Vec<Image>> {
        let mut all: Vec<Image> = self.images.read()?.iter().cloned().collect();
        all.extend(self.other_images()?);
        Ok(all)
    }

    /// Records of images that cannot be read, as this process last saw them, each with the file it stands in. Reads nothing.
    pub fn known_damage(&self) -> Vec<(PathBuf, Damaged)> {
        let areas = std::iter::once(&self.images).chain(self.others.iter().map(|other| &other.images));
        let with_path = |area: &Area<Image>| {
            let path = area.path().to_owned();
            area.known_damage().into_iter().map(move |damaged| (path.clone(), damaged))
        };
        areas.flat_map(with_path).collect()
    }

    /// One image by id, name, unique prefix of its id, or `repository@digest`.
    pub fn image(&self, name_or_id: &str) -> Result<Image> {
        if let Some(image) = find(&*self.images.read()?, name_or_id)? {
            return Ok(image.clone());
        }
        let other = self.other_image(|table| find(table, name_or_id))?;
        other.ok_or_else(|| Error::ImageNotFound(name_or_id.to_owned()))
    }

    /// An item of an image's big data.
    pub fn image_data(&self, id: &str, key: &str) -> Result<Vec<u8>> {
        let image = Id::parse(id)?;
        if let Some(bytes) = file::read(&name::data_path(&self.images_directory(), &image, key)?)? {
            return Ok(bytes);
        }
        let other = self.other_image_data(&image, key)?;
        other.ok_or_else(|| Error::DataNotFound { id: id.to_owned(), key: key.to_owned() })
    }

    /// Create an image, and publish `additions` (lowest first) under the same lock, so that nobody deletes a layer before
    /// the image protects it.
    ///
    /// An image with this id and the same top layer is updated: its data are replaced, the names are added.
    /// The list is emptied once the lock is held: an interrupted wait leaves it as it was.
    pub fn create_image(&self, new: &NewImage, additions: &mut Vec<Addition>) -> Result<Image> {
        self.prepare()?;
        let id = self.check_new_image(new)?;
        self.sync_additions(additions)?;
        self.sweep_temporaries()?;
        let trash = self.trash();
        let mut layers = self.write_layers(&trash)?;
        // Should this process die, or fail below, the next writer takes the layers back that no image needs.
        let entry = Entry::new_image(self, &new.id, &uppermost_first(additions))?;
        self.publish_layers(&mut layers, std::mem::take(additions), &trash)?;
        if !new.layer.is_empty() && !self.knows_layer(&layers, &new.layer)? {
            return Err(Error::LayerNotFound(new.layer.clone()));
        }
        let mut images = self.images.write()?;
        if images.get(&new.id).is_some_and(|known| known.layer != new.layer) {
            return Err(Error::Exists { what: "image", id: new.id.clone() });
        }
        for (key, bytes) in &new.data {
            let path = name::data_path(&self.images_directory(), &id, key)?;
            file::create_dirs(path.parent().unwrap_or(&path))?;
            file::replace(&path, bytes, Durability::Synced)?;
            step();
        }
        record_image(&mut images, new);
        images.save()?;
        step();
        entry.settle()?;
        images.get(&new.id).cloned().ok_or_else(|| Error::ImageNotFound(new.id.clone()))
    }

    fn check_new_image(&self, new: &NewImage) -> Result<Id> {
        let id = Id::parse(&new.id)?;
        if !new.layer.is_empty() {
            Id::parse(&new.layer)?;
        }
        for (key, _) in &new.data {
            name::data_path(&self.images_directory(), &id, key)?;
        }
        // One malformed date or digest would make the whole table unreadable for other tools.
        if !new.created.is_empty() && rfc3339::canonical(&new.created).is_none() {
            return Err(Error::Invalid(format!("`{}` is not a time as of RFC 3339", new.created.escape_debug())));
        }
        let mut digests = new.digests.iter().map(|(_, digest)| digest).chain([&new.digest]);
        match digests.find(|digest| !digest.is_empty() && !is_digest(digest)) {
            Some(digest) => Err(Error::Invalid(format!("`{digest}` is not a digest"))),
            None => Ok(id),
        }
    }

    /// Change the names of an image in one step; names that other images have move here. An image of an additional store
    /// is copied into this one first, without its layers.
    pub fn name_image(&self, id: &str, naming: Naming, names: &[String]) -> Result<Image> {
        self.prepare()?;
        let mut images = self.images.write()?;
        self.adopt_image(&mut images, &Id::parse(id)?)?;
        let image = images.get(id).ok_or_else(|| Error::ImageNotFound(id.to_owned()))?;
        let wanted = match naming {
            Naming::Add => unique(image.names.iter().chain(names).cloned()),
            Naming::Remove => image.names.iter().filter(|name| !names.contains(name)).cloned().collect(),
        };
        images.take_names(id, &wanted);
        images.update(id, |record| record.rename(wanted));
        match naming {
            // What a user does first to get space back.
            Naming::Remove => self.reserve.in_need(|| images.save(), || Ok(()))?,
            Naming::Add => images.save()?,
        }
        images.get(id).cloned().ok_or_else(|| Error::ImageNotFound(id.to_owned()))
    }

    /// Remove an image and the layers that nothing else needs; answers their ids, uppermost first. One whose record cannot be
    /// read is removed, too.
    pub fn remove_image(&self, id: &str) -> Result<Vec<String>> {
        self.prepare()?;
        let trash = self.trash();
        let mut layers = self.write_layers(&trash)?;
        let mut images = self.images.write()?;
        let Some(image) = images.get(id).cloned().or_else(|| damaged_image(&images, id)) else {
            return Err(match self.other_image(|table| Ok(table.get(id)))? {
                Some(_) => Error::ReadOnlyImage(id.to_owned()),
                None => Error::ImageNotFound(id.to_owned()),
            });
        };
        let _containers_lock = self.containers.lock_shared()?;
        let containers = self.containers.read()?;
        let users: Vec<String> =
            containers.iter().filter(|container| container.image == id).map(|container| container.id.clone()).collect();
        if !users.is_empty() {
            return Err(Error::ImageInUse { containers: users });
        }
        let id = Id::parse(id)?;
        let chain = chain_of(&layers, image.mapped_layers.clone(), &image.layer);
        let entry = Entry::doomed_image(self, &image)?;
        let doomed = self.erase_image(&mut layers, &mut images, &id, &chain, &trash)?;
        entry.settle()?;
        Ok(doomed)
    }
}

/// What of a damaged record has to be known for removing the image.
fn damaged_image(images: &Table<Image>, id: &str) -> Option<Image> {
    let damaged = images.damaged().find(|damaged| damaged.id.as_deref() == Some(id))?;
    let layer = if name::is_id(damaged.layer()) { damaged.layer().to_owned() } else { String::new() };
    let mapped_layers = damaged.mapped_layers().into_iter().filter(|id| name::is_id(id)).collect();
    Some(Image { id: id.to_owned(), layer, mapped_layers, ..Image::default() })
}

fn record_image(images: &mut Writing<'_, Image>, new: &NewImage) {
    if images.get(&new.id).is_none() {
        let created = if new.created.is_empty() { name::now() } else { new.created.clone() };
        let record = Image { id: new.id.clone(), layer: new.layer.clone(), created, ..Image::default() };
        images.push(Home::Stable, record);
    }
    images.take_names(&new.id, &new.names);
    images.update(&new.id, |record| {
        record.digest.clone_from(&new.digest);
        record.metadata.clone_from(&new.metadata);
        for (key, bytes) in &new.data {
            if !record.big_data_names.contains(key) {
                record.big_data_names.push(key.clone());
            }
            record.big_data_sizes.insert(key.clone(), Value::from(bytes.len()));
            let given = new.digests.iter().find(|(named, _)| named == key).map(|(_, digest)| digest.clone());
            let digest = given.unwrap_or_else(|| Digest::of(bytes).to_string());
            record.big_data_digests.insert(key.clone(), Value::from(digest));
        }
        // As containers/image has it, the names an image came by now stand before those it had.
        let names = unique(new.names.iter().chain(&record.names).cloned());
        record.rename(names);
    });
}

fn uppermost_first(additions: &[Addition]) -> Vec<String> {
    additions.iter().rev().map(|addition| addition.id.clone()).collect()
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

fn is_digest(text: &str) -> bool {
    text.parse::<Digest>().is_ok()
}

fn find<'a>(table: &'a Table<Image>, name_or_id: &str) -> Result<Option<&'a Image>> {
    if let Some(image) = table.get(name_or_id).or_else(|| table.by_name(name_or_id)) {
        return Ok(Some(image));
    }
    if let Some(image) = table.by_prefix("image", name_or_id)? {
        return Ok(Some(image));
    }
    let Some((repository, digest)) = name_or_id.split_once('@') else { return Ok(None) };
    let repository = without_tag(repository);
    let mut matching = table.iter().filter(|image| {
        image.digests().iter().any(|known| known == digest)
            && image.names.iter().any(|name| without_tag(name.split('@').next().unwrap_or(name)) == repository)
    });
    Ok(matching.next())
}

/// A colon after the last slash starts a tag; before it, a port.
fn without_tag(name: &str) -> &str {
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}
