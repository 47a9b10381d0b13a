//! What a container's first process holds while it waits and while hooks run: its allow-list, and nothing else that its caller had.
//!
//! Whatever it holds is looked for from where an attacker would stand: in a hook, in an exec into a container that was not started,
//! with and without the capability to trace.

use crate::Test;
use crate::bench::{Bench, finish, pipes};
use libpod_runtime::spec::Process;
use libpod_runtime::start::{make_socket, start};
use libpod_runtime::{Created, ExecTarget, Request, exec};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::{Value, json};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

pub const TESTS: &[Test] = &[
    ("a_container_that_waits_to_be_started_holds_its_allow_list", a_container_that_waits_holds_its_allow_list),
    ("hooks_of_the_host_find_the_allow_list", hooks_of_the_host_find_the_allow_list),
    ("a_hook_of_the_image_finds_no_way_out", a_hook_of_the_image_finds_no_way_out),
    ("an_exec_before_the_start_finds_no_way_out", an_exec_before_the_start_finds_no_way_out),
    ("a_descriptor_to_preserve_must_be_open", a_descriptor_to_preserve_must_be_open),
];

/// Directories of the host that the caller holds open, as a careless program does: not even closed by `execve`.
fn held() -> Vec<OwnedFd> {
    let open = |path: &str, flags| openat(CWD, path, flags | OFlags::DIRECTORY, Mode::empty()).expect(path);
    let held = vec![open("/", OFlags::PATH), open("/", OFlags::RDONLY), open("/sys/fs/cgroup", OFlags::PATH)];
    held.iter().for_each(|fd| fcntl_setfd(fd, FdFlags::empty()).expect("sets"));
    held
}

