//! Who the process is, and what it may do.

use crate::Test;
use crate::bench::Bench;
use libpod_runtime::seccomp;
use serde_json::json;
use std::fs;

pub const TESTS: &[Test] = &[
    ("capabilities_are_exactly_those_given", capabilities_are_exactly_those_given),
    ("ambient_capabilities_survive_exec_as_a_user", ambient_capabilities_survive_exec_as_a_user),
    ("a_user_has_its_ids_groups_and_umask", a_user_has_its_ids_groups_and_umask),
    ("places_of_mounts_are_for_every_user", places_of_mounts_are_for_every_user),
    ("a_user_can_open_its_standard_error", a_user_can_open_its_standard_error),
    ("home_comes_from_passwd_unless_given", home_comes_from_passwd_unless_given),
    ("no_new_privileges_is_set_where_asked", no_new_privileges_is_set_where_asked),
    ("a_filter_is_loaded_last", a_filter_is_loaded_last),
    ("a_hook_of_the_image_runs_under_the_filter", a_hook_of_the_image_runs_under_the_filter),
    ("a_user_namespace_binds_what_only_the_host_s_root_may_reach", a_user_namespace_binds_what_only_root_may_reach),
    ("a_user_namespace_can_be_joined", a_user_namespace_can_be_joined),
    ("a_user_namespace_stands_beside_namespaces_of_the_host", a_user_namespace_stands_beside_namespaces_of_the_host),
    ("a_user_namespace_maps_ids", a_user_namespace_maps_ids),
];

fn status(bench: &Bench) -> Vec<(String, String)> {
    let text = bench.sh("cat /proc/self/status");
    text.lines()
        .filter_map(|line| line.split_once(":\t"))
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect()
}

fn of<'a>(status: &'a [(String, String)], key: &str) -> &'a str {
    status.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str()).unwrap_or_default()
}

fn capabilities_are_exactly_those_given() {
    let status = status(&Bench::new());
    // CHOWN, DAC_OVERRIDE, KILL, SETUID.
    let expected = format!("{:016x}", 1 | 1 << 1 | 1 << 5 | 1 << 7);
    for key in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(of(&status, key), expected, "{key}");
    }
    for key in ["CapInh", "CapAmb"] {
        assert_eq!(of(&status, key), "0000000000000000", "{key}");
    }
    let as_user = crate::users::status(&Bench::new().set("/process/user", json!({"uid": 5, "gid": 5})));
    assert_eq!((of(&as_user, "CapPrm"), of(&as_user, "CapEff")), ("0000000000000000", "0000000000000000"));
    assert_eq!(of(&as_user, "CapBnd"), expected);
    let unknown = Bench::new()
        .set("/process/capabilities/bounding", json!(["CAP_KILL", "CAP_FLY"]))
        .run(&["true"])
        .expect("runs");
    assert_eq!(
        unknown.warnings,
        ["unknown capability `CAP_FLY` is ignored", "not available on this host, and not given: "][..1]
    );
}

