//! Executing this very program again from a view of its file that cannot be written, before it goes near a container.
//!
//! What libpod starts itself is sealed by its launcher; this is for `libpod-runtime run` and its like, started by anybody.

use libpod_monitor::client::launch::{environment, is_sealed, sealed_view};
use libpod_sys::process::fexecve;
use rustix::fs::{Mode, OFlags, open};
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// Return at once where this program is sealed; else start it again, sealed. Returns an error where neither can be had.
pub fn ensure() -> io::Result<()> {
    let own = Path::new("/proc/self/exe");
    let program = open(own, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    if is_sealed(program.as_fd()) {
        return Ok(());
    }
    drop(program);
    let view = sealed_view(own)?;
    let arguments: Vec<CString> = std::env::args_os().filter_map(text).collect();
    Err(fexecve(view.as_fd(), &arguments, &environment()).into())
}

fn text(text: OsString) -> Option<CString> {
    CString::new(text.into_vec()).ok()
}
