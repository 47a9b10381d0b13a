//! What every container has: namespaces, names, devices, descriptors, and errors that say what was wrong.

use crate::Test;
use crate::bench::{Bench, leftovers};
use libpod_runtime::{Error, ErrorKind};
use serde_json::json;
use std::fs;

pub const TESTS: &[Test] = &[
    ("exit_codes_come_through", exit_codes_come_through),
    ("namespaces_are_the_container_s_own", namespaces_are_the_container_s_own),
    ("namespaces_can_be_joined", namespaces_can_be_joined),
    ("the_loopback_of_a_new_network_is_up", the_loopback_of_a_new_network_is_up),
    ("a_child_s_own_error_comes_before_its_missing_network", a_child_s_own_error_comes_before_its_missing_network),
    ("names_and_sysctls_are_set", names_and_sysctls_are_set),
    ("sysctls_of_the_host_are_refused", sysctls_of_the_host_are_refused),
    ("devices_are_the_default_ones", devices_are_the_default_ones),
    ("no_descriptor_leaks", no_descriptor_leaks),
    ("signals_are_those_of_a_fresh_process", signals_are_those_of_a_fresh_process),
    ("a_missing_command_is_not_found", a_missing_command_is_not_found),
    ("a_command_that_cannot_run_is_not_executable", a_command_that_cannot_run_is_not_executable),
    ("a_failed_start_leaves_nothing", a_failed_start_leaves_nothing),
    ("a_dropped_container_is_gone", a_dropped_container_is_gone),
    ("hooks_run_at_their_moments", hooks_run_at_their_moments),
    ("a_failing_hook_stops_the_start", a_failing_hook_stops_the_start),
    ("a_failing_poststart_hook_ends_the_container", a_failing_poststart_hook_ends_the_container),
    ("hooks_start_where_other_runtimes_start_them", hooks_start_where_other_runtimes_start_them),
    ("the_caller_s_processors_do_not_bind_the_container", the_caller_s_processors_do_not_bind_the_container),
];

fn exit_codes_come_through() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$; exit 1", 1)] {
        let outcome = Bench::new().run(&["sh", "-c", script]).expect(script);
        assert_eq!(outcome.code, code, "{script}: the first process ignores signals that it does not handle");
    }
}

fn namespaces_are_the_container_s_own() {
    let links =
        Bench::new().sh("for n in pid net ipc uts mnt user cgroup; do readlink /proc/self/ns/$n; done; echo $$");
    let mut lines = links.lines();
    for (name, own) in
        [("pid", true), ("net", true), ("ipc", true), ("uts", true), ("mnt", true), ("user", false), ("cgroup", false)]
    {
        let host = fs::read_link(format!("/proc/self/ns/{name}")).expect("reads").display().to_string();
        let inside = lines.next().expect("a line");
        assert_eq!(inside != host, own, "{name}: {inside} inside, {host} outside");
    }
    assert_eq!(lines.next(), Some("1"), "the first process has number 1");
}

fn namespaces_can_be_joined() {
    let first = Bench::new();
    let (_, cgroup) = first
        .run_with(&["sleep", "2"], |running| {
            let path = |name: &str| format!("/proc/{}/ns/{name}", running.pid.as_raw_nonzero());
            let second = Bench::new().set(
                "/linux/namespaces",
                json!([{"type": "mount"}, {"type": "pid", "path": path("pid")}, {"type": "uts", "path": path("uts")}]),
            );
            let second = second.set("/hostname", json!(null)).set("/linux/sysctl", json!({}));
            let text = second.sh("hostname; readlink /proc/self/ns/pid; ps | grep -c sleep");
            let pid_ns = fs::read_link(path("pid")).expect("reads").display().to_string();
            assert_eq!(text.lines().take(2).collect::<Vec<_>>(), ["inside", pid_ns.as_str()], "{text}");
            let own = fs::read_link("/proc/self/ns/pid").expect("reads");
            let children = fs::read_link("/proc/self/ns/pid_for_children").expect("reads");
            assert_eq!(own, children, "the caller's own children are born where they were before");
        })
        .expect("runs");
    cgroup.remove().expect("goes");
}

fn names_and_sysctls_are_set() {
    let bench = Bench::new()
        .set("/domainname", json!("domain.test"))
        .set("/linux/sysctl", json!({"net.ipv4.ping_group_range": "0 5", "kernel.msgmax": "4096"}));
    let text = bench
        .sh("hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/msgmax");
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["inside", "domain.test", "0", "5", "4096"]);
}

