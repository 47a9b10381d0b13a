//! Further processes in a running container.

mod support;

use libpod_monitor::client::{Error, Session};
use libpod_monitor::record::RunningNotice;
use serde_json::json;
use support::{Container, finish, settle, uninterrupted};

/// A container that sleeps until it is dropped.
struct Sleeping {
    container: Container,
    session: Option<Session>,
    running: RunningNotice,
}

impl Sleeping {
    fn new() -> Self {
        let container = Container::new("sleep 600");
        let mut session = container.launch();
        let running = session.wait_running(&mut uninterrupted).expect("runs");
        Self { container, session: Some(session), running }
    }

    fn process_names(&self) -> Vec<String> {
        let exec = self.container.exec(
            &self.running,
            &["/bin/sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"],
            &json!({}),
        );
        let mut exec = exec;
        vec![finish(&mut exec, b"").1]
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        let held = libpod_monitor::process::HeldProcess::open(self.running.pid, self.running.start_time);
        if let Ok(Some(held)) = held {
            let _ = held.signal(9);
        }
        if let Some(session) = self.session.take() {
            settle(session);
        }
    }
}

#[test]
fn output_input_and_exit_code_are_the_process_own() {
    require_containers!();
    let sleeping = Sleeping::new();
    let args = ["/bin/sh", "-c", "cat; echo err >&2; cat /proc/1/comm; exit 5"];
    let mut session = sleeping.container.exec(&sleeping.running, &args, &json!({"stdin_open": true}));
    let (code, stdout, stderr) = finish(&mut session, b"in\n");
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (5, "in\nsleep\n", "err\n"));
    let left: Vec<_> = std::fs::read_dir(sleeping.container.run_dir().join("exec")).expect("directory").collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!sleeping.container.log().contains("sleep"), "an exec's output is not the container's log");
}

#[test]
fn a_detached_process_runs_on_and_leaves_its_exit_record() {
    require_containers!();
    let sleeping = Sleeping::new();
    let detach = json!({"detach": true});
    let mut session = sleeping.container.exec(&sleeping.running, &["/bin/sh", "-c", "sleep 0.2; exit 3"], &detach);
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    drop(session);
    let mark = sleeping.container.run_dir().join("exec").join("e".repeat(64));
    assert!(mark.exists(), "it says who runs");
    let held = libpod_monitor::process::HeldProcess::open(running.pid, running.start_time).expect("open");
    if let Some(held) = held {
        assert!(held.wait::<std::io::Error>(None, &mut || Ok(())).expect("wait"));
    }
    let text = std::fs::read(mark.with_extension("json")).expect("exit record");
    let record: libpod_monitor::record::ExitRecord = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(record.exit_code, 3);
    assert!(!mark.exists());
}

#[test]
fn a_command_that_does_not_exist_is_an_error() {
    require_containers!();
    let sleeping = Sleeping::new();
    let mut session = sleeping.container.exec(&sleeping.running, &["/bin/none"], &json!({}));
    let Err(Error::NotStarted(failure)) = session.wait_running(&mut uninterrupted) else { panic!("starts") };
    assert_eq!(failure.kind, "command_not_found", "{failure:?}");
}

#[test]
fn a_container_that_is_gone_is_an_error() {
    require_containers!();
    let sleeping = Sleeping::new();
    let mut other = sleeping.running.clone();
    other.start_time += 1;
    let mut session = sleeping.container.exec(&other, &["/bin/true"], &json!({}));
    let Err(Error::NotStarted(failure)) = session.wait_running(&mut uninterrupted) else { panic!("starts") };
    assert_eq!(failure.kind, "state", "{failure:?}");
}

#[test]
fn it_has_a_terminal_of_its_own() {
    require_containers!();
    let sleeping = Sleeping::new();
    let changes = json!({"terminal": true, "stdin_open": true, "initial_size": [33, 99]});
    let mut session = sleeping.container.exec(&sleeping.running, &["/bin/stty", "size"], &changes);
    assert_eq!(finish(&mut session, b"").1.trim_end().rsplit('\n').next(), Some("33 99"));
}

#[test]
fn nothing_of_ours_runs_in_the_container_afterwards() {
    require_containers!();
    let sleeping = Sleeping::new();
    for _ in 0..3 {
        finish(&mut sleeping.container.exec(&sleeping.running, &["/bin/true"], &json!({})), b"");
    }
    assert!(!sleeping.process_names()[0].contains("libpod"));
}
