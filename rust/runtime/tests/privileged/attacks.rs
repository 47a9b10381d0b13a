//! Images that try to reach the host: each is refused, or contained.

use crate::Test;
use crate::bench::Bench;
use libpod_runtime::mounting::Mounter;
use libpod_runtime::{Error, ErrorKind};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

pub const TESTS: &[Test] = &[
    ("a_mount_point_that_links_to_the_host_is_made_inside", a_mount_point_that_links_to_the_host_is_made_inside),
    ("proc_and_sys_must_be_ordinary_directories", proc_and_sys_must_be_ordinary_directories),
    ("a_linked_dev_gets_no_node_outside", a_linked_dev_gets_no_node_outside),
    ("nothing_is_mounted_over_parts_of_proc", nothing_is_mounted_over_parts_of_proc),
    ("a_linked_working_directory_stays_inside", a_linked_working_directory_stays_inside),
    ("a_working_directory_in_proc_self_fd_is_refused", a_working_directory_in_proc_self_fd_is_refused),
    ("a_linked_passwd_is_read_inside", a_linked_passwd_is_read_inside),
    ("a_null_device_of_the_image_s_own_masks_nothing", a_null_device_of_the_image_s_own_masks_nothing),
    ("a_terminal_is_made_in_a_real_devpts_only", a_terminal_is_made_in_a_real_devpts_only),
    ("a_masked_path_that_is_a_link_stays_inside", a_masked_path_that_is_a_link_stays_inside),
    ("a_link_leads_no_mount_into_proc_or_over_the_root", a_link_leads_no_mount_into_proc_or_over_the_root),
    ("devices_are_not_made_in_a_directory_of_the_host", devices_are_not_made_in_a_directory_of_the_host),
    ("a_device_asked_for_is_bound_over_a_file_of_the_host", a_device_asked_for_is_bound_over_a_file_of_the_host),
    (
        "a_fifo_in_place_of_a_kernel_parameter_is_not_waited_for",
        a_fifo_in_place_of_a_kernel_parameter_is_not_waited_for,
    ),
];

fn a_mount_point_that_links_to_the_host_is_made_inside() {
    for mounter in [Mounter::probe(), Mounter::classic()] {
        let mut bench = Bench::new();
        bench.mounter = mounter;
        let outside = bench.directory.join("outside");
        fs::create_dir(&outside).expect("makes");
        // Both an absolute and a climbing link lead to `outside` when they are followed on the host.
        symlink(&outside, bench.root("absolute")).expect("links");
        symlink(
            "../../../../../../../../../../../..".to_owned() + outside.to_str().expect("text"),
            bench.root("climbing"),
        )
        .expect("links");
        let bench = bench
            .mount(json!({"destination": "/absolute/a", "type": "tmpfs", "source": "tmpfs"}))
            .mount(json!({"destination": "/climbing/b", "type": "bind", "source": "/etc", "options": ["rbind"]}));
        assert_eq!(bench.sh("ls -d /absolute/a /climbing/b | busybox wc -l"), "2");
        assert_eq!(fs::read_dir(&outside).expect("reads").count(), 0, "nothing was made outside");
        let inside = bench.root(outside.to_str().expect("text").trim_start_matches('/'));
        assert!(inside.join("a").is_dir() && inside.join("b").is_dir(), "the links were followed inside");
    }
}

fn proc_and_sys_must_be_ordinary_directories() {
    for name in ["proc", "sys"] {
        let bench = Bench::new();
        fs::create_dir(bench.root("elsewhere")).expect("makes");
        symlink("elsewhere", bench.root(name)).expect("links");
        let error = bench.run(&["true"]).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::UnsafePath, "{error}");
    }
}

fn a_linked_dev_gets_no_node_outside() {
    let bench = Bench::new();
    let outside = bench.directory.join("outside");
    fs::create_dir(&outside).expect("makes");
    symlink(&outside, bench.root("dev")).expect("links");
    let made = bench.run(&["true"]);
    assert!(made.is_ok(), "{made:?}");
    assert_eq!(fs::read_dir(&outside).expect("reads").count(), 0);
    // To the root itself: a file system would be mounted over it.
    let bench = Bench::new();
    symlink("/", bench.root("dev")).expect("links");
    assert_eq!(bench.run(&["true"]).expect_err("no place for a mount").kind(), ErrorKind::UnsafePath);
    assert!(!std::path::Path::new("/pts/ptmx").exists() && !std::path::Path::new("/null").exists());
}

