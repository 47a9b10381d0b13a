//! What is remembered of a container between two commands: `state.json` in its [`directory`](super::directory) and, until it
//! is started, the socket it waits at.
//!
//! The status is derived and never written: a process that has the recorded number and start time lives; one that has not
//! been started yet still has its socket; a frozen cgroup is a pause. Start at [`RecordedContainer::load`].

use super::command::Globals;
use super::directory::{Home, RECORD, SPEC, START_SOCKET};
use super::outcome::CommandError;
use libpod_json::versioned::{self, BEFORE, Versioned};
use libpod_monitor::clock::Moment;
use libpod_monitor::process::{HeldProcess, start_time};
use libpod_runtime::ContainerId;
use libpod_runtime::cgroup::Cgroup;
use libpod_runtime::spec::{CONFIG, CONFIG_MAX, Spec};
use libpod_sys::file::{Durability, replace};
use libpod_sys::io_text;
use rustix::fs::Mode;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest record that is read; one has a few hundred bytes.
const RECORD_MAX: u64 = 1 << 20;

/// The contents of `state.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of the record.
    pub version: u32,
    /// Version of the specification that the bundle follows.
    pub oci_version: String,
    /// The container.
    pub id: ContainerId,
    /// First process; 0 while it is being made, or for ever where its maker was killed meanwhile.
    pub pid: i32,
    /// When that process started, in clock ticks since boot.
    pub start_time: u64,
    /// Absolute path of the bundle.
    pub bundle: PathBuf,
    /// Absolute path of the root filesystem.
    pub rootfs: PathBuf,
    /// When the container was created.
    pub created: String,
    /// Path of its cgroup.
    pub cgroup: String,
    /// As in the specification.
    pub annotations: BTreeMap<String, String>,
}

impl Versioned for Record {
    const NAME: &'static str = "record of a container";
    const VERSION: u32 = 1;
}

/// A recorded container.
pub struct RecordedContainer {
    /// Its directory.
    pub home: Home,
    /// Its record.
    pub record: Record,
}

/// What there is of an id.
pub enum Found {
    /// A container.
    Recorded(RecordedContainer),
    /// A directory without a record: its container is being made or removed, or the command that did so was killed.
    Unrecorded(Home),
    /// Nothing.
    Nothing,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is being made.
    Creating,
    /// It waits for `start`.
    Created,
    /// It runs the user's program.
    Running,
    /// It is frozen.
    Paused,
    /// It has ended.
    Stopped,
}

impl Status {
    /// As the specification and runc write it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

/// The directory of a new container; removed again when this is dropped before [`Reserved::keep`].
pub struct Reserved {
    home: Option<Home>,
    record: Record,
}

/// Reserve an id for a container of this specification.
///
/// A first record is written at once: it names the cgroup, so that whatever a killed command leaves can be removed.
pub fn reserve(
    globals: &Globals,
    id: &ContainerId,
    config: &Config,
    bundle: &Path,
    rootfs: &Path,
) -> Result<Reserved, CommandError> {
    let spec = &config.spec;
    let cgroup = Cgroup::open(spec.linux.cgroups_path.as_deref(), id)?;
    let record = Record {
        version: Record::VERSION,
        oci_version: spec.oci_version.clone(),
        id: id.clone(),
        pid: 0,
        start_time: 0,
        bundle: bundle.into(),
        rootfs: rootfs.into(),
        created: Moment::now().local_or_z(),
        cgroup: cgroup.path().to_string_lossy().into_owned(),
        annotations: spec.annotations.clone(),
    };
    let reserved = Reserved { home: Some(globals.root.create(id)?), record };
    // Before the record, which says that it is there.
    reserved.home().write(SPEC, &config.text)?;
    reserved.write()?;
    Ok(reserved)
}

impl Reserved {
    /// The directory.
    pub fn home(&self) -> &Home {
        self.home.as_ref().expect("it is taken by `keep` alone, which ends this")
    }

    /// Complete the record of a container that exists now.
    pub fn keep(mut self, pid: Pid) -> Result<RecordedContainer, CommandError> {
        let start = start_time(pid)
            .map_err(|error| CommandError::new(format!("read the container's start time: {}", io_text(&error))))?;
        (self.record.pid, self.record.start_time) = (pid.as_raw_nonzero().get(), start);
        self.write()?;
        let home = self.home.take().expect("it is taken here alone");
        Ok(RecordedContainer { home, record: self.record.clone() })
    }

