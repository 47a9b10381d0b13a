//! Much output, slow clients, terminals, detaching, and what a killed monitor leaves.

mod support;

use libpod_monitor::client::detach_keys::DetachKeys;
use libpod_monitor::client::launch::attach;
use libpod_monitor::client::relay::{Ends, Outcome};
use libpod_monitor::process::HeldProcess;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use support::{Container, eventually, finish, settle, uninterrupted};

fn keys() -> DetachKeys {
    DetachKeys::parse("ctrl-p,ctrl-q").expect("valid")
}

#[test]
fn a_hundred_megabytes_arrive_whole() {
    require_containers!();
    const SIZE: usize = 100 * 1024 * 1024;
    let mut container = Container::new("yes 0123456789abcdef | head -c 104857600");
    container.document["log"] = serde_json::json!({"driver": "none", "path": null, "max_size": null});
    let mut session = container.launch();
    let all = session.collect(b"", usize::MAX, None, &mut uninterrupted).expect("ends");
    assert_eq!(all.stdout.len(), SIZE);
    assert!(all.stdout.chunks(17).all(|line| b"0123456789abcdef\n".starts_with(line)));
}

#[test]
fn the_log_has_every_byte() {
    require_containers!();
    let container = Container::new("seq 1 200000");
    finish(&mut container.launch(), b"");
    let log = container.log();
    let mut joined = String::new();
    for line in log.lines() {
        let mut fields = line.splitn(4, ' ').skip(2);
        let tag = fields.next().expect("tag");
        joined.push_str(fields.next().expect("text"));
        if tag == "F" {
            joined.push('\n');
        }
    }
    let expected: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    assert!(joined == expected, "{} bytes instead of {}", joined.len(), expected.len());
}

#[test]
fn a_slow_client_stops_the_container_and_loses_nothing() {
    require_containers!();
    let container = Container::new("seq 1 300000; echo end >/tmp/end");
    let mut session = container.launch();
    session.wait_running(&mut uninterrupted).expect("runs");
    std::thread::sleep(Duration::from_millis(500));
    assert!(!container.directory.join("rootfs/tmp/end").exists(), "it waits for its reader");
    let (code, stdout, _) = finish(&mut session, b"");
    assert_eq!((code, stdout.lines().count()), (0, 300_000));
}

#[test]
fn output_after_a_client_is_gone_reaches_the_log() {
    require_containers!();
    let container = Container::new("read go; seq 1 100000; echo last").stdin_open();
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    let held = HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive");
    session.socket.send(&libpod_monitor::protocol::Request::Stdin(b"go\n").encode());
    drop(session);
    assert!(held.wait::<std::io::Error>(Some(Duration::from_secs(20)), &mut || Ok(())).expect("wait"));
    assert!(container.log().ends_with(" stdout F last\n"));
}

#[test]
fn a_grandchild_that_keeps_a_pipe_does_not_keep_the_monitor() {
    require_containers!();
    let mut container = Container::new("sleep 600 & echo started");
    // In the host's PID namespace the grandchild outlives the first process.
    container.spec["linux"]["namespaces"] = serde_json::json!([{"type": "mount"}, {"type": "uts"}]);
    let started = Instant::now();
    let mut session = container.launch();
    assert_eq!(finish(&mut session, b"").1, "started\n");
    settle(session);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(container.leftovers(), Vec::<std::path::PathBuf>::new(), "the grandchild went with its cgroup");
}

/// A user's terminal: what the user sees and types on one side, what the client gets on the other.
fn terminal() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("pty");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("pty");
    let name = ptsname(&master, Vec::new()).expect("name");
    let slave = File::options().read(true).write(true).open(name.to_str().expect("ASCII")).expect("slave");
    (File::from(master), slave.into())
}

