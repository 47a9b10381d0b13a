//! One OCI layer as a stream: decompress, digest, tar, whiteouts, tar-split; apply and diff.
//!
//! A layer comes in through [`apply()`], which in one pass proves, unpacks and records it, and goes out through [`rebuild()`]
//! (byte for byte as it came) or [`diff()`] (new, from an overlay upper directory), mostly into a [`Packer`]. [`Entries`] reads a
//! layer without writing anything. The crate knows no store, no image and no network; it never trusts a name, a size or a link of
//! a layer, and resolves every path inside its root with descriptors. Start reading at [`apply()`] and [`tar::Parser`].
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

mod apply;
mod compression;
mod crc64;
mod deferred;
mod diff;
mod entries;
mod error;
mod gzip;
mod names;
mod output;
mod pack;
mod pipeline;
mod policy;
mod rebuild;
mod select;
pub mod tar;
mod tarsplit;
#[cfg(test)]
mod testing;
mod tree;
mod unpack;
mod whiteout;

pub use apply::{Applied, ApplyOptions, Extracted, Threads, Unresolved, apply, extract};
pub use compression::{Compression, decoder};
pub use diff::{DiffOptions, diff};
pub use entries::Entries;
pub use error::{Error, ErrorKind, Name};
pub use libpod_digest::{Digest, Hasher};
pub use libpod_sys::fs::Resolver;
pub use pack::{Compressed, PackOptions, Packed, Packer, compress};
pub use pipeline::pump;
pub use policy::XattrPrefix;
pub use rebuild::{Rebuild, rebuild};
