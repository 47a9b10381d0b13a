//! The documents of an image (config, manifest, index) as the tools that share a store with us read them.
//!
//! Those are written in Go, and a document that Go's types refuse is not only of no use to them: once it is in the store, it
//! keeps them from listing any image. So [`read`] takes what Go takes and nothing else, and answers the document as Go
//! understands it: a member's name in another case is that member, `null` in a list of texts is the empty text, and a time is
//! written as Go writes it. Two members that mean the same are refused, as is a document of more than [`LIMIT`] bytes: what
//! can be read in two ways is no document of ours.
//!
//! Nothing here knows what the members mean, and no digest in them is judged. Start reading at [`read`]; the types are in
//! `types`. Source: encoding/json, "Unmarshal"; the Go types of containers/image (manifest, docker_schema2.go), the OCI
//! image specification (specs-go/v1) and Docker's archives.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

mod check;
mod document;
mod types;
mod unique;

use libpod_digest::Digest;
use serde_json::Value;

pub use document::{Error, Kind, LIMIT};

/// Read a document from its raw bytes; with a digest, prove them first.
pub fn read(raw: &[u8], kind: Kind, digest: Option<&Digest>) -> Result<Value, Error> {
    if raw.len() > LIMIT {
        return Err(Error::TooLarge { kind, size: raw.len() });
    }
    if let Some(digest) = digest {
        digest.check(raw).map_err(|mismatch| Error::Digest { kind, mismatch })?;
    }
    let mut value = unique::from_slice(raw).map_err(|source| Error::Json { kind, source })?;
    check::check(&mut value, kind)?;
    Ok(value)
}
