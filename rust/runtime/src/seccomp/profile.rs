//! `linux.seccomp` of the OCI runtime specification, as data.

use serde::{Deserialize, Serialize};

/// The filter that a container's processes run under.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxSeccomp {
    /// What happens to a call that no rule names.
    pub default_action: String,
    /// The errno of that action, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_errno_ret: Option<u32>,
    /// ABIs besides the native one; calls through any other kill the thread.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub architectures: Vec<String>,
    /// Flags of `seccomp(2)`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub flags: Vec<String>,
    /// Socket that takes over notified calls.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub listener_path: String,
    /// Opaque text for that listener.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub listener_metadata: String,
    /// The rules.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub syscalls: Vec<LinuxSyscall>,
}

/// One rule: these calls, with these arguments, get that action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxSyscall {
    /// System calls.
    pub names: Vec<String>,
    /// `SCMP_ACT_…`.
    pub action: String,
    /// The errno of that action, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    /// All must hold.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub args: Vec<LinuxSeccompArg>,
}

/// One condition on an argument.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinuxSeccompArg {
    /// Which argument, from 0.
    pub index: u32,
    /// What it is compared with; the mask where the operator is `SCMP_CMP_MASKED_EQ`.
    pub value: u64,
    /// What the masked argument is compared with.
    #[serde(skip_serializing_if = "is_zero")]
    pub value_two: u64,
    /// `SCMP_CMP_…`.
    pub op: String,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Go writes an empty list as `null`.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