fn sysctls_of_the_host_are_refused() {
    for (name, drop) in [("vm.overcommit_memory", ""), ("kernel..x", ""), ("net.ipv4.ip_forward", "network")] {
        let mut bench = Bench::new().set("/linux/sysctl", json!({name: "1"}));
        let namespaces = bench.spec["linux"]["namespaces"].as_array_mut().expect("a list");
        namespaces.retain(|namespace| namespace["type"] != drop);
        let error = bench.run(&["true"]).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}

fn devices_are_the_default_ones() {
    let bench = Bench::new().set(
        "/linux/devices",
        json!([{"path": "/dev/sub/full2", "type": "c", "major": 1, "minor": 7, "fileMode": 0o640, "uid": 3, "gid": 4}]),
    );
    let script = "cd /dev; for n in null zero full random urandom tty sub/full2; do stat -c '%n %a %u:%g %t:%T' $n; done;
        for l in fd stdin stdout stderr ptmx; do readlink $l; done; echo x > /dev/null; head -c 2 /dev/zero | od | head -1";
    let text = bench.run(&["sh", "-c", script]).expect("runs").out;
    let expected = "null 666 0:0 1:3\nzero 666 0:0 1:5\nfull 666 0:0 1:7\nrandom 666 0:0 1:8\nurandom 666 0:0 1:9\ntty 666 0:0 5:0\n\
        sub/full2 640 3:4 1:7\n/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n";
    assert!(text.starts_with(expected), "{text}");
    let refused = Bench::new().run(&["sh", "-c", "busybox mknod /x b 8 0 && cat /x"]).expect("runs");
    assert_ne!(refused.code, 0, "no capability to make a node, and no permission to open one");
}

fn no_descriptor_leaks() {
    let held: Vec<_> = (0..5).map(|_| fs::File::open("/").expect("opens")).collect();
    for file in &held {
        rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty()).expect("sets");
    }
    let text = Bench::new().sh("cd /proc/self/fd; echo *");
    // The shell's own glob holds number 3 while it reads the directory.
    assert!(matches!(text.as_str(), "0 1 2" | "0 1 2 3"), "{text}");
}

fn signals_are_those_of_a_fresh_process() {
    // Not by a shell, which ignores some of its own will.
    let outcome = Bench::new().run(&["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]).expect("runs");
    let text = outcome.text();
    assert!(text.lines().count() == 2 && text.lines().all(|line| line.ends_with("0000000000000000")), "{text}");
}

fn a_missing_command_is_not_found() {
    for (command, reason) in [
        ("nosuch", "executable file not found in $PATH"),
        ("", "executable file not found in $PATH"),
        ("/nosuch", "stat /nosuch: no such file or directory"),
        ("/bin/busybox/x", "stat /bin/busybox/x: no such file or directory"),
    ] {
        let error = Bench::new().run(&[command]).expect_err(command);
        assert_eq!(error, Error::CommandNotFound { command: command.into(), reason: reason.into() });
        assert_eq!(error.exit_code(), 127);
    }
    let script = Bench::new();
    fs::write(script.root("script"), "#!/nonexistent/sh\n").expect("writes");
    rustix::fs::chmod(script.root("script"), rustix::fs::Mode::from_raw_mode(0o755)).expect("sets");
    let error = script.run(&["/script"]).expect_err("no interpreter");
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::CommandNotFound, 127), "{error}");
}

fn a_command_that_cannot_run_is_not_executable() {
    let bench = Bench::new();
    fs::write(bench.root("plain"), "text").expect("writes");
    fs::write(bench.root("garbage"), [0x7f, b'E', b'L', b'F', 0, 0, 0, 0]).expect("writes");
    rustix::fs::chmod(bench.root("garbage"), rustix::fs::Mode::from_raw_mode(0o755)).expect("sets");
    for (command, reason) in
        [("/plain", "permission denied"), ("/bin", "is a directory"), ("/garbage", "exec format error")]
    {
        let error = bench.run(&[command]).expect_err(command);
        assert_eq!(error, Error::CommandNotExecutable { command: command.into(), reason: reason.into() });
        assert_eq!(error.exit_code(), 126);
    }
}

fn a_failed_start_leaves_nothing() {
    let before = leftovers();
    let bench = Bench::new()
        .mount(json!({"destination": "/x", "type": "bind", "source": "/nonexistent/source", "options": ["bind"]}));
    let error = bench.run(&["true"]).expect_err("no source");
    assert_eq!(error.to_string(), "open bind source /nonexistent/source: no such file or directory");
    let bench =
        Bench::new().mount(json!({"destination": "/x", "type": "tmpfs", "source": "t", "options": ["size=frob"]}));
    let error = bench.run(&["true"]).expect_err("no size");
    let Error::Step { step, path, errno: 22, detail } = &error else { panic!("{error:?}") };
    assert_eq!((step.as_str(), path.as_deref()), ("mount tmpfs", Some("/x".as_ref())));
    assert!(detail.as_ref().is_some_and(|text| text.contains("size")), "the kernel's words: {detail:?}");
    assert_eq!(leftovers(), before);
}

fn a_dropped_container_is_gone() {
    let before = leftovers();
    let bench = Bench::new();
    let spec = serde_json::from_value(bench.set("/process/args", json!(["sleep", "100"])).spec.take()).expect("valid");
    let bench = Bench::new();
    let (stdio, _ends) = crate::bench::pipes();
    let request = bench.request(&spec, stdio);
    let mut created = libpod_runtime::create(&request).expect("creates");
    created.wait_prepared().expect("prepares");
    let pid = created.pid();
    drop(created);
    assert!(rustix::process::test_kill_process(pid).is_err(), "it is dead and reaped");
    assert_eq!(leftovers(), before);
}

