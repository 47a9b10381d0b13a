//! Which documents there are, and why one is refused.

use libpod_digest::Mismatch;

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
