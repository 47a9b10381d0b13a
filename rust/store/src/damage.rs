//! Records that are not of their type: they are left aside and kept as they are, so that the others can be read.
//!
//! A table of images is shared with other programs, and one record that nobody can read must not hide the rest from us. Such a
//! record keeps its layers, and it is removed by its id. Start at [`parse`].

use crate::error::{Error, Result};
use crate::file;
use crate::name;
use crate::record::Record;
use serde_json::Value;
use std::path::Path;

/// A record that is left aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Damaged {
    /// Its id, when that can be read.
    pub id: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// The record as it stands in the table.
    pub(crate) record: Value,
}

impl Damaged {
    fn new(record: Value, reason: String) -> Self {
        let id = record.get("id").and_then(Value::as_str).filter(|id| name::is_id(id)).map(str::to_owned);
        Self { id, reason, record }
    }

    /// The top layer that it names.
    pub(crate) fn layer(&self) -> &str {
        self.record.get("layer").and_then(Value::as_str).unwrap_or_default()
    }

    /// The copies of that layer with other id mappings.
    pub(crate) fn mapped_layers(&self) -> Vec<String> {
        let listed = self.record.get("mapped-layers").and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// The records of a file. A missing or empty file is the empty list.
///
/// A malformed file is an error: nothing may be saved over it. So is one with a malformed record, unless records of the type
/// may be left aside.
pub(crate) fn parse<T: Record>(path: &Path) -> Result<(Vec<T>, Vec<Damaged>)> {
    let Some(bytes) = file::read(path)?.filter(|bytes| !bytes.is_empty()) else { return Ok(Default::default()) };
    let malformed = |error: serde_json::Error| Error::corrupt(path, error.to_string());
    match serde_json::from_slice::<Option<Vec<T>>>(&bytes) {
        Ok(list) => {
            let list = list.unwrap_or_default();
            let Some(reason) = list.iter().find_map(Record::flaw) else {
                return Ok((list, Vec::new()));
            };
            if !T::MAY_BE_LEFT_ASIDE {
                return Err(Error::corrupt(path, reason));
            }
        }
        Err(error) if !T::MAY_BE_LEFT_ASIDE => return Err(malformed(error)),
        Err(_) => {}
    }
    let (mut sound, mut damaged) = (Vec::new(), Vec::new());
    for value in serde_json::from_slice::<Vec<Value>>(&bytes).map_err(malformed)? {
        match T::deserialize(&value) {
            Ok(record) => match record.flaw() {
                None => sound.push(record),
                Some(reason) => damaged.push(Damaged::new(value, reason)),
            },
            Err(error) => damaged.push(Damaged::new(value, error.to_string())),
        }
    }
    Ok((sound, damaged))
}