fn ambient_capabilities_survive_exec_as_a_user() {
    let sets = json!({"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"],
        "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]});
    let bench = Bench::new().set("/process/capabilities", sets).set("/process/user", json!({"uid": 5, "gid": 5}));
    let status = status(&bench);
    for key in ["CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"] {
        assert_eq!(of(&status, key), "0000000000000020", "{key}");
    }
}

fn places_of_mounts_are_for_every_user() {
    let bench = Bench::new()
        .mount(json!({"destination": "/deep/down/file", "type": "bind", "source": "/proc/self/status", "options": ["bind"]}))
        .set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let outcome = bench.run(&["stat", "-c", "%a", "/deep", "/deep/down"]);
    rustix::process::umask(before);
    assert_eq!(outcome.expect("runs").text(), "755\n755");
}

fn a_user_has_its_ids_groups_and_umask() {
    let bench =
        Bench::new().set("/process/user", json!({"uid": 1000, "gid": 1001, "additionalGids": [7, 9], "umask": 0o77}));
    let status = status(&bench);
    assert_eq!(of(&status, "Uid"), "1000\t1000\t1000\t1000");
    assert_eq!(of(&status, "Gid"), "1001\t1001\t1001\t1001");
    assert_eq!((of(&status, "Groups"), of(&status, "Umask")), ("7 9", "0077"));
    let status = crate::users::status(&Bench::new());
    assert_eq!((of(&status, "Groups"), of(&status, "Umask")), ("", "0022"));
}

fn a_user_can_open_its_standard_error() {
    let bench = Bench::new().set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let outcome = bench.run(&["sh", "-c", "echo text > /dev/stderr"]).expect("runs");
    assert_eq!((outcome.code, outcome.err.as_str()), (0, "text\n"), "{outcome:?}");
}

fn home_comes_from_passwd_unless_given() {
    let bench = Bench::new();
    fs::create_dir(bench.root("etc")).expect("makes");
    fs::write(bench.root("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\n").expect("writes");
    let bench = bench.set("/process/user", json!({"uid": 33, "gid": 33}));
    assert_eq!(bench.sh("echo $HOME"), "/var/www");
    let bench = bench.set("/process/env", json!(["PATH=/bin", "HOME=/given"]));
    assert_eq!(bench.sh("echo $HOME"), "/given");
}

fn no_new_privileges_is_set_where_asked() {
    assert_eq!(of(&status(&Bench::new()), "NoNewPrivs"), "0");
    assert_eq!(of(&status(&Bench::new().set("/process/noNewPrivileges", json!(true))), "NoNewPrivs"), "1");
}

fn a_filter_is_loaded_last() {
    // Everything that the runtime itself calls on the way is refused, but `execve`, and `capset` where no_new_privs is not set.
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", "errnoRet": 38, "names":
        ["setresuid", "setresgid", "setgroups", "mount", "move_mount", "fchdir", "pivot_root", "close_range", "sethostname"]}]});
    let program = seccomp::compile(&serde_json::from_value(profile).expect("valid")).expect("compiles");
    for no_new_privileges in [false, true] {
        let mut bench = Bench::new()
            .set("/process/noNewPrivileges", json!(no_new_privileges))
            .set("/process/user", json!({"uid": 1000, "gid": 1000}));
        bench.seccomp = Some(program.clone());
        let status = status(&bench);
        assert_eq!((of(&status, "Seccomp"), of(&status, "Seccomp_filters")), ("2", "1"));
        assert_eq!(of(&status, "CapPrm"), "0000000000000000", "what loading took is given back");
        assert_eq!(of(&status, "NoNewPrivs"), if no_new_privileges { "1" } else { "0" });
    }
}

fn a_user_namespace_maps_ids() {
    let bench = in_user_namespace(Bench::new());
    let text = bench.sh("id -u; cat /proc/self/uid_map; stat -c %u /; echo x > /dev/null && echo written; head -c 1 /dev/zero | busybox wc -c");
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words, ["0", "0", "100000", "1000", "0", "written", "1"], "{text}");
}

/// `bench` in a user namespace whose root is user 100000 of the host, and with a root directory that is that user's.
fn in_user_namespace(mut bench: Bench) -> Bench {
    for path in ["", "bin"] {
        let owner = rustix::process::Uid::from_raw(100_000);
        rustix::fs::chown(bench.root(path), Some(owner), None).expect("sets");
    }
    let maps = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
    bench.spec["linux"]["uidMappings"] = maps.clone();
    bench.spec["linux"]["gidMappings"] = maps;
    bench.spec["linux"]["namespaces"].as_array_mut().expect("a list").push(json!({"type": "user"}));
    bench
}

