//! What a monitor is told to do: the launch documents, written by Python and read once.
//!
//! They fail closed. A document says everything: a member that is missing, or that this release does not know, is an error,
//! so that nothing is less confined because its writer left it out. What was not decided is `null`. Start at
//! [`Launch::parse`] and [`Exec::parse`].

use libpod_json::versioned::{self, BEFORE, Versioned, present};
use libpod_network::Attach;
use libpod_runtime::spec::{Capabilities, Process, Rlimit, User};
use libpod_runtime::{ContainerId, RootChange};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Start a container and watch it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// Version of the document.
    pub version: u32,
    /// Id of the container.
    pub id: ContainerId,
    /// Directory for `pid.json` and the attach socket; made here, and removed with all that is in it. It has the id's name.
    pub run_dir: PathBuf,
    /// Where the exit record goes.
    pub exit_file: PathBuf,
    /// Directory with `config.json`.
    pub bundle: PathBuf,
    /// The layers of its root; without them, `root.path` of the specification is used.
    #[serde(deserialize_with = "present")]
    pub rootfs: Option<OverlayRoot>,
    /// What is changed in the root's own files before anything is mounted on them.
    pub root_changes: Vec<RootChange>,
    /// Whether clients may write to its standard input.
    pub stdin_open: bool,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Its log.
    pub log: LogChoice,
    /// The networks it is attached to, in this order.
    pub networks: Vec<Attach>,
    /// The file that learns its address.
    #[serde(deserialize_with = "present")]
    pub hosts: Option<Hosts>,
    /// Whether the client that starts it also cleans up after it, from the first moment.
    pub client_cleans_up: bool,
    /// Program, by its absolute path, that cleans up when no client does.
    #[serde(deserialize_with = "present")]
    pub exit_command: Option<Vec<String>>,
    /// The system call filter, when the specification has none of its own.
    pub seccomp: Seccomp,
    /// Directory of compiled seccomp filters.
    #[serde(deserialize_with = "present")]
    pub seccomp_cache: Option<PathBuf>,
    /// File that learns the monitor's number.
    #[serde(deserialize_with = "present")]
    pub conmon_pidfile: Option<PathBuf>,
    /// File that learns the container's number.
    #[serde(deserialize_with = "present")]
    pub pidfile: Option<PathBuf>,
    /// Kill the container after so many seconds.
    #[serde(deserialize_with = "present")]
    pub timeout: Option<u64>,
    /// Rows and columns of its terminal.
    #[serde(deserialize_with = "present")]
    pub initial_size: Option<[u16; 2]>,
}

/// Which filter a process runs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seccomp {
    /// The system's default profile, or the built-in one.
    Default,
    /// None.
    Unconfined,
    /// The profile in this file.
    Profile(PathBuf),
}

/// Directories of an overlay mount.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverlayRoot {
    /// Uppermost first.
    pub lower: Vec<PathBuf>,
    /// What is written; without it the root is read-only.
    #[serde(deserialize_with = "present")]
    pub upper: Option<PathBuf>,
    /// Overlay's own working directory.
    #[serde(deserialize_with = "present")]
    pub work: Option<PathBuf>,
    /// More mount options.
    pub options: Vec<String>,
}

/// Which log is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogChoice {
    /// How.
    pub driver: LogDriver,
    /// The file.
    #[serde(deserialize_with = "present")]
    pub path: Option<PathBuf>,
    /// Start the file anew before it grows past this many bytes.
    #[serde(deserialize_with = "present")]
    pub max_size: Option<u64>,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum LogDriver {
    /// As conmon writes it.
    #[serde(rename = "k8s-file")]
    K8sFile,
    /// Not at all.
    #[serde(rename = "none")]
    None,
}

/// A hosts file that learns the container's address.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    /// The file.
    pub path: PathBuf,
    /// The names of the container.
    pub names: Vec<String>,
}

/// Start one more process in a running container.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// Version of the document.
    pub version: u32,
    /// Id of the container.
    pub id: ContainerId,
    /// The container's run directory; below it stands who runs, and how it ended.
    pub run_dir: PathBuf,
    /// Id of this execution, with the form of a container's.
    pub exec_id: ContainerId,
    /// The container's first process.
    pub pid: i32,
    /// When that process started.
    pub start_time: u64,
    /// What is executed.
    pub process: ExecProcess,
    /// Whether the client may write to its standard input.
    pub stdin_open: bool,
    /// Whether the client leaves once it runs; then its exit record is kept.
    pub detach: bool,
    /// Path of the container's cgroup, whose limits hold for the process.
    pub cgroup: String,
    /// The system call filter.
    pub seccomp: Seccomp,
    /// Directory of compiled seccomp filters.
    #[serde(deserialize_with = "present")]
    pub seccomp_cache: Option<PathBuf>,
    /// Rows and columns of its terminal.
    #[serde(deserialize_with = "present")]
    pub initial_size: Option<[u16; 2]>,
}

