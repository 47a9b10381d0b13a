//! containers/storage on disk: locks, records, the overlay tree.
//!
//! The store is shared with Podman, Buildah, Skopeo and CRI-O, in the format and under the locking protocol of
//! containers/storage 1.43 to 1.62. Start at [`Store`]. A layer's bytes are the business of the layer crate; which
//! image to fetch, what a reference means and how a container is run are decided above this crate.
//!
//! | module | holds |
//! | --- | --- |
//! | `store` | the open store: where it is, its tables |
//! | `erase` | what goes from a store, and in which order |
//! | `layers`, `images`, `containers`, `mounts`, `hostmount` | the operations |
//! | `tar`, `size`, `check` | reading back: tars, sizes, consistency |
//! | `table`, `record`, `lockfile` | a JSON table, its records, its lock and token |
//! | `file` | whole files, whole trees |
//! | `overlay` | layer directories and short links |
//! | `other` | additional stores, which are only read |
//! | `staging`, `pending` | what a process that dies leaves, and how the next one clears it |
//! | `reserve` | space for removals on a full disk |
//!
//! It refuses other drivers, stores written through fuse-overlayfs, and composefs layers.
#![forbid(unsafe_code)]

mod check;
mod containers;
#[cfg(test)]
mod crash;
mod damage;
#[cfg(test)]
mod distrust;
mod erase;
mod error;
mod file;
mod hostmount;
mod images;
mod layers;
mod lockfile;
mod mounts;
mod name;
mod other;
mod overlay;
mod pending;
mod record;
mod reserve;
#[cfg(test)]
mod scenario;
mod size;
mod staging;
mod store;
mod sync;
mod table;
mod tar;
#[cfg(test)]
mod testing;

pub use containers::{NewContainer, Rootfs};
pub use damage::Damaged;
pub use error::{Error, Result};
pub use images::{Naming, NewImage};
pub use layers::{Addition, StagedLayer};
pub use name::{layer_id, now, random_id};
pub use record::{Container, IdRange, Image, Layer, Record};
pub use store::{Options, Store};

/// A step of a change is done; where tests make a process die.
#[cfg(test)]
fn step() {
    testing::step();
}

#[cfg(not(test))]
fn step() {}

/// A file is about to be written; where tests make a disk full.
#[cfg(test)]
fn before_writing(path: &std::path::Path) -> Result<()> {
    testing::before_writing(path)
}

#[cfg(not(test))]
fn before_writing(_: &std::path::Path) -> Result<()> {
    Ok(())
}

/// Data were deleted; where tests give a full disk space again.
#[cfg(test)]
fn freed() {
    testing::freed();
}

#[cfg(not(test))]
fn freed() {}
