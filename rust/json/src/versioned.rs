//! Documents that one process leaves for another, which may be of another release.
//!
//! Each says its version. A document of a newer version is refused before anything else in it is looked at, so that the error
//! is about the version and not about a member that this release does not know. One of an older version, or without any, which
//! the release before there were versions wrote, is made into one of today by its type, and still says its own version; that
//! is 0 where there was none.

use crate::{from_slice, from_value};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt;

/// Name of the member that says the version.
const VERSION: &str = "version";

/// The version of a document that has none.
pub const BEFORE: u32 = 0;

/// A document that says its version, in a member `version` that the type has as well.
///
/// Implementations refuse unknown members (`#[serde(deny_unknown_fields)]`).
pub trait Versioned: DeserializeOwned {
    /// What people call it.
    const NAME: &'static str;
    /// The version that this release writes, at least 1.
    const VERSION: u32;

    /// Make of a document of an older `version` one with the members of version [`Self::VERSION`]; [`BEFORE`] is the version of
    /// one that has none. It keeps its own version.
    fn upgrade(_document: &mut Map<String, Value>, _version: u64) {}
}

/// Why a document cannot be read.
#[derive(Debug)]
pub enum Error {
    /// A newer release wrote it.
    Newer {
        /// What it is.
        name: &'static str,
        /// Its version.
        version: u64,
        /// The newest version that is read.
        known: u32,
    },
    /// It is not what it should be.
    Malformed {
        /// What it should be.
        name: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { name, version, known } => {
                write!(f, "{name} of version {version}: this release of libpod reads versions up to {known}")
            }
            Self::Malformed { name, source } => write!(f, "{name}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Newer { .. } => None,
            Self::Malformed { source, .. } => source.source(),
        }
    }
}

/// The one member that a document of any version has.
#[derive(Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "number")]
    version: Option<u64>,
}

/// A version that is `null` is none, and is not missing.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    u64::deserialize(deserializer).map(Some)
}

/// Read a document of this version, or of the release before there were versions.
pub fn read<T: Versioned>(text: &[u8]) -> Result<T, Error> {
    let malformed = |source| Error::Malformed { name: T::NAME, source };
    match from_slice::<Head>(text).map_err(malformed)?.version {
        Some(version) if version > T::VERSION.into() => Err(Error::Newer { name: T::NAME, version, known: T::VERSION }),
        Some(version) if version == u64::from(BEFORE) => {
            Err(malformed(serde::de::Error::custom("there is no version 0")))
        }
        Some(version) if version == u64::from(T::VERSION) => from_slice(text).map_err(malformed),
        older => {
            let version = older.unwrap_or(BEFORE.into());
            let mut document: Map<String, Value> = from_slice(text).map_err(malformed)?;
            T::upgrade(&mut document, version);
            document.insert(VERSION.into(), version.into());
            from_value(document.into()).map_err(malformed)
        }
    }
}

/// For `deserialize_with`: an optional member that must be there, if only as `null`.
///
/// Serde takes a missing `Option` for `None`. What its writer left out is then taken for what it decided.
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Note {
        version: u32,
        text: String,
        #[serde(deserialize_with = "present")]
        size: Option<u8>,
    }

    impl Versioned for Note {
        const NAME: &'static str = "note";
        const VERSION: u32 = 2;

        fn upgrade(document: &mut Map<String, Value>, version: u64) {
            if version == u64::from(BEFORE) {
                document.remove("colour");
            }
            document.entry("size").or_insert(Value::Null);
        }
    }

    fn error(text: &str) -> String {
        read::<Note>(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn a_document_of_this_version_says_everything_and_no_more() {
        let text = br#"{"version":2,"text":"x","size":null}"#;
        assert_eq!(read::<Note>(text).expect("valid"), Note { version: 2, text: "x".into(), size: None });
        assert!(error(r#"{"version":2,"text":"x"}"#).starts_with("note: missing field `size`"));
        assert!(error(r#"{"version":2,"text":"x","size":1,"colour":1}"#).starts_with("note: unknown field `colour`"));
        assert_eq!(error(r#"{"version":0,"text":"x","size":1}"#), "note: there is no version 0");
        for version in ["-1", "1.5", "\"2\"", "[]", "null"] {
            assert!(error(&format!(r#"{{"version":{version},"text":"x","size":1}}"#)).starts_with("note: invalid"));
        }
    }

    #[test]
    fn a_newer_document_is_refused_by_its_version_alone() {
        for text in [r#"{"version":3}"#, r#"{"shape":[],"text":7,"version":4000000000000}"#] {
            assert!(error(text).contains(": this release of libpod reads versions up to 2"), "{text}");
        }
        assert!(error("[3]").starts_with("note: invalid type: sequence"));
    }

    #[test]
    fn a_document_without_a_version_is_of_the_release_before() {
        let note = read::<Note>(br#"{"text":"x","colour":"red"}"#).expect("as it was written then");
        assert_eq!(note, Note { version: BEFORE, text: "x".into(), size: None });
        assert!(error(r#"{"text":"x","shape":"round"}"#).starts_with("note: unknown field `shape`"));
        assert!(error(r#"{"colour":"red"}"#).starts_with("note: missing field `text`"));
    }

    #[test]
    fn a_document_of_an_older_version_is_read_as_that_version() {
        let note = read::<Note>(br#"{"version":1,"text":"x"}"#).expect("as it was written then");
        assert_eq!(note, Note { version: 1, text: "x".into(), size: None });
        assert!(error(r#"{"version":1,"text":"x","colour":"red"}"#).starts_with("note: unknown field `colour`"));
    }
}