fn read_until(user: &mut File, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.contains(wanted) {
        let count = user.read(&mut buffer).expect("terminal");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

#[test]
fn a_terminal_is_raw_meanwhile_follows_its_size_and_is_restored() {
    require_containers!();
    let container = Container::new("read a; stty size; read b; stty size").terminal();
    let (mut user, ours) = terminal();
    let size = |rows, columns| Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&user, size(40, 100)).expect("size");
    let before = tcgetattr(&ours).expect("settings").local_modes;
    let mut session = container.launch();
    let relay = std::thread::spawn(move || {
        let ends =
            Ends { stdin: Some(ours.as_fd()), stdout: Some(ours.as_fd()), stderr: None, tty: true, sig_proxy: false };
        let outcome = session.relay(&ends, keys(), &mut uninterrupted).expect("relay");
        let after = tcgetattr(&ours).expect("settings").local_modes;
        (outcome, after)
    });
    user.write_all(b"one\r").expect("typed");
    let seen = read_until(&mut user, "40 100");
    assert!(seen.contains("one"), "the container's terminal echoes: {seen}");
    tcsetwinsize(&user, size(50, 120)).expect("size");
    libpod_sys::signal::raise(rustix::process::Signal::WINCH.as_raw());
    // The monitor takes frames in order: the new size is set before the key arrives.
    std::thread::sleep(Duration::from_millis(100));
    user.write_all(b"two\r").expect("typed");
    read_until(&mut user, "50 120");
    let (outcome, after) = relay.join().expect("no panic");
    assert!(matches!(outcome, Outcome::Exited(record) if record.exit_code == 0));
    assert_eq!(before, after);
    assert!(after.contains(LocalModes::ECHO));
}

#[test]
fn the_detach_keys_leave_the_container_running() {
    require_containers!();
    let container = Container::new("cat; echo bye").terminal();
    let (mut user, ours) = terminal();
    let mut session = container.launch();
    let typist = std::thread::spawn({
        let ours = ours.try_clone().expect("descriptor");
        move || {
            while tcgetattr(&ours).expect("settings").local_modes.contains(LocalModes::ICANON) {
                std::thread::sleep(Duration::from_millis(1));
            }
            user.write_all(b"hello\r\x10\x11").map(|()| user)
        }
    });
    let ends =
        Ends { stdin: Some(ours.as_fd()), stdout: Some(ours.as_fd()), stderr: None, tty: true, sig_proxy: false };
    assert_eq!(session.relay(&ends, keys(), &mut uninterrupted).expect("relay"), Outcome::Detached);
    typist.join().expect("no panic").expect("typed");
    drop(session);
    let mut again = attach(&container.run_dir()).expect("it still runs");
    let (code, stdout, _) = finish(&mut again, b"there\r");
    assert_eq!(code, 0);
    assert!(stdout.contains("there") && stdout.contains("bye"), "{stdout}");
}

#[test]
fn plain_descriptors_are_relayed_with_binary_data() {
    require_containers!();
    let container = Container::new("cat; echo err >&2").stdin_open();
    let data: Vec<u8> = (0..300_000u32).flat_map(|number| number.to_le_bytes()).chain(*b"\x10\x11").collect();
    let (stdin, mut feed) = std::io::pipe().expect("pipe");
    let (mut output, stdout) = std::io::pipe().expect("pipe");
    let (mut errors, stderr) = std::io::pipe().expect("pipe");
    let sent = data.clone();
    let feeder = std::thread::spawn(move || feed.write_all(&sent));
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        output.read_to_end(&mut all).map(|_| all)
    });
    let mut session = container.launch();
    let ends = Ends {
        stdin: Some(stdin.as_fd()),
        stdout: Some(stdout.as_fd()),
        stderr: Some(stderr.as_fd()),
        tty: false,
        sig_proxy: false,
    };
    let outcome = session.relay(&ends, keys(), &mut uninterrupted).expect("relay");
    assert!(matches!(outcome, Outcome::Exited(record) if record.exit_code == 0));
    drop((stdout, stderr));
    feeder.join().expect("no panic").expect("written");
    assert!(reader.join().expect("no panic").expect("read") == data);
    let mut text = String::new();
    errors.read_to_string(&mut text).expect("read");
    assert_eq!(text, "err\n");
}

#[test]
fn a_killed_monitor_leaves_a_record_by_which_the_container_is_found() {
    require_containers!();
    let container = Container::new("sleep 600");
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    let monitor = rustix::process::Pid::from_raw(running.monitor_pid).expect("pid");
    rustix::process::kill_process(monitor, rustix::process::Signal::KILL).expect("killed");
    assert!(session.collect(b"", usize::MAX, None, &mut uninterrupted).is_err(), "the connection ends");
    let text = std::fs::read(container.run_dir().join("pid.json")).expect("pid.json");
    let record: libpod_monitor::record::PidRecord = serde_json::from_slice(&text).expect("JSON");
    let held = HeldProcess::open(record.pid, record.start_time).expect("open").expect("the container runs on");
    assert!(held.signal(9).expect("signal"));
    assert!(held.wait::<std::io::Error>(Some(Duration::from_secs(10)), &mut || Ok(())).expect("wait"));
    let cgroup = libpod_runtime::cgroup::Cgroup::open(Some(&record.cgroup), &container.id).expect("cgroup");
    cgroup.remove().expect("removable");
}

#[test]
fn the_container_gets_the_signals_of_its_monitor() {
    require_containers!();
    let container = Container::new("trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    assert!(eventually(|| container.log().contains("ready")), "it sets its trap");
    let monitor = rustix::process::Pid::from_raw(running.monitor_pid).expect("pid");
    rustix::process::kill_process(monitor, rustix::process::Signal::TERM).expect("sent");
    let (code, stdout, _) = finish(&mut session, b"");
    assert_eq!((code, stdout.as_str()), (9, "ready\nterm\n"));
}

#[test]
fn an_idle_monitor_is_small() {
    require_containers!();
    let container = Container::new("echo x; sleep 600");
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    assert!(eventually(|| container.log().contains('x')), "it has moved data");
    let kilobytes = || {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", running.monitor_pid)).expect("rollup");
        let anonymous = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).expect("field").trim();
        anonymous.trim_end_matches(" kB").parse::<u64>().expect("number")
    };
    // What only this process has; the rest is the program's file, which all monitors share.
    assert!(eventually(|| kilobytes() < 500), "{}", kilobytes());
    HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive").signal(9).expect("signal");
    settle(session);
}
