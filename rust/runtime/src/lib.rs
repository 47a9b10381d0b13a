//! OCI runtime: namespaces, mounts, cgroups, capabilities, seccomp, exec.
//!
//! A container is started in three calls: [`create`] makes the process in its namespaces and cgroup, [`Created::wait_prepared`]
//! waits until its mounts stand, [`Created::go`] lets it execute the user's program. Between them the caller has a process
//! id and a network namespace to work with. [`exec`] puts one more process into a running container.
//!
//! The work of the child is a list of steps, made and checked in the parent ([`plan`]) and walked in the child
//! ([`mod@child`]). A failing step comes back as an [`Error`] with its name, path and errno. Nothing here knows images or stores,
//! and nothing touches a container's files by a joined path: see [`rootdir`].
#![forbid(unsafe_code)]

mod birth;
pub mod capabilities;
pub mod cgroup;
mod cgroup_mount;
mod channel;
mod child;
mod command;
mod console;
pub mod copy_up;
mod create;
mod devices;
mod error;
pub mod exec;
mod foreign;
pub mod hooks;
mod id;
mod mount_options;
pub mod mounting;
mod namespaces;
mod plan;
mod protect;
mod request;
mod rlimits;
mod root_change;
pub mod rootdir;
mod rootfs;
pub mod seccomp;
pub mod spec;
mod stage;
pub mod start;
mod step;
pub mod user;
pub mod view;

pub use create::{Created, Running, create, describe};
pub use error::{Error, ErrorKind, Result};
pub use exec::{ExecRunning, ExecTarget, exec};
pub use id::{ContainerId, IdError};
pub use plan::personality;
pub use request::{Request, Stdio};
pub use root_change::RootChange;
pub use rootfs::Rootfs;
