//! The OCI runtime specification's `config.json`, as data.
//!
//! Only what this runtime acts on is a field; unknown members are skipped while parsing, as the specification asks. Nothing
//! is checked here beyond the types: [`crate::plan`] decides what can be done with a document. Start at [`Spec`].
//!
//! Source: runtime-spec config.md and config-linux.md.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

mod linux;
mod null;

pub use linux::*;
pub(crate) use null::null_is_default;

/// Name of the document in a bundle.
pub const CONFIG: &str = "config.json";
/// Longest document that is read, in bytes.
pub const CONFIG_MAX: u64 = 16 << 20;

/// A whole `config.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Version of the specification that the document follows.
    pub oci_version: String,
    /// The first process; absent only where nothing will be started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// Where the root filesystem is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Host name inside a UTS namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// NIS domain name inside a UTS namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domainname: Option<String>,
    /// Mounts, in the order in which they are made.
    #[serde(deserialize_with = "null_is_default")]
    pub mounts: Vec<Mount>,
    /// Programs run at points of the life cycle.
    #[serde(deserialize_with = "null_is_default")]
    pub hooks: Hooks,
    /// Free text, handed on in the container's state.
    #[serde(deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
    /// What exists only on Linux.
    #[serde(deserialize_with = "null_is_default")]
    pub linux: Linux,
}

/// `process`: one program and the surroundings in which it is executed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Process {
    /// Whether the process gets a terminal of its own as stdin, stdout and stderr.
    pub terminal: bool,
    /// First size of that terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_size: Option<ConsoleSize>,
    /// Ids the process runs as.
    pub user: User,
    /// Program and arguments.
    #[serde(deserialize_with = "null_is_default")]
    pub args: Vec<String>,
    /// Environment, `NAME=value`.
    #[serde(deserialize_with = "null_is_default")]
    pub env: Vec<String>,
    /// Working directory, absolute, inside the container.
    pub cwd: String,
    /// The five capability sets; absent means that no set is touched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// Resource limits.
    #[serde(deserialize_with = "null_is_default")]
    pub rlimits: Vec<Rlimit>,
    /// Whether `execve` may never grant a privilege again.
    pub no_new_privileges: bool,
    /// AppArmor profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apparmor_profile: Option<String>,
    /// SELinux label of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux_label: Option<String>,
    /// Out-of-memory score adjustment, -1000 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            terminal: false,
            console_size: None,
            user: User::default(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: "/".into(),
            capabilities: None,
            rlimits: Vec::new(),
            no_new_privileges: false,
            apparmor_profile: None,
            selinux_label: None,
            oom_score_adj: None,
        }
    }
}

/// `process.consoleSize`, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsoleSize {
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
}

/// `process.user`: numeric ids; names are resolved before the document is written ([`crate::user`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    /// User id inside the container.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// File mode creation mask; absent means 0022.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// Supplementary groups.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub additional_gids: Vec<u32>,
}

/// `process.capabilities`: names such as `CAP_CHOWN`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// The limit that `execve` cannot pass.
    #[serde(deserialize_with = "null_is_default")]
    pub bounding: Vec<String>,
    /// What is in force.
    #[serde(deserialize_with = "null_is_default")]
    pub effective: Vec<String>,
    /// What `execve` hands on to files that ask for it.
    #[serde(deserialize_with = "null_is_default")]
    pub inheritable: Vec<String>,
    /// What may be put in force.
    #[serde(deserialize_with = "null_is_default")]
    pub permitted: Vec<String>,
    /// What survives `execve` without file capabilities.
    #[serde(deserialize_with = "null_is_default")]
    pub ambient: Vec<String>,
}

/// `process.rlimits[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rlimit {
    /// Name as in getrlimit(2): `RLIMIT_NOFILE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Ceiling; `u64::MAX` is no limit.
    pub hard: u64,
    /// Value in force.
    pub soft: u64,
}

/// `root`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Root {
    /// Directory; relative to the bundle.
    pub path: PathBuf,
    /// Whether the root is read-only inside the container.
    pub readonly: bool,
}

/// `mounts[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mount {
    /// Where, inside the container.
    pub destination: String,
    /// File system type; `bind` or absent with a bind option.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Device, file or directory; relative to the bundle for a bind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// Options, as mount(8) writes them.
    #[serde(deserialize_with = "null_is_default")]
    pub options: Vec<String>,
}

/// `hooks`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hooks {
    /// Old name of the moment of `createRuntime`.
    #[serde(deserialize_with = "null_is_default")]
    pub prestart: Vec<Hook>,
    /// Namespaces exist, the root is not yet changed; runs in the runtime's namespaces.
    #[serde(deserialize_with = "null_is_default")]
    pub create_runtime: Vec<Hook>,
    /// The same moment; runs in the container's namespaces.
    #[serde(deserialize_with = "null_is_default")]
    pub create_container: Vec<Hook>,
    /// Before the user's program is executed; runs in the container.
    #[serde(deserialize_with = "null_is_default")]
    pub start_container: Vec<Hook>,
    /// After the user's program was executed; runs in the runtime's namespaces.
    #[serde(deserialize_with = "null_is_default")]
    pub poststart: Vec<Hook>,
    /// After the container was deleted; runs in the runtime's namespaces.
    #[serde(deserialize_with = "null_is_default")]
    pub poststop: Vec<Hook>,
}

/// One hook.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// Absolute path of the program.
    pub path: PathBuf,
    /// Arguments, the program's name first.
    #[serde(deserialize_with = "null_is_default")]
    pub args: Vec<String>,
    /// Environment.
    #[serde(deserialize_with = "null_is_default")]
    pub env: Vec<String>,
    /// Seconds after which the hook is killed and counts as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_unknown_members_and_reads_null_as_empty() {
        let text = r#"{"ociVersion":"1.0.2","windows":{"x":1},"mounts":null,"hooks":null,
            "process":{"args":["sh"],"env":null,"cwd":"/w","user":{"uid":1,"gid":2,"additionalGids":[3]}},
            "linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/n"}],
                     "resources":{"pids":{"limit":2048},"devices":[{"allow":false,"access":"rwm"}]}}}"#;
        let spec: Spec = serde_json::from_str(text).expect("valid");
        let process = spec.process.expect("given");
        assert_eq!(process.args, ["sh"]);
        assert_eq!(process.user.additional_gids, [3]);
        assert!(spec.mounts.is_empty());
        assert_eq!(spec.linux.namespaces[1].path.as_deref(), Some(std::path::Path::new("/n")));
        let resources = spec.linux.resources;
        assert_eq!(resources.pids.expect("given").limit, 2048);
        assert!(!resources.devices[0].allow);
    }
}
