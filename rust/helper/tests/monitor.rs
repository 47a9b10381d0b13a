//! The monitor as its clients see it: started through the launcher, with real containers.

mod support;

use libpod_monitor::client::launch::{SOCKET_NAME, attach};
use libpod_monitor::client::{Error, Session};
use libpod_monitor::protocol::{FRAME_MAX, Socket, Transfer, kind};
use libpod_monitor::record::TakenDown;
use std::time::Duration;
use support::{Container, eventually, finish, settle, uninterrupted};

#[test]
fn output_and_exit_code_arrive_and_nothing_is_left() {
    require_containers!();
    let container = Container::new("echo out; echo err >&2; exit 7");
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    assert!(running.pid > 0 && running.start_time > 0);
    let (code, stdout, stderr) = finish(&mut session, b"");
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (7, "out\n", "err\n"));
    settle(session);
    let record = container.exit_record();
    assert_eq!((record.exit_code, record.signal, record.oom_killed, record.error), (7, None, false, None));
    assert_eq!(container.leftovers(), Vec::<std::path::PathBuf>::new());
    let log = container.log();
    assert!(log.lines().any(|line| line.ends_with(" stdout F out")), "{log}");
    assert!(log.lines().any(|line| line.ends_with(" stderr F err")), "{log}");
}

