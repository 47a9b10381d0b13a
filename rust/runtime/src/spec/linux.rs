//! The `linux` part of the document: namespaces, cgroups, devices, seccomp.

use super::null::null_is_default;
pub use crate::seccomp::profile::{LinuxSeccomp, LinuxSeccompArg, LinuxSyscall};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `linux`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Linux {
    /// Namespaces to make, or to join where a path is given.
    #[serde(deserialize_with = "null_is_default")]
    pub namespaces: Vec<Namespace>,
    /// User ids of a new user namespace.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub uid_mappings: Vec<IdMapping>,
    /// Group ids of a new user namespace.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub gid_mappings: Vec<IdMapping>,
    /// Device nodes made beside the default ones.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// Path of the cgroup: absolute from the root of each hierarchy, or relative to this process's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroups_path: Option<String>,
    /// Limits written into the cgroup.
    #[serde(deserialize_with = "null_is_default")]
    pub resources: Resources,
    /// System call filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<LinuxSeccomp>,
    /// Propagation of the root mount: `private`, `slave`, `shared`, `unbindable`, each with an `r` before it to recurse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rootfs_propagation: Option<String>,
    /// Paths that show nothing.
    #[serde(deserialize_with = "null_is_default")]
    pub masked_paths: Vec<String>,
    /// Paths that cannot be written.
    #[serde(deserialize_with = "null_is_default")]
    pub readonly_paths: Vec<String>,
    /// Kernel parameters, `net.ipv4.ip_forward` → value.
    #[serde(deserialize_with = "null_is_default")]
    pub sysctl: BTreeMap<String, String>,
    /// SELinux label of mounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_label: Option<String>,
    /// Execution domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personality: Option<Personality>,
}

/// `linux.namespaces[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Which one.
    #[serde(rename = "type")]
    pub kind: NamespaceKind,
    /// An existing namespace to join; a new one is made where absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// Names of namespaces as the specification writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceKind {
    /// Process ids.
    Pid,
    /// Network stack.
    Network,
    /// Mount table.
    Mount,
    /// System V and POSIX message queues, shared memory.
    Ipc,
    /// Host name.
    Uts,
    /// User and group ids.
    User,
    /// View of the cgroup tree.
    Cgroup,
    /// Monotonic and boot clocks.
    Time,
}

/// `linux.uidMappings[]`, `linux.gidMappings[]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdMapping {
    /// First id inside.
    #[serde(rename = "containerID")]
    pub container_id: u32,
    /// First id outside.
    #[serde(rename = "hostID")]
    pub host_id: u32,
    /// How many.
    pub size: u32,
}

/// `linux.devices[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Device {
    /// Path inside the container.
    pub path: String,
    /// `c`, `u` (character), `b` (block) or `p` (fifo).
    #[serde(rename = "type")]
    pub kind: String,
    /// Major number.
    pub major: i64,
    /// Minor number.
    pub minor: i64,
    /// Permission bits; absent means 0666.
    pub file_mode: Option<u32>,
    /// Owner; absent means 0.
    pub uid: Option<u32>,
    /// Group; absent means 0.
    pub gid: Option<u32>,
}

/// `linux.personality`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Personality {
    /// `LINUX` or `LINUX32`.
    pub domain: String,
}

/// `linux.resources`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// Device access rules, in order.
    #[serde(deserialize_with = "null_is_default")]
    pub devices: Vec<DeviceRule>,
    /// Memory limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Processor limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Number of tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<Pids>,
    /// Block device weight and throttles.
    #[serde(rename = "blockIO", skip_serializing_if = "Option::is_none")]
    pub block_io: Option<BlockIo>,
    /// cgroup v2 files and their contents.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub unified: BTreeMap<String, String>,
}

/// `linux.resources.devices[]`; an absent number means every number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceRule {
    /// Whether access is granted or refused.
    pub allow: bool,
    /// `a` (all), `c` or `b`; absent means all.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Major number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<i64>,
    /// Minor number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<i64>,
    /// Some of `r`, `w`, `m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
}

/// `linux.resources.memory`, in bytes; -1 is no limit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Limit of memory.
    pub limit: Option<i64>,
    /// Soft limit.
    pub reservation: Option<i64>,
    /// Limit of memory and swap together.
    pub swap: Option<i64>,
    /// How willingly pages are swapped, 0 to 100.
    pub swappiness: Option<u64>,
    /// Whether the kernel leaves tasks waiting instead of killing one.
    #[serde(rename = "disableOOMKiller")]
    pub disable_oom_killer: Option<bool>,
}

/// `linux.resources.cpu`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cpu {
    /// Relative share, 2 to 262144.
    pub shares: Option<u64>,
    /// Microseconds of processor time in one period; -1 is no limit.
    pub quota: Option<i64>,
    /// Period in microseconds.
    pub period: Option<u64>,
    /// Microseconds of real-time scheduling in one real-time period.
    pub realtime_runtime: Option<i64>,
    /// Real-time period in microseconds.
    pub realtime_period: Option<u64>,
    /// Processors, `0-2,7`.
    pub cpus: Option<String>,
    /// Memory nodes.
    pub mems: Option<String>,
}

/// `linux.resources.pids`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pids {
    /// How many tasks; 0 or less is no limit.
    pub limit: i64,
}

/// `linux.resources.blockIO`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockIo {
    /// Weight, 10 to 1000.
    pub weight: Option<u16>,
    /// Bytes read per second.
    #[serde(deserialize_with = "null_is_default")]
    pub throttle_read_bps_device: Vec<Throttle>,
    /// Bytes written per second.
    #[serde(deserialize_with = "null_is_default")]
    pub throttle_write_bps_device: Vec<Throttle>,
    /// Reads per second.
    #[serde(rename = "throttleReadIOPSDevice", deserialize_with = "null_is_default")]
    pub throttle_read_iops_device: Vec<Throttle>,
    /// Writes per second.
    #[serde(rename = "throttleWriteIOPSDevice", deserialize_with = "null_is_default")]
    pub throttle_write_iops_device: Vec<Throttle>,
}

/// One device's throttle.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Throttle {
    /// Major number.
    pub major: i64,
    /// Minor number.
    pub minor: i64,
    /// The rate.
    pub rate: u64,
}
