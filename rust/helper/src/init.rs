//! `init`: the first process of a container started with `--init`.
//!
//! `podman-init -- COMMAND ARGUMENT…` starts the command, hands every signal on to it, reaps whatever the container leaves
//! behind, and ends with the command's exit code: what catatonit does in its place. Signals that the terminal makes are not
//! handed on, because the command is in the same process group and has them already.

use libpod_monitor::client::launch::environment;
use libpod_sys::process::{Namespaces, clone3, execve, reset_signals};
use libpod_sys::signal::{MAX, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait};
use std::ffi::{CString, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::ExitCode;

/// Names under which the helper is this program, whatever its arguments.
const NAMES: [&str; 3] = ["podman-init", "catatonit", "libpod-init"];

/// Whether a program of this name (argument zero) is the init.
pub fn is_named(program: &str) -> bool {
    Path::new(program).file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

/// Run the command after `--`, or the first argument on.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let rest = arguments.into_iter().skip_while(|text| text == "--");
    let argv: Vec<CString> = rest.filter_map(|text| CString::new(text.into_vec()).ok()).collect();
    if argv.is_empty() {
        eprintln!("podman-init: no command was given");
        return ExitCode::from(125);
    }
    match supervise(&argv) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("podman-init: {error}");
            ExitCode::from(125)
        }
    }
}

fn supervise(argv: &[CString]) -> Result<u8, libpod_sys::Error> {
    // Faults of our own are not to be waited for.
    const FAULTS: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];
    let all: Vec<i32> = (1..=MAX).filter(|signal| !FAULTS.contains(signal)).collect();
    let signals = SignalFd::new(&all)?;
    let child = clone3(Namespaces::NONE, None, || {
        reset_signals();
        execute(argv)
    })?;
    loop {
        match poll(&mut [PollFd::new(&signals, PollFlags::IN)], None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(libpod_sys::Error::new("poll", "signalfd", errno)),
        }
        while let Some(received) = signals.read()? {
            const CHILD: i32 = 17;
            if received.signal != CHILD && !received.from_kernel {
                // It may have ended just now.
                let _ = libpod_sys::signal::send_to(child.pidfd.as_fd(), received.signal);
            }
        }
        if let Some(code) = reap(child.pid) {
            return Ok(code);
        }
    }
}

/// Reap everybody who has ended; the exit code of `child`, if it is among them.
fn reap(child: Pid) -> Option<u8> {
    let mut code = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == child {
            let signalled = status.terminating_signal().map(|signal| 128 + signal);
            code = status.exit_status().or(signalled).map(|code| code as u8);
        }
    }
    code
}

/// Become the command, found as a shell finds it; returns with the exit code that says why not.
fn execute(argv: &[CString]) -> i32 {
    let environment = environment();
    let name = argv[0].to_string_lossy().into_owned();
    let path =
        std::env::var("PATH").unwrap_or_else(|_| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    let candidates: Vec<String> = match name.contains('/') {
        true => vec![name.clone()],
        false => path.split(':').map(|directory| format!("{directory}/{name}")).collect(),
    };
    let mut worst = Errno::NOENT;
    for candidate in candidates {
        let Ok(candidate) = CString::new(candidate) else { continue };
        match execve(&candidate, argv, &environment).errno() {
            Errno::NOENT | Errno::NOTDIR => {}
            errno => worst = errno,
        }
    }
    eprintln!("podman-init: {name}: {}", libpod_sys::errno_text(worst.raw_os_error()));
    if worst == Errno::NOENT { 127 } else { 126 }
}
