//! What a caller asks for when a container is to be created.

use crate::mounting::Mounter;
use crate::root_change::RootChange;
use crate::rootfs::Rootfs;
use crate::seccomp::Program;
use crate::spec::Spec;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The standard descriptors of a process.
#[derive(Debug)]
pub enum Stdio {
    /// The caller's own.
    Inherit,
    /// Three descriptors, of pipes or files.
    Pipes {
        /// Read by the process.
        stdin: OwnedFd,
        /// Written by the process.
        stdout: OwnedFd,
        /// Written by the process.
        stderr: OwnedFd,
    },
    /// A terminal made for it; the caller gets the master end.
    Terminal,
    /// The same, but newlines pass as they are: what the caller copies them to adds carriage returns, or does not.
    PlainTerminal,
}

impl Stdio {
    /// Whether a terminal is made.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal | Self::PlainTerminal)
    }

    /// Whether that terminal leaves newlines as they are.
    pub fn leaves_newlines(&self) -> bool {
        matches!(self, Self::PlainTerminal)
    }
}

/// What to start.
#[derive(Debug)]
pub struct Request<'a> {
    /// The container.
    pub id: &'a str,
    /// Directory that relative paths of the specification start at.
    pub bundle: &'a Path,
    /// The specification.
    pub spec: &'a Spec,
    /// The root filesystem; `spec.root.path` is not read.
    pub rootfs: Rootfs,
    /// What is changed in the root's own files before anything is mounted on them.
    pub changes: &'a [RootChange],
    /// Standard descriptors; [`Stdio::Terminal`] where `spec.process.terminal` is set.
    pub stdio: Stdio,
    /// Descriptors after the standard ones that stay open.
    pub preserve_fds: u32,
    /// The compiled filter of `spec.linux.seccomp`.
    pub seccomp: Option<Program>,
    /// A listening socket: the child waits there for [`start`](crate::start::start), which may come from another process, instead of
    /// for [`Created::go`](crate::Created::go).
    pub start_socket: Option<OwnedFd>,
    /// How mounts are made; [`Mounter::probe`] unless an old kernel is to be tried.
    pub mounter: Mounter,
}
