//! `null` in a document: Go's programs write it for what is empty.

use serde::{Deserialize, Deserializer};

/// Go writes an empty slice, map or pointer as `null`.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
