//! What every driver does.

use super::error::Result;
use super::request::{Attach, Attached};
use std::os::fd::BorrowedFd;
use std::path::Path;

/// One way of connecting containers to a network.
pub trait Driver: Sync {
    /// Judge a request by itself, before anything is made for any network of the container.
    fn check(&self, request: &Attach) -> Result<()>;

    /// Connect `container`, whose network namespace is `netns`. On an error nothing of it stays.
    ///
    /// The calling process owns the lease and lives as long as the container.
    fn attach(&self, container: &str, netns: BorrowedFd<'_>, request: &Attach) -> Result<Attached>;

    /// Take `container`, whose processes have ended, off the network whose leases are in `lease_dir`.
    ///
    /// Leases of other drivers are left alone. May be repeated, and works when the container, its namespace, its monitor,
    /// or the network's definition are gone.
    fn detach(&self, container: &str, lease_dir: &Path) -> Result<()>;
}
