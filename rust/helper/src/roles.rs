//! The parts that libpod starts itself: a control socket and a document come with them.

use libpod_monitor::client::launch::{CONTROL_FD, DOCUMENT_FD, LOCK_FD, PROGRAM_FD};
use libpod_monitor::server;
use libpod_sys::fd::{borrow, inherit};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::ExitCode;

/// Start a container and watch it.
pub fn monitor() -> ExitCode {
    play(|control, document| server::container::run(control, document, lock()))
}

/// Start one more process in a container and watch it.
pub fn exec() -> ExitCode {
    play(server::exec::run)
}

/// Nobody reads our standard error: what happens to the container is told over the control socket and in the exit record. A
/// failure that can be told nowhere shows as the exit code.
fn play(role: impl FnOnce(OwnedFd, &[u8]) -> io::Result<()>) -> ExitCode {
    match receive().and_then(|(control, document)| role(control, &document)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Take over the descriptors that [`launch`](libpod_monitor::client::launch::launch) has given us.
fn receive() -> io::Result<(OwnedFd, Vec<u8>)> {
    let mut document = Vec::new();
    File::from(take(DOCUMENT_FD)?).read_to_end(&mut document)?;
    // Our own program stays open until we end, and is not handed on.
    std::mem::forget(take(PROGRAM_FD)?);
    Ok((take(CONTROL_FD)?, document))
}

/// The container's lock, where our caller shares it with us: only what it hands over is open.
fn lock() -> Option<OwnedFd> {
    rustix::io::fcntl_getfd(borrow(&LOCK_FD)).ok()?;
    take(LOCK_FD).ok()
}

fn take(number: i32) -> io::Result<OwnedFd> {
    let fd = inherit(number);
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    Ok(fd)
}
