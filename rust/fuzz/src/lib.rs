//! What each fuzz target does with its bytes, as functions: libFuzzer calls them with new inputs (`make fuzz`), and the tests
//! replay the corpora that were found.
//!
//! A target panics on what must never happen: a law that does not hold, or a panic of the code under test. What the code refuses
//! is no failure. Start at [`TARGETS`].
#![forbid(unsafe_code)]

mod archive;
mod documents;
mod wire;

pub use archive::{apply, compression, pax, tar, tar_split};
pub use documents::{image, launch, seccomp, spec};
pub use wire::{challenge, frames, netlink, url};

/// A target's name and what it does with one input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by the names of their corpora.
pub const TARGETS: &[Target] = &[
    ("apply", apply),
    ("challenge", challenge),
    ("compression", compression),
    ("frames", frames),
    ("image", image),
    ("launch", launch),
    ("netlink", netlink),
    ("pax", pax),
    ("seccomp", seccomp),
    ("spec", spec),
    ("tar", tar),
    ("tar_split", tar_split),
    ("url", url),
];