    fn write(&self) -> Result<(), CommandError> {
        let text = serde_json::to_vec(&self.record).map_err(|error| CommandError::new(error.to_string()))?;
        self.home().write(RECORD, &text)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            // What cannot be removed now is found by `delete --force`.
            let _ = home.remove();
        }
    }
}

/// Write the file of `--pid-file`: a reader sees the whole number or no file.
pub fn write_pid_file(path: &Path, pid: Pid) -> Result<(), CommandError> {
    let text = pid.as_raw_nonzero().to_string();
    replace(path, text.as_bytes(), Mode::from_raw_mode(0o666), Durability::Volatile)
        .map_err(|error| CommandError::new(format!("write {}: {}", path.display(), io_text(&error))))
}

impl RecordedContainer {
    /// Look for container `id`. A record that cannot be read is an error, and says nothing about the container.
    pub fn find(globals: &Globals, id: &ContainerId) -> Result<Found, CommandError> {
        let Some(home) = globals.root.find(id)? else { return Ok(Found::Nothing) };
        let Some(text) = home.read(RECORD, RECORD_MAX)? else { return Ok(Found::Unrecorded(home)) };
        let damaged = |reason: String| CommandError::new(format!("{}: {reason}", home.path(RECORD).display()));
        let record: Record = versioned::read(&text).map_err(|error| damaged(error.to_string()))?;
        if record.id != *id {
            return Err(damaged(format!("it is the record of container {}", record.id)));
        }
        Ok(Found::Recorded(Self { home, record }))
    }

    /// The container `id`, which exists.
    pub fn load(globals: &Globals, id: &ContainerId) -> Result<Self, CommandError> {
        match Self::find(globals, id)? {
            Found::Recorded(container) => Ok(container),
            Found::Unrecorded(_) | Found::Nothing => Err(does_not_exist()),
        }
    }

    /// The socket it waits at before it is started.
    pub fn start_socket(&self) -> PathBuf {
        self.home.path(START_SOCKET)
    }

    /// Its first process, held, while it lives.
    pub fn process(&self) -> Option<HeldProcess> {
        HeldProcess::open(self.record.pid, self.record.start_time).ok().flatten().filter(|held| !has_ended(held))
    }

    /// Its cgroup.
    pub fn cgroup(&self) -> Result<Cgroup, CommandError> {
        Ok(Cgroup::open(Some(&self.record.cgroup), &self.record.id)?)
    }

    /// What it does now.
    pub fn status(&self) -> Status {
        if self.record.pid == 0 {
            return Status::Creating;
        }
        if self.process().is_none() {
            return Status::Stopped;
        }
        if self.cgroup().is_ok_and(|cgroup| cgroup.is_frozen()) {
            return Status::Paused;
        }
        if self.home.holds(START_SOCKET) { Status::Created } else { Status::Running }
    }

    /// The specification that it was created from, whatever stands in its bundle by now.
    pub fn spec(&self) -> Result<Spec, CommandError> {
        if self.record.version == BEFORE {
            // The release before versions kept none.
            return Ok(Config::read(&self.record.bundle)?.spec);
        }
        let path = self.home.path(SPEC);
        let text = self.home.read(SPEC, CONFIG_MAX)?;
        let text = text.ok_or_else(|| CommandError::new(format!("{} not found", path.display())))?;
        libpod_json::from_slice(&text).map_err(|error| CommandError::new(format!("{}: {error}", path.display())))
    }
}

/// A zombie has ended: its pidfd is readable.
fn has_ended(held: &HeldProcess) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(held, PollFlags::IN)], Some(&now)).is_ok_and(|count| count > 0)
}

/// The error of an id without a container.
pub fn does_not_exist() -> CommandError {
    CommandError::new("container does not exist")
}

/// A bundle's `config.json`.
pub struct Config {
    /// As it is written.
    pub text: Vec<u8>,
    /// What it says.
    pub spec: Spec,
}

impl Config {
    /// Read the document of this bundle.
    pub fn read(bundle: &Path) -> Result<Self, CommandError> {
        let path = bundle.join(CONFIG);
        let text = match libpod_sys::file::read(&path, CONFIG_MAX) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(CommandError::new(format!("JSON specification file {} not found", path.display())));
            }
            other => {
                other.map_err(|error| CommandError::new(format!("read {}: {}", path.display(), io_text(&error))))?
            }
        };
        let spec = libpod_json::from_slice(&text)
            .map_err(|error| CommandError::new(format!("{}: {error}", path.display())))?;
        Ok(Self { text, spec })
    }
}
