//! What a monitor is told to do: the launch documents, written by Python and read once.

use libpod_network::Attach;
use libpod_runtime::spec::Process;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Start a container and watch it.
#[derive(Debug, Clone, Deserialize)]
pub struct Launch {
    /// Id of the container.
    pub id: String,
    /// Directory for `pid.json` and the attach socket; made here.
    pub run_dir: PathBuf,
    /// Where the exit record goes.
    pub exit_file: PathBuf,
    /// Directory with `config.json`.
    pub bundle: PathBuf,
    /// The layers of its root; without them, `root.path` of the specification is used.
    pub rootfs: Option<OverlayRoot>,
    /// Whether clients may write to its standard input.
    #[serde(default)]
    pub stdin_open: bool,
    /// Whether it has a terminal.
    #[serde(default)]
    pub terminal: bool,
    /// Its log.
    pub log: LogChoice,
    /// The bridge it is attached to.
    #[serde(default)]
    pub network: Option<Attach>,
    /// The file that learns its address.
    #[serde(default)]
    pub hosts: Option<Hosts>,
    /// Whether the client that starts it also cleans up after it, from the first moment.
    #[serde(default)]
    pub client_cleans_up: bool,
    /// Program that cleans up where no client does.
    #[serde(default)]
    pub exit_command: Option<Vec<String>>,
    /// `default`, `unconfined`, or the path of a profile, where the specification has none of its own.
    #[serde(default)]
    pub seccomp: Option<String>,
    /// Directory of compiled seccomp filters.
    #[serde(default)]
    pub seccomp_cache: Option<PathBuf>,
    /// File that learns the monitor's number.
    #[serde(default)]
    pub conmon_pidfile: Option<PathBuf>,
    /// File that learns the container's number.
    #[serde(default)]
    pub pidfile: Option<PathBuf>,
    /// Kill the container after so many seconds.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// Whether the client leaves once the container runs.
    #[serde(default)]
    pub detach: bool,
    /// Rows and columns of its terminal.
    #[serde(default)]
    pub initial_size: Option<[u16; 2]>,
}

/// Directories of an overlay mount.
#[derive(Debug, Clone, Deserialize)]
pub struct OverlayRoot {
    /// Uppermost first.
    pub lower: Vec<PathBuf>,
    /// What is written; without it the root is read-only.
    pub upper: Option<PathBuf>,
    /// Overlay's own working directory.
    pub work: Option<PathBuf>,
    /// More mount options.
    #[serde(default)]
    pub options: Vec<String>,
}

/// Which log is written.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct LogChoice {
    /// `k8s-file` or `none`.
    pub driver: String,
    /// The file.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Start the file anew before it grows past this many bytes.
    #[serde(default)]
    pub max_size: Option<u64>,
}

/// A hosts file that learns the container's address.
#[derive(Debug, Clone, Deserialize)]
pub struct Hosts {
    /// The file.
    pub path: PathBuf,
    /// The names of the container.
    pub names: Vec<String>,
}

/// Start one more process in a running container.
#[derive(Debug, Clone, Deserialize)]
pub struct Exec {
    /// Id of the container.
    pub id: String,
    /// The container's run directory; below it stands who runs, and how it ended.
    pub run_dir: PathBuf,
    /// Id of this execution.
    pub exec_id: String,
    /// The container's first process.
    pub pid: i32,
    /// When that process started.
    pub start_time: u64,
    /// What is executed.
    pub process: Process,
    /// Whether the client may write to its standard input.
    #[serde(default)]
    pub stdin_open: bool,
    /// Whether the client leaves once it runs; then its exit record is kept.
    #[serde(default)]
    pub detach: bool,
    /// Path of the container's cgroup.
    #[serde(default)]
    pub cgroup: Option<String>,
    /// `default`, `unconfined`, or the path of a profile.
    #[serde(default)]
    pub seccomp: Option<String>,
    /// Directory of compiled seccomp filters.
    #[serde(default)]
    pub seccomp_cache: Option<PathBuf>,
    /// Rows and columns of its terminal.
    #[serde(default)]
    pub initial_size: Option<[u16; 2]>,
}
