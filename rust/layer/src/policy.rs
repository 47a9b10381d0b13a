//! What is decided for all entries of a layer, before the first is put on disk.

/// How entries are put on disk.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Give files the owner of the entry; else they stay the caller's.
    pub owner: bool,
    /// What whiteouts become.
    pub style: Style,
    /// Make device nodes; else refuse them.
    pub devices: bool,
    /// The caller is root of a user namespace: skip device nodes, and attributes that the kernel refuses.
    pub user_namespace: bool,
    /// Files get exactly the mode asked for when they are made: the thread's umask is 0.
    pub exact_modes: bool,
}

/// What whiteouts become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Marks of overlayfs: the directory holds one layer alone.
    Overlay(XattrPrefix),
    /// The hidden files are removed: the directory holds the lower layers already.
    Remove,
}

/// Namespace of the attributes that overlayfs reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XattrPrefix {
    /// `trusted.overlay.`: mounted by root.
    Trusted,
    /// `user.overlay.`: mounted in a user namespace with `userxattr`.
    User,
}

impl XattrPrefix {
    /// Name of the attribute that makes a directory opaque.
    pub fn opaque(self) -> &'static [u8] {
        match self {
            Self::Trusted => b"trusted.overlay.opaque",
            Self::User => b"user.overlay.opaque",
        }
    }
}