/// A container with a bind, and with a namespace to join.
fn bench() -> Bench {
    let bench =
        Bench::new().mount(json!({"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["rbind"]}));
    let mut bench = bench.set("/process/user", json!({"uid": 33, "gid": 33}));
    let namespaces = bench.spec["linux"]["namespaces"].as_array_mut().expect("a list");
    namespaces.retain(|namespace| namespace["type"] != "ipc");
    namespaces.push(json!({"type": "ipc", "path": "/proc/self/ns/ipc"}));
    bench
}

/// The container of `bench`, prepared and waiting at a start socket.
fn created(bench: &Bench, test: impl FnOnce(&Created<'_>)) {
    let spec = bench.parsed();
    let (stdio, ends) = pipes();
    let socket = bench.directory.join("start.sock");
    let request = Request { start_socket: Some(make_socket(&socket).expect("listens")), ..bench.request(&spec, stdio) };
    let mut created = libpod_runtime::create(&request).expect("creates");
    created.wait_prepared().expect("prepares");
    test(&created);
    let running = created.release();
    drop(request);
    start(&socket).expect("starts");
    assert_eq!(finish(running.pidfd, ends, Vec::new()).code, 0);
    running.cgroup.remove().expect("goes");
}

/// What the descriptors after the standard ones of a process are, by the names that /proc gives them.
fn descriptors(pid: i32) -> Vec<String> {
    let listed = fs::read_dir(format!("/proc/{pid}/fd")).expect("reads").flatten();
    let numbered = listed.map(|entry| (entry.file_name().to_string_lossy().parse::<i32>().expect("a number"), entry));
    let others = numbered.filter(|(number, _)| *number > 2);
    others.map(|(_, entry)| fs::read_link(entry.path()).expect("reads").display().to_string()).collect()
}

fn a_container_that_waits_holds_its_allow_list() {
    let _held = held();
    let bench = bench().set("/process/args", json!(["true"]));
    created(&bench, |created| {
        let pid = created.pid().as_raw_nonzero().get();
        let found = descriptors(pid);
        assert_eq!(found.len(), 2, "the channel and the socket it waits at: {found:?}");
        assert!(found.iter().all(|name| name.starts_with("socket:")), "{found:?}");
        let owner = fs::metadata(format!("/proc/{pid}/environ")).expect("stats").uid();
        assert_eq!(owner, 0, "hidden, although the process belongs to user 33");
    });
}

/// A hook that writes down what `$p`, as `find` sets it, holds after the standard descriptors.
fn spy(moment: &str, find: &str, log: &std::path::Path) -> Value {
    let list =
        r#"for f in /proc/$p/fd/*; do n=${f##*/}; [ $n -gt 2 ] && name=$(readlink $f) && echo "$moment $name"; done"#;
    let script = format!("moment={moment}; {find}; {list} >> {}; true", log.display());
    json!([{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}])
}

fn hooks_of_the_host_find_the_allow_list() {
    let _held = held();
    for user_namespace in [false, true] {
        let mut bench = bench().set("/process/user", json!({"uid": 0, "gid": 0}));
        if user_namespace {
            bench.spec["linux"]["namespaces"].as_array_mut().expect("a list").push(json!({"type": "user"}));
            // A namespace of the host cannot be joined from below.
            bench.spec["linux"]["namespaces"].as_array_mut().expect("a list").retain(|one| one["path"].is_null());
            let map = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
            bench = bench.set("/linux/uidMappings", map.clone()).set("/linux/gidMappings", map);
        }
        let log = bench.directory.join("log");
        let from_state = r#"p=$(sed 's/.*"pid":\([0-9]*\).*/\1/')"#;
        // The host's /proc is still in sight, where this process is not number 1's child.
        let parent = "cat > /dev/null; while read k v; do [ $k = PPid: ] && p=$v; done < /proc/self/status";
        let hooks = json!({
            "prestart": spy("prestart", from_state, &log),
            "createRuntime": spy("createRuntime", from_state, &log),
            "createContainer": spy("createContainer", parent, &log),
        });
        let bench = bench.set("/hooks", hooks);
        bench.sh("true");
        let text = fs::read_to_string(&log).expect("written");
        for moment in ["prestart", "createRuntime", "createContainer"] {
            let of_moment = text.lines().filter_map(|line| line.strip_prefix(moment)?.strip_prefix(' '));
            let of_moment: Vec<&str> = of_moment.filter(|name| !name.starts_with("/memfd:hook-stderr")).collect();
            if user_namespace && moment == "createContainer" {
                assert!(of_moment.is_empty(), "hidden from the container's own user namespace: {text}");
                continue;
            }
            // The root that it is about to enter, and the channel.
            let (known, rest): (Vec<&str>, Vec<&str>) =
                of_moment.into_iter().partition(|name| name.ends_with("/rootfs"));
            assert_eq!(known.len(), 1, "{moment}: the container's root: {text}");
            assert!(matches!(rest[..], [channel] if channel.starts_with("socket:")), "{moment}: {text}");
        }
    }
}

/// A shell script for the inside: name what the first process holds, and go up from each of it to `canary` on the host.
fn climb(canary: &str) -> String {
    format!(
        r#"for f in /proc/1/fd/*; do
            n=${{f##*/}}; [ "$n" = '*' ] && continue; [ $n -gt 2 ] && name=$(readlink $f) && echo "holds $name"
            for up in ../../../../../../../../../../.. . ; do [ -e $f/$up{canary} ] && echo "out by $n"; done
        done
        for p in /proc/1/root /proc/1/cwd /proc/1/exe; do
            for up in ../../../../../../../../../../.. . ; do [ -e $p/$up{canary} ] && echo "out by $p"; done
        done; echo done"#
    )
}

fn tracing(bench: Bench, may_trace: bool) -> Bench {
    let capabilities = if may_trace { json!(["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]) } else { json!([]) };
    let sets = json!({"bounding": capabilities, "effective": capabilities, "permitted": capabilities});
    bench.set("/process/capabilities", sets).set("/process/user", json!({"uid": 0, "gid": 0}))
}

/// Whether `report`, the output of [`climb`], names only what is harmless; with the right to trace it must name something.
fn check_report(report: &str, may_trace: bool) {
    assert!(report.trim_end().ends_with("done") && !report.contains("out by"), "{report}");
    let held: Vec<&str> = report.lines().filter_map(|line| line.strip_prefix("holds ")).collect();
    let harmless = |name: &&str| name.starts_with("socket:") || name.starts_with("/memfd:hook-stderr");
    assert!(held.iter().all(harmless), "{report}");
    assert_eq!(may_trace, !held.is_empty(), "hidden from processes that may not trace: {report}");
}

fn a_hook_of_the_image_finds_no_way_out() {
    let _held = held();
    for may_trace in [false, true] {
        let bench = tracing(bench(), may_trace);
        let canary = bench.directory.join("canary");
        fs::write(&canary, "").expect("writes");
        let script = format!("{{ {}\n}} > /report", climb(&canary.display().to_string()));
        let hook = json!([{"path": "/bin/sh", "args": ["sh", "-c", format!("cat > /dev/null; {script}")], "env": ["PATH=/bin"]}]);
        let report = bench.set("/hooks", json!({"startContainer": hook})).sh("cat /report");
        check_report(&report, may_trace);
    }
}

fn an_exec_before_the_start_finds_no_way_out() {
    let _held = held();
    for may_trace in [false, true] {
        let bench = tracing(bench().set("/process/args", json!(["true"])), may_trace);
        let canary = bench.directory.join("canary");
        fs::write(&canary, "").expect("writes");
        created(&bench, |created| {
            let target = ExecTarget {
                id: "test",
                pid: created.pid(),
                pidfd: created.pidfd(),
                cgroup: Some(created.cgroup()),
                seccomp: None,
                preserve_fds: 0,
                personality: None,
            };
            let mut process = bench.spec["process"].clone();
            process["args"] = json!(["sh", "-c", climb(&canary.display().to_string())]);
            let process: Process = serde_json::from_value(process).expect("valid");
            let (stdio, ends) = pipes();
            let executed = exec(&target, &process, &stdio).expect("runs");
            drop(stdio);
            assert!(rustix::io::fcntl_getfd(executed.pidfd.as_fd()).is_ok());
            check_report(finish(executed.pidfd, ends, Vec::new()).text(), may_trace);
        });
    }
}

fn a_descriptor_to_preserve_must_be_open() {
    let bench = Bench::new().set("/process/args", json!(["true"]));
    let spec = bench.parsed();
    for preserve_fds in [1000, u32::MAX] {
        let request = Request { preserve_fds, ..bench.request(&spec, pipes().0) };
        let error = libpod_runtime::create(&request).expect_err("not open");
        assert!(error.to_string().ends_with("is to be preserved, and is not open"), "{error}");
    }
}
