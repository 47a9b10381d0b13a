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
mod types;
mod unique;

use libpod_digest::{Digest, Mismatch};
use serde_json::Value;

/// Largest document that is read, in bytes; Docker, containers/image and registries agree on it.
pub const LIMIT: usize = 4 << 20;

/// Which document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What an image says about itself: how it was made and how it is run.
    Config,
    /// A manifest or an index of manifests, of Docker or OCI.
    Manifest,
    /// `index.json` of a layout: an index.
    Layout,
    /// `manifest.json` of a docker-archive: a list.
    Archive,
}

impl Kind {
    /// What messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "image config",
            Self::Manifest => "manifest",
            Self::Layout => "index.json",
            Self::Archive => "manifest.json",
        }
    }
}

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Larger than [`LIMIT`].
    #[error("the {} has {size} bytes, more than the limit of {LIMIT}", kind.name())]
    TooLarge {
        /// The document.
        kind: Kind,
        /// Its size in bytes.
        size: usize,
    },
    /// Other bytes than were named.
    #[error("{}: digest mismatch: wanted {}, got {}", kind.name(), mismatch.wanted, mismatch.got)]
    Digest {
        /// The document.
        kind: Kind,
        /// Both digests.
        mismatch: Box<Mismatch>,
    },
    /// Not JSON, or JSON with the same member twice.
    #[error("parsing the {}: {source}", kind.name())]
    Json {
        /// The document.
        kind: Kind,
        /// With line and column.
        source: serde_json::Error,
    },
    /// A member of another type.
    #[error("the {}{} is {got}, not {wanted}", kind.name(), member(path))]
    Type {
        /// The document.
        kind: Kind,
        /// Where it stands, such as `config.Healthcheck.Test[0]`; empty for the whole document.
        path: String,
        /// What Go wants there.
        wanted: &'static str,
        /// What stands there.
        got: String,
    },
    /// Two members whose names differ in case alone.
    #[error("the {}{} stands there twice", kind.name(), member(path))]
    Twice {
        /// The document.
        kind: Kind,
        /// The member.
        path: String,
    },
}

fn member(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("'s `{path}`") }
}

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
