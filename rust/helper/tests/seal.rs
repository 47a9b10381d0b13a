//! No container can write the program that has started it.

mod support;

use libpod_monitor::client::launch::{is_sealed, sealed_view};
use rustix::fs::{Mode, OFlags, open};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};
use support::{Container, helper, settle, uninterrupted};

fn can_be_written(path: &str) -> bool {
    open(path, OFlags::WRONLY, Mode::empty()).is_ok()
}

/// Why `path` cannot be opened for writing, once nobody executes it any more: the kernel asks that first.
fn refusal(path: &str) -> rustix::io::Errno {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match open(path, OFlags::WRONLY, Mode::empty()).expect_err("sealed") {
            rustix::io::Errno::TXTBSY if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            reason => return reason,
        }
    }
}

#[test]
fn the_monitor_runs_from_a_view_that_is_read_only() {
    require_containers!();
    let container = Container::new("sleep 600");
    // A copy of its own: the helpers of other tests keep theirs busy.
    let copy = container.directory.join("helper");
    std::fs::copy(helper(), &copy).expect("copy");
    let mut session = container.launch_with(&copy);
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    let own = format!("/proc/{}/exe", running.monitor_pid);
    let program = open(&own, OFlags::PATH, Mode::empty()).expect("open");
    assert!(is_sealed(program.as_fd()));
    // As long as it runs the file is busy; a container would keep it open until it no longer is.
    let held =
        libpod_monitor::process::HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive");
    held.signal(9).expect("signal");
    settle(session);
    let again = format!("/proc/self/fd/{}", program.as_raw_fd());
    assert_eq!(refusal(&again), rustix::io::Errno::ROFS);
}

#[test]
fn the_view_shows_the_file_and_seals_only_itself() {
    require_containers!();
    let scratch = std::env::temp_dir().join(format!("libpod-seal-{}", std::process::id()));
    std::fs::copy(helper(), &scratch).expect("copy");
    let view = sealed_view(&scratch).expect("view");
    assert!(is_sealed(view.as_fd()));
    let path = scratch.to_str().expect("UTF-8");
    assert!(!is_sealed(open(path, OFlags::RDONLY, Mode::empty()).expect("open").as_fd()));
    assert!(can_be_written(path), "the file itself is as before");
    std::fs::remove_file(&scratch).expect("remove");
}
