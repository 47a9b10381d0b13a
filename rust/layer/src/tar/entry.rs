//! One entry of a tar, as it is read and as it is written.

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

/// The parts of a sparse file that are stored, in order, and its size with the holes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sparse {
    /// (offset, length) pairs, ascending, not overlapping.
    pub parts: Vec<(u64, u64)>,
    /// Size of the file.
    pub real_size: u64,
}

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
    pub(super) fn is_header_only(kind: Kind) -> bool {
        !matches!(kind, Kind::File | Kind::Other(_) | Kind::Global)
    }
}
