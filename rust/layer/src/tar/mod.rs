//! The tar format as a pure state machine: bytes in, steps out, no I/O.
//!
//! [`Parser`] is fed slices and answers how many bytes belong to framing, which entry begins and which bytes are its content; it
//! reads ustar, old V7, GNU (long names, base-256 numbers, sparse files) and PAX (including GNU's three sparse forms), with the
//! same idea of what is valid as Go's `archive/tar`, since other readers of a store rest on that. It refuses extension blocks
//! over [`MAX_EXTENSION`] and knows nothing of whiteouts or directories. [`Builder`] writes headers the way Go's writer does.
//! Start at [`Parser::step`].

mod block;
mod builder;
mod entry;
mod parser;
mod pax;
mod sparse;

#[cfg(test)]
mod tests;

pub use block::BLOCK;
pub use builder::Builder;
pub use entry::{Entry, Kind, Sparse, Xattrs};
pub use parser::{MAX_EXTENSION, Parser, Step};