fn a_user_namespace_binds_what_only_root_may_reach() {
    for owner in [0, 1234] {
        let bench = in_user_namespace(Bench::new());
        let closed = bench.directory.join("closed");
        fs::create_dir_all(closed.join("data")).expect("makes");
        fs::write(closed.join("data/file"), "reached").expect("writes");
        rustix::fs::chown(&closed, Some(rustix::process::Uid::from_raw(owner)), None).expect("sets");
        rustix::fs::chmod(&closed, rustix::fs::Mode::from_raw_mode(0o700)).expect("sets");
        let bench = bench
            .mount(json!({"destination": "/tree", "type": "bind", "source": closed.join("data"), "options": ["rbind", "ro"]}))
            .mount(json!({"destination": "/one", "type": "bind", "source": closed.join("data/file"), "options": ["bind"]}));
        let outcome = bench.run(&["sh", "-c", "cat /tree/file /one; touch /tree/x"]).expect("runs");
        assert_eq!((outcome.out.as_str(), outcome.code), ("reachedreached", 1), "read, and read-only: {outcome:?}");
    }
}

/// With a namespace that belongs to the other's user namespace, and new ones that must belong to it: /proc is mounted, a name set.
fn a_user_namespace_can_be_joined() {
    let first = in_user_namespace(Bench::new());
    let (_, cgroup) = first
        .run_with(&["sleep", "100"], |running| {
            let path = |name: &str| format!("/proc/{}/ns/{name}", running.pid.as_raw_nonzero());
            let mut second = in_user_namespace(Bench::new());
            second.spec["linux"]["namespaces"] = json!([
                {"type": "mount"}, {"type": "uts"}, {"type": "pid"}, {"type": "user", "path": path("user")},
                {"type": "network", "path": path("net")}, {"type": "ipc", "path": path("ipc")},
            ]);
            second.spec["linux"]["uidMappings"] = json!([]);
            second.spec["linux"]["gidMappings"] = json!([]);
            let script = "id -u; hostname; echo $$; for n in user net ipc; do readlink /proc/self/ns/$n; done";
            let text = second.run(&["sh", "-c", script]).expect("runs").out;
            let namespace = |name: &str| fs::read_link(path(name)).expect("reads").display().to_string();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines, ["0", "inside", "1", &namespace("user"), &namespace("net"), &namespace("ipc")], "{text}");
            let own = fs::read_to_string("/proc/thread-self/children").expect("reads");
            assert_eq!(own.split_whitespace().count(), 1, "the process in between is gone: {own}");
            let mut missing = second;
            missing.spec["process"]["args"] = json!(["nosuch"]);
            assert!(missing.run(&["nosuch"]).expect_err("no such command").to_string().contains("not found in $PATH"));
            running.cgroup.kill().expect("kills");
        })
        .expect("runs");
    cgroup.remove().expect("goes");
}

fn a_user_namespace_stands_beside_namespaces_of_the_host() {
    let mut bench = in_user_namespace(Bench::new());
    let namespaces = bench.spec["linux"]["namespaces"].as_array_mut().expect("a list");
    namespaces.retain(|namespace| namespace["type"] != "ipc");
    namespaces.push(json!({"type": "ipc", "path": "/proc/self/ns/ipc"}));
    let text = bench.sh("id -u; readlink /proc/self/ns/ipc; cat /proc/self/uid_map | busybox awk '{print $2}'");
    let ipc = fs::read_link("/proc/self/ns/ipc").expect("reads").display().to_string();
    assert_eq!(text.lines().collect::<Vec<_>>(), ["0", &ipc, "100000"]);
}

fn a_hook_of_the_image_runs_under_the_filter() {
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", "names": ["mkdir", "mkdirat"]}]});
    let program = seccomp::compile(&serde_json::from_value(profile).expect("valid")).expect("compiles");
    for no_new_privileges in [false, true] {
        let hook =
            json!([{"path": "/bin/sh", "args": ["sh", "-c", "mkdir /made; echo $? > /report"], "env": ["PATH=/bin"]}]);
        let mut bench = Bench::new()
            .set("/process/noNewPrivileges", json!(no_new_privileges))
            .set("/hooks", json!({"startContainer": hook}));
        bench.seccomp = Some(program.clone());
        assert_eq!(bench.sh("cat /report"), "1", "no_new_privs={no_new_privileges}");
        assert!(!bench.root("made").exists());
    }
}
