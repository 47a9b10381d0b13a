//! What can go wrong in a store, with the thing, the path and the reason.

use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// Result of a store operation.
pub type Result<T> = std::result::Result<T, Error>;

/// An operation on a store that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No image has this name or id.
    #[error("{0}: image not known")]
    ImageNotFound(String),
    /// No layer has this id.
    #[error("{0}: layer not known")]
    LayerNotFound(String),
    /// No container has this name or id.
    #[error("no container with name or ID \"{0}\" found: no such container")]
    ContainerNotFound(String),
    /// The item of big data is not in the record or not on disk.
    #[error("{id} has no data `{key}`")]
    DataNotFound {
        /// Record that was asked.
        id: String,
        /// Key of the item.
        key: String,
    },
    /// Several records start with this id prefix.
    #[error("{prefix}: more than one {what} has an ID that starts so")]
    Ambiguous {
        /// `image` or `container`.
        what: &'static str,
        /// The text that was looked up.
        prefix: String,
    },
    /// The container name is taken.
    #[error(
        "the container name \"{name}\" is already in use by {id}. You have to remove that container to be able to reuse \
         that name: that name is already in use"
    )]
    NameInUse {
        /// The name.
        name: String,
        /// Container that has it.
        id: String,
    },
    /// A record with this id exists and differs.
    #[error("the {what} ID {id} is already in use")]
    Exists {
        /// `image`, `layer` or `container`.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// The image is used by containers.
    #[error("image used by {}: image is in use by a container", containers.join(", "))]
    ImageInUse {
        /// Ids of the containers.
        containers: Vec<String>,
    },
    /// The image stands in an additional store.
    #[error("{0}: the image is in a read-only store")]
    ReadOnlyImage(String),
    /// The layer is used by something else.
    #[error("layer {id} is in use by {user}")]
    LayerInUse {
        /// The layer.
        id: String,
        /// What uses it.
        user: String,
    },
    /// A malformed argument.
    #[error("{0}")]
    Invalid(String),
    /// A file of the store does not have its format.
    #[error("{}: {reason}", path.display())]
    Corrupt {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A valid store that this version cannot work with.
    #[error("{0}")]
    Unsupported(String),
    /// A signal ended the wait for a lock; nothing was changed.
    #[error("interrupted while waiting for the lock {}", path.display())]
    Interrupted {
        /// The lock file.
        path: PathBuf,
    },
    /// A system call failed.
    #[error("{op} {}: {}", path.display(), libpod_sys::errno_text(errno.raw_os_error()))]
    Os {
        /// What was tried.
        op: &'static str,
        /// On which file.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A layer could not be read or written.
    #[error(transparent)]
    Layer(#[from] libpod_layer::Error),
}

impl Error {
    /// The error of a failed call on `path`.
    pub(crate) fn os(op: &'static str, path: impl AsRef<Path>, errno: Errno) -> Self {
        Self::Os { op, path: path.as_ref().to_path_buf(), errno }
    }

    /// The error of a failed `std::io` call on `path`.
    pub(crate) fn io(op: &'static str, path: impl AsRef<Path>, error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno) => Self::os(op, path, Errno::from_raw_os_error(errno)),
            // Another kind of file than a regular one, or one that is too large.
            None => Self::corrupt(path, error.to_string()),
        }
    }

    /// Did the call fail because the disk, or the user's share of it, is full?
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self, Self::Os { errno: Errno::NOSPC | Errno::DQUOT, .. })
    }

    /// A file that does not have its format.
    pub(crate) fn corrupt(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }
}

/// Name the call and the path of a failed system call.
pub(crate) trait AtPath<T> {
    /// `op` is a verb with its object: "create", "rename", "open".
    fn at(self, op: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> AtPath<T> for rustix::io::Result<T> {
    fn at(self, op: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|errno| Error::os(op, path, errno))
    }
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, op: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|error| Error::io(op, path, &error))
    }
}
