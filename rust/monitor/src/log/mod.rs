//! The `k8s-file` log: one line per line of output, stamped and tagged, byte for byte as conmon writes it.
//!
//! `2026-11-24T13:41:16.123456789+00:00 stdout F text` is a full line; `P` instead of `F` is a part whose end follows in a later
//! entry. [`writer`] is the monitor's side, [`reader`] is `podman logs`.

mod lines;
pub mod reader;
pub mod writer;

use rustix::fs::{FileType, makedev};
use std::path::Path;

/// Is this the null device? Users name it for a log that keeps nothing.
fn is_null(path: &Path) -> bool {
    rustix::fs::stat(path).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == makedev(1, 3)
    })
}

/// Which output an entry came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}
