//! The tar format as a pure state machine: bytes in, steps out, no I/O.
//!
//! [`Parser`] is fed slices and answers how many bytes belong to framing, which entry begins and which bytes are its content; it
//! reads ustar, old V7, GNU (long names, base-256 numbers, sparse files) and PAX (including GNU's three sparse forms), with the
//! same idea of what is valid as Go's `archive/tar`, since other readers of a store rest on that. It refuses extension blocks
//! over [`MAX_EXTENSION`] and knows nothing of whiteouts or directories. [`Builder`] writes headers the way Go's writer does.
//! Start at [`Parser::step`].

mod block;
mod builder;
mod parser;
mod pax;
mod sparse;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use parser::{MAX_EXTENSION, Parser, Step};
pub use sparse::Sparse;

/// Size of the unit in which a tar is written.
pub const BLOCK: usize = 512;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// A file with content.
    #[default]
    File,
    /// Another name of an earlier entry.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Char,
    /// A block device.
    Block,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A PAX global header; it describes nothing and is kept only for the byte-exact copy.
    Global,
    /// Any other type flag.
    Other(u8),
}

/// Extended attributes: names and values.
pub type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// One entry of a tar, its extensions already applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Name as it stands in the tar, never with a NUL byte.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky (07777).
    pub mode: u32,
    /// Owner as written.
    pub uid: i64,
    /// Group as written.
    pub gid: i64,
    /// Owner's name; empty where not given.
    pub uname: Vec<u8>,
    /// Group's name; empty where not given.
    pub gname: Vec<u8>,
    /// Modification time: seconds since 1970.
    pub mtime: i64,
    /// And nanoseconds, 0 to 999,999,999.
    pub mtime_nanos: u32,
    /// Size of the file, holes included.
    pub size: u64,
    /// Bytes of content that follow in the tar.
    pub stored: u64,
    /// Target of a hard or symbolic link.
    pub link: Vec<u8>,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Extended attributes in the order of the tar.
    pub xattrs: Xattrs,
    /// Where the stored bytes go in a sparse file.
    pub sparse: Option<Sparse>,
}

impl Entry {
    /// True for kinds whose header may name a size though nothing follows.
    fn is_header_only(kind: Kind) -> bool {
        !matches!(kind, Kind::File | Kind::Other(_) | Kind::Global)
    }
}
