//! Does what stands in the tables stand on disk, and the other way round?

use crate::error::{Error, Result};
use crate::file;
use crate::name::Id;
use crate::record::{Container, Image, Layer};
use crate::store::Store;
use crate::table::Table;
use libpod_digest::Hasher;
use std::path::Path;

impl Store {
    /// What is wrong with the store, one sentence each; empty where nothing is.
    ///
    /// With `contents`, the tar of every layer is rebuilt and its digest compared: that reads the whole store. The
    /// layers are locked for reading meanwhile, and nothing is repaired.
    pub fn check(&self, contents: bool) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        if !self.tree.home().exists() {
            return Ok(findings);
        }
        let _held = self.hold_layers()?;
        let (layers, images, containers) = (self.layers.read()?, self.images.read()?, self.containers.read()?);
        for layer in layers.iter() {
            self.check_layer(&layers, layer, &mut findings)?;
            if contents && !layer.is_incomplete() && !layer.diff_digest.is_empty() {
                self.check_tar(layer, &mut findings);
            }
        }
        self.check_strays(&layers, &mut findings)?;
        for image in images.iter() {
            self.check_image(&layers, image, &mut findings)?;
        }
        for container in containers.iter() {
            self.check_container(&layers, container, &mut findings);
        }
        Ok(findings)
    }

    fn check_layer(&self, layers: &Table<Layer>, layer: &Layer, findings: &mut Vec<String>) -> Result<()> {
        let Ok(id) = &Id::parse(&layer.id) else {
            findings.push(format!("layer `{}`: not an ID", layer.id));
            return Ok(());
        };
        if layer.is_incomplete() {
            findings.push(format!("layer {id}: incomplete"));
            return Ok(());
        }
        if !layer.parent.is_empty() && !self.knows_layer(layers, &layer.parent)? {
            findings.push(format!("layer {id}: its parent {} is missing", layer.parent));
        }
        let directory = self.tree.directory(id);
        for name in ["diff", "work", "link"] {
            if !directory.join(name).exists() {
                findings.push(format!("layer {id}: `{name}` is missing"));
            }
        }
        match self.tree.link_of(id).and_then(|link| self.tree.link_target(&link)) {
            Ok(Some(target)) if target == *id => {}
            Ok(target) => {
                let target = target.map_or_else(|| "nothing".to_owned(), |target| target.to_string());
                findings.push(format!("layer {id}: its short link leads to {target}"));
            }
            Err(error) => findings.push(format!("layer {id}: {error}")),
        }
        match self.tree.lower_ids(id) {
            Ok(lowers) => check_lowers(layer, &lowers, findings),
            Err(error) => findings.push(format!("layer {id}: {error}")),
        }
        Ok(())
    }

    fn check_tar(&self, layer: &Layer, findings: &mut Vec<String>) {
        let Ok(id) = Id::parse(&layer.id) else { return };
        if !self.tar_split_path(&id).exists() {
            return;
        }
        match self.layer_tar(&id).and_then(|mut tar| digest_of(&mut tar, &self.tree.diff(&id))) {
            Ok(digest) if digest == layer.diff_digest => {}
            Ok(digest) => findings.push(format!("layer {}: its tar has the digest {digest}", layer.id)),
            Err(error) => findings.push(format!("layer {}: {error}", layer.id)),
        }
    }

    /// Directories, links and tar-splits that no layer record accounts for.
    fn check_strays(&self, layers: &Table<Layer>, findings: &mut Vec<String>) -> Result<()> {
        for name in file::list(self.tree.home())? {
            if Id::parse(&name).is_ok() && layers.get(&name).is_none() {
                findings.push(format!("overlay/{name}: no layer record"));
            }
        }
        for link in file::list(&self.tree.home().join("l"))? {
            match self.tree.link_target(&link) {
                Ok(Some(id)) if layers.get(&id).is_some() => {}
                Ok(_) | Err(Error::Corrupt { .. }) => findings.push(format!("overlay/l/{link}: leads to no layer")),
                Err(error) => return Err(error),
            }
        }
        for name in file::list(&self.layers_directory())? {
            let Some(id) = name.strip_suffix(".tar-split.gz").filter(|id| Id::parse(id).is_ok()) else { continue };
            if layers.get(id).is_none() {
                findings.push(format!("overlay-layers/{name}: no layer record"));
            }
        }
        Ok(())
    }

    fn check_image(&self, layers: &Table<Layer>, image: &Image, findings: &mut Vec<String>) -> Result<()> {
        if !image.layer.is_empty() && !self.knows_layer(layers, &image.layer)? {
            findings.push(format!("image {}: its layer {} is missing", image.id, image.layer));
        }
        for key in &image.big_data_names {
            match self.image_data(&image.id, key) {
                Ok(bytes) => {
                    let size = image.big_data_sizes.get(key).and_then(serde_json::Value::as_u64);
                    if size.is_some_and(|size| size != bytes.len() as u64) {
                        findings.push(format!("image {}: `{key}` has {} bytes", image.id, bytes.len()));
                    }
                }
                Err(error) => findings.push(format!("image {}: {error}", image.id)),
            }
        }
        Ok(())
    }

    fn check_container(&self, layers: &Table<Layer>, container: &Container, findings: &mut Vec<String>) {
        if Id::parse(&container.layer).is_err() {
            findings.push(format!("container {}: its layer `{}` is not an ID", container.id, container.layer));
        } else if layers.get(&container.layer).is_none() {
            findings.push(format!("container {}: its layer {} is missing", container.id, container.layer));
        }
        if !container.image.is_empty() && self.image(&container.image).is_err() {
            findings.push(format!("container {}: its image {} is missing", container.id, container.image));
        }
    }
}

fn check_lowers(layer: &Layer, lowers: &[Id], findings: &mut Vec<String>) {
    let mapped = !layer.uid_map.is_empty() || !layer.gid_map.is_empty();
    let first = lowers.first().map_or("", |id| id);
    if !mapped && first != layer.parent {
        findings.push(format!("layer {}: stands on `{first}` and its parent is `{}`", layer.id, layer.parent));
    }
}

fn digest_of(tar: &mut dyn std::io::Read, path: &Path) -> Result<String> {
    use crate::error::AtPath;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match tar.read(&mut buffer).at("read the content of", path)? {
            0 => return Ok(hasher.finish().0.to_string()),
            count => hasher.update(&buffer[..count]),
        }
    }
}
