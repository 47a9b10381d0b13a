//! The records of the three tables, as they stand in `layers.json`, `images.json` and `containers.json`.
//!
//! A field that this version does not know is kept in `extra` and written back. Fields that are zero or empty are left
//! out, as other tools leave them out.

use crate::name;
use libpod_digest::Digest;
use libpod_sys::rfc3339;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Anything that stands in a table: it has an id and names.
pub trait Record: Clone + Serialize + for<'de> Deserialize<'de> {
    /// 64 lowercase hex digits.
    fn id(&self) -> &str;
    /// Names, unique over the table.
    fn names(&self) -> &[String];
    /// The names, to change them.
    fn names_mut(&mut self) -> &mut Vec<String>;
    /// May a record that is not of this type be left aside, so that the others can be read?
    const MAY_BE_LEFT_ASIDE: bool;
    /// What makes the record unreadable although it is of its type. An id becomes a path here and in Python, and paths are deleted.
    fn flaw(&self) -> Option<String> {
        (!name::is_id(self.id())).then(|| format!("`{}` is not an ID", self.id().escape_debug()))
    }
}

/// One range of an id mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// First id inside the container.
    pub container_id: u32,
    /// First id on the host.
    pub host_id: u32,
    /// Length of the range.
    pub size: u32,
}

/// A JSON `null` stands for the empty value, as Go writes it.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A layer: a directory of content, and what is known about the tar it came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Layer {
    /// Derived by [`crate::layer_id`] for image layers, random for container layers.
    pub id: String,
    /// Rarely used.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub names: Vec<String>,
    /// Layer below this one; may live in another store. Empty for a base layer.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub parent: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub metadata: String,
    /// SELinux label of mounts.
    #[serde(default, rename = "mountlabel", skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub mount_label: String,
    /// RFC 3339 with nanoseconds, UTC.
    #[serde(default)]
    pub created: String,
    /// Digest of the blob as received.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub compressed_diff_digest: String,
    /// Length of that blob in bytes.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub compressed_size: i64,
    /// Digest of the uncompressed tar: the diff id.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub diff_digest: String,
    /// Length of the uncompressed tar in bytes; means nothing without `diff_digest`.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub diff_size: i64,
    /// Digest of a zstd:chunked table of contents.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub toc_digest: String,
    /// 0 none, 1 bzip2, 2 gzip, 3 xz, 4 zstd.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub compression: u32,
    /// User ids seen in the tar.
    #[serde(default, rename = "uidset", skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub uid_set: Vec<u32>,
    /// Group ids seen in the tar.
    #[serde(default, rename = "gidset", skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub gid_set: Vec<u32>,
    /// `incomplete`, `expected-layer-diffid`, and what others keep there.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub flags: Map<String, Value>,
    /// Id mapping applied to the content.
    #[serde(default, rename = "uidmap", skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub uid_map: Vec<IdRange>,
    /// Id mapping applied to the content.
    #[serde(default, rename = "gidmap", skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub gid_map: Vec<IdRange>,
    /// Keys of items below `overlay-layers/<id>/`.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub big_data_names: Vec<String>,
    /// It stands in an additional store.
    #[serde(skip)]
    pub read_only: bool,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

const INCOMPLETE: &str = "incomplete";

impl Layer {
    /// Under construction or deletion: whoever holds the write lock removes it, everybody else ignores it.
    pub fn is_incomplete(&self) -> bool {
        self.flags.get(INCOMPLETE).is_some_and(|flag| flag == &Value::Bool(true))
    }

    pub(crate) fn set_incomplete(&mut self, incomplete: bool) {
        if incomplete {
            self.flags.insert(INCOMPLETE.to_owned(), Value::Bool(true));
        } else {
            self.flags.shift_remove(INCOMPLETE);
        }
    }
}

/// An image: a manifest, a configuration and the layer on top.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Image {
    /// Hex of the digest of the configuration.
    pub id: String,
    /// Digest of one manifest.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub digest: String,
    /// Normalised references.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub names: Vec<String>,
    /// Names that the image had, newest first.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub names_history: Vec<String>,
    /// Layer on top; empty for lists and for images without layers.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub layer: String,
    /// Copies of the top layer with another id mapping.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub mapped_layers: Vec<String>,
    /// Empty, or JSON with the sizes of signatures.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub metadata: String,
    /// Keys of the items below `overlay-images/<id>/`.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub big_data_names: Vec<String>,
    /// Their sizes in bytes.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub big_data_sizes: Map<String, Value>,
    /// Their digests.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub big_data_digests: Map<String, Value>,
    /// Date of the configuration.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub created: String,
    /// It stands in an additional store.
    #[serde(skip)]
    pub read_only: bool,
    /// Private to whoever wrote it.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub flags: Map<String, Value>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Image {
    /// Every manifest digest of the image: its `digest` and those of all items whose key starts with `manifest`.
    pub fn digests(&self) -> Vec<String> {
        let mut digests = Vec::new();
        if !self.digest.is_empty() {
            digests.push(self.digest.clone());
        }
        for (key, digest) in &self.big_data_digests {
            let Some(digest) = digest.as_str().filter(|_| key.starts_with("manifest")) else { continue };
            if !digests.iter().any(|known| known == digest) {
                digests.push(digest.to_owned());
            }
        }
        digests
    }

    /// Keep only `names`; in the history each goes to the front, in turn, as in containers/storage.
    pub(crate) fn rename(&mut self, names: Vec<String>) {
        for name in &names {
            self.names_history.retain(|old| old != name);
            self.names_history.insert(0, name.clone());
        }
        self.names = names;
    }
}

