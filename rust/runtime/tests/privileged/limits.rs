//! Limits: what the kernel grants, what it refuses, and that nobody is left in the dark.

use crate::Test;
use crate::bench::Bench;
use libpod_runtime::ErrorKind;
use libpod_runtime::cgroup::{Cgroup, Hierarchies, devices};
use libpod_sys::{device_filter, process};
use rustix::process::{Resource, WaitId, WaitIdOptions, getrlimit, waitid};
use serde_json::json;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("rlimits_are_set", rlimits_are_set),
    ("an_rlimit_that_the_kernel_refuses_is_clamped_and_told", an_rlimit_that_the_kernel_refuses_is_clamped_and_told),
    ("cgroup_limits_are_written", cgroup_limits_are_written),
    ("a_cpuset_without_processors_gets_its_parent_s", a_cpuset_without_processors_gets_its_parent_s),
    ("a_memory_limit_kills", a_memory_limit_kills),
    ("freezing_stops_and_thawing_goes_on", freezing_stops_and_thawing_goes_on),
    ("kill_ends_every_process_of_the_cgroup", kill_ends_every_process_of_the_cgroup),
    ("a_cgroup_below_the_container_s_own_is_removed_too", a_cgroup_below_the_container_s_own_is_removed_too),
    ("a_cgroup_with_processes_is_refused_and_left_alone", a_cgroup_with_processes_is_refused_and_left_alone),
    ("a_frozen_cgroup_is_refused", a_frozen_cgroup_is_refused),
    ("a_cgroup_that_was_killed_is_made_anew", a_cgroup_that_was_killed_is_made_anew),
    ("what_another_put_at_the_same_path_is_not_touched", what_another_put_at_the_same_path_is_not_touched),
    ("a_frozen_container_is_killed", a_frozen_container_is_killed),
    ("a_cgroup_path_cannot_leave_its_tree", a_cgroup_path_cannot_leave_its_tree),
    ("oom_score_is_set", oom_score_is_set),
    ("device_rules_hold_in_the_unified_tree", device_rules_hold_in_the_unified_tree),
];

fn rlimits_are_set() {
    let bench = Bench::new().set(
        "/process/rlimits",
        json!([{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]),
    );
    assert_eq!(bench.sh("ulimit -Sn; ulimit -Hn; ulimit -Hc"), "100\n200\n0");
}

fn an_rlimit_that_the_kernel_refuses_is_clamped_and_told() {
    let ceiling = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    // Above fs.nr_open nobody may go, whatever the capabilities.
    let bench = Bench::new()
        .set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 1u64 << 40, "hard": 1u64 << 40}]));
    let outcome = bench.run(&["sh", "-c", "ulimit -Hn"]).expect("starts all the same");
    assert_eq!(outcome.text(), ceiling.to_string());
    let told = outcome.warnings.iter().any(|text| text.starts_with("RLIMIT_NOFILE: hard limit 1099511627776 set to"));
    assert!(told, "{:?}", outcome.warnings);
}

