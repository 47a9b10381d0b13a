//! Layers reach the disk before they are published.
//!
//! Begun while other layers are still being staged, so that little is left to wait for in the end. The kernel tells a failed
//! write to one sync alone, so what an early one hears is kept until the last.

use crate::error::{Context, Error, Result};
use rustix::fs::{Mode, OFlags, syncfs};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// A layer with less than this (16 MiB) leaves nothing to begin early with.
const WORTH_SYNCING: u64 = 16 << 20;

/// Writes staged layers to the disk.
#[derive(Debug, Default)]
pub struct Syncing {
    early: Mutex<Early>,
}

#[derive(Debug, Default)]
struct Early {
    running: Option<JoinHandle<rustix::io::Result<()>>>,
    failed: Option<Errno>,
}

impl Early {
    /// Wait for the sync that runs.
    fn join(&mut self) {
        if let Some(running) = self.running.take() {
            self.failed = self.failed.or(running.join().unwrap_or(Err(Errno::IO)).err());
        }
    }
}

impl Syncing {
    /// A layer of `size` bytes was staged on the filesystem of `directory`: begin to write it, unless that is going on already.
    pub fn begin(&self, directory: OwnedFd, size: u64) {
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        if size < WORTH_SYNCING || early.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        early.join();
        // Without a thread all is left to the last sync.
        early.running = std::thread::Builder::new().name("sync".to_owned()).spawn(move || syncfs(&directory)).ok();
    }

    /// Write what the filesystem below `directory` holds, wait for it, and report what failed since the last time.
    pub fn finish(&self, directory: &Path) -> Result<()> {
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        early.join();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(directory, flags, Mode::empty()).at("open", directory)?;
        syncfs(&fd).at("sync", directory)?;
        early.failed.take().map_or(Ok(()), |errno| Err(Error::os("sync", directory, errno)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_early_sync_heard_is_reported_once_by_the_last() {
        let syncing = Syncing::default();
        let directory = Path::new("/tmp");
        syncing.early.lock().expect("no panic").running = Some(std::thread::spawn(|| Err(Errno::IO)));
        let error = syncing.finish(directory).expect_err("the early error");
        assert!(error.to_string().contains("/tmp"), "{error}");
        syncing.finish(directory).expect("reported once");
    }

    #[test]
    fn a_failure_outlives_the_next_early_sync() {
        let syncing = Syncing::default();
        let open = || rustix::fs::open("/tmp", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("open");
        let failed = std::thread::spawn(|| Err(Errno::NOSPC));
        while !failed.is_finished() {
            std::thread::yield_now();
        }
        syncing.early.lock().expect("no panic").running = Some(failed);
        syncing.begin(open(), WORTH_SYNCING);
        assert!(syncing.finish(Path::new("/tmp")).is_err());
    }
}