/// A process of [`Exec`]: `process` of the runtime specification, of which nothing may be left out here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecProcess {
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Ids.
    pub user: ExecUser,
    /// Program and arguments.
    pub args: Vec<String>,
    /// Environment, `NAME=value`.
    pub env: Vec<String>,
    /// Working directory, inside the container.
    pub cwd: String,
    /// The five sets.
    pub capabilities: ExecCapabilities,
    /// Resource limits.
    pub rlimits: Vec<Rlimit>,
    /// Whether `execve` may never grant a privilege again.
    pub no_new_privileges: bool,
}

/// Ids of an [`ExecProcess`].
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecUser {
    /// User id inside the container.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// File mode creation mask.
    pub umask: u32,
    /// Supplementary groups.
    pub additional_gids: Vec<u32>,
}

/// Capabilities of an [`ExecProcess`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecCapabilities {
    /// As in [`Capabilities`].
    pub bounding: Vec<String>,
    /// As in [`Capabilities`].
    pub effective: Vec<String>,
    /// As in [`Capabilities`].
    pub inheritable: Vec<String>,
    /// As in [`Capabilities`].
    pub permitted: Vec<String>,
    /// As in [`Capabilities`].
    pub ambient: Vec<String>,
}

impl Launch {
    /// Read a launch document; the error is for the user.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let document: Self = versioned::read(text).map_err(|error| error.to_string())?;
        let check = |member, path| check_absolute(Self::NAME, member, path);
        check_run_dir(Self::NAME, &document.run_dir, &document.id)?;
        check("exit_file", &document.exit_file)?;
        check("bundle", &document.bundle)?;
        if let Some(command) = &document.exit_command {
            check("exit_command", command.first().map_or(Path::new(""), Path::new))?;
        }
        Ok(document)
    }
}

impl Exec {
    /// Read an exec document; the error is for the user.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let document: Self = versioned::read(text).map_err(|error| error.to_string())?;
        check_run_dir(Self::NAME, &document.run_dir, &document.id)?;
        if document.cgroup.is_empty() {
            return Err(format!("{}: the cgroup has no path", Self::NAME));
        }
        Ok(document)
    }
}

impl Versioned for Launch {
    const NAME: &'static str = "launch document";
    const VERSION: u32 = 2;

    fn upgrade(document: &mut Map<String, Value>, version: u64) {
        if version == u64::from(BEFORE) {
            for unread in ["name", "detach"] {
                document.remove(unread);
            }
            document.entry("conmon_pidfile").or_insert(Value::Null);
            document.entry("root_changes").or_insert(json!([]));
        }
        // There was one network, of one driver.
        if let Some(network) = document.remove("network") {
            document.insert("networks".into(), if network.is_null() { json!([]) } else { json!([on_bridge(network)]) });
        }
    }
}

impl Versioned for Exec {
    const NAME: &'static str = "exec document";
    const VERSION: u32 = 1;

    fn upgrade(document: &mut Map<String, Value>, _version: u64) {
        // What they said stands in `process` and `seccomp`.
        for unread in ["terminal", "privileged"] {
            document.remove(unread);
        }
        // A set that was left out was empty.
        if let Some(Value::Object(sets)) = document.get_mut("process").and_then(|value| value.get_mut("capabilities")) {
            for name in ["bounding", "effective", "inheritable", "permitted", "ambient"] {
                sets.entry(name).or_insert(json!([]));
            }
        }
    }
}

/// The attachment of version 1, which was flat, as one of today.
fn on_bridge(mut network: Value) -> Value {
    if let Some(members) = network.as_object_mut() {
        let own = ["bridge", "subnet", "gateway", "mtu"].map(|name| (name, members.remove(name)));
        let options: Map<String, Value> =
            own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        members.insert("driver".into(), json!({ "bridge": options }));
    }
    network
}

impl<'de> Deserialize<'de> for Seccomp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "default" => Ok(Self::Default),
            "unconfined" => Ok(Self::Unconfined),
            path if path.starts_with('/') => Ok(Self::Profile(path.into())),
            _ => Err(serde::de::Error::custom(format!(
                "seccomp is {text:?}, not `default`, `unconfined` or an absolute path"
            ))),
        }
    }
}

impl From<ExecProcess> for Process {
    fn from(process: ExecProcess) -> Self {
        let ExecUser { uid, gid, umask, additional_gids } = process.user;
        let ExecCapabilities { bounding, effective, inheritable, permitted, ambient } = process.capabilities;
        Self {
            terminal: process.terminal,
            user: User { uid, gid, umask: Some(umask), additional_gids },
            args: process.args,
            env: process.env,
            cwd: process.cwd,
            capabilities: Some(Capabilities { bounding, effective, inheritable, permitted, ambient }),
            rlimits: process.rlimits,
            no_new_privileges: process.no_new_privileges,
            ..Self::default()
        }
    }
}