fn hooks_run_at_their_moments() {
    let bench = Bench::new();
    let log = bench.directory.join("log");
    let hook = |moment: &str| {
        let script = format!("read -r state; echo {moment} $(readlink /proc/self/ns/uts) $state >> {}", log.display());
        json!({"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]})
    };
    let moments = ["prestart", "createRuntime", "createContainer", "poststart"];
    let hooks: serde_json::Map<_, _> = moments.iter().map(|name| ((*name).to_owned(), json!([hook(name)]))).collect();
    let inside = json!([{"path": "/bin/sh", "args": ["sh", "-c", "echo started > /from-hook"]}]);
    let mut bench = bench.set("/hooks", hooks.into());
    bench.spec["hooks"]["startContainer"] = inside;
    assert_eq!(bench.sh("cat /from-hook"), "started");
    let text = fs::read_to_string(&log).expect("written");
    let host = fs::read_link("/proc/self/ns/uts").expect("reads").display().to_string();
    let seen: Vec<(&str, bool, &str)> = text
        .lines()
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let (moment, uts, state) =
                (words.next().expect("moment"), words.next().expect("uts"), words.next().expect("state"));
            let status = if state.contains("\"status\":\"creating\"") { "creating" } else { "running" };
            (moment, uts == host, status)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("prestart", true, "creating"),
            ("createRuntime", true, "creating"),
            ("createContainer", false, "creating"),
            ("poststart", true, "running")
        ]
    );
}

fn a_failing_hook_stops_the_start() {
    for moment in ["prestart", "createRuntime", "createContainer", "startContainer"] {
        let hook = json!([{"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}]);
        let error = Bench::new().set("/hooks", json!({moment: hook})).run(&["true"]).expect_err(moment);
        assert_eq!(
            error,
            Error::Hook { moment: moment.into(), path: "/bin/sh".into(), reason: "exit status 3".into() }
        );
    }
}

fn the_loopback_of_a_new_network_is_up() {
    const UP: u32 = 1;
    let flags = Bench::new().sh("cat /sys/class/net/lo/flags");
    let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).expect("a number");
    assert_eq!(flags & UP, UP, "{flags:x}");
}

fn a_child_s_own_error_comes_before_its_missing_network() {
    let bench = Bench::new()
        .set("/process/args", json!(["true"]))
        .mount(json!({"destination": "/x", "type": "bind", "source": "/nonexistent/source", "options": ["bind"]}));
    let spec = bench.parsed();
    let request = bench.request(&spec, crate::bench::pipes().0);
    let mut created = libpod_runtime::create(&request).expect("creates");
    // It has failed and ended, and its files below /proc with it.
    let ended = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    rustix::process::waitid(rustix::process::WaitId::PidFd(created.pidfd()), ended).expect("waits");
    let error = created.netns().and_then(|_| created.wait_prepared()).expect_err("no source");
    assert_eq!(error.to_string(), "open bind source /nonexistent/source: no such file or directory");
}

fn a_failing_poststart_hook_ends_the_container() {
    let before = leftovers();
    let hook = json!([{"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}]);
    let error = Bench::new().set("/hooks", json!({"poststart": hook})).run(&["sleep", "100"]).expect_err("fails");
    let reason = "exit status 3".into();
    assert_eq!(error, Error::Hook { moment: "poststart".into(), path: "/bin/sh".into(), reason });
    assert_eq!(leftovers(), before);
}

/// Without an environment of its own a hook of the image has the program's; one in the container's namespaces stands in its root.
fn hooks_start_where_other_runtimes_start_them() {
    let bench = Bench::new().set("/process/env", json!(["PATH=/bin", "GIVEN=yes"]));
    let log = bench.directory.join("log");
    let script = |text: String| json!([{"path": "/bin/sh", "args": ["sh", "-c", text]}]);
    let hooks = json!({
        "createContainer": script(format!("echo $PWD-$GIVEN > {}", log.display())),
        "startContainer": script("echo $PATH-$GIVEN > /report".into()),
    });
    let bench = bench.set("/hooks", hooks);
    assert_eq!(bench.sh("cat /report"), "/bin-yes");
    assert_eq!(
        fs::read_to_string(&log).expect("written").trim(),
        format!("{}-", bench.root("").display()).replace("/-", "-")
    );
}

fn the_caller_s_processors_do_not_bind_the_container() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let before = sched_getaffinity(None).expect("reads");
    if before.count() < 2 {
        eprintln!("skipped: one processor");
        return;
    }
    let mut first = CpuSet::new();
    first.set((0..CpuSet::MAX_CPU).find(|cpu| before.is_set(*cpu)).expect("one of them"));
    sched_setaffinity(None, &first).expect("binds");
    let seen = std::panic::catch_unwind(|| Bench::new().sh("nproc"));
    sched_setaffinity(None, &before).expect("unbinds");
    assert_eq!(seen.expect("runs"), before.count().to_string());
}