fn a_link_leads_no_mount_into_proc_or_over_the_root() {
    let sources = [
        json!({"destination": "/link", "type": "tmpfs", "source": "tmpfs"}),
        json!({"destination": "/link", "type": "bind", "source": "/etc", "options": ["rbind"]}),
        json!({"destination": "/link", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}),
    ];
    for place in ["/", "bin/..", "/proc", "/proc/sys", "/proc/self/attr"] {
        for mount in &sources {
            let bench = Bench::new().mount(mount.clone());
            symlink(place, bench.root("link")).expect("links");
            let error = bench.run(&["true"]).expect_err(place);
            assert_eq!(error.kind(), ErrorKind::UnsafePath, "{place} {mount}: {error}");
        }
    }
}

/// A directory of the host, `data` below the bench, with files that have names of devices.
fn host_directory(bench: &Bench) -> std::path::PathBuf {
    let data = bench.directory.join("data");
    fs::create_dir(&data).expect("makes");
    for name in ["null", "zero", "stdin"] {
        fs::write(data.join(name), "the user's").expect("writes");
    }
    data
}

fn names_in(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .expect("reads")
        .map(|entry| entry.expect("reads").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

fn devices_are_not_made_in_a_directory_of_the_host() {
    // The image's links lead from the user's mount to /dev, or from /dev into the user's mount.
    for (link, target) in [("data", "/dev"), ("data", "dev"), ("dev", "/data"), ("dev", "data/new")] {
        let bench = Bench::new();
        let data = host_directory(&bench);
        let bench = bench.mount(json!({"destination": "/data", "type": "bind", "source": &data, "options": ["rbind"]}));
        symlink(target, bench.root(link)).expect("links");
        let _ = bench.run(&["true"]);
        let names: Vec<String> = names_in(&data)
            .into_iter()
            .filter(|name| !["mqueue", "pts", "shm", "new"].contains(&name.as_str()))
            .collect();
        assert_eq!(names, ["null", "stdin", "zero"], "{link} -> {target}");
        for name in names {
            assert_eq!(fs::read_to_string(data.join(&name)).expect("a file"), "the user's", "{name}");
        }
    }
}

fn a_device_asked_for_is_bound_over_a_file_of_the_host() {
    let bench = Bench::new();
    let data = host_directory(&bench);
    let bench = bench
        .mount(json!({"destination": "/data", "type": "bind", "source": &data, "options": ["rbind"]}))
        .mount(json!({"destination": "/dev/random", "type": "bind", "source": "/dev/urandom", "options": ["bind"]}))
        .set("/linux/devices", json!([{"path": "/data/new/zero", "type": "c", "major": 1, "minor": 5}]));
    let error = bench.run(&["true"]).expect_err("nothing is there to bind it over");
    assert_eq!(error.kind(), ErrorKind::UnsafePath, "{error}");
    let device = json!([{"path": "/data/zero", "type": "c", "major": 1, "minor": 5}]);
    let bench = bench.set("/linux/devices", device);
    // What is bound is the host's node of the same path.
    let error = bench.run(&["true"]).expect_err("the host has no /data/zero");
    assert!(matches!(error, Error::Step { .. }), "{error}");
    assert_eq!(names_in(&data), ["null", "stdin", "zero"]);
    assert_eq!(fs::read_to_string(data.join("zero")).expect("a file"), "the user's");
    let bench = bench.set("/linux/devices", json!([]));
    assert_eq!(bench.sh("stat -c %t:%T /dev/random; cat /data/zero"), "1:9\nthe user's");
}

fn a_fifo_in_place_of_a_kernel_parameter_is_not_waited_for() {
    let mut bench = Bench::new().set("/linux/sysctl", json!({"net.ipv4.ip_forward": "0"}));
    bench.spec["mounts"].as_array_mut().expect("a list").retain(|mount| mount["destination"] != "/proc");
    fs::create_dir_all(bench.root("proc/sys/net/ipv4")).expect("makes");
    let fifo = bench.root("proc/sys/net/ipv4/ip_forward");
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    rustix::fs::mknodat(rustix::fs::CWD, fifo, rustix::fs::FileType::Fifo, mode, 0).expect("makes");
    let error = bench.run(&["true"]).expect_err("no kernel parameter");
    assert!(matches!(error, Error::Step { .. } | Error::UnsafePath { .. }), "{error}");
}

fn nothing_is_mounted_over_parts_of_proc() {
    for place in ["/proc/self/attr", "/proc/sys", "/proc/../proc/1"] {
        let mount = json!({"destination": place, "type": "bind", "source": "/etc", "options": ["bind"]});
        let error = Bench::new().mount(mount).run(&["true"]).expect_err(place);
        assert!(error.to_string().ends_with("cannot be mounted because it is inside /proc"), "{error}");
    }
    let bench = Bench::new();
    fs::write(bench.directory.join("meminfo"), "ours\n").expect("writes");
    let mount = json!({"destination": "/proc/meminfo", "type": "bind", "source": "meminfo", "options": ["bind"]});
    assert_eq!(bench.mount(mount).sh("cat /proc/meminfo"), "ours");
}

fn a_linked_working_directory_stays_inside() {
    let bench = Bench::new();
    let outside = bench.directory.join("outside");
    fs::create_dir(&outside).expect("makes");
    symlink(&outside, bench.root("work")).expect("links");
    let bench = bench.set("/process/cwd", json!("/work/sub"));
    assert_eq!(bench.sh("pwd -P"), format!("{}/sub", outside.display()), "the same path, inside");
    assert_eq!(fs::read_dir(&outside).expect("reads").count(), 0);
}

fn a_working_directory_in_proc_self_fd_is_refused() {
    let held = fs::File::open("/").expect("opens");
    rustix::io::fcntl_setfd(&held, rustix::io::FdFlags::empty()).expect("sets");
    for number in 3..12 {
        let bench = Bench::new().set("/process/cwd", json!(format!("/proc/self/fd/{number}")));
        let error = bench.run(&["sh", "-c", "ls ../../../etc"]).expect_err("a descriptor of the host");
        assert!(matches!(error, Error::Step { .. } | Error::WorkingDirectory { .. }), "{error}");
    }
}

fn a_linked_passwd_is_read_inside() {
    let bench = Bench::new();
    let outside = bench.directory.join("passwd");
    fs::write(&outside, "root:x:0:0::/outside:/bin/sh\n").expect("writes");
    fs::create_dir(bench.root("etc")).expect("makes");
    symlink(&outside, bench.root("etc/passwd")).expect("links");
    assert_eq!(bench.sh("echo $HOME"), "/");
    fs::remove_file(bench.root("etc/passwd")).expect("removes");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.root("etc/passwd"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .expect("makes");
    assert_eq!(bench.sh("echo $HOME"), "/", "a fifo does not make the start hang");
}

fn a_masked_path_that_is_a_link_stays_inside() {
    let bench = Bench::new();
    let outside = bench.directory.join("outside");
    fs::write(&outside, "visible").expect("writes");
    symlink(&outside, bench.root("secret")).expect("links");
    let bench = bench.set("/linux/maskedPaths", json!(["/secret"]));
    assert_eq!(bench.sh("echo ok"), "ok");
    assert_eq!(fs::read_to_string(&outside).expect("reads"), "visible");
}

fn without_dev(bench: &mut Bench) {
    bench.spec["mounts"]
        .as_array_mut()
        .expect("a list")
        .retain(|mount| !mount["destination"].as_str().is_some_and(|place| place.starts_with("/dev")));
}

fn a_null_device_of_the_image_s_own_masks_nothing() {
    let mut bench = Bench::new();
    without_dev(&mut bench);
    let volume = bench.directory.join("volume");
    fs::create_dir(&volume).expect("makes");
    symlink("/proc/sys/kernel/core_pattern", volume.join("null")).expect("links");
    let bench = bench.mount(json!({"destination": "/dev", "type": "bind", "source": volume, "options": ["rbind"]}));
    let error = bench.run(&["true"]).expect_err("/proc/timer_list is to be masked");
    assert_eq!(error.kind(), ErrorKind::UnsafePath, "{error}");
}

fn a_terminal_is_made_in_a_real_devpts_only() {
    let mut bench = Bench::new().set("/process/terminal", json!(true)).set("/process/args", json!(["true"]));
    without_dev(&mut bench);
    fs::create_dir_all(bench.root("dev/pts")).expect("makes");
    fs::write(bench.root("dev/pts/ptmx"), "").expect("writes");
    let spec = bench.parsed();
    let request = bench.request(&spec, libpod_runtime::Stdio::Terminal);
    let error =
        libpod_runtime::create(&request).and_then(|mut created| created.wait_prepared()).expect_err("no devpts");
    assert_eq!(error.kind(), ErrorKind::UnsafePath, "{error}");
}
