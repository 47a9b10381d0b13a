//! `libpod-runtime`: the one static binary of libpod.
#![forbid(unsafe_code)]

fn main() {}
