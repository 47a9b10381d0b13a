//! `libpod-runtime`: the one static binary of libpod.
//!
//! The first argument says which part it plays. `monitor` and `exec-monitor` are started by libpod itself, with a control socket and a
//! document as descriptors 3 and 4 ([`roles`]). Under the name `podman-init` it is a container's first process ([`init`]).
//! Everything else is the command line of an OCI runtime ([`oci`]), which makes sure first that no container can write this program ([`seal`]).
#![forbid(unsafe_code)]

mod init;
mod oci;
mod roles;
mod seal;

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let text = |index: usize| arguments.get(index).map(|text| text.to_string_lossy()).unwrap_or_default();
    if init::is_named(&text(0)) {
        return init::main(arguments.into_iter().skip(1).collect());
    }
    match &*text(1) {
        "monitor" => roles::monitor(),
        "exec-monitor" => roles::exec(),
        "init" => init::main(arguments.into_iter().skip(2).collect()),
        _ => runtime(),
    }
}

fn runtime() -> ExitCode {
    if let Err(error) = seal::ensure() {
        eprintln!("libpod-runtime: make this program read-only for containers: {error}");
        return ExitCode::FAILURE;
    }
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    ExitCode::from(oci::main(&arguments))
}
