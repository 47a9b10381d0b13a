//! Layers reach the disk before they are published.
//!
//! Begun while other layers are still being staged, so that little is left to wait for in the end. The kernel tells a failed
//! write to one sync alone, so what an early one hears fails every layer that may be concerned.

use crate::error::{AtPath, Error, Result};
use rustix::fs::{Mode, OFlags, syncfs};
use rustix::io::Errno;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A layer with less than this (16 MiB) leaves nothing to begin early with.
const WORTH_SYNCING: u64 = 16 << 20;

/// Writes staged layers to the disk.
#[derive(Debug, Default)]
pub struct Syncing {
    early: Mutex<Early>,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Early {
    running: Option<JoinHandle<rustix::io::Result<()>>>,
    /// Why the last one that failed did.
    failed: Option<Errno>,
}

impl Syncing {
    /// How many early syncs have failed: to be noted when a layer begins to be staged.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    /// Wait for the early sync that runs.
    fn join(&self, early: &mut Early) {
        let heard = early.running.take().map_or(Ok(()), |running| running.join().unwrap_or(Err(Errno::IO)));
        if let Err(errno) = heard {
            early.failed = Some(errno);
            self.failures.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A layer of `size` bytes was staged on the filesystem of `directory`: begin to write it. Does not wait: where a sync is
    /// going on already, the last one does it all.
    pub fn begin(&self, directory: OwnedFd, size: u64) {
        let Ok(mut early) = self.early.try_lock() else { return };
        if size < WORTH_SYNCING || early.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        self.join(&mut early);
        // Without a thread all is left to the last sync.
        early.running = std::thread::Builder::new().name("sync".to_owned()).spawn(move || syncfs(&directory)).ok();
    }

    /// Write what the filesystem below `directory` holds, wait for it, and report what an early sync has failed to write since
    /// there were so many `failures`: it may have been a layer that was being staged then.
    pub fn finish(&self, directory: &Path, failures: u64) -> Result<()> {
        let heard = {
            let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
            self.join(&mut early);
            early.failed.filter(|_| self.failures() > failures)
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(directory, flags, Mode::empty()).at("open", directory)?;
        syncfs(&fd).at("sync", directory)?;
        heard.map_or(Ok(()), |errno| Err(Error::os("sync", directory, errno)))
    }
}

/// Bytes of a layer after which what was made of them is begun to be written.
const PACE: u64 = 64 << 20;

/// A layer on its way to be unpacked into `directory`. What it has become is written while the rest of it comes.
pub struct Paced {
    source: Box<dyn Read + Send>,
    directory: OwnedFd,
    passed: u64,
    syncing: Arc<Syncing>,
}

impl Paced {
    /// Read `source`.
    pub fn new(source: Box<dyn Read + Send>, directory: OwnedFd, syncing: &Arc<Syncing>) -> Self {
        Self { source, directory, passed: 0, syncing: Arc::clone(syncing) }
    }
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.passed += count as u64;
        if self.passed >= PACE {
            self.passed = 0;
            // Without a descriptor to spare all is left to the last sync.
            if let Ok(directory) = self.directory.try_clone() {
                self.syncing.begin(directory, PACE);
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(errno: Errno) -> JoinHandle<rustix::io::Result<()>> {
        let failed = std::thread::spawn(move || Err(errno));
        while !failed.is_finished() {
            std::thread::yield_now();
        }
        failed
    }

    #[test]
    fn what_an_early_sync_heard_fails_every_layer_that_was_staged_before() {
        let syncing = Syncing::default();
        let directory = Path::new("/tmp");
        let (one, other) = (syncing.failures(), syncing.failures());
        syncing.early.lock().expect("no panic").running = Some(failed(Errno::IO));
        let error = syncing.finish(directory, one).expect_err("the early error");
        assert!(error.to_string().contains("/tmp"), "{error}");
        assert!(syncing.finish(directory, other).is_err(), "each of them may be the one");
        syncing.finish(directory, syncing.failures()).expect("staged afterwards");
    }

    #[test]
    fn a_failure_outlives_the_next_early_sync() {
        let syncing = Syncing::default();
        let open = || rustix::fs::open("/tmp", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("open");
        let before = syncing.failures();
        syncing.early.lock().expect("no panic").running = Some(failed(Errno::NOSPC));
        syncing.begin(open(), WORTH_SYNCING);
        assert!(syncing.finish(Path::new("/tmp"), before).is_err());
    }

    #[test]
    fn beginning_does_not_wait_for_who_finishes() {
        let syncing = Syncing::default();
        let open = rustix::fs::open("/tmp", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("open");
        let held = syncing.early.lock().expect("no panic");
        syncing.begin(open, WORTH_SYNCING);
        assert!(held.running.is_none());
    }

    #[test]
    fn a_long_layer_is_written_while_it_comes() {
        let syncing = Arc::new(Syncing::default());
        let open = rustix::fs::open("/tmp", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("open");
        let mut paced = Paced::new(Box::new(io::repeat(7)), open, &syncing);
        let mut buffer = vec![0; usize::try_from(PACE).expect("fits") - 1];
        paced.read_exact(&mut buffer).expect("read");
        assert!(syncing.early.lock().expect("no panic").running.is_none());
        paced.read_exact(&mut buffer[..1]).expect("read");
        assert!(syncing.early.lock().expect("no panic").running.is_some());
        assert_eq!(buffer[0], 7);
    }
}
