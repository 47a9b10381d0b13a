//! Containers: a read-write layer and a record each, and the engine's private directories.

use crate::error::{Error, Result};
use crate::file::{self, Durability};
use crate::name::{self, Id};
use crate::overlay::Content;
use crate::pending::Entry;
use crate::record::{Container, Layer};
use crate::step;
use crate::store::Store;
use crate::table::{Home, Table, Writing};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// What a new container record is made of.
#[derive(Debug, Default)]
pub struct NewContainer {
    /// 64 hex digits; a random one where empty.
    pub id: String,
    /// Names, unique over the containers.
    pub names: Vec<String>,
    /// Image that the container protects; may be empty.
    pub image: String,
    /// Layer below the container's own; none for a container of a foreign root filesystem.
    pub layer_parent: Option<String>,
    /// The engine's JSON.
    pub metadata: String,
    /// `Volatile`, `MountOpts`… as they stand in the record.
    pub flags: Map<String, Value>,
    /// Files of the engine's own directory, by name: there before the record is.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The directories that a root filesystem is mounted from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rootfs {
    /// Uppermost first, absolute.
    pub lower: Vec<PathBuf>,
    /// Where changes go; none for a read-only view.
    pub upper: Option<PathBuf>,
    /// Overlay's own directory, on the same filesystem as `upper`.
    pub work: Option<PathBuf>,
    /// Further mount options.
    pub options: Vec<String>,
}

impl Store {
    /// All containers.
    pub fn containers(&self) -> Result<Vec<Container>> {
        Ok(self.containers.read()?.iter().cloned().collect())
    }

    /// One container by id, name or unique prefix of its id.
    pub fn container(&self, name_or_id: &str) -> Result<Container> {
        let table = self.containers.read()?;
        find(&table, name_or_id)?.cloned().ok_or_else(|| Error::ContainerNotFound(name_or_id.to_owned()))
    }

    /// Create a container: its layer, its directories, its record.
    pub fn create_container(&self, new: &NewContainer) -> Result<Container> {
        self.prepare()?;
        let trash = self.trash();
        let mut layers = self.write_layers(&trash)?;
        // While the layers are locked no image can go, and the containers' lock comes after the images'.
        if !new.image.is_empty() {
            self.image(&new.image)?;
        }
        if let Some(parent) = &new.layer_parent {
            if !self.knows_layer(&layers, parent)? {
                return Err(Error::LayerNotFound(parent.clone()));
            }
        }
        let mut containers = self.containers.write()?;
        let (id, layer) = (new_id(&containers, new)?, Id::random());
        let record = new_record(&id, &layer, new);
        let entry = Entry::new_container(self, &id, &layer)?;
        let added = self.add_container(&mut layers, &mut containers, &record, (&id, &layer), new);
        if added.is_err() {
            // The entry stays where this fails as well, and the next writer finishes.
            drop(containers);
            crate::pending::finish_all(self, &mut layers, &trash)?;
            added?;
        }
        entry.settle()?;
        Ok(record)
    }

    fn add_container(
        &self,
        layers: &mut Writing<'_, Layer>,
        containers: &mut Writing<'_, Container>,
        record: &Container,
        (id, layer_id): (&Id, &Id),
        new: &NewContainer,
    ) -> Result<()> {
        let parent = new.layer_parent.as_deref().map(Id::parse).transpose()?;
        self.tree.create(layer_id, parent.as_ref(), &Content::Empty)?;
        step();
        let directory = self.container_directory(id);
        file::create_dirs(&directory)?;
        for (name, content) in &new.files {
            if !name::is_component(name) {
                return Err(Error::Invalid(format!("`{name}` is no file name")));
            }
            file::replace(&directory.join(name), content, Durability::Volatile)?;
        }
        file::create_dirs(&self.container_run_directory(id))?;
        step();
        let layer = Layer {
            id: record.layer.clone(),
            parent: new.layer_parent.clone().unwrap_or_default(),
            created: record.created.clone(),
            ..Layer::default()
        };
        let home = if record.is_volatile() && self.all_read_volatile() { Home::Volatile } else { Home::Stable };
        layers.push(home, layer);
        layers.save()?;
        step();
        containers.push(home, record.clone());
        containers.save()?;
        step();
        Ok(())
    }

    /// Does every tool that uses this store read the volatile tables, which are written without waiting for the disk?
    ///
    /// containers/storage does since 1.45; an older one would delete an image under a volatile container. It leaves
    /// `userns.lock` in every store it opens; `db.sql` is there where a Podman of 4.8 or later keeps its containers.
    fn all_read_volatile(&self) -> bool {
        let graphroot = &self.options.graphroot;
        !graphroot.join("userns.lock").exists() || graphroot.join("db.sql").exists()
    }

    /// Remove a container with its layer and its directories, whatever state they are in.
    ///
    /// One that is listed when this begins may be gone under the lock: what a dead process had begun to remove is finished
    /// there, and another may have been faster. It is gone then, as was asked.
    pub fn remove_container(&self, id: &str) -> Result<()> {
        self.prepare()?;
        let trash = self.trash();
        let listed = self.containers.read()?.get(id).is_some();
        let mut layers = self.write_layers(&trash)?;
        let Some(record) = self.containers.read()?.get(id).cloned() else {
            return if listed { Ok(()) } else { Err(Error::ContainerNotFound(id.to_owned())) };
        };
        if let Some(child) = layers.iter().find(|layer| layer.parent == record.layer && !record.layer.is_empty()) {
            return Err(Error::LayerInUse { id: record.layer, user: format!("layer {}", child.id) });
        }
        let id = Id::parse(id)?;
        // A damaged record may name something else. That is left alone, and the container goes.
        let layer = Id::parse(&record.layer).ok();
        let entry = Entry::doomed_container(self, &id, layer.as_ref())?;
        if let Some(layer) = &layer {
            self.unmount_for_removal(layer, || self.free_container(&id, Some(layer), &trash))?;
        }
        let mut containers = self.containers.write()?;
        self.erase_container(&mut layers, &mut containers, &id, layer.as_ref(), &trash)?;
        entry.settle()
    }

