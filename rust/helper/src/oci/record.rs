//! What is remembered of a container between two commands: one directory `<root>/<id>` with `state.json` and, until it is
//! started, the socket it waits at.
//!
//! The status is derived and never written: a process that has the recorded number and start time lives; one that has not
//! been started yet still has its socket; a frozen cgroup is a pause. Start at [`Container::load`].

use super::arguments::{Flag, parse};
use super::{Context, Failure, Outcome, log, one_id};
use libpod_monitor::clock::Moment;
use libpod_monitor::process::{Held, start_time};
use libpod_runtime::cgroup::Cgroup;
use libpod_runtime::spec::Spec;
use libpod_sys::io_text;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The contents of `state.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Version of the specification that the bundle follows.
    pub oci_version: String,
    /// The container.
    pub id: String,
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

/// A recorded container.
pub struct Container {
    /// Its directory.
    pub directory: PathBuf,
    /// Its record.
    pub record: Record,
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
    fn text(self) -> &'static str {
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

/// `<root>/<id>`, reserved for a new container; removed again when this is dropped before [`Reserved::keep`].
pub struct Reserved {
    directory: PathBuf,
    record: Record,
    kept: bool,
}

/// Reserve an id for a container of this specification.
///
/// A first record is written at once: it names the cgroup, so that whatever a killed command leaves can be removed.
pub fn reserve(context: &Context, id: &str, spec: &Spec, bundle: &Path, rootfs: &Path) -> Result<Reserved, Failure> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_+-.".contains(letter);
    if id.is_empty() || id.len() > 1024 || id == "." || id == ".." || !id.chars().all(allowed) {
        return Err(Failure::new(format!("invalid ID format: {id}")));
    }
    let cgroup = Cgroup::open(spec.linux.cgroups_path.as_deref(), id)?;
    let record = Record {
        oci_version: spec.oci_version.clone(),
        id: id.into(),
        pid: 0,
        start_time: 0,
        bundle: bundle.into(),
        rootfs: rootfs.into(),
        created: Moment::now().local_or_z(),
        cgroup: cgroup.path().to_string_lossy().into_owned(),
        annotations: spec.annotations.clone(),
    };
    let directory = context.root.join(id);
    make_directory(&context.root, &directory)?;
    let reserved = Reserved { directory, record, kept: false };
    reserved.write()?;
    Ok(reserved)
}

fn make_directory(root: &Path, directory: &Path) -> Result<(), Failure> {
    let make = || std::fs::DirBuilder::new().mode(0o711).create(directory);
    let made = match make() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root).and_then(|()| make())
        }
        other => other,
    };
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new("container with given ID already exists"),
        _ => Failure::new(format!("make {}: {}", directory.display(), io_text(&error))),
    })
}

impl Reserved {
    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Complete the record of a container that exists now.
    pub fn keep(mut self, pid: Pid) -> Result<Container, Failure> {
        let start = start_time(pid)
            .map_err(|error| Failure::new(format!("read the container's start time: {}", io_text(&error))))?;
        (self.record.pid, self.record.start_time) = (pid.as_raw_nonzero().get(), start);
        self.write()?;
        self.kept = true;
        Ok(Container { directory: std::mem::take(&mut self.directory), record: self.record.clone() })
    }

    fn write(&self) -> Result<(), Failure> {
        let text = serde_json::to_vec(&self.record).map_err(|error| Failure::new(error.to_string()))?;
        write_whole(&self.directory.join("state.json"), &text)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.kept {
            // The directory is ours alone; what cannot be removed now is found by `delete --force`.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

/// Write a file by a temporary name: nobody reads half of it.
pub fn write_whole(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|error| Failure::new(format!("write {}: {}", path.display(), io_text(&error))))
}

impl Container {
    /// Read the record of `id`.
    pub fn load(context: &Context, id: &str) -> Result<Self, Failure> {
        let directory = context.root.join(id);
        let path = directory.join("state.json");
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Failure::new("container does not exist")),
            other => other.map_err(|error| Failure::new(format!("read {}: {}", path.display(), io_text(&error))))?,
        };
        let record =
            serde_json::from_slice(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        Ok(Self { directory, record })
    }

    /// The socket it waits at before it is started.
    pub fn start_socket(&self) -> PathBuf {
        self.directory.join("start.sock")
    }

    /// Its first process, held, while it lives.
    pub fn process(&self) -> Option<Held> {
        Held::open(self.record.pid, self.record.start_time).ok().flatten().filter(|held| !has_ended(held))
    }

    /// Its cgroup.
    pub fn cgroup(&self) -> Result<Cgroup, Failure> {
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
        if self.start_socket().exists() { Status::Created } else { Status::Running }
    }

    /// The specification, as it stands in the bundle.
    pub fn spec(&self) -> Result<Spec, Failure> {
        read_spec(&self.record.bundle)
    }

    /// Who made it: a name only for root, whose number is the same everywhere.
    fn owner(&self) -> String {
        use std::os::unix::fs::MetadataExt;
        match std::fs::metadata(&self.directory).map(|data| data.uid()) {
            Ok(0) => "root".into(),
            Ok(uid) => format!("#{uid}"),
            Err(_) => String::new(),
        }
    }

    fn json(&self, owner: &str) -> serde_json::Value {
        let status = self.status();
        let record = &self.record;
        let mut value = serde_json::json!({
            "ociVersion": record.oci_version,
            "id": record.id,
            "pid": if status == Status::Stopped { 0 } else { record.pid },
            "status": status.text(),
            "bundle": record.bundle,
            "rootfs": record.rootfs,
            "created": record.created,
        });
        if !record.annotations.is_empty() {
            value["annotations"] = serde_json::json!(record.annotations);
        }
        value["owner"] = owner.into();
        value
    }
}

/// A zombie has ended: its pidfd is readable.
fn has_ended(held: &Held) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(held, PollFlags::IN)], Some(&now)).is_ok_and(|count| count > 0)
}

/// Read and parse `config.json`.
pub fn read_spec(bundle: &Path) -> Result<Spec, Failure> {
    let path = bundle.join("config.json");
    let text = match std::fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Failure::new(format!("JSON specification file {} not found", path.display())));
        }
        other => other.map_err(|error| Failure::new(format!("read {}: {}", path.display(), io_text(&error))))?,
    };
    serde_json::from_slice(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// `state ID`
pub fn state(context: &Context, words: &[String]) -> Outcome {
    let (_, id) = one_id("state", &[], words)?;
    let value = Container::load(context, &id)?.json("");
    let text = serde_json::to_string_pretty(&value).map_err(|error| Failure::new(error.to_string()))?;
    log::print(&text);
    log::print("\n");
    Ok(0)
}

/// `list [-q] [-f table|json]`
pub fn list(context: &Context, words: &[String]) -> Outcome {
    const FLAGS: &[Flag] = &[Flag::text("format").short('f'), Flag::switch("quiet").short('q')];
    let (parsed, _) = parse(FLAGS, words).map_err(Failure::new)?;
    let mut ids: Vec<String> = match std::fs::read_dir(&context.root) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        other => other
            .map_err(|error| Failure::new(format!("read {}: {}", context.root.display(), io_text(&error))))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect(),
    };
    ids.sort();
    // One that is being created or removed at this moment has no record.
    let containers: Vec<Container> = ids.iter().filter_map(|id| Container::load(context, id).ok()).collect();
    if parsed.has("quiet") {
        containers.iter().for_each(|container| log::print(&format!("{}\n", container.record.id)));
        return Ok(0);
    }
    match parsed.last("format").unwrap_or("table") {
        "json" => {
            let values: Vec<_> = containers.iter().map(|container| container.json(&container.owner())).collect();
            log::print(&format!("{}\n", serde_json::Value::from(values)));
        }
        "table" => print_table(&containers),
        _ => return Err(Failure::new("invalid format option")),
    }
    Ok(0)
}

fn print_table(containers: &[Container]) {
    let mut rows = vec![["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned)];
    for container in containers {
        let record = &container.record;
        let status = container.status();
        let pid = if status == Status::Stopped { 0 } else { record.pid };
        let bundle = record.bundle.display().to_string();
        rows.push([
            record.id.clone(),
            pid.to_string(),
            status.to_string(),
            bundle,
            record.created.clone(),
            container.owner(),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0).max(9) + 3;
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in &rows {
        let cells: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        log::print(&format!("{cells}{}\n", row[5]));
    }
}
