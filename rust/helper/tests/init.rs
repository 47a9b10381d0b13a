//! The helper as a container's first process.

mod support;

use libpod_monitor::process::HeldProcess;
use support::{Container, eventually, finish, helper, uninterrupted};

/// A container whose first process is our init.
fn container(script: &str) -> Container {
    let container = Container::with_args(&["/run/podman-init", "--", "sh", "-c", script]);
    let run = container.directory.join("rootfs/run");
    std::fs::create_dir_all(&run).expect("directory");
    std::fs::copy(helper(), run.join("podman-init")).expect("init");
    let libraries = ["/lib64", "/lib", "/usr"];
    let mut container = container;
    let mounts = container.spec["mounts"].as_array_mut().expect("list");
    // The helper of a test build is linked dynamically.
    mounts.extend(libraries.iter().filter(|path| std::path::Path::new(path).exists()).map(
        |path| serde_json::json!({"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]}),
    ));
    container
}

#[test]
fn the_command_is_its_child_and_its_code_is_ours() {
    require_containers!();
    let (code, stdout, stderr) = finish(&mut container("echo $$ $PPID; exit 4").launch(), b"");
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (4, "2 1\n", ""));
    assert_eq!(finish(&mut container("kill -15 $$").launch(), b"").0, 143);
}

#[test]
fn orphans_are_reaped() {
    require_containers!();
    // A zombie keeps its place in /proc.
    let script = "(sleep 0.1 & echo $! >/tmp/orphan); orphan=$(cat /tmp/orphan);
        i=0; while [ -e /proc/$orphan ] && [ $i -lt 500 ]; do sleep 0.02; i=$((i+1)); done; [ ! -e /proc/$orphan ]";
    assert_eq!(finish(&mut container(script).launch(), b"").0, 0);
}

#[test]
fn signals_are_handed_on() {
    require_containers!();
    let container = container("trap 'echo term; exit 6' TERM; echo ready; while :; do sleep 0.05; done");
    let mut session = container.launch();
    let running = session.wait_running(&mut uninterrupted).expect("runs");
    assert!(eventually(|| container.log().contains("ready")), "it sets its trap");
    HeldProcess::open(running.pid, running.start_time).expect("open").expect("alive").signal(15).expect("signal");
    assert_eq!(finish(&mut session, b""), (6, "ready\nterm\n".into(), String::new()));
}

#[test]
fn a_command_that_cannot_be_executed_has_the_usual_code() {
    require_containers!();
    for (command, code) in [("nonexistent", 127), ("/tmp", 126)] {
        let mut container = container("true");
        container.spec["process"]["args"] = serde_json::json!(["/run/podman-init", "--", command]);
        let (found, _, stderr) = finish(&mut container.launch(), b"");
        assert_eq!(found, code, "{stderr}");
        assert!(stderr.contains(command), "{stderr}");
    }
}
