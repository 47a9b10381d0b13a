//! The id of a container, as an OCI runtime takes it from its caller.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// Longest id: it is the name of a directory.
const LENGTH_MAX: usize = 255;

/// A container's id: ASCII letters, digits and `_+-.`, and neither `.` nor `..`.
///
/// Parsing is the only way to one, so an id is always a single component of a path: it names a directory below the state
/// root and a cgroup, and leads nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// A text that is no id of a container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("container id cannot be empty")]
    Empty,
    /// It has a character, or a form, that an id cannot have.
    #[error("invalid container ID format: {text:?}: only letters, digits and _+-. are allowed")]
    Format {
        /// What was given.
        text: String,
    },
    /// It is longer than a file name can be.
    #[error("invalid container ID format: it has {length} characters, {LENGTH_MAX} are allowed")]
    TooLong {
        /// How long it is.
        length: usize,
    },
}

impl FromStr for ContainerId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
        if text.is_empty() {
            Err(IdError::Empty)
        } else if matches!(text, "." | "..") || !text.bytes().all(is_allowed) {
            Err(IdError::Format { text: text.into() })
        } else if text.len() > LENGTH_MAX {
            Err(IdError::TooLong { length: text.len() })
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl TryFrom<String> for ContainerId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> Self {
        id.0
    }
}

impl Deref for ContainerId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_component_of_a_path() {
        for text in ["a", "0", "c1_+-.", "...", ".hidden", "-x", &"a".repeat(255)] {
            assert_eq!(text.parse::<ContainerId>().as_deref(), Ok(text), "{text}");
        }
        assert_eq!("".parse::<ContainerId>(), Err(IdError::Empty));
        for text in [".", "..", "/", "/abs", "../x", "c1/.", "a/b", "a b", "a,b", "a\n", "a\0", "é", "a:b"] {
            assert_eq!(text.parse::<ContainerId>(), Err(IdError::Format { text: text.into() }), "{text:?}");
        }
        assert_eq!("a".repeat(256).parse::<ContainerId>(), Err(IdError::TooLong { length: 256 }));
    }

    #[test]
    fn a_document_cannot_hold_another_one() {
        assert!(serde_json::from_str::<ContainerId>("\"c1\"").is_ok());
        for text in ["\"../x\"", "\"\"", "7", "null"] {
            assert!(serde_json::from_str::<ContainerId>(text).is_err(), "{text}");
        }
    }
}