#[test]
fn a_missing_command_is_an_error_and_leaves_nothing() {
    require_containers!();
    let container = Container::with_args(&["/bin/nonexistent"]);
    let error = container.launch().wait_running(&mut uninterrupted).expect_err("no such command");
    let Error::NotStarted(failure) = error else { panic!("{error}") };
    assert_eq!(failure.kind, "command_not_found", "{failure:?}");
    assert_eq!(container.leftovers(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_document_that_cannot_be_followed_is_an_error() {
    require_containers!();
    let mut container = Container::new("true");
    container.document["log"]["driver"] = "carrier-pigeon".into();
    let Err(Error::NotStarted(failure)) = container.launch().wait_running(&mut uninterrupted) else { panic!("starts") };
    assert!(failure.message.contains("carrier-pigeon"), "{failure:?}");
    container.document = serde_json::json!({"id": "x"});
    let Err(Error::NotStarted(failure)) = container.launch().wait_running(&mut uninterrupted) else { panic!("starts") };
    assert_eq!(failure.kind, "invalid");
}

#[test]
fn input_reaches_the_container_and_its_end_too() {
    require_containers!();
    let container = Container::new("cat; echo done").stdin_open();
    let data = vec![b'x'; 1_000_000];
    let (code, stdout, _) = finish(&mut container.launch(), &data);
    assert_eq!(code, 0);
    assert_eq!(stdout.len(), data.len() + "done\n".len());
}

#[test]
fn a_killed_container_has_the_code_of_its_signal() {
    require_containers!();
    let container = Container::new("kill -9 $$");
    let mut session = container.launch();
    let (code, ..) = finish(&mut session, b"");
    settle(session);
    // The first process of a PID namespace cannot kill itself.
    assert_eq!((code, container.exit_record().signal), (0, None));
    let container = Container::new("sleep 60");
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    let held =
        libpod_monitor::process::HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive");
    assert!(held.signal(9).expect("signal"));
    assert_eq!(finish(&mut session, b"").0, 137);
    settle(session);
    assert_eq!(container.exit_record().signal, Some(9));
}

#[test]
fn a_container_is_killed_when_its_time_is_over() {
    require_containers!();
    let mut container = Container::new("sleep 60");
    container.document["timeout"] = 1.into();
    assert_eq!(finish(&mut container.launch(), b"").0, -1);
    let record = container.exit_record();
    assert_eq!((record.exit_code, record.signal), (-1, Some(9)));
    let mut container = Container::new("exit 3");
    container.document["timeout"] = 60.into();
    assert_eq!(finish(&mut container.launch(), b"").0, 3);
}

#[test]
fn clients_come_and_go_while_the_container_runs() {
    require_containers!();
    let container = Container::new("read a; echo got $a; read b; echo got $b").stdin_open();
    let mut first = container.launch();
    first.wait_running(&mut uninterrupted).expect("runs");
    drop(first);
    let mut second = attach(&container.run_dir()).expect("listens");
    second.wait_running(&mut uninterrupted).expect("runs");
    let mut third = attach(&container.run_dir()).expect("listens");
    let (code, stdout, _) = finish(&mut second, b"one\ntwo\n");
    assert_eq!((code, stdout.as_str()), (0, "got one\ngot two\n"));
    let (code, stdout, _) = finish(&mut third, b"");
    assert_eq!((code, stdout.as_str()), (0, "got one\ngot two\n"), "the third heard the same");
    settle(second);
    assert!(matches!(attach(&container.run_dir()), Err(Error::NotRunning { .. })));
}

#[test]
fn the_exit_command_runs_where_no_client_cleans_up() {
    require_containers!();
    for (takes, reports, runs) in [(false, false, true), (true, false, true), (true, true, false)] {
        // It ends when it is told to, not before its client has said what it does.
        let mut container = Container::new("read end").stdin_open();
        let mark = container.directory.join("cleaned");
        container.document["exit_command"] = serde_json::json!(["/bin/busybox", "touch", mark]);
        let mut session = container.launch();
        session.wait_running(&mut uninterrupted).expect("runs");
        if takes {
            session.take_cleanup(false).expect("connected");
        }
        finish(&mut session, b"\n");
        if reports {
            assert!(session.cleanup_done(Duration::from_secs(10), &mut uninterrupted).expect("well-formed"));
        }
        drop(session);
        if runs {
            assert!(eventually(|| mark.exists()), "takes={takes} reports={reports}");
        } else {
            std::thread::sleep(Duration::from_millis(300));
            assert!(!mark.exists(), "the client has cleaned up");
        }
    }
}

#[test]
fn lack_of_memory_is_on_record() {
    require_containers!();
    let mut container = Container::with_args(&["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]);
    container.spec["linux"]["resources"] = serde_json::json!({"memory": {"limit": 16 << 20, "swap": 16 << 20}});
    let mut session = container.launch();
    assert_eq!(finish(&mut session, b"").0, 137);
    settle(session);
    let record = container.exit_record();
    assert_eq!((record.signal, record.oom_killed), (Some(9), true));
}

#[test]
fn who_runs_is_on_record_while_it_does() {
    require_containers!();
    let mut container = Container::new("sleep 60");
    let (pidfile, monitor_pidfile) = (container.directory.join("pid"), container.directory.join("monitor-pid"));
    container.document["pidfile"] = serde_json::json!(pidfile);
    container.document["conmon_pidfile"] = serde_json::json!(monitor_pidfile);
    std::fs::write(container.directory.join("exit.json"), "{}").expect("record of an earlier run");
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    let text = std::fs::read(container.run_dir().join("pid.json")).expect("pid.json");
    let record: libpod_monitor::record::PidRecord = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(record.running(), running);
    assert_eq!(record.cgroup, format!("/libpod-tests/{}", container.id));
    assert_eq!(std::fs::read_to_string(pidfile).expect("file"), running.pid.to_string());
    assert_eq!(std::fs::read_to_string(monitor_pidfile).expect("file"), running.monitor_pid.to_string());
    assert!(!container.directory.join("exit.json").exists(), "an earlier end is not this one");
    let held =
        libpod_monitor::process::HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive");
    held.signal(9).expect("signal");
    settle(session);
}

/// Hooks of the host and of the image list what the first process holds, which may trace here: all capabilities are its own.
#[test]
fn hooks_find_nothing_of_the_host_in_the_first_process() {
    require_containers!();
    let mut container = Container::new("exec sleep 60");
    let list = |find: &str, log: &str| {
        let script = format!(
            "{find}; for f in /proc/$p/fd/*; do n=${{f##*/}}; [ $n -gt 2 ] && t=$(readlink $f) && echo $t; done > {log}; true"
        );
        serde_json::json!([{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}])
    };
    let path = |name: &str| container.directory.join(name).display().to_string();
    let from_state = r#"p=$(sed 's/.*"pid":\([0-9]*\).*/\1/')"#;
    let parent = "cat > /dev/null; while read k v; do [ $k = PPid: ] && p=$v; done < /proc/self/status";
    container.spec["hooks"] = serde_json::json!({
        "prestart": list(from_state, &path("prestart")),
        "createRuntime": list(from_state, &path("createRuntime")),
        "createContainer": list(parent, &path("createContainer")),
        "startContainer": list("cat > /dev/null; p=1", "/tmp/startContainer"),
    });
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    for (moment, root) in
        [("prestart", true), ("createRuntime", true), ("createContainer", true), ("rootfs/tmp/startContainer", false)]
    {
        let text = std::fs::read_to_string(container.directory.join(moment)).expect(moment);
        let found: Vec<&str> = text.lines().filter(|name| !name.starts_with("/memfd:hook-stderr")).collect();
        let (roots, rest): (Vec<&str>, Vec<&str>) = found.iter().partition(|name| name.ends_with("/rootfs"));
        assert_eq!(roots.len(), usize::from(root), "{moment}: {text}");
        assert!(matches!(rest[..], [channel] if channel.starts_with("socket:")), "{moment}: {text}");
    }
    let held =
        libpod_monitor::process::HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive");
    held.signal(9).expect("signal");
    finish(&mut session, b"");
    settle(session);
}

#[test]
fn every_client_is_told_when_all_is_given_back() {
    require_containers!();
    let container = Container::new("read end").stdin_open();
    let mut first = container.launch();
    first.wait_running(&mut uninterrupted).expect("runs");
    let mut second = attach(&container.run_dir()).expect("listens");
    second.take_no_output();
    finish(&mut first, b"\n");
    for session in [&mut first, &mut second] {
        let taken = session.wait_taken_down(Some(Duration::from_secs(20)), &mut uninterrupted).expect("told");
        assert_eq!(taken, Some(TakenDown { complaints: Vec::new(), restarts: false }));
        assert_eq!(container.leftovers(), Vec::<std::path::PathBuf>::new());
    }
    settle(first);
}

#[test]
fn a_client_that_spoke_before_the_end_is_heard() {
    require_containers!();
    let container = Container::new("sleep 60");
    let mut first = container.launch();
    let running = first.wait_running(&mut uninterrupted).expect("runs");
    let held =
        libpod_monitor::process::HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive");
    // The monitor finds the end, the connection and what was said all at once.
    let monitor = rustix::process::Pid::from_raw(running.monitor_pid).expect("pid");
    rustix::process::kill_process(monitor, rustix::process::Signal::STOP).expect("stopped");
    let mut second = attach(&container.run_dir()).expect("listens");
    second.take_cleanup(true).expect("connected");
    assert!(held.signal(9).expect("signal"));
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", running.pid)).expect("not reaped");
    assert!(eventually(|| stat().contains(") Z ")));
    rustix::process::kill_process(monitor, rustix::process::Signal::CONT).expect("goes on");
    for session in [&mut first, &mut second] {
        let taken = session.wait_taken_down(Some(Duration::from_secs(20)), &mut uninterrupted).expect("told");
        assert!(taken.expect("in time").restarts);
    }
    assert!(!first.wait_gone(Some(Duration::from_millis(20)), &mut uninterrupted).expect("no malformed frame"));
    settle(second);
    assert!(first.wait_gone(Some(Duration::from_secs(20)), &mut uninterrupted).expect("no malformed frame"));
}

/// Connect with the monitor as a client of the release before versions does: without a word.
fn connect_silently(container: &Container) -> std::os::fd::OwnedFd {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).expect("socket");
    libpod_sys::socket::connect(&socket, &container.run_dir().join(SOCKET_NAME)).expect("listens");
    socket
}

#[test]
fn a_client_that_says_no_hello_is_sent_only_what_it_knows() {
    require_containers!();
    let container = Container::new("read end; echo out").stdin_open();
    let mut first = container.launch();
    first.wait_running(&mut uninterrupted).expect("runs");
    let silent = Socket::new(connect_silently(&container));
    finish(&mut first, b"\n");
    settle(first);
    let (mut kinds, mut buffer) = (Vec::new(), vec![0; FRAME_MAX]);
    assert!(eventually(|| match silent.receive(&mut buffer) {
        Transfer::Done(_) => {
            kinds.push(buffer[0]);
            false
        }
        Transfer::Wait => false,
        Transfer::Closed => true,
    }));
    assert_eq!(kinds, [kind::RUNNING, kind::STDOUT, kind::EXITED]);
}

#[test]
fn a_monitor_that_knows_no_hello_is_seen_to_have_given_all_back() {
    require_containers!();
    let container = Container::new("read end").stdin_open();
    let mut first = container.launch();
    first.wait_running(&mut uninterrupted).expect("runs");
    // To a client that says no hello, a monitor of today is one of the release before.
    let mut old = Session::with_run_dir(connect_silently(&container), 0, &container.run_dir());
    assert_eq!(old.wait_taken_down(Some(Duration::from_millis(20)), &mut uninterrupted).expect("connected"), None);
    old.take_cleanup(true).expect("connected");
    finish(&mut first, b"\n");
    let taken = old.wait_taken_down(Some(Duration::from_secs(20)), &mut uninterrupted).expect("seen");
    assert_eq!(taken, Some(TakenDown { complaints: Vec::new(), restarts: false }));
    assert_eq!(container.leftovers(), Vec::<std::path::PathBuf>::new());
    drop(old);
    settle(first);
}

#[test]
fn a_record_of_a_newer_release_does_not_hide_the_monitor() {
    require_containers!();
    let container = Container::new("read end").stdin_open();
    let mut first = container.launch();
    first.wait_running(&mut uninterrupted).expect("runs");
    let path = container.run_dir().join("pid.json");
    let good = std::fs::read_to_string(&path).expect("pid.json");
    assert!(good.starts_with(r#"{"version":2,"frames":1,"#), "{good}");
    std::fs::write(&path, good.replace(r#""version":2"#, r#""version":3"#)).expect("write");
    // Its frames may be others, too: what every release knows is spoken.
    attach(&container.run_dir()).map(drop).expect("the monitor is there all the same");
    std::fs::write(&path, good).expect("write");
    assert!(attach(&container.run_dir()).is_ok());
    finish(&mut first, b"\n");
    settle(first);
}
