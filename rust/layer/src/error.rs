//! What can be wrong with a layer, and where.

use crate::compression::Compression;
use libpod_digest::Mismatch;
use rustix::io::Errno;
use std::fmt;
use std::io;

/// An entry name as it stands in the tar: bytes, printed with whatever is not printable ASCII escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(Vec<u8>);

/// Longer names are cut in messages.
const SHOWN: usize = 200;

impl Name {
    /// Keep a copy of `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN)];
        let dots = if self.0.len() > SHOWN { "…" } else { "" };
        write!(f, "`{}{dots}`", shown.escape_ascii())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a caller may decide on without reading the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes are not what they should be: damaged, cut short, not a tar.
    Corrupt,
    /// An entry that would leave its tree.
    UnsafePath,
    /// Well-formed, but nothing that a layer may hold or this program can do.
    Unsupported,
    /// A system call failed.
    Os(Errno),
}

/// Why a layer was not applied, read or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source could not be read.
    #[error("reading the layer")]
    Source(#[source] io::Error),
    /// The compressed stream is damaged or cut short.
    #[error("decompressing the layer ({compression}), after {offset} bytes")]
    Decompress {
        /// Format, as told by the first bytes.
        compression: Compression,
        /// Bytes that came out before.
        offset: u64,
        /// The decoder's words.
        #[source]
        source: io::Error,
    },
    /// The tar ends inside an entry.
    #[error("the tar ends too early, at byte {offset}{}", entry.as_ref().map(|name| format!(", in entry {name}")).unwrap_or_default())]
    Truncated {
        /// Where the end came.
        offset: u64,
        /// The entry whose content is incomplete.
        entry: Option<Name>,
    },
    /// A header or extension block that no reader may accept.
    #[error("bad tar header at byte {offset}: {reason}")]
    Header {
        /// Start of the block.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A name, extension or size larger than any sane layer's.
    #[error("{what} of entry {entry}: {got} is more than the limit of {limit}")]
    Limit {
        /// The entry.
        entry: Name,
        /// What is too large.
        what: &'static str,
        /// The size found.
        got: u64,
        /// The size allowed.
        limit: u64,
    },
    /// More bytes came out of the decompressor than the caller allows.
    #[error("the layer is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit given in the options.
        limit: u64,
    },
    /// The entry would leave the tree.
    #[error("unsafe entry {entry}: {reason}")]
    UnsafePath {
        /// The entry.
        entry: Name,
        /// In which way.
        reason: &'static str,
    },
    /// The name occurs twice; a layer with such entries cannot be stored (tar-split names files by their names).
    #[error("entry {entry}: duplicates of file paths not supported")]
    Duplicate {
        /// The second entry of the name.
        entry: Name,
    },
    /// A kind of entry that is not allowed here, or unknown.
    #[error("entry {entry}: {reason}")]
    Unsupported {
        /// The entry.
        entry: Name,
        /// Why not.
        reason: &'static str,
    },
    /// A system call for this entry failed.
    #[error("entry {entry}: cannot {step}")]
    Entry {
        /// The entry.
        entry: Name,
        /// What was to be done.
        step: &'static str,
        /// The failed call.
        #[source]
        source: libpod_sys::Error,
    },
    /// A system call on the target directory failed.
    #[error("cannot {step}")]
    Target {
        /// What was to be done.
        step: &'static str,
        /// The failed call.
        #[source]
        source: libpod_sys::Error,
    },
    /// The tar-split file could not be written or read.
    #[error("tar-split: {step}")]
    TarSplit {
        /// What was to be done.
        step: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A line of the tar-split file is not as it should be.
    #[error("tar-split line {line}: {reason}")]
    TarSplitLine {
        /// Counted from one.
        line: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file that the tar-split file names is in none of the directories.
    #[error("file {entry} is missing")]
    Missing {
        /// The file.
        entry: Name,
    },
    /// A file of the layer is not what was unpacked: its checksum or its length differs.
    #[error("file {entry} was changed since it was unpacked")]
    Changed {
        /// The file.
        entry: Name,
    },
    /// The output could not be written.
    #[error("writing the layer")]
    Output(#[source] io::Error),
    /// The bytes are not those that were named.
    #[error(transparent)]
    Digest(#[from] Box<Mismatch>),
}

impl Error {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Source(source) | Self::Output(source) | Self::TarSplit { source, .. } => kind_of(source),
            Self::UnsafePath { .. } => ErrorKind::UnsafePath,
            Self::Unsupported { .. } | Self::Duplicate { .. } => ErrorKind::Unsupported,
            Self::Entry { source, .. } | Self::Target { source, .. } => ErrorKind::Os(source.errno()),
            _ => ErrorKind::Corrupt,
        }
    }

    /// The entry that is to blame, where it is one.
    pub fn entry(&self) -> Option<&Name> {
        match self {
            Self::Limit { entry, .. }
            | Self::UnsafePath { entry, .. }
            | Self::Duplicate { entry }
            | Self::Unsupported { entry, .. }
            | Self::Entry { entry, .. }
            | Self::Missing { entry }
            | Self::Changed { entry } => Some(entry),
            Self::Truncated { entry, .. } => entry.as_ref(),
            _ => None,
        }
    }
}

fn kind_of(error: &io::Error) -> ErrorKind {
    match Errno::from_io_error(error) {
        Some(errno) => ErrorKind::Os(errno),
        None => ErrorKind::Corrupt,
    }
}
