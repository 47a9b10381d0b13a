//! OCI runtime: namespaces, mounts, cgroups, capabilities, seccomp, network attach, exec.
#![forbid(unsafe_code)]

pub mod seccomp;