/// The run directory is removed with all that is in it: it must be the container's own.
fn check_run_dir(name: &str, run_dir: &Path, id: &ContainerId) -> Result<(), String> {
    check_absolute(name, "run_dir", run_dir)?;
    match run_dir.file_name() {
        Some(last) if last == &**id => Ok(()),
        _ => Err(format!("{name}: run_dir {} does not end with the container's id", run_dir.display())),
    }
}

fn check_absolute(name: &str, member: &str, path: &Path) -> Result<(), String> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(format!("{name}: {member} {path:?} is not an absolute path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Value {
        json!({
            "version": 2, "id": "c1", "run_dir": "/run/libpod/c1", "exit_file": "/x/exit.json", "bundle": "/x",
            "rootfs": {"lower": ["/l"], "upper": "/u", "work": "/w", "options": []}, "root_changes": [],
            "stdin_open": false, "terminal": false,
            "log": {"driver": "k8s-file", "path": "/x/ctr.log", "max_size": null},
            "networks": [{
                "network": "podman", "interface": "eth0", "mac": null, "address": null, "lease_dir": "/l",
                "driver": {"bridge": {"bridge": "b", "subnet": "10.88.0.0/16", "gateway": "10.88.0.1", "mtu": null}},
                "ports": [{"host_ip": "", "host_port": 1, "container_port": 2, "protocol": "tcp", "range": 1}],
            }],
            "hosts": {"path": "/h", "names": ["c1"]}, "client_cleans_up": false, "exit_command": ["/bin/true"],
            "seccomp": "default", "seccomp_cache": null, "conmon_pidfile": null, "pidfile": null, "timeout": null,
            "initial_size": [24, 80],
        })
    }

    fn exec() -> Value {
        json!({
            "version": 1, "id": "c1", "run_dir": "/run/libpod/c1", "exec_id": "e1", "pid": 7, "start_time": 9,
            "stdin_open": false, "detach": false, "cgroup": "/libpod/c1", "seccomp": "unconfined", "seccomp_cache": null,
            "initial_size": null,
            "process": {
                "terminal": false, "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [2]}, "args": ["true"],
                "env": [], "cwd": "/", "rlimits": [], "noNewPrivileges": true,
                "capabilities": {"bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": []},
            },
        })
    }

    fn launched(document: &Value) -> Result<Launch, String> {
        Launch::parse(document.to_string().as_bytes())
    }

    fn executed(document: &Value) -> Result<Exec, String> {
        Exec::parse(document.to_string().as_bytes())
    }

    /// Every object in a document, by its JSON pointer.
    fn objects(at: &str, value: &Value) -> Vec<String> {
        let below = |name: &str, member: &Value| objects(&format!("{at}/{name}"), member);
        match value {
            Value::Object(members) => {
                let below = members.iter().flat_map(|(name, member)| below(name, member));
                std::iter::once(at.to_owned()).chain(below).collect()
            }
            Value::Array(items) => {
                items.iter().enumerate().flat_map(|(at, item)| below(&at.to_string(), item)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn fails_closed<T>(document: &Value, parse: impl Fn(&Value) -> Result<T, String>) {
        assert!(parse(document).is_ok());
        for object in objects("", document) {
            let members = document.pointer(&object).and_then(Value::as_object).expect("found above");
            for name in members.keys().filter(|name| *name != "version" && !object.ends_with("/driver")) {
                let mut less = document.clone();
                less.pointer_mut(&object).and_then(Value::as_object_mut).expect("found above").remove(name);
                let error = parse(&less).err().unwrap_or_else(|| panic!("{object}/{name} may be left out"));
                assert!(error.contains(&format!("missing field `{name}`")), "{error}");
            }
            let mut more = document.clone();
            more.pointer_mut(&object).expect("found above")["frob"] = 1.into();
            let error = parse(&more).err().unwrap_or_else(|| panic!("{object}/frob is not known"));
            // A driver is the one member of its object.
            assert!(object.ends_with("/driver") || error.contains("unknown field `frob`"), "{error}");
        }
    }

    #[test]
    fn nothing_may_be_left_out_and_nothing_is_passed_over() {
        fails_closed(&launch(), launched);
        fails_closed(&exec(), executed);
    }

    #[test]
    fn a_filter_is_named_or_the_document_is_refused() {
        for (text, choice) in
            [("default", Seccomp::Default), ("unconfined", Seccomp::Unconfined), ("/p", Seccomp::Profile("/p".into()))]
        {
            let mut document = launch();
            document["seccomp"] = text.into();
            assert_eq!(launched(&document).expect("valid").seccomp, choice);
        }
        for value in [json!("none"), json!(""), json!("profile.json"), Value::Null, json!(false)] {
            let (mut first, mut second) = (launch(), exec());
            first["seccomp"] = value.clone();
            second["seccomp"] = value.clone();
            assert!(launched(&first).is_err() && executed(&second).is_err(), "{value}");
        }
    }

    #[test]
    fn a_document_leads_to_no_other_directory() {
        for (member, value) in [
            ("id", json!("../c1")),
            ("id", json!("")),
            ("run_dir", json!("/")),
            ("run_dir", json!("/run/libpod")),
            ("run_dir", json!("/run/libpod/c1/..")),
            ("run_dir", json!("libpod/c1")),
            ("exit_file", json!("exit.json")),
            ("bundle", json!("")),
            ("exit_command", json!(["podman", "container", "cleanup"])),
            ("exit_command", json!([])),
            ("log", json!({"driver": "journald", "path": null, "max_size": null})),
        ] {
            let mut document = launch();
            document[member] = value.clone();
            assert!(launched(&document).is_err(), "{member} {value}");
        }
        for (member, value) in [
            ("exec_id", json!("../x")),
            ("run_dir", json!("/run/libpod")),
            ("cgroup", json!("")),
            ("cgroup", Value::Null),
        ] {
            let mut document = exec();
            document[member] = value.clone();
            assert!(executed(&document).is_err(), "{member} {value}");
        }
    }

    #[test]
    fn a_newer_document_is_refused_by_name() {
        for (document, parse) in [
            (launch(), (|value| launched(value).err()) as fn(&Value) -> Option<String>),
            (exec(), |value| executed(value).err()),
        ] {
            let mut newer = document;
            newer["version"] = 3.into();
            newer["frob"] = 1.into();
            let error = parse(&newer).expect("refused");
            assert!(error.contains(" document of version 3: "), "{error}");
        }
    }

    /// A launch document with the one network of version 1.
    fn launch_of_version_1() -> Value {
        let mut document = launch();
        document["version"] = 1.into();
        document.as_object_mut().expect("an object").remove("networks");
        document["network"] = json!({
            "network": "podman", "interface": "eth0", "mac": null, "address": null, "lease_dir": "/l",
            "bridge": "b", "subnet": "10.88.0.0/16", "gateway": "10.88.0.1", "mtu": null,
            "ports": [{"host_ip": "", "host_port": 1, "container_port": 2, "protocol": "tcp", "range": 1}],
        });
        document
    }

    #[test]
    fn the_one_network_of_version_1_is_read() {
        let document = launch_of_version_1();
        let wanted = launched(&launch()).expect("valid").networks;
        assert_eq!(launched(&document).expect("as then").networks, wanted);
        for value in [json!({}), json!(7)] {
            let mut bad = document.clone();
            bad["network"] = value;
            assert!(launched(&bad).is_err());
        }
        let mut none = document.clone();
        none["network"] = Value::Null;
        assert_eq!(launched(&none).expect("as then").networks, []);
        none.as_object_mut().expect("an object").remove("network");
        assert!(launched(&none).expect_err("it was always said").contains("missing field `networks`"));
    }

    #[test]
    fn what_the_release_before_versions_wrote_is_read() {
        let recorded =
            Launch::parse(include_bytes!("../../../tests/vectors/release-before/launch.json")).expect("as then");
        assert_eq!((recorded.version, recorded.seccomp), (0, Seccomp::Default));
        assert_eq!(recorded.networks[0].ports.len(), 1);
        let recorded = Exec::parse(include_bytes!("../../../tests/vectors/release-before/exec.json")).expect("as then");
        assert_eq!((recorded.process.user.uid, recorded.process.capabilities.effective.len()), (1000, 0));

        let mut first = launch_of_version_1();
        for name in ["version", "conmon_pidfile"] {
            first.as_object_mut().expect("an object").remove(name);
        }
        first["name"] = "web".into();
        first["detach"] = true.into();
        assert!(launched(&first).expect("as then").conmon_pidfile.is_none());
        first.as_object_mut().expect("an object").remove("seccomp");
        assert!(launched(&first).is_err(), "it always named a filter");

        let mut second = exec();
        second.as_object_mut().expect("an object").remove("version");
        second["terminal"] = true.into();
        second["privileged"] = true.into();
        second["process"]["capabilities"] = json!({"bounding": ["CAP_CHOWN"]});
        let process = Process::from(executed(&second).expect("as then").process);
        assert!(!process.terminal, "`process` says it");
        let sets = process.capabilities.expect("given");
        assert_eq!((sets.bounding.len(), sets.effective.len()), (1, 0));
    }
}
