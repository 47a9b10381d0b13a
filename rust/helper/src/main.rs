//! `libpod-runtime`: the one static binary of libpod.
//!
//! The first argument says which part it plays: `monitor` and `exec` are started by libpod itself, with a control socket and a
//! document as descriptors 3 and 4 ([`roles`]).
#![forbid(unsafe_code)]

mod oci;
mod roles;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().map(|text| text.to_string_lossy().into_owned()).collect();
    match arguments.get(1).map(String::as_str) {
        Some("monitor") => roles::monitor(),
        _ => ExitCode::from(oci::main(&arguments[1..])),
    }
}