    /// Replace the names of a container.
    pub fn set_container_names(&self, id: &str, names: &[String]) -> Result<Container> {
        self.change_container(id, |containers| {
            refuse_taken_names(containers, id, names)?;
            Ok(containers.update(id, |record| record.names = names.to_vec()))
        })
    }

    fn change_container(
        &self,
        id: &str,
        change: impl FnOnce(&mut Writing<'_, Container>) -> Result<Option<()>>,
    ) -> Result<Container> {
        self.prepare()?;
        let mut containers = self.containers.write()?;
        change(&mut containers)?.ok_or_else(|| Error::ContainerNotFound(id.to_owned()))?;
        containers.save()?;
        containers.get(id).cloned().ok_or_else(|| Error::ContainerNotFound(id.to_owned()))
    }

    /// What the root filesystem of a container is mounted from. Nothing is changed: see [`Store::allow_remount`].
    pub fn rootfs(&self, container: &str) -> Result<Rootfs> {
        let record = self.containers.read()?.get(container).cloned();
        let record = record.ok_or_else(|| Error::ContainerNotFound(container.to_owned()))?;
        let layer = self.layer_of(&record)?;
        let directory = self.tree.directory(&layer);
        let mut options = record.mount_options();
        if options.is_empty() {
            options.clone_from(&self.options.mount_options);
        }
        if !crate::layers::is_privileged() {
            options.push("userxattr".to_owned());
        }
        if record.is_volatile() && !self.options.disable_volatile && kernel_is_at_least((5, 10)) {
            options.push("volatile".to_owned());
        }
        Ok(Rootfs {
            lower: self.tree.lowers(&layer)?,
            upper: Some(directory.join("diff")),
            work: Some(directory.join("work")),
            options,
        })
    }

    /// Let the root filesystem of a container be mounted again, now that nothing has it mounted.
    ///
    /// A work directory that was used with `volatile` refuses every later mount until the kernel's mark in it is gone: the caller
    /// says that what was written without a sync is good enough, as it is for a container of `--rm`.
    pub fn allow_remount(&self, container: &str) -> Result<()> {
        let record = self.container(container)?;
        if record.is_volatile() {
            forget_volatile_mount(&self.tree.directory(&self.layer_of(&record)?))?;
        }
        Ok(())
    }

    /// What a read-only view of an image is mounted from.
    pub(crate) fn image_rootfs(&self, id: &str) -> Result<Rootfs> {
        let layer = self.image(id)?.layer;
        if layer.is_empty() {
            return Err(Error::Invalid(format!("the image {id} has no layers")));
        }
        let layer = Id::parse(&layer)?;
        let mut lower = self.tree.contents(&layer)?;
        lower.extend(self.tree.lower_contents(&layer)?);
        Ok(Rootfs { lower, ..Rootfs::default() })
    }

    /// The read-write layer of a container, whose record may be damaged.
    pub(crate) fn layer_of(&self, record: &Container) -> Result<Id> {
        Id::parse(&record.layer).map_err(|_| {
            let text = format!("container {}: its layer `{}` is not an ID", record.id, record.layer);
            Error::corrupt(self.containers_directory().join("containers.json"), text)
        })
    }
}

/// A work directory that was used with `volatile` refuses every later mount until this mark is gone.
fn forget_volatile_mount(directory: &Path) -> Result<()> {
    file::remove_tree(&directory.join("work/work/incompat/volatile"))
}

/// The release of the running kernel, compared by its first two numbers.
fn kernel_is_at_least(wanted: (u32, u32)) -> bool {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= wanted
}

fn new_id(containers: &Table<Container>, new: &NewContainer) -> Result<Id> {
    let id = if new.id.is_empty() { Id::random() } else { Id::parse(&new.id)? };
    if containers.get(&id).is_some() {
        return Err(Error::Exists { what: "container", id: id.to_string() });
    }
    refuse_taken_names(containers, &id, &new.names)?;
    Ok(id)
}

fn new_record(id: &Id, layer: &Id, new: &NewContainer) -> Container {
    // Other tools set both labels always.
    let mut flags = Map::from_iter(["MountLabel", "ProcessLabel"].map(|key| (key.to_owned(), Value::from(""))));
    flags.extend(new.flags.clone());
    Container {
        id: id.to_string(),
        names: new.names.clone(),
        image: new.image.clone(),
        layer: layer.to_string(),
        metadata: new.metadata.clone(),
        created: name::now(),
        flags,
        ..Container::default()
    }
}

fn refuse_taken_names(containers: &Table<Container>, id: &str, names: &[String]) -> Result<()> {
    for name in names {
        if let Some(other) = containers.by_name(name).filter(|other| other.id != id) {
            return Err(Error::NameInUse { name: name.clone(), id: other.id.clone() });
        }
    }
    Ok(())
}

fn find<'a>(table: &'a Table<Container>, name_or_id: &str) -> Result<Option<&'a Container>> {
    match table.get(name_or_id).or_else(|| table.by_name(name_or_id)) {
        Some(container) => Ok(Some(container)),
        None => table.by_prefix("container", name_or_id),
    }
}
