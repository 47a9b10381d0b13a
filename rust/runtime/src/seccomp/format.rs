//! The profile format of containers/common, as data: what `seccomp.json` holds.

use super::profile::{LinuxSeccompArg, nullable};
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile {
    pub(super) default_action: String,
    pub(super) default_errno_ret: Option<u32>,
    #[serde(default)]
    pub(super) default_errno: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) architectures: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) arch_map: Vec<Architecture>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) flags: Vec<String>,
    #[serde(default)]
    pub(super) listener_path: String,
    #[serde(default)]
    pub(super) listener_metadata: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) syscalls: Vec<Syscall>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Architecture {
    pub(super) architecture: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) sub_architectures: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Syscall {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) names: Vec<String>,
    pub(super) action: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) args: Vec<LinuxSeccompArg>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) includes: Filter,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) excludes: Filter,
    pub(super) errno_ret: Option<u32>,
    #[serde(default)]
    pub(super) errno: String,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Filter {
    #[serde(deserialize_with = "nullable")]
    pub(super) caps: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) arches: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) min_kernel: String,
}