/// The file of a controller, v1 or v2, in the container's cgroup.
fn file(id: &str, v1: &str, v2: &str) -> Option<String> {
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let path = if unified {
        format!("/sys/fs/cgroup/{id}/{v2}")
    } else {
        format!("/sys/fs/cgroup/{}/{id}/{v1}", v1.split('.').next()?)
    };
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn cgroup_limits_are_written() {
    let bench = Bench::new().set(
        "/linux/resources",
        json!({"memory": {"limit": 64 << 20, "reservation": 32 << 20}, "cpu": {"shares": 512, "quota": 50000, "period": 100_000, "cpus": "0"},
               "pids": {"limit": 77}}),
    );
    let id = bench.id.clone();
    let (outcome, cgroup) = bench
        .run_with(&["sleep", "0.3"], |running| {
            assert_eq!(file(&id, "memory.limit_in_bytes", "memory.max").as_deref(), Some("67108864"));
            assert_eq!(file(&id, "pids.max", "pids.max").as_deref(), Some("77"));
            assert_eq!(file(&id, "cpuset.cpus", "cpuset.cpus").as_deref(), Some("0"));
            assert_eq!(
                file(&id, "cpu.shares", "cpu.weight").as_deref(),
                Some(if file(&id, "cpu.shares", "x").is_some() { "512" } else { "20" })
            );
            let stats = running.cgroup.stats().expect("reads");
            assert_eq!((stats.pids, stats.pids_limit, stats.memory_limit), (1, 77, 64 << 20));
            assert!(stats.memory_usage > 0 && stats.cpu_usage_ns > 0, "{stats:?}");
        })
        .expect("runs");
    assert!(outcome.warnings.is_empty(), "{outcome:?}");
    cgroup.remove().expect("goes");
}

/// As when two first containers start at once: the other has made the parents, and not filled them yet.
fn a_cpuset_without_processors_gets_its_parent_s() {
    let base = Path::new("/sys/fs/cgroup/cpuset");
    if !base.is_dir() {
        eprintln!("skipped: no cpuset hierarchy of cgroup v1");
        return;
    }
    let name = format!("libpod-rt-{}-parent", std::process::id());
    let parents = [base.join(&name), base.join(&name).join("inner")];
    for parent in &parents {
        fs::create_dir(parent).expect("makes");
        assert_eq!(fs::read_to_string(parent.join("cpuset.cpus")).expect("reads").trim(), "");
    }
    let bench = Bench::new();
    let path = format!("/{name}/inner/{}", bench.id);
    let result = bench.set("/linux/cgroupsPath", json!(path)).run(&["true"]);
    let filled = fs::read_to_string(parents[0].join("cpuset.cpus"));
    for hierarchy in fs::read_dir("/sys/fs/cgroup").expect("reads").flatten() {
        let _ = fs::remove_dir(hierarchy.path().join(&name).join("inner"));
        let _ = fs::remove_dir(hierarchy.path().join(&name));
    }
    assert_eq!(result.expect("runs").code, 0);
    let whole = fs::read_to_string(base.join("cpuset.cpus")).expect("reads");
    assert_eq!(filled.expect("is there"), whole);
}

fn a_memory_limit_kills() {
    let bench = Bench::new().set("/linux/resources", json!({"memory": {"limit": 16 << 20, "swap": 16 << 20}}));
    let (outcome, cgroup) = bench
        .run_with(&["sh", "-c", "x=$(head -c 60000000 /dev/zero | busybox tr '\\0' x); echo survived"], |_| {})
        .expect("starts");
    let stats = cgroup.stats().expect("reads");
    cgroup.remove().expect("goes");
    assert!(outcome.code == 137 && stats.oom_kills > 0, "{outcome:?} {stats:?}");
}

fn freezing_stops_and_thawing_goes_on() {
    let bench = Bench::new();
    let counter = bench.root("count");
    let (_, cgroup) = bench
        .run_with(&["sh", "-c", "while :; do echo x >> /count; sleep 0.01; done"], |running| {
            let wait = |condition: &dyn Fn() -> bool| {
                (0..500).any(|_| {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                    condition()
                })
            };
            let size = || fs::metadata(&counter).map(|data| data.len()).unwrap_or(0);
            assert!(wait(&|| size() > 4));
            running.cgroup.set_frozen(true).expect("freezes");
            let before = size();
            std::thread::sleep(std::time::Duration::from_millis(100));
            assert!(running.cgroup.is_frozen() && size() == before);
            running.cgroup.set_frozen(false).expect("thaws");
            assert!(!running.cgroup.is_frozen() && wait(&|| size() > before));
            running.cgroup.kill().expect("kills");
        })
        .expect("runs");
    cgroup.remove().expect("goes");
}

fn kill_ends_every_process_of_the_cgroup() {
    // In the host's PID namespace no first process takes the others along.
    let mut bench = Bench::new();
    bench.spec["linux"]["namespaces"].as_array_mut().expect("a list").retain(|namespace| namespace["type"] != "pid");
    let (outcome, cgroup) = bench
        .run_with(&["sh", "-c", "sleep 1000 & sleep 1000 & exec sleep 1000"], |running| {
            let count = || running.cgroup.processes().expect("reads").len();
            assert!((0..200).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(5));
                count() == 3
            }));
            running.cgroup.kill().expect("kills");
        })
        .expect("runs");
    assert_eq!(outcome.code, 137);
    cgroup.remove().expect("goes");
}

fn a_cgroup_below_the_container_s_own_is_removed_too() {
    let bench = Bench::new();
    let (_, cgroup) = bench
        .run_with(&["true"], |running| {
            for hierarchy in fs::read_dir("/sys/fs/cgroup").expect("reads").flatten() {
                let own = hierarchy.path().join(running.cgroup.path().strip_prefix("/").expect("absolute"));
                if own.is_dir() {
                    fs::create_dir_all(own.join("made/inside")).expect("makes");
                }
            }
        })
        .expect("runs");
    cgroup.remove().expect("goes");
    cgroup.remove().expect("a cgroup that is gone is no error");
}

fn a_cgroup_path_cannot_leave_its_tree() {
    for path in ["/a/../../b", "/"] {
        let error = Bench::new().set("/linux/cgroupsPath", json!(path)).run(&["true"]).expect_err(path);
        assert!(error.to_string().starts_with("cgroupsPath "), "{error}");
    }
}

fn oom_score_is_set() {
    let bench = Bench::new().set("/process/oomScoreAdj", json!(321));
    assert_eq!(bench.sh("cat /proc/self/oom_score_adj"), "321");
}