/// A container: a read-write layer, the image it protects, and the engine's text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Container {
    /// 64 hex digits.
    pub id: String,
    /// Unique over the containers.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub names: Vec<String>,
    /// Image id; may be empty.
    #[serde(default, deserialize_with = "nullable")]
    pub image: String,
    /// The read-write layer.
    #[serde(default, deserialize_with = "nullable")]
    pub layer: String,
    /// The engine's JSON.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub metadata: String,
    /// Keys of the items below `overlay-containers/<id>/`.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub big_data_names: Vec<String>,
    /// Their sizes in bytes.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub big_data_sizes: Map<String, Value>,
    /// Their digests.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub big_data_digests: Map<String, Value>,
    /// RFC 3339 with nanoseconds, UTC.
    #[serde(default)]
    pub created: String,
    /// Id mapping of the container.
    #[serde(default, rename = "uidmap", skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub uid_map: Vec<IdRange>,
    /// Id mapping of the container.
    #[serde(default, rename = "gidmap", skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub gid_map: Vec<IdRange>,
    /// `MountLabel`, `ProcessLabel`, `MountOpts`, `Volatile`, and what others keep there.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "nullable")]
    pub flags: Map<String, Value>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Container {
    /// Is the content void after a crash of the host, so that mounts need not sync it?
    pub fn is_volatile(&self) -> bool {
        self.flags.get("Volatile").is_some_and(|flag| flag == &Value::Bool(true))
    }

    /// Mount options that replace the configured ones.
    pub fn mount_options(&self) -> Vec<String> {
        let options = self.flags.get("MountOpts").and_then(Value::as_array);
        options
            .map(|list| list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
            .unwrap_or_default()
    }
}

macro_rules! record {
    ($type:ty, $left_aside:literal $(, $flaw:item)?) => {
        impl Record for $type {
            const MAY_BE_LEFT_ASIDE: bool = $left_aside;

            $($flaw)?

            fn id(&self) -> &str {
                &self.id
            }

            fn names(&self) -> &[String] {
                &self.names
            }

            fn names_mut(&mut self) -> &mut Vec<String> {
                &mut self.names
            }
        }
    };
}

record!(Layer, false);
record!(
    Image,
    true,
    /// Other programs refuse the whole table for a date or a digest that is none.
    fn flaw(&self) -> Option<String> {
        if !name::is_id(&self.id) {
            return Some(format!("`{}` is not an ID", self.id.escape_debug()));
        }
        if !self.created.is_empty() && rfc3339::canonical(&self.created).is_none() {
            return Some(format!("created `{}` is not a time as of RFC 3339", self.created.escape_debug()));
        }
        let listed = self.big_data_digests.values().map(|digest| digest.as_str().unwrap_or_default());
        let mut digests = listed.chain((!self.digest.is_empty()).then_some(self.digest.as_str()));
        digests
            .find(|digest| digest.parse::<Digest>().is_err())
            .map(|digest| format!("`{}` is not a digest", digest.escape_debug()))
    }
);
record!(Container, false);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_and_flags_survive() {
        let text = r#"{"id":"aa","created":"0001-01-01T00:00:00Z","flags":{"incomplete":true,"future":[1,{"x":null}]},"new-field":{"deep":[1.5,"x"]}}"#;
        let mut layer: Layer = serde_json::from_str(text).expect("parse");
        assert!(layer.is_incomplete());
        layer.set_incomplete(false);
        layer.names.push("n".to_owned());
        let out = serde_json::to_string(&layer).expect("write");
        assert_eq!(
            out,
            r#"{"id":"aa","names":["n"],"created":"0001-01-01T00:00:00Z","flags":{"future":[1,{"x":null}]},"new-field":{"deep":[1.5,"x"]}}"#
        );
    }

    #[test]
    fn null_is_the_empty_value() {
        let image: Image = serde_json::from_str(r#"{"id":"aa","names":null,"big-data-sizes":null}"#).expect("parse");
        assert_eq!(image, Image { id: "aa".to_owned(), ..Image::default() });
    }

    #[test]
    fn image_digests_are_those_of_its_manifests() {
        let image: Image = serde_json::from_str(
            r#"{"id":"aa","digest":"sha256:1","big-data-digests":{"manifest":"sha256:1","manifest-sha256:2":"sha256:2","sha256:3":"sha256:3"}}"#,
        )
        .expect("parse");
        assert_eq!(image.digests(), ["sha256:1", "sha256:2"]);
    }

    #[test]
    fn history_is_newest_first_without_duplicates() {
        let mut image = Image { names: vec!["a".into()], names_history: vec!["a".into()], ..Image::default() };
        image.rename(vec!["a".into(), "b".into()]);
        image.rename(vec!["b".into()]);
        image.rename(vec!["b".into(), "a".into()]);
        assert_eq!(image.names_history, ["a", "b"]);
    }
}
