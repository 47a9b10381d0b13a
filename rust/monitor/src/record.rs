//! The records that a monitor leaves for others to read: who runs, and how it ended.
//!
//! Each is one JSON file, published by rename: a reader sees a whole record or none. A container's state is derived from them
//! and from the kernel ([`crate::process`]); no record says "running".

use crate::clock::Moment;
use crate::process::start_time;
use libpod_json::versioned::{self, BEFORE, Versioned, present};
use libpod_network::Attached;
use libpod_sys::chain;
use libpod_sys::file::{Durability, open_regular_at, replace};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Name of a [`PidRecord`] in a container's run directory.
pub const PID_RECORD: &str = "pid.json";

/// Version of the frames that this release speaks: kinds 1 to 15.
pub const FRAMES: u16 = 1;

/// `pid.json`, written before the container's program starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PidRecord {
    /// Version of the record.
    pub version: u32,
    /// Version of the frames that the monitor speaks, as [`FRAMES`].
    pub frames: u16,
    /// The container's first process, as the host numbers it.
    pub pid: i32,
    /// When that process started: field 22 of its `stat` (clock ticks since boot). Number and start name one process for good.
    pub start_time: u64,
    /// Its monitor.
    pub monitor_pid: i32,
    /// When the monitor started.
    pub monitor_start_time: u64,
    /// Wall clock at the start.
    pub started_at: String,
    /// What it got of each of its networks, in the order in which it was attached.
    pub networks: Vec<Attached>,
    /// Path of its cgroup below the hierarchies' roots.
    pub cgroup: String,
}

/// Sent to clients when the program runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningNotice {
    /// The process, as the host numbers it.
    pub pid: i32,
    /// When it started, as in [`PidRecord`].
    pub start_time: u64,
    /// Its monitor.
    pub monitor_pid: i32,
    /// What it got of its first network; `pid.json` names all.
    pub network: Option<Attached>,
}

/// `exit.json`, and what clients are told at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitRecord {
    /// Version of the record.
    pub version: u32,
    /// The program's exit code, or 128 and the number of the signal, or [`TIMED_OUT`].
    pub exit_code: i32,
    /// The signal that ended it.
    #[serde(deserialize_with = "present")]
    pub signal: Option<i32>,
    /// Whether the kernel killed for lack of memory in the container's cgroup.
    pub oom_killed: bool,
    /// Wall clock at the start.
    pub started_at: String,
    /// Wall clock at the end.
    pub finished_at: String,
    /// What the monitor could not do afterwards.
    #[serde(deserialize_with = "present")]
    pub error: Option<String>,
}

/// Sent to clients after the end, when the monitor has nothing more of the container's to give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenDown {
    /// What could not be given back, and why; the next command on the container does it.
    pub complaints: Vec<String>,
    /// A client starts the container again: the others leave it alone.
    pub restarts: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It was killed when its time was over.
    TimedOut,
}

/// Exit code of a container that was killed when its time was over. conmon's; a program that ends with it ends with 255.
pub const TIMED_OUT: i32 = -1;

impl Versioned for PidRecord {
    const NAME: &'static str = "record of a running container";
    const VERSION: u32 = 2;

    fn upgrade(document: &mut Map<String, Value>, version: u64) {
        if version == u64::from(BEFORE) {
            document.insert("frames".into(), 0.into());
        }
        // There was one network.
        if let Some(network) = document.remove("network") {
            document.insert("networks".into(), if network.is_null() { json!([]) } else { json!([network]) });
        }
    }
}

impl Versioned for ExitRecord {
    const NAME: &'static str = "record of a container's end";
    const VERSION: u32 = 1;
}

impl ExitRecord {
    /// The record of a process that ends now.
    pub fn now(ending: Ending, started_at: &str) -> Self {
        let (exit_code, signal) = match ending {
            Ending::Code(code) => (code, None),
            Ending::Signal(signal) => (128 + signal, Some(signal)),
            Ending::TimedOut => (TIMED_OUT, Some(Signal::KILL.as_raw())),
        };
        Self {
            version: Self::VERSION,
            exit_code,
            signal,
            oom_killed: false,
            started_at: started_at.to_owned(),
            finished_at: Moment::now().local(),
            error: None,
        }
    }
}

impl PidRecord {
    /// The record of `pid`, watched by this process.
    pub fn new(pid: Pid, networks: Vec<Attached>, cgroup: String) -> io::Result<Self> {
        let monitor = rustix::process::getpid();
        Ok(Self {
            version: Self::VERSION,
            frames: FRAMES,
            pid: pid.as_raw_nonzero().get(),
            start_time: start_time(pid)?,
            monitor_pid: monitor.as_raw_nonzero().get(),
            monitor_start_time: start_time(monitor)?,
            started_at: Moment::now().local(),
            networks,
            cgroup,
        })
    }

    /// What clients are told.
    pub fn running(&self) -> RunningNotice {
        RunningNotice {
            pid: self.pid,
            start_time: self.start_time,
            monitor_pid: self.monitor_pid,
            network: self.networks.first().cloned(),
        }
    }
}

/// Longest record that is read, in bytes.
const RECORD_MAX: u64 = 1 << 20;

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), chain(source))]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: Reason,
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It is no record, or one of a newer release.
    #[error(transparent)]
    Document(#[from] versioned::Error),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Read the record at `path`; None if there is none.
pub fn read<T: Versioned>(path: &Path) -> Result<Option<T>, Unreadable> {
    parse(path, libpod_sys::file::read(path, RECORD_MAX))
}

/// The same for the record `name` in an open directory, whose path is `path`.
pub fn read_at<T: Versioned>(directory: BorrowedFd<'_>, path: &Path, name: &str) -> Result<Option<T>, Unreadable> {
    parse(&path.join(name), libpod_sys::file::read_at(directory, name, RECORD_MAX))
}

fn parse<T: Versioned>(path: &Path, text: io::Result<Vec<u8>>) -> Result<Option<T>, Unreadable> {
    let unreadable = |source| Unreadable { path: path.into(), source };
    match text {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.into())),
        Ok(text) => versioned::read(&text).map(Some).map_err(|error| unreadable(error.into())),
    }
}

/// Write `value` as JSON to `path`, at once or not at all.
pub fn publish(path: &Path, value: &impl Serialize) -> io::Result<()> {
    replace(path, &serde_json::to_vec(value)?, Mode::from_raw_mode(0o600), Durability::Volatile)
}

/// As [`publish`], where a full disk has no space for another file: `spare`, a file on the same disk that is not needed any
/// more, is overwritten and takes the name `path`.
pub fn publish_over(spare: &Path, path: &Path, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(value)?;
    let file = open_regular_at(CWD, spare, OFlags::WRONLY, Mode::empty())?;
    file.write_all_at(&text, 0)?;
    file.set_len(text.len() as u64)?;
    std::fs::rename(spare, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_can_take_the_place_of_a_longer_file() {
        let directory = std::env::temp_dir().join(format!("libpod-record-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("scratch");
        let (spare, path) = (directory.join("config.json"), directory.join("exit.json"));
        std::fs::write(&spare, [b' '; 5000]).expect("write");
        let record = ExitRecord::now(Ending::Code(7), "then");
        publish_over(&spare, &path, &record).expect("publish");
        let read: ExitRecord = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("parse");
        assert_eq!((read, spare.exists()), (record, false));
        std::fs::remove_dir_all(&directory).expect("remove");
    }
}