fn device_rules_hold_in_the_unified_tree() {
    let hybrid = Path::new("/sys/fs/cgroup/unified");
    let base = if hybrid.is_dir() { hybrid } else { Path::new("/sys/fs/cgroup") };
    if !base.join("cgroup.controllers").exists() {
        eprintln!("skipped: no cgroup v2 hierarchy");
        return;
    }
    let directory = base.join(format!("libpod-rt-{}-devices", std::process::id()));
    fs::create_dir(&directory).expect("makes");
    let cgroup = fs::File::open(&directory).expect("opens");
    let rules = serde_json::from_value::<Vec<_>>(json!([{"allow": false, "access": "rwm"}])).expect("valid");
    let program = devices::v2_program(&rules).expect("valid").expect("a refusal");
    device_filter::attach(cgroup.as_fd(), &program).expect("attaches");
    // 1:11 is the kernel's log, which no container needs.
    let body = || {
        let refused = fs::File::open("/dev/kmsg").err().and_then(|error| error.raw_os_error()) == Some(1);
        i32::from(!(refused && fs::File::open("/dev/zero").is_ok()))
    };
    let child = process::clone3(process::Namespaces::NONE, Some(cgroup.as_fd()), body).expect("forks");
    let status = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED).expect("waits").expect("ended");
    fs::remove_dir(&directory).expect("goes");
    assert_eq!(status.exit_status(), Some(0));
    assert!(fs::File::open("/dev/kmsg").is_ok(), "outside nothing is refused");
}

fn a_cgroup_with_processes_is_refused_and_left_alone() {
    let (first, second) = (Bench::new(), Bench::new());
    let path = json!(format!("/{}", first.id));
    let (_, cgroup) = first
        .run_with(&["sleep", "100"], |running| {
            let below =
                Hierarchies::discover().expect("discovers").tracking().map(|one| one.directory().join(&first.id));
            let below = below.expect("a hierarchy").join("below");
            fs::create_dir(&below).expect("makes");
            let error = second.set("/linux/cgroupsPath", path).run(&["true"]).expect_err("in use");
            assert_eq!(error.kind(), ErrorKind::State, "{error}");
            assert!(error.to_string().ends_with("is not empty: 1 process(es) are in it"), "{error}");
            assert!(below.exists(), "nothing of the other's is removed");
            assert_eq!(running.cgroup.processes().expect("lists").len(), 1, "and it runs on");
            running.cgroup.kill().expect("kills");
        })
        .expect("runs");
    cgroup.remove().expect("goes");
}

/// Below a frozen parent of each kind, and at a path that is frozen itself.
fn a_frozen_cgroup_is_refused() {
    let hierarchies = Hierarchies::discover().expect("discovers");
    let freezers = [
        (hierarchies.find("freezer"), "freezer.state", "FROZEN", "THAWED"),
        (hierarchies.unified(), "cgroup.freeze", "1", "0"),
    ];
    for (hierarchy, file, frozen, thawed) in freezers {
        let Some(hierarchy) = hierarchy else { continue };
        let bench = Bench::new();
        let parent = hierarchy.directory().join(&bench.id);
        fs::create_dir(&parent).expect("makes");
        fs::write(parent.join(file), frozen).expect("freezes");
        let id = bench.id.clone();
        let inner = json!(format!("/{id}/inner"));
        let errors = [json!(format!("/{id}")), inner].map(|path| {
            let mut bench = Bench::new().set("/linux/cgroupsPath", path);
            bench.id = id.clone();
            bench.run(&["true"]).expect_err("frozen")
        });
        fs::write(parent.join(file), thawed).expect("thaws");
        for any in hierarchies.iter() {
            let _ = fs::remove_dir(any.directory().join(&id));
        }
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::State, "{error}");
            assert!(error.to_string().contains("is frozen"), "{error}");
        }
    }
}

fn a_cgroup_that_was_killed_is_made_anew() {
    let Some(unified) = Hierarchies::discover().expect("discovers").unified().map(|one| one.directory().to_owned())
    else {
        return;
    };
    let bench = Bench::new();
    let directory = unified.join(&bench.id);
    fs::create_dir_all(directory.join("below")).expect("makes");
    fs::write(directory.join("cgroup.kill"), "1").expect("kills nobody");
    assert_eq!(bench.sh("echo alive"), "alive");
}

fn what_another_put_at_the_same_path_is_not_touched() {
    let (first, second) = (Bench::new(), Bench::new());
    let path = format!("/{}", first.id);
    // A container that has ended, and whose cgroup was not removed yet.
    let (_, ended) = first.run_with(&["true"], |_| {}).expect("runs");
    let second = second.set("/linux/cgroupsPath", json!(path));
    let (_, cgroup) = second
        .run_with(&["sleep", "100"], |running| {
            let unmarked = Cgroup::open(Some(&path), "a-third").expect("names");
            for other in [&ended, &unmarked] {
                assert_eq!(other.processes().expect("lists").len(), 0);
                other.kill().expect("has nothing to kill");
                other.remove().expect("has nothing to remove");
                assert!(other.set_frozen(true).is_err());
            }
            assert_eq!(running.cgroup.processes().expect("lists").len(), 1);
            assert!(rustix::process::test_kill_process(running.pid).is_ok());
            running.cgroup.kill().expect("kills");
        })
        .expect("runs");
    cgroup.remove().expect("goes");
}

fn a_frozen_container_is_killed() {
    let bench = Bench::new();
    let (outcome, cgroup) = bench
        .run_with(&["sh", "-c", "sleep 100 & sleep 100"], |running| {
            running.cgroup.set_frozen(true).expect("freezes");
            running.cgroup.kill().expect("kills");
        })
        .expect("runs");
    assert_eq!(outcome.code, 137);
    cgroup.remove().expect("goes");
}
