//! `exec`: one more process in a running container.

use crate::Test;
use crate::bench::{Bench, Outcome, finish, pipes};
use libpod_runtime::spec::Process;
use libpod_runtime::{Error, ErrorKind, ExecTarget, Running, exec};
use serde_json::{Value, json};
use std::os::fd::AsFd;

pub const TESTS: &[Test] = &[
    ("exec_is_inside_in_every_respect", exec_is_inside_in_every_respect),
    ("exec_is_a_child_of_the_caller", exec_is_a_child_of_the_caller),
    ("exec_says_what_a_start_says", exec_says_what_a_start_says),
    ("exec_gets_a_terminal", exec_gets_a_terminal),
    ("exec_in_a_paused_container_is_refused", exec_in_a_paused_container_is_refused),
    ("exec_holds_nothing_of_the_host", exec_holds_nothing_of_the_host),
];

/// Run `test` beside a container that sleeps.
fn beside(bench: Bench, test: impl FnOnce(&Running)) {
    let (_, cgroup) = bench
        .run_with(&["sleep", "1000"], |running| {
            test(running);
            running.cgroup.kill().expect("kills");
        })
        .expect("runs");
    cgroup.remove().expect("goes");
}

fn process(argv: &[&str], changes: Value) -> Process {
    let mut value = json!({"args": argv, "env": ["PATH=/bin"], "cwd": "/",
        "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}});
    for (key, change) in changes.as_object().expect("an object") {
        value[key] = change.clone();
    }
    serde_json::from_value(value).expect("valid")
}

fn run(running: &Running, argv: &[&str], changes: Value) -> Result<Outcome, Error> {
    let target = ExecTarget {
        id: "test",
        pid: running.pid,
        pidfd: running.pidfd.as_fd(),
        cgroup: Some(&running.cgroup),
        seccomp: None,
        preserve_fds: 0,
        personality: None,
    };
    let (stdio, ends) = pipes();
    let executed = exec(&target, &process(argv, changes), &stdio);
    drop(stdio);
    executed.map(|executed| finish(executed.pidfd, ends, executed.warnings))
}

fn exec_is_inside_in_every_respect() {
    beside(Bench::new(), |running| {
        let script = "hostname; for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done; for n in pid net ipc uts mnt cgroup; do readlink /proc/1/ns/$n; done; cat /proc/self/cgroup; cat /proc/1/cgroup";
        // To look at the first process it takes at least that one's capabilities.
        let all = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_DAC_OVERRIDE"];
        let changes = json!({"capabilities": {"bounding": all, "effective": all, "permitted": all}});
        let text = run(running, &["sh", "-c", script], changes).expect("runs").text().to_owned();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert!(text.starts_with("inside\n"));
        assert_eq!(lines[..6], lines[6..12], "namespaces");
        let cgroups = &lines[12..];
        assert_eq!(cgroups[..cgroups.len() / 2], cgroups[cgroups.len() / 2..], "cgroups");
        let changes = json!({"user": {"uid": 5, "gid": 6, "additionalGids": [7]}, "cwd": "/bin", "noNewPrivileges": true,
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}]});
        let script = "id -u; id -g; pwd; ulimit -n; grep -E 'CapEff|NoNew|CapBnd' /proc/self/status";
        let text = run(running, &["sh", "-c", script], changes).expect("runs").text().to_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(
            words,
            ["5", "6", "/bin", "50", "CapEff:", "0000000000000000", "CapBnd:", "0000000000000020", "NoNewPrivs:", "1"]
        );
    });
}

fn exec_is_a_child_of_the_caller() {
    beside(Bench::new(), |running| {
        for code in [0, 9] {
            let outcome = run(running, &["sh", "-c", &format!("exit {code}")], json!({})).expect("runs");
            assert_eq!(outcome.code, code, "waited for by its pidfd");
        }
        let own = std::fs::read_link("/proc/self/ns/pid_for_children").expect("reads");
        assert_eq!(own, std::fs::read_link("/proc/self/ns/pid").expect("reads"));
    });
}

fn exec_says_what_a_start_says() {
    beside(Bench::new(), |running| {
        let kind = |argv: &[&str], changes| run(running, argv, changes).expect_err("fails").kind();
        assert_eq!(kind(&["nosuch"], json!({})), ErrorKind::CommandNotFound);
        assert_eq!(kind(&["/bin"], json!({})), ErrorKind::CommandNotExecutable);
        assert_eq!(kind(&["true"], json!({"cwd": "/nosuch"})), ErrorKind::CommandNotFound);
        assert_eq!(kind(&[], json!({})), ErrorKind::Invalid);
    });
}

fn exec_gets_a_terminal() {
    beside(Bench::new(), |running| {
        let target = ExecTarget {
            id: "t",
            pid: running.pid,
            pidfd: running.pidfd.as_fd(),
            cgroup: None,
            seccomp: None,
            preserve_fds: 0,
            personality: None,
        };
        let changes =
            json!({"terminal": true, "consoleSize": {"height": 33, "width": 77}, "user": {"uid": 5, "gid": 5}});
        let process = process(&["sh", "-c", "tty; busybox stty size; stat -c %u $(tty)"], changes);
        let executed = exec(&target, &process, &libpod_runtime::Stdio::Terminal).expect("runs");
        let master = executed.terminal.expect("a terminal");
        let mut text = Vec::new();
        let mut buffer = [0; 256];
        // EIO says that the last process has closed it.
        while let Ok(length @ 1..) = rustix::io::read(&master, &mut buffer) {
            text.extend_from_slice(&buffer[..length]);
        }
        rustix::process::waitid(
            rustix::process::WaitId::PidFd(executed.pidfd.as_fd()),
            rustix::process::WaitIdOptions::EXITED,
        )
        .expect("waits");
        assert_eq!(String::from_utf8_lossy(&text), "/dev/pts/0\r\n33 77\r\n5\r\n");
    });
}

fn exec_in_a_paused_container_is_refused() {
    beside(Bench::new(), |running| {
        running.cgroup.set_frozen(true).expect("freezes");
        let error = run(running, &["true"], json!({})).expect_err("paused");
        running.cgroup.set_frozen(false).expect("thaws");
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
    });
}

fn exec_holds_nothing_of_the_host() {
    let held = std::fs::File::open("/").expect("opens");
    rustix::io::fcntl_setfd(&held, rustix::io::FdFlags::empty()).expect("sets");
    beside(Bench::new(), |running| {
        let text = run(running, &["sh", "-c", "cd /proc/self/fd; echo *"], json!({})).expect("runs").text().to_owned();
        assert!(matches!(text.as_str(), "0 1 2" | "0 1 2 3"), "{text}");
        let error = run(running, &["sh", "-c", "ls"], json!({"cwd": "/proc/self/fd/3"})).expect_err("refused");
        assert!(matches!(error, Error::WorkingDirectory { .. }), "{error}");
    });
}
